/* lost - between a test and a sleep there is a gap: a signal that comes just there is lost
 *
 * The waiter wants to sleep until a signal has come: it tests a flag that the handler sets, and
 * sleeps if it is not set. The right way blocks the signal before the test; sigsuspend() unblocks
 * it and sleeps in one step, so that a signal from the gap ends the sleep at once. With -x nothing
 * is blocked, and pause() sleeps: the handler has run before, and the flag is set, but nobody
 * looks.
 *
 * The gap is a few instructions wide, and a signal seldom meets it. Here it always does: the waiter
 * stops itself between test and sleep with SIGSTOP, as it would lie there on a busy machine.
 *
 * sigsuspend(2), pause(2), WUNTRACED in waitpid(2), ShdPnd in proc(5)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WATCHED_MS = 200 };

static const char usage[] =
    "usage: lost [-x]\n"
    "  -x  nothing is blocked, pause() sleeps: the signal is lost, the sleep has no end\n"
    "  prints how many signals it took to wake the waiter\n";

static volatile sig_atomic_t got;

static void handle(int signal_number)
{
    (void)signal_number;
    got++;
}

static void wait_for_signal(bool atomically)
{
    lane(1, "waiter");
    die_with_parent();
    sigset_t set, mask;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(atomically ? SIG_BLOCK : SIG_UNBLOCK, &set, &mask) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    sigdelset(&mask, SIGUSR1);
    const struct sigaction action = {.sa_handler = handle};
    if (sigaction(SIGUSR1, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");

    while (!got) {
        say("no signal yet, so sleep ...");
        if (raise(SIGSTOP) != 0) /* the gap: here we are held up */
            err(EXIT_FAILURE, "raise");
        if (atomically)
            sigsuspend(&mask);
        else
            pause();
        const char *const name = atomically ? "sigsuspend" : "pause";
        if (errno != EINTR)
            err(EXIT_FAILURE, "%s", name);
        say("... %s() = -1 EINTR", name);
    }
    say("the handler has run %s", got == 1 ? "once" : "twice");
    _exit(got);
}

static void wait_until_stopped(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, WUNTRACED) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "waitpid");
    if (!WIFSTOPPED(status))
        errx(EXIT_FAILURE, "the waiter has ended");
}

static void send_signal(pid_t pid, int signal_number, const char *name)
{
    say("kill(%d, %s)", (int)pid, name);
    if (kill(pid, signal_number) == -1)
        err(EXIT_FAILURE, "kill");
}

int main(int argc, char *argv[])
{
    bool atomically = true;
    while (next_option(argc, argv, "x", usage) != -1)
        atomically = false;
    check_operands(argc, argv, 0, 0);

    lane(0, "sender");
    const pid_t waiter = fork();
    if (waiter == -1)
        err(EXIT_FAILURE, "fork");
    if (waiter == 0)
        wait_for_signal(atomically);
    wait_until_stopped(waiter);
    say("the waiter has tested, and does not sleep yet");
    send_signal(waiter, SIGUSR1, "SIGUSR1");
    if (!is_in_set(SIGUSR1, status_field(waiter, "ShdPnd", 16)))
        errx(EXIT_FAILURE, "the signal is not pending");
    say("/proc/%d/status: it is pending", (int)waiter);
    send_signal(waiter, SIGCONT, "SIGCONT");

    int needed = 1;
    if (!atomically) {
        wait_asleep(waiter);
        while (!still_asleep(waiter, WATCHED_MS)) /* stopped and continued, by Ctrl-Z and fg? */
            wait_asleep(waiter);
        if (is_in_set(SIGUSR1, status_field(waiter, "ShdPnd", 16)))
            errx(EXIT_FAILURE, "the waiter does not sleep for ever");
        say("%d ms later it sleeps, and nothing is pending: lost", WATCHED_MS);
        send_signal(waiter, SIGUSR1, "SIGUSR1");
        needed++;
    }
    if (reap(waiter) != needed)
        errx(EXIT_FAILURE, "unexpected: not woken by signal %d", needed);
    printf("signals %d\n", needed);
    flush_stdout();
    lesson(atomically ? "block, test, sigsuspend(): a signal that comes in between ends the sleep"
                      : "test, then pause(): a signal that comes in between is lost");
    return EXIT_SUCCESS;
}
