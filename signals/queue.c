/* queue - sigqueue() keeps each real-time signal, with its value, in order, or it fails
 *
 * The sender sends the highest number first, while all are blocked. The receiver gets the lowest
 * number first, and SIGUSR1, a standard signal, only once.
 *
 * signal(7), sigqueue(3), sigtimedwait(2), RLIMIT_SIGPENDING in getrlimit(2)
 */
#define _GNU_SOURCE /* RLIMIT_SIGPENDING */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { VALUES = 3, NONE = -1 };

static const char usage[] = "usage: queue\n"
                            "  prints each signal that was received, and its value\n";

static void send_values(int number)
{
    for (int value = 1; value <= VALUES; value++) {
        const int result = sigqueue(main_process, number, (union sigval){.sival_int = value});
        if (result == -1)
            queueing_failed("sigqueue");
        say("sigqueue(%s, %d) = %d", signal_name(number), value, result);
    }
}

/* Takes the next signal, and prints it if it should have a value. */
static void take(const sigset_t *set, int expected, int value)
{
    siginfo_t info = {.si_value.sival_int = 0};
    const int number = sigtimedwait(set, &info, &(struct timespec){.tv_sec = 0});
    if (number == NONE)
        say("sigtimedwait() = %d %s: no more", number, errno_name(errno));
    else
        say("sigtimedwait() = %s, si_value %d", signal_name(number), info.si_value.sival_int);
    if (number != expected || info.si_value.sival_int != value ||
        (number == NONE && errno != EAGAIN))
        errx(EXIT_FAILURE, "unexpected: sigtimedwait() = %d, not %d", number, expected);
    if (number != NONE && value > 0)
        printf("%s value %d\n", signal_name(number), value);
    flush_stdout();
}

static void reach_the_limit(int number, const sigset_t *set)
{
    if (setrlimit(RLIMIT_SIGPENDING, &(struct rlimit){0, 0}) == -1)
        err(EXIT_FAILURE, "setrlimit");
    say("setrlimit(RLIMIT_SIGPENDING, 0)");
    const int result = sigqueue(main_process, number, (union sigval){.sival_int = 0});
    say("sigqueue(%s, 0) = %d %s", signal_name(number), result, error_of(result));
    if (result != -1 || errno != EAGAIN)
        errx(EXIT_FAILURE, "unexpected: sigqueue() = %d", result);
    say_kill(main_process, number);
    say_kill(main_process, number);
    take(set, number, 0);
    take(set, NONE, 0);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "receiver");
    sigset_t set = set_of_two(SIGRTMIN + 1, SIGRTMIN + 2);
    sigaddset(&set, SIGUSR1);
    block(&set);
    say("sigprocmask(SIG_BLOCK, the three)");

    const pid_t sender = fork();
    if (sender == -1)
        err(EXIT_FAILURE, "fork");
    if (sender == 0) {
        lane(1, "sender");
        die_with_parent();
        send_values(SIGRTMIN + 2);
        send_values(SIGRTMIN + 1);
        send_values(SIGUSR1);
        _exit(EXIT_SUCCESS);
    }
    if (reap(sender) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the sender failed");
    take(&set, SIGUSR1, 1);
    for (int number = SIGRTMIN + 1; number <= SIGRTMIN + 2; number++)
        for (int value = 1; value <= VALUES; value++)
            take(&set, number, value);
    take(&set, NONE, 0);
    reach_the_limit(SIGRTMIN + 2, &set);
    lesson("sigqueue() queues real-time signals in order, or fails; a standard one merges");
    return EXIT_SUCCESS;
}
