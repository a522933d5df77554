/* queue - sigqueue() keeps each real-time signal, with its value, in order, or it fails
 *
 * All signals are blocked while the sender sends them, the highest number first. The receiver takes
 * them in another order: the lowest number first, and those of one number in the order in which
 * they were sent. Of SIGUSR1, a standard signal, one is kept. A queue costs memory, so there is a
 * limit, where sigqueue() fails; kill() does not, and its signals merge.
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

enum { VALUES = 3 };

static const char usage[] = "usage: queue\n"
                            "  prints each signal that was received, and its value\n";

static void send_values(int number)
{
    for (int value = 1; value <= VALUES; value++) {
        if (sigqueue(main_process, number, (union sigval){.sival_int = value}) == -1)
            err(EXIT_FAILURE, "sigqueue: %s", errno_name(errno));
        say("sigqueue(%s, %d) = 0", signal_name(number), value);
    }
}

/* The next pending signal of the set, or -1 if there is none. */
static int take(const sigset_t *set, siginfo_t *info)
{
    const int number = sigtimedwait(set, info, &(struct timespec){.tv_sec = 0});
    if (number == -1 && errno != EAGAIN)
        err(EXIT_FAILURE, "sigtimedwait");
    if (number == -1)
        say("sigtimedwait() = -1 %s: no more", errno_name(errno));
    else
        say("sigtimedwait() = %s, si_value %d", signal_name(number), info->si_value.sival_int);
    return number;
}

static void take_in_order(const sigset_t *set, int expected, int values)
{
    siginfo_t info;
    for (int value = 1; value <= values; value++) {
        if (take(set, &info) != expected || info.si_value.sival_int != value)
            errx(EXIT_FAILURE, "unexpected: not %s with value %d", signal_name(expected), value);
        printf("%s value %d\n", signal_name(expected), value);
        flush_stdout();
    }
}

static void reach_the_limit(int number, const sigset_t *set)
{
    if (setrlimit(RLIMIT_SIGPENDING, &(struct rlimit){0, 0}) == -1)
        err(EXIT_FAILURE, "setrlimit");
    say("setrlimit(RLIMIT_SIGPENDING, 0) = 0");
    if (sigqueue(main_process, number, (union sigval){.sival_int = 0}) != -1)
        errx(EXIT_FAILURE, "a signal was queued beyond the limit");
    say("sigqueue(%s, 0) = -1 %s", signal_name(number), errno_name(errno));
    say_kill(main_process, number);
    say_kill(main_process, number);
    siginfo_t info;
    if (take(set, &info) != number || take(set, &info) != -1)
        errx(EXIT_FAILURE, "unexpected: kill() twice did not make one signal");
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
    say("sigprocmask(SIG_BLOCK, the three) = 0");

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
    siginfo_t none;
    take_in_order(&set, SIGUSR1, 1);
    take_in_order(&set, SIGRTMIN + 1, VALUES);
    take_in_order(&set, SIGRTMIN + 2, VALUES);
    if (take(&set, &none) != -1)
        errx(EXIT_FAILURE, "unexpected: one signal more");
    reach_the_limit(SIGRTMIN + 2, &set);
    lesson("sigqueue() queues real-time signals in order, or fails; a standard one merges");
    return EXIT_SUCCESS;
}
