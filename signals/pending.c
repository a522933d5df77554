/* pending - a blocked signal waits; sent five times meanwhile, it is delivered once
 *
 * The pending signals of a process are a set, with one bit for each standard signal. The receiver
 * blocks SIGUSR1 and only then starts the sender. When the sender has ended, the receiver unblocks
 * the signal.
 *
 * signal(7), sigprocmask(2), sigpending(2), SigBlk and ShdPnd in proc(5)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TIMES = 5 };

static const char usage[] = "usage: pending\n"
                            "  prints how often SIGUSR1 was sent and how often delivered\n";

static volatile sig_atomic_t delivered;

static void count_delivery(int number)
{
    (void)number;
    delivered = delivered + 1;
}

static void send_all(void)
{
    lane(1, "sender");
    die_with_parent();
    wait_asleep(main_process); /* within fork(), glibc may block every signal for a moment */
    if (!say_set(main_process, "SigBlk", SIGUSR1))
        errx(EXIT_FAILURE, "SIGUSR1 is not blocked");
    for (int i = 0; i < TIMES; i++)
        say_kill(main_process, SIGUSR1);
    if (!say_set(main_process, "ShdPnd", SIGUSR1))
        errx(EXIT_FAILURE, "SIGUSR1 is not pending");
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "receiver");
    const struct sigaction action = {.sa_handler = count_delivery};
    if (sigaction(SIGUSR1, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    say("sigaction(SIGUSR1, a handler)");
    const sigset_t set = set_of(SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    say("sigprocmask(SIG_BLOCK, SIGUSR1)");

    const pid_t sender = fork();
    if (sender == -1)
        err(EXIT_FAILURE, "fork");
    if (sender == 0)
        send_all();
    if (reap(sender) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the sender failed");
    say("the sender has ended; the handler has run %d times", (int)delivered);

    sigset_t waiting;
    if (sigpending(&waiting) == -1)
        err(EXIT_FAILURE, "sigpending");
    if (delivered != 0 || sigismember(&waiting, SIGUSR1) != 1)
        errx(EXIT_FAILURE, "SIGUSR1 is not pending");
    say("sigpending(): SIGUSR1 is in the set, which has no count");
    say("sigprocmask(SIG_UNBLOCK, SIGUSR1) ...");
    const int result = sigprocmask(SIG_UNBLOCK, &set, NULL); /* returns after the handler */
    if (result == -1)
        err(EXIT_FAILURE, "sigprocmask");
    say("... = %d: the handler has run %d time%s", result, (int)delivered,
        plural((unsigned)delivered));

    printf("sent %d delivered %d\n", TIMES, (int)delivered);
    if (delivered != 1)
        errx(EXIT_FAILURE, "delivered %d times, not once", (int)delivered);
    lesson("a blocked standard signal is pending or not: sent many times, it comes once");
    return EXIT_SUCCESS;
}
