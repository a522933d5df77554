/* posix.h - posix-wait, posix-post and posix-stat: the semaphore that posix-create has made */
#ifndef POSIX_H
#define POSIX_H

#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

static inline sem_t *open_semaphore(const char *name)
{
    sem_t *const semaphore = sem_open(name, 0);
    if (semaphore == SEM_FAILED && errno == ENOENT)
        errx(EXIT_FAILURE, "sem_open: ENOENT: there is no %s; first run ./sem/posix-create", name);
    if (semaphore == SEM_FAILED)
        err(EXIT_FAILURE, "sem_open: %s: %s (its owner: ls -l /dev/shm)", errno_name(errno), name);
    return semaphore;
}

static inline void close_semaphore(sem_t *semaphore)
{
    if (sem_close(semaphore) == -1)
        err(EXIT_FAILURE, "sem_close");
}

#endif
