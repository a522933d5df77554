/* ask.h - what the kernel knows of one semaphore of a set */
#ifndef ASK_H
#define ASK_H

#include <err.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>

/* `command` is GETVAL, GETNCNT, GETZCNT or GETPID: see semctl(2). */
static inline int ask(int set, int semaphore, int command)
{
    const int answer = semctl(set, semaphore, command);
    if (answer == -1)
        err(EXIT_FAILURE, "semctl");
    return answer;
}

#endif
