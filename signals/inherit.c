/* inherit - what fork() and exec() keep of handlers, and of ignored, blocked and pending signals
 *
 * The parent gives itself one of each and forks. The child is a copy, but nothing is pending for it
 * until the parent sends it the signal too. Then it executes cat(1), a program without the handler:
 * that is why exec() must reset handlers, and why it can keep the rest. What the table says is read
 * from /proc/PID/status each time.
 *
 * fork(2), execve(2), signal(7), SigCgt and its neighbours in proc(5)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] = "usage: inherit\n"
                            "  prints a table: what is kept over fork() and over exec()\n";

enum { HANDLER, IGNORED, MASK, PENDING, FACTS };

static const struct {
    const char *what, *field; /* of the table, of /proc/PID/status */
    int number;
    const char *lost; /* for the table, if it is not kept */
} facts[FACTS] = {
    [HANDLER] = {"handler", "SigCgt", SIGUSR1, "reset"},
    [IGNORED] = {"ignored", "SigIgn", SIGUSR2, "reset"},
    [MASK] = {"mask", "SigBlk", SIGALRM, "cleared"},
    [PENDING] = {"pending", "ShdPnd", SIGALRM, "cleared"},
};

/* One of each, for the process that calls it. */
static void set_up(void)
{
    const sigset_t set = set_of(SIGALRM);
    handle_by(do_nothing, SIGUSR1, 0); /* ends pause() */
    say("sigaction(SIGUSR1, a handler)");
    handle_by(SIG_IGN, SIGUSR2, 0);
    say("sigaction(SIGUSR2, SIG_IGN)");
    block(&set);
    say("sigprocmask(SIG_BLOCK, SIGALRM)");
    say_kill(getpid(), SIGALRM);
}

static void look_at(const char *who, pid_t pid, bool has[])
{
    for (int i = 0; i < FACTS; i++) {
        const unsigned long long set = status_field(pid, facts[i].field, 16);
        has[i] = is_in_set(facts[i].number, set);
        say("%s: %s %016llx: %s%s", who, facts[i].field, set, has[i] ? "" : "no ",
            signal_name(facts[i].number));
    }
}

/* Waits for SIGUSR1, then executes cat(1), which copies from `fd` to `fd`. */
static void become_cat(int fd)
{
    lane(1, "child");
    die_with_parent();
    say("pause() ...");
    const int result = pause();
    if (errno != EINTR)
        err(EXIT_FAILURE, "pause");
    say("... = %d %s: the handler has run", result, errno_name(errno));
    if (dup2(fd, STDIN_FILENO) == -1 || dup2(fd, STDOUT_FILENO) == -1)
        err(EXIT_FAILURE, "dup2");
    say("execlp(\"cat\") ...");
    execlp("cat", "cat", (char *)NULL);
    err(EXIT_FAILURE, "execlp cat");
}

/* A byte to cat and back: then exec() is done. */
static void wait_for_cat(int fd)
{
    char byte = '\n';
    if (send(fd, &byte, 1, MSG_NOSIGNAL) == -1)
        err(EXIT_FAILURE, "send");
    if (read_full(fd, &byte, 1) != 1)
        errx(EXIT_FAILURE, "read: no answer from cat");
    say("cat has answered: the child has executed it");
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    bool before[FACTS], after_fork[FACTS], after_exec[FACTS];
    lane(0, "parent");
    set_up();
    look_at("parent", main_process, before);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
        err(EXIT_FAILURE, "socketpair");
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        become_cat(ends[1]);
    close(ends[1]);
    say("fork() = %d", (int)child);
    wait_asleep_in(child, "pause", ANY_ARGUMENT);
    look_at("child", child, after_fork);
    say_kill(child, SIGALRM);
    say_kill(child, SIGUSR1);
    wait_for_cat(ends[0]);
    look_at("cat", child, after_exec);
    close(ends[0]); /* end of file for cat */
    if (reap(child) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "cat failed");

    printf("%-8s %-8s %s\n", "", "fork", "exec");
    for (int i = 0; i < FACTS; i++)
        printf("%-8s %-8s %s\n", facts[i].what, after_fork[i] ? "kept" : facts[i].lost,
               after_exec[i] ? "kept" : facts[i].lost);
    for (int i = 0; i < FACTS; i++)
        if (!before[i] || after_fork[i] != (i != PENDING) || after_exec[i] != (i != HANDLER))
            errx(EXIT_FAILURE, "unexpected: %s, against signal(7)", facts[i].what);
    lesson("fork() copies all this but pending signals; exec() keeps all but the handlers");
    return EXIT_SUCCESS;
}
