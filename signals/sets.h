/* sets.h - the signal sets in /proc/PID/status: SigBlk, SigIgn, SigCgt, SigPnd, ShdPnd; see proc(5)
 */
#ifndef SETS_H
#define SETS_H

#include "../lib/demo.h"

/* Bit 0 is signal 1. */
static inline bool is_in_set(int number, unsigned long long set)
{
    return (set >> (number - 1) & 1) != 0;
}

#endif
