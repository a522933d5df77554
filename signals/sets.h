/* sets.h - signal sets: in a program, and as numbers in /proc/PID/status, see proc(5) */
#ifndef SETS_H
#define SETS_H

#include "../lib/demo.h"

#include <signal.h>

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

#endif
