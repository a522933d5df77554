/* ask.h - what the kernel knows about one semaphore of a set */
#ifndef ASK_H
#define ASK_H

#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>

/* `command` is GETVAL, GETNCNT, GETZCNT or GETPID: see semctl(2). */
static inline int ask(int set, int semaphore, int command)
{
    const int answer = semctl(set, semaphore, command);
    if (answer == -1)
        err(EXIT_FAILURE, "semctl: %s", errno_name(errno));
    return answer;
}

/* A set of one for this process and its children, with this value. */
static inline int private_semaphore(int value)
{
    const int id = private_set(1);
    say("semget(IPC_PRIVATE) = %d", id);
    const int result = semctl(id, 0, SETVAL, (union semun){.val = value});
    if (result == -1)
        err(EXIT_FAILURE, "semctl SETVAL: %s", errno_name(errno));
    say("semctl(%d, SETVAL, %d) = %d", id, value, result);
    return id;
}

#endif
