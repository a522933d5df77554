/* shared.h - mutexes and conditions that are made to be shared by several processes
 *
 * The calls are those of pthreads, checked: they return the error instead of setting errno.
 */
#ifndef SHARED_H
#define SHARED_H

#include "team.h"

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

static inline void check(int error, const char *call)
{
    check_error(error, call);
    if (telling)
        say("%s() = %d", call, error);
}

static inline void lock(pthread_mutex_t *mutex)
{
    check(pthread_mutex_lock(mutex), "pthread_mutex_lock");
}

static inline void unlock(pthread_mutex_t *mutex)
{
    check(pthread_mutex_unlock(mutex), "pthread_mutex_unlock");
}

static inline void wait_for(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    check(pthread_cond_wait(condition, mutex), "pthread_cond_wait");
}

static inline void signal_one(pthread_cond_t *condition)
{
    check(pthread_cond_signal(condition), "pthread_cond_signal");
}

static inline void signal_all(pthread_cond_t *condition)
{
    check(pthread_cond_broadcast(condition), "pthread_cond_broadcast");
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
