/* shared.h - a mutex or a condition for several processes: both must be made for that */
#ifndef SHARED_H
#define SHARED_H

#include "../lib/demo.h"

#include <pthread.h>

static inline void init_shared_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    check_error(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    check_error(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED),
                "pthread_mutexattr_setpshared");
    check_error(pthread_mutex_init(mutex, &attributes), "pthread_mutex_init");
    check_error(pthread_mutexattr_destroy(&attributes), "pthread_mutexattr_destroy");
}

static inline void init_shared_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    check_error(pthread_condattr_init(&attributes), "pthread_condattr_init");
    check_error(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED),
                "pthread_condattr_setpshared");
    check_error(pthread_cond_init(condition, &attributes), "pthread_cond_init");
    check_error(pthread_condattr_destroy(&attributes), "pthread_condattr_destroy");
}

/* Whether the process sleeps in a futex(2) of this condition. Where in the condition that is,
 * differs between C libraries. */
static inline bool is_asleep_at(pid_t pid, const pthread_cond_t *condition)
{
    for (size_t offset = 0; offset < sizeof *condition; offset += sizeof(int))
        if (is_asleep_in(pid, "futex", (long)condition + (long)offset))
            return true;
    return false;
}

#endif
