/* set.h - p, v and stat: the set of one semaphore that create has made */
#ifndef SET_H
#define SET_H

#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

/* `permissions` as for semget(2): what this process wants to do with it. */
static inline int find_set(key_t key, int permissions)
{
    const int id = semget(key, 1, permissions);
    if (id == -1 && errno == ENOENT)
        errx(EXIT_FAILURE, "semget: ENOENT: no set has the key 0x%08x; first run ./sem/create",
             (unsigned)key);
    if (id == -1)
        get_failed("semget", key);
    struct semid_ds set = {.sem_nsems = 0}; /* semget() accepts a larger set, too */
    if (semctl(id, 0, IPC_STAT, (union semun){.buf = &set}) == -1)
        err(EXIT_FAILURE, "semctl IPC_STAT: %s", errno_name(errno));
    if (set.sem_nsems != 1)
        errx(EXIT_FAILURE, "key 0x%08x has a set of %lu semaphores, not of one", (unsigned)key,
             (unsigned long)set.sem_nsems);
    return id;
}

/* After SEM_UNDO: stay, so that one can look. */
static inline void hold_until_enter(void)
{
    say("held until Enter, Ctrl-C or kill -9 %d", (int)getpid());
    char *line = NULL;
    read_line(&line);
}

#endif
