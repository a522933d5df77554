/* posix-wait - takes a named POSIX semaphore: lowers its value by one, and sleeps while it is 0
 *
 * The value lies in memory that all its users share. While it is above 0, sem_wait() is one atomic
 * operation and no system call; it enters the kernel only to sleep, in futex(). So the kernel does
 * not know who has taken the semaphore, and does not give it back when that process ends, not even
 * when it is killed. There is no SEM_UNDO here.
 *
 * sem_wait(3), futex(7), sem_overview(7); EINTR in signal(7)
 */
#include "posix.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FOR_EVER = -1 };

static const char usage[] =
    "usage: posix-wait [-n NAME] [-w MS]\n"
    "  -n NAME  of the semaphore, with a slash (/ipc-UID-sem)\n"
    "  -w MS    wait for at most MS milliseconds; 0: not at all\n"
    "  first: ./sem/posix-create; other terminals: ./sem/posix-post, ./sem/posix-stat\n";

/* The time of day in that many milliseconds. */
static struct timespec deadline(long milliseconds)
{
    enum { SECOND_IN_NS = 1000000000 };
    struct timespec time;
    if (clock_gettime(CLOCK_REALTIME, &time) == -1)
        err(EXIT_FAILURE, "clock_gettime");
    time.tv_sec += milliseconds / 1000;
    time.tv_nsec += milliseconds % 1000 * 1000000;
    if (time.tv_nsec >= SECOND_IN_NS) {
        time.tv_sec++;
        time.tv_nsec -= SECOND_IN_NS;
    }
    return time;
}

/* A handler without SA_RESTART ends the wait with EINTR; so does, with glibc and sem_timedwait(),
 * one with SA_RESTART. As the deadline is a point in time, waiting again needs no arithmetic. */
static void take(sem_t *semaphore)
{
    say("sem_wait() ...");
    int result;
    while ((result = sem_wait(semaphore)) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "sem_wait: %s", errno_name(errno));
    say("... = %d: taken", result);
}

static void take_at_once(sem_t *semaphore)
{
    int result;
    while ((result = sem_trywait(semaphore)) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "sem_trywait: %s%s", errno_name(errno),
                errno == EAGAIN ? ": value 0" : "");
    say("sem_trywait() = %d: taken", result);
}

static void take_in_time(sem_t *semaphore, struct timespec time)
{
    say("sem_timedwait(until %lld.%09ld) ...", (long long)time.tv_sec, time.tv_nsec);
    int result;
    while ((result = sem_timedwait(semaphore, &time)) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "sem_timedwait: %s%s", errno_name(errno),
                errno == ETIMEDOUT ? ": value 0" : "");
    say("... = %d: taken", result);
}

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    long wait_ms = FOR_EVER;
    for (int letter; (letter = next_option(argc, argv, "n:w:", usage)) != -1;)
        if (letter == 'n')
            name_option = optarg;
        else
            wait_ms = parse_long("-w", optarg, 0, INT_MAX);
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("sem", name_option);

    pair_lane("wait");
    sem_t *const semaphore = open_semaphore(name);
    say("sem_open(%s) = %p", name, (void *)semaphore);
    if (wait_ms == FOR_EVER)
        take(semaphore);
    else if (wait_ms == 0)
        take_at_once(semaphore);
    else
        take_in_time(semaphore, deadline(wait_ms));
    close_semaphore(semaphore);
    return EXIT_SUCCESS;
}
