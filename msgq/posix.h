/* posix.h - the time until which mq_timedsend() and mq_timedreceive() wait; see mq_send(3) */
#ifndef POSIX_H
#define POSIX_H

#include <time.h>

/* That many milliseconds from now: full seconds since 1970, and nanoseconds below 1000000000. */
static inline struct timespec deadline(long milliseconds)
{
    enum { MS = 1000, MS_IN_NS = 1000000, SECOND_IN_NS = 1000000000 };
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec += milliseconds / MS;
    time.tv_nsec += milliseconds % MS * MS_IN_NS;
    if (time.tv_nsec >= SECOND_IN_NS) { /* or the call fails with EINVAL */
        time.tv_sec++;
        time.tv_nsec -= SECOND_IN_NS;
    }
    return time;
}

#endif
