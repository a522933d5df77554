/* deadline - an interrupted sleep must go on to the same deadline, and not start over
 *
 * A timer sends SIGALRM every 20 ms, and each one interrupts the sleep of 700 ms with EINTR. The
 * sleeper has noted when it wants to wake: an absolute time. It calls clock_nanosleep() again with
 * the same time, and wakes when that has come. With -x it calls nanosleep() again with the full 700
 * ms each time: the sleep has no end. poll() has the same trap.
 *
 * clock_nanosleep(2), nanosleep(2), setitimer(2), signal(7)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SLEEP_MS = 700, SIGNAL_MS = 20, PATIENCE_MS = 1500 };

static const char usage[] = "usage: deadline [-x]\n"
                            "  -x  each interruption starts the sleep anew: it has no end\n"
                            "  prints whether the sleep has ended\n";

/* Returns how often it was interrupted. */
static int sleep_until_deadline(double start)
{
    struct timespec deadline;
    int interruptions = 0, error;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_nsec += SLEEP_MS * 1000000L;
    if (deadline.tv_nsec >= 1000000000L) {
        deadline.tv_nsec -= 1000000000L;
        deadline.tv_sec++;
    }
    while ((error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL)) == EINTR)
        if (++interruptions > PATIENCE_MS / SIGNAL_MS)
            errx(EXIT_FAILURE, "unexpected: the sleep has no end");
    check_error(error, "clock_nanosleep");
    if (interruptions > 0)
        say("... = %d: it took %.0f ms, with %d EINTRs", error, now_in_ms() - start, interruptions);
    return interruptions;
}

/* The mistake. After 1.5 s it is enough, or this program would have no end. */
static int sleep_anew(double start)
{
    const struct timespec time = {.tv_nsec = SLEEP_MS * 1000000L};
    int interruptions = 0, result;
    while ((result = nanosleep(&time, NULL)) == -1) {
        const double slept = now_in_ms() - start;
        if (errno != EINTR)
            err(EXIT_FAILURE, "nanosleep");
        if (++interruptions > 1 && slept > PATIENCE_MS) {
            say("... = %d EINTR, %d times in %.0f ms: gives up", result, interruptions, slept);
            return interruptions;
        }
    }
    return 0; /* the machine is so busy that a whole sleep has passed before the next SIGALRM */
}

int main(int argc, char *argv[])
{
    bool anew = false;
    while (next_option(argc, argv, "x", usage) != -1)
        anew = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "sleeper");
    handle_by(do_nothing, SIGALRM, SA_RESTART);
    const struct itimerval every = {.it_interval.tv_usec = SIGNAL_MS * 1000,
                                    .it_value.tv_usec = SIGNAL_MS * 1000};
    if (setitimer(ITIMER_REAL, &every, NULL) == -1)
        err(EXIT_FAILURE, "setitimer");
    say("setitimer(every %d ms): each time SIGALRM", SIGNAL_MS);

    if (anew)
        say("nanosleep(%d ms) ...", SLEEP_MS);
    else
        say("clock_nanosleep(TIMER_ABSTIME, now + %d ms) ...", SLEEP_MS);
    int interruptions;
    double start;
    do {
        start = now_in_ms();
        interruptions = anew ? sleep_anew(start) : sleep_until_deadline(start);
    } while (interruptions == 0);
    if (now_in_ms() - start < SLEEP_MS)
        errx(EXIT_FAILURE, "unexpected: less than %d ms", SLEEP_MS);
    puts(anew ? "no end" : "ended");
    lesson(anew ? "a relative time that starts over at each EINTR has no end"
                : "an absolute deadline stays where it is, however often EINTR comes");
    return EXIT_SUCCESS;
}
