/* orphan - a process whose parent ends gets a new parent: the nearest subreaper above it, or init
 *
 * The kernel goes up the line of ancestors to the first one that has made itself a subreaper, as
 * systemd and many container tools do. If there is none, it is process 1, init. For the second
 * orphan the program has made itself a subreaper, and can wait() for a process that it never
 * forked. The orphan has asked for a signal at the end of its parent: PR_SET_PDEATHSIG. When the
 * signal comes, the new parent is already there.
 *
 * PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG in prctl(2), getppid(2), pid_namespaces(7)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

static const char usage[] =
    "usage: orphan\n"
    "  prints who adopts an orphan: first without a subreaper nearby, then with one\n";

struct report {
    pid_t orphan, parent;
};

static void write_report(int fd)
{
    const struct report report = {.orphan = getpid(), .parent = getppid()};
    say("getppid() = %d", (int)report.parent);
    if (write_full(fd, &report, sizeof report) == -1)
        err(EXIT_FAILURE, "write");
}

static struct report read_report(int fd, pid_t orphan)
{
    struct report report;
    if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, PATIENCE_MS) == 0) {
        if (orphan != 0)
            kill(orphan, SIGKILL);
        errx(EXIT_FAILURE, "the orphan has not reported for %d seconds", PATIENCE_MS / 1000);
    }
    if (read_full(fd, &report, sizeof report) != sizeof report)
        errx(EXIT_FAILURE, "read: the orphan has ended too early");
    return report;
}

/* If the program is killed, so is its child; that ends this one, too. */
static void be_orphaned(int fd, pid_t parent)
{
    lane(2, "orphan");
    const sigset_t set = set_of(SIGUSR1);
    block(&set);
    if (prctl(PR_SET_PDEATHSIG, SIGUSR1) == -1)
        err(EXIT_FAILURE, "prctl");
    write_report(fd);
    int received;
    if (getppid() == parent) /* not if it has ended before we could ask for the signal */
        check_error(sigwait(&set, &received), "sigwait");
    write_report(fd);
    _exit(EXIT_SUCCESS);
}

static void be_parent(int fd)
{
    lane(1, "parent");
    die_with_parent();
    const pid_t self = getpid(), orphan = fork();
    if (orphan == -1)
        err(EXIT_FAILURE, "fork");
    if (orphan == 0)
        be_orphaned(fd, self);
    close(fd);
    say("fork() = %d", (int)orphan);
    for (;;)
        pause();
}

/* Returns the orphan, and its new parent. */
static struct report make_orphan(void)
{
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t parent = fork();
    if (parent == -1)
        err(EXIT_FAILURE, "fork");
    if (parent == 0)
        be_parent(fds[WRITE_END]);
    close(fds[WRITE_END]);
    say("fork() = %d", (int)parent);

    const pid_t orphan = read_report(fds[READ_END], 0).orphan; /* it has asked for its signal */
    say_asleep_in("the parent", parent, "pause", ANY_ARGUMENT);
    say_kill(parent, SIGTERM);
    if (reap(parent) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "the parent failed");
    const struct report last = read_report(fds[READ_END], orphan);
    close(fds[READ_END]);
    return last;
}

static void be_subreaper(unsigned long on)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, on) == -1)
        err(EXIT_FAILURE, "prctl: %s", errno_name(errno));
    say("prctl(PR_SET_CHILD_SUBREAPER, %lu)", on);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "program");
    say("process %d, a child of process %d", (int)getpid(), (int)getppid());
    be_subreaper(0); /* execve() keeps it */
    const struct report first = make_orphan();
    printf("no subreaper here: adopted by process %d\n", (int)first.parent);
    flush_stdout();
    if (first.parent == getpid()) /* the only program of a container is process 1 itself */
        reap(first.orphan);

    be_subreaper(1);
    const struct report second = make_orphan();
    if (second.parent != getpid())
        errx(EXIT_FAILURE, "unexpected: adopted by process %d", (int)second.parent);
    if (reap(second.orphan) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the orphan failed");
    say("waitpid(%d) = %d: the orphan", (int)second.orphan, (int)second.orphan);
    puts("a subreaper here: adopted by it");
    lesson("an orphan becomes the child of the nearest subreaper above it, or of init");
    return EXIT_SUCCESS;
}
