/* queue - real-time signals queue up: each one is kept, with its value, in order
 *
 * All signals are blocked while the sender sends them, the highest number first. Then the receiver
 * takes them one by one: on Linux the lowest number first, and those of one number in the order in
 * which they were sent. SIGUSR1 is a standard signal; all but the first were lost, yet sigqueue()
 * returned 0. A queue costs memory, so there is a limit; at the limit the sender is told.
 *
 * signal(7), sigqueue(3), sigtimedwait(2), RLIMIT_SIGPENDING in getrlimit(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { VALUES = 3, KINDS = 3, KEPT = 2 * VALUES + 1 };

static const char usage[] = "usage: queue\n"
                            "  prints each signal that was received, and its value\n";

static const char *const names[KINDS] = {"SIGUSR1", "SIGRTMIN+1", "SIGRTMIN+2"};
static int numbers[KINDS]; /* SIGRTMIN is no constant: the C library keeps some for itself */

static void send_all(void)
{
    lane(1, "sender");
    die_with_parent();
    for (int kind = KINDS - 1; kind >= 0; kind--)
        for (int value = 1; value <= VALUES; value++) {
            if (sigqueue(main_process, numbers[kind], (union sigval){.sival_int = value}) == -1)
                err(EXIT_FAILURE, "sigqueue");
            say("sigqueue(%s, %d) = 0", names[kind], value);
        }
    _exit(EXIT_SUCCESS);
}

static const char *name_of(int number)
{
    for (int kind = 0; kind < KINDS; kind++)
        if (numbers[kind] == number)
            return names[kind];
    errx(EXIT_FAILURE, "signal %d: not one of ours", number);
}

/* Prints what waits, and exits unless that is the lowest number first, then the first value. */
static void take_all(const sigset_t *set)
{
    siginfo_t before = {.si_signo = 0}, info;
    int count = 0;
    while (sigtimedwait(set, &info, &(struct timespec){.tv_sec = 0}) != -1) {
        const int value = info.si_value.sival_int;
        say("sigtimedwait() = %s, si_value %d", name_of(info.si_signo), value);
        printf("%s value %d\n", name_of(info.si_signo), value);
        flush_stdout();
        if (info.si_signo < before.si_signo ||
            value != (info.si_signo == before.si_signo ? before.si_value.sival_int + 1 : 1))
            errx(EXIT_FAILURE, "not in order");
        before = info;
        count++;
    }
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "sigtimedwait");
    say("sigtimedwait() = -1 EAGAIN: no more");
    if (count != KEPT)
        errx(EXIT_FAILURE, "%d signals came, not %d", count, KEPT);
}

static void reach_the_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_SIGPENDING, &limit) == -1)
        err(EXIT_FAILURE, "getrlimit");
    limit.rlim_cur = 0;
    if (setrlimit(RLIMIT_SIGPENDING, &limit) == -1)
        err(EXIT_FAILURE, "setrlimit");
    say("setrlimit(RLIMIT_SIGPENDING, 0)");
    if (sigqueue(main_process, numbers[KINDS - 1], (union sigval){.sival_int = 0}) != -1)
        errx(EXIT_FAILURE, "a signal was queued beyond the limit");
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "sigqueue");
    say("sigqueue(%s) = -1 EAGAIN: the sender knows", names[KINDS - 1]);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "receiver");
    numbers[0] = SIGUSR1;
    numbers[1] = SIGRTMIN + 1;
    numbers[2] = SIGRTMIN + 2;
    sigset_t set;
    sigemptyset(&set);
    for (int kind = 0; kind < KINDS; kind++)
        sigaddset(&set, numbers[kind]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    say("sigprocmask(SIG_BLOCK) for the three");

    const pid_t sender = fork();
    if (sender == -1)
        err(EXIT_FAILURE, "fork");
    if (sender == 0)
        send_all();
    if (reap(sender) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the sender failed");
    take_all(&set);
    reach_the_limit();
    lesson("real-time signals are queued in order, with values; a standard one is kept once");
    return EXIT_SUCCESS;
}
