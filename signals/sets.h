/* sets.h - signal sets, in a program and in /proc/PID/status; and a kill() that says what it does
 */
#ifndef SETS_H
#define SETS_H

#include "../lib/demo.h"
#include "names.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* The set that has this signal in it, and no other. */
static inline sigset_t set_of(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

/* In SigBlk, SigIgn, SigCgt, SigPnd and ShdPnd, bit 0 is signal 1. */
static inline bool is_in_set(int number, unsigned long long set)
{
    return (set >> (number - 1) & 1) != 0;
}

static inline void say_kill(pid_t pid, int number)
{
    if (kill(pid, number) == -1)
        err(EXIT_FAILURE, "kill: %s", errno_name(errno));
    say("kill(%d, %s) = 0", (int)pid, signal_name(number));
}

#endif
