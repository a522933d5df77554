/* lost - between a test and a sleep there is a gap: a signal that comes just there is lost
 *
 * The waiter tests a flag that the handler sets, and sleeps if it is not set. The right way blocks
 * the signal before the test: sigsuspend() and ppoll() unblock it and sleep in one step. With -x
 * nothing is blocked. The handler has set the flag, but pause() or poll() sleeps all the same.
 *
 * The gap is a few instructions wide. Here the signal always hits it: the waiter stops itself with
 * SIGSTOP between test and sleep, as a busy machine might hold it up there.
 *
 * sigsuspend(2), ppoll(2), pause(2), WUNTRACED in waitpid(2), ShdPnd in proc(5)
 */
#define _GNU_SOURCE /* ppoll */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: lost [-x] [-m pause|poll]\n"
    "  -x      nothing is blocked: the signal is lost, the sleep has no end\n"
    "  -m WAY  pause: sigsuspend() (-x: pause()); poll: ppoll() (-x: poll()) (pause)\n"
    "  prints how many signals it took to wake the waiter\n";

static volatile sig_atomic_t got;

static void count(int number)
{
    (void)number;
    got = got + 1;
}

static void wait_for_signal(bool gap, bool by_poll)
{
    const char *const call = gap ? by_poll ? "poll" : "pause" : by_poll ? "ppoll" : "sigsuspend";
    lane(1, "waiter");
    die_with_parent();
    handle_by(count, SIGUSR1, 0);
    const sigset_t set = set_of(SIGUSR1);
    sigset_t before;
    if (sigprocmask(SIG_BLOCK, gap ? NULL : &set, &before) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    if (!gap)
        say("sigprocmask(SIG_BLOCK, SIGUSR1) = 0");

    while (!got) {
        say("got is 0; raise(SIGSTOP) ...");
        if (raise(SIGSTOP) != 0) /* the gap: here we are held up */
            err(EXIT_FAILURE, "raise");
        say("... = 0");
        say("%s() ...", call);
        if (gap && by_poll)
            poll(NULL, 0, -1);
        else if (gap)
            pause();
        else if (by_poll)
            ppoll(NULL, 0, NULL, &before);
        else
            sigsuspend(&before);
        if (errno != EINTR)
            err(EXIT_FAILURE, "%s", call);
        say("... = -1 %s, got is %d", errno_name(errno), (int)got);
    }
    _exit(got);
}

static void check_pending(pid_t pid, bool expected)
{
    const unsigned long long set = status_field(pid, "ShdPnd", 16);
    say("its ShdPnd: %016llx", set);
    if (is_in_set(SIGUSR1, set) != expected)
        errx(EXIT_FAILURE, "unexpected: SIGUSR1 is %s", expected ? "not pending" : "pending");
}

int main(int argc, char *argv[])
{
    bool gap = false, by_poll = false;
    for (int letter; (letter = next_option(argc, argv, "xm:", usage)) != -1;)
        if (letter == 'x')
            gap = true;
        else if (strcmp(optarg, "poll") == 0 || strcmp(optarg, "pause") == 0)
            by_poll = strcmp(optarg, "poll") == 0;
        else
            errx(USAGE_ERROR, "-m %s: not pause or poll", quoted(optarg, strlen(optarg)));
    check_operands(argc, argv, 0, 0);

    lane(0, "sender");
    const pid_t waiter = fork();
    if (waiter == -1)
        err(EXIT_FAILURE, "fork");
    if (waiter == 0)
        wait_for_signal(gap, by_poll);
    wait_until_stopped(waiter);
    say_kill(waiter, SIGUSR1);
    check_pending(waiter, true); /* nothing is delivered to a process that is stopped */
    say_kill(waiter, SIGCONT);
    if (gap) {
        say_still_asleep_in("the waiter", waiter, by_poll ? "poll" : "pause", ANY_ARGUMENT);
        check_pending(waiter, false);
        say_kill(waiter, SIGUSR1);
    }
    const int signals = reap(waiter);
    if (signals != (gap ? 2 : 1))
        errx(EXIT_FAILURE, "unexpected: the waiter ended with %d", signals);
    printf("signals %d\n", signals);
    flush_stdout();
    lesson(gap ? "test, then sleep: a signal that comes in between is lost"
               : "block, test, %s(): a signal that comes in between ends the sleep",
           by_poll ? "ppoll" : "sigsuspend");
    return EXIT_SUCCESS;
}
