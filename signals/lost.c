/* lost - between a test and a sleep there is a gap: a signal that comes just there is lost
 *
 * The waiter wants to sleep until a signal has come: it tests a flag that the handler sets, and
 * sleeps if it is not set. The right way blocks the signal before the test. sigsuspend() and
 * ppoll() unblock it and sleep in one step, so that a signal from the gap ends the sleep at once.
 * With -x nothing is blocked, and pause() or poll() sleeps. The handler has run before that and the
 * flag is set, but nobody looks at it.
 *
 * The gap is a few instructions wide, and a signal seldom hits it. Here it always does: the waiter
 * stops itself between test and sleep with SIGSTOP, as a busy machine might hold it up there.
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
#include <sys/wait.h>
#include <unistd.h>

enum { WATCHED_MS = 200 };

static const char usage[] =
    "usage: lost [-x] [-m pause|poll]\n"
    "  -x      nothing is blocked: the signal is lost, the sleep has no end\n"
    "  -m WAY  pause: sigsuspend() (-x: pause()); poll: ppoll() (-x: poll()) (pause)\n"
    "  prints how many signals it took to wake the waiter\n";

static volatile sig_atomic_t got;

static void handle(int signal_number)
{
    (void)signal_number;
    got++;
}

static void wait_for_signal(bool gap, bool by_poll)
{
    static const char *const calls[2][2] = {{"sigsuspend", "ppoll"}, {"pause", "poll"}};
    lane(1, "waiter");
    die_with_parent();
    const struct sigaction action = {.sa_handler = handle};
    if (sigaction(SIGUSR1, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    const sigset_t set = set_of(SIGUSR1);
    sigset_t before;
    sigemptyset(&before);
    if (!gap) {
        if (sigprocmask(SIG_BLOCK, &set, &before) == -1)
            err(EXIT_FAILURE, "sigprocmask");
        say("sigprocmask(SIG_BLOCK, SIGUSR1) = 0");
    }

    while (!got) {
        say("got is 0; raise(SIGSTOP) ...");
        if (raise(SIGSTOP) != 0) /* the gap: here we are held up */
            err(EXIT_FAILURE, "raise");
        say("... = 0");
        say("%s() ...", calls[gap][by_poll]);
        if (gap && by_poll)
            poll(NULL, 0, -1);
        else if (gap)
            pause();
        else if (by_poll)
            ppoll(NULL, 0, NULL, &before);
        else
            sigsuspend(&before);
        if (errno != EINTR)
            err(EXIT_FAILURE, "%s", calls[gap][by_poll]);
        say("... = -1 %s, got is %d", errno_name(errno), (int)got);
    }
    _exit(got);
}

static bool is_pending(pid_t pid)
{
    const unsigned long long set = status_field(pid, "ShdPnd", 16);
    say("its ShdPnd: %016llx", set);
    return is_in_set(SIGUSR1, set);
}

/* Stopped and continued with its process group, the waiter wakes: then it is watched again. */
static void watch_it_sleep(pid_t waiter, bool by_poll)
{
    const char *const call = by_poll ? "poll" : "pause";
    wait_asleep_in(waiter, call, ANY_ARGUMENT);
    while (!still_asleep(waiter, WATCHED_MS))
        wait_asleep_in(waiter, call, ANY_ARGUMENT);
    say_asleep_in("200 ms later: the waiter", waiter, call, ANY_ARGUMENT);
    if (is_pending(waiter))
        errx(EXIT_FAILURE, "unexpected: the signal is still pending");
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
    int status;
    while (waitpid(waiter, &status, WUNTRACED) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "waitpid");
    if (!WIFSTOPPED(status))
        errx(EXIT_FAILURE, "the waiter has ended");
    say("waitpid(%d): stopped, in the gap", (int)waiter);
    say_kill(waiter, SIGUSR1);
    if (!is_pending(waiter)) /* nothing is delivered to a process that is stopped */
        errx(EXIT_FAILURE, "unexpected: the signal is not pending");
    say_kill(waiter, SIGCONT);

    const int needed = gap ? 2 : 1;
    if (gap) {
        watch_it_sleep(waiter, by_poll);
        say_kill(waiter, SIGUSR1);
    }
    const int signals = reap(waiter);
    if (signals != needed)
        errx(EXIT_FAILURE, "unexpected: %d, where %d signals should wake it", signals, needed);
    printf("signals %d\n", signals);
    flush_stdout();
    lesson(gap ? "test, then sleep: a signal that comes in between is lost"
               : "block, test, %s(): a signal that comes in between ends the sleep",
           by_poll ? "ppoll" : "sigsuspend");
    return EXIT_SUCCESS;
}
