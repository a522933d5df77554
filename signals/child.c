/* child - many children end at once, and one SIGCHLD stands for all of them
 *
 * A child that has ended stays as a zombie until its parent waits for it, and SIGCHLD says that
 * there is something to wait for. It does not say how much: a signal that is already pending is not
 * counted twice. So the handler waits in a loop, until there is nothing more to wait for. To make
 * the merging certain, the children end while SIGCHLD is blocked; it is blocked anyway while its
 * handler runs.
 *
 * With -x the handler waits once for each signal. With -i SIGCHLD is ignored. That differs from the
 * default action, which does nothing either: there are no zombies at all.
 *
 * waitpid(2), NOTES of wait(2), SIGCHLD and SA_NOCLDSTOP in sigaction(2), WNOWAIT in waitid(2)
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

enum { CHILDREN = 5 };
enum way { LOOP, ONCE, IGNORED };

static const char usage[] =
    "usage: child [-i | -x]\n"
    "  -i  SIGCHLD is ignored: no zombies, and nothing to wait for\n"
    "  -x  the handler waits once for each signal: zombies are left behind\n"
    "  prints the numbers of children, signals, waits and zombies that are left\n";

static volatile sig_atomic_t once, signals, reaped;

static void collect(int number)
{
    (void)number;
    const int saved = errno;
    signals = signals + 1;
    while (waitpid(-1, NULL, WNOHANG) > 0) { /* 0: others still run; ECHILD: no child is left */
        reaped = reaped + 1;
        if (once)
            break;
    }
    errno = saved;
}

/* Flags 0 waits until all have ended; WNOHANG looks. */
static int count_zombies(const pid_t children[], int flags)
{
    int zombies = 0;
    for (int i = 0; i < CHILDREN; i++) {
        siginfo_t info = {.si_pid = 0};
        if (waitid(P_PID, (id_t)children[i], &info, WEXITED | WNOWAIT | flags) == -1 &&
            errno != ECHILD) /* it has been reaped */
            err(EXIT_FAILURE, "waitid");
        zombies += info.si_pid == children[i];
    }
    return zombies;
}

/* The handler runs when SIGCHLD is unblocked. */
static void handle_all(const pid_t children[], const sigset_t *set)
{
    say("they have ended: %d zombies", count_zombies(children, 0));
    const unsigned long long pending = status_field(getpid(), "ShdPnd", 16);
    say("the ShdPnd of the parent: %016llx", pending);
    if (!is_in_set(SIGCHLD, pending))
        errx(EXIT_FAILURE, "unexpected: no SIGCHLD is pending");
    say("sigprocmask(SIG_UNBLOCK, SIGCHLD) ...");
    errno = 0;
    const int result = sigprocmask(SIG_UNBLOCK, set, NULL);
    if (result == -1)
        err(EXIT_FAILURE, "sigprocmask");
    if (errno != 0)
        errx(EXIT_FAILURE, "unexpected: the handler has left its errno: %s", errno_name(errno));
    say("... = %d: the handler ran %d time, and waited for %d", result, (int)signals, (int)reaped);
}

static void ignore_all(void)
{
    const pid_t pid = wait(NULL); /* sleeps until all have ended */
    if (pid != -1 || errno != ECHILD)
        errx(EXIT_FAILURE, "unexpected: wait() = %d", (int)pid);
    say("wait() = %d %s: all have ended, without zombies", (int)pid, errno_name(errno));
}

static void be_parent(enum way way)
{
    pid_t children[CHILDREN];
    const sigset_t set = set_of(SIGCHLD);
    lane(0, "parent");
    die_with_parent();
    once = way == ONCE;
    handle_by(way == IGNORED ? SIG_IGN : collect, SIGCHLD, SA_RESTART | SA_NOCLDSTOP);
    say("sigaction(SIGCHLD, %s)", way == IGNORED ? "SIG_IGN" : "a handler");
    if (way != IGNORED) {
        block(&set);
        say("sigprocmask(SIG_BLOCK, SIGCHLD)");
    }
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (children[i] == 0)
            _exit(EXIT_SUCCESS);
        say("fork() = %d", (int)children[i]);
    }
    if (way == IGNORED)
        ignore_all();
    else
        handle_all(children, &set);
    const int left = count_zombies(children, WNOHANG);
    printf("ended %d signals %d waits %d zombies %d\n", CHILDREN, (int)signals, (int)reaped, left);
    flush_stdout();
    if (left != (way == ONCE ? CHILDREN - 1 : 0))
        errx(EXIT_FAILURE, "unexpected: %d zombies after waitpid()", left);
    if (left > 0)
        say("%d zombies, and no SIGCHLD will come for them", left);
    exit(EXIT_SUCCESS);
}

/* A program may begin with children that it never forked: those of a shell that executed it.
 * waitpid(-1) would take them for its own. A process from fork() has none. */
int main(int argc, char *argv[])
{
    enum way way = LOOP;
    for (int letter; (letter = next_option(argc, argv, "ix", usage)) != -1;)
        way = letter == 'i' ? IGNORED : ONCE;
    check_operands(argc, argv, 0, 0);

    const pid_t parent = fork();
    if (parent == -1)
        err(EXIT_FAILURE, "fork");
    if (parent == 0)
        be_parent(way);
    const int status = reap(parent);
    if (status == EXIT_SUCCESS)
        lesson(way == LOOP   ? "one SIGCHLD may stand for many children: wait until none is left"
               : way == ONCE ? "one wait for each SIGCHLD is too few: signals merge, zombies stay"
                             : "SIG_IGN leaves no zombies and no status; SIG_DFL would leave both");
    return status;
}
