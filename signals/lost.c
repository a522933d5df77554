/* lost - between a test and a sleep there is a gap: a signal that comes just there is lost
 *
 * The waiter tests a flag that the handler sets, and sleeps if it is not set. The right way blocks
 * the signal before the test: sigsuspend() and ppoll() unblock it and sleep in one step. With -x
 * nothing is blocked. The handler has set the flag, but pause() or poll() sleeps all the same. The
 * gap is a few instructions wide. So that the signal hits it, the waiter stops itself there.
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

static void wait_for_signal(bool gap, bool by_poll, const char *call)
{
    lane(1, "waiter");
    die_with_parent();
    handle_by(count, SIGUSR1, 0);
    sigset_t set = set_of(SIGUSR1), before;
    if (sigprocmask(SIG_BLOCK, gap ? NULL : &set, &before) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    if (!gap)
        say("sigprocmask(SIG_BLOCK, SIGUSR1)");

    while (!got) {
        stop_once(); /* the gap: here we are held up */
        say("%s() ...", call);
        int result;
        if (by_poll)
            result = gap ? poll(NULL, 0, -1) : ppoll(NULL, 0, NULL, &before);
        else
            result = gap ? pause() : sigsuspend(&before);
        if (errno != EINTR)
            err(EXIT_FAILURE, "%s", call);
        say("... = %d %s, got is %d", result, errno_name(errno), (int)got);
    }
    _exit(got);
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

    const char *const call = gap ? by_poll ? "poll" : "pause" : by_poll ? "ppoll" : "sigsuspend";
    lane(0, "sender");
    const pid_t waiter = fork();
    if (waiter == -1)
        err(EXIT_FAILURE, "fork");
    if (waiter == 0)
        wait_for_signal(gap, by_poll, call);
    wait_until_stopped(waiter);
    say_kill(waiter, SIGUSR1);
    if (!say_set(waiter, "ShdPnd", SIGUSR1)) /* delivered when it goes on */
        errx(EXIT_FAILURE, "unexpected: SIGUSR1 is not pending");
    say_kill(waiter, SIGCONT);
    if (gap) {
        say_still_asleep_in("the waiter", waiter, call, ANY_ARGUMENT);
        say_set(waiter, "ShdPnd", SIGUSR1);
        say_kill(waiter, SIGUSR1);
    }
    const int signals = reap(waiter);
    if (signals != (gap ? 2 : 1))
        errx(EXIT_FAILURE, "unexpected: the waiter ended with %d", signals);
    printf("signals %d\n", signals);
    lesson(gap ? "test, then sleep: a signal that comes in between is lost"
               : "block, test, %s(): a signal that comes in between ends the sleep",
           call);
    return EXIT_SUCCESS;
}
