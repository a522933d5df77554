/* orphan - a process whose parent ends gets a new parent: the nearest subreaper above it, else init
 *
 * A child starts a grandchild, and ends. Whose child is the grandchild then? The kernel goes up the
 * line of ancestors to the first one that has made itself a subreaper, as systemd and many
 * container tools do. If there is none, it is process 1, init. The first orphan goes to whatever is
 * above this program; for the second one the program has made itself a subreaper, and may wait()
 * for a process that it never forked.
 *
 * The orphan learns of its parent's end by a signal that it has asked for: PR_SET_PDEATHSIG. When
 * it comes, the new parent is already there.
 *
 * PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG in prctl(2), getppid(2), pid_namespaces(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] = "usage: orphan\n"
                            "  prints who adopts an orphan without and with a subreaper near it\n";

/* What the grandchild tells the program, before and after its parent has ended. */
struct report {
    pid_t self, parent;
};
static int reports[2];

static void tell(void)
{
    const struct report report = {.self = getpid(), .parent = getppid()};
    say("parent: pid %d", (int)report.parent);
    if (write_full(reports[WRITE_END], &report, sizeof report) == -1)
        err(EXIT_FAILURE, "write");
}

/* When the program itself is killed, its child is, and that ends us, too. */
static void be_orphaned(pid_t parent)
{
    lane(2, "orphan");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    if (prctl(PR_SET_PDEATHSIG, SIGUSR1) == -1)
        err(EXIT_FAILURE, "prctl");
    tell();
    int received;
    if (getppid() == parent && (errno = sigwait(&set, &received)) != 0)
        err(EXIT_FAILURE, "sigwait");
    tell();
    _exit(EXIT_SUCCESS);
}

static void be_parent(void)
{
    lane(1, "parent");
    die_with_parent();
    const pid_t self = getpid();
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        be_orphaned(self);
    if (close(reports[WRITE_END]) == -1) /* if the orphan fails, the program reads its end */
        err(EXIT_FAILURE, "close");
    say("fork() = %d", (int)child);
    for (;;)
        pause();
}

static struct report read_report(void)
{
    struct report report;
    const ssize_t count = read_full(reports[READ_END], &report, sizeof report);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    if (count != sizeof report)
        errx(EXIT_FAILURE, "the orphan has ended too early");
    return report;
}

/* Returns the orphan, and its new parent. */
static struct report make_orphan(void)
{
    if (pipe(reports) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t parent = fork();
    if (parent == -1)
        err(EXIT_FAILURE, "fork");
    if (parent == 0)
        be_parent();
    if (close(reports[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    const pid_t orphan = read_report().self;
    wait_asleep(orphan);
    wait_asleep(parent);
    say("kill(%d, SIGTERM): the parent ends", (int)parent);
    if (kill(parent, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    if (reap(parent) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "the parent failed");
    const struct report report = read_report();
    if (close(reports[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    return report;
}

static void show_name(pid_t pid)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *const file = fopen(path, "re");
    if (file == NULL || fgets(name, sizeof name, file) == NULL)
        err(EXIT_FAILURE, "%s", path);
    fclose(file);
    name[strcspn(name, "\n")] = '\0';
    say("%s: %s", path, name);
}

/* Nobody but its new parent can wait for it; process 1 of a container may be one that does not. */
static void watch_it_go(pid_t orphan)
{
    enum { LONGEST_MS = 300, MILLISECOND = 1000000 };
    for (int i = 0; i < LONGEST_MS && kill(orphan, 0) == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
    if (kill(orphan, 0) == 0)
        say("the orphan has ended; its new parent has not waited yet: a zombie");
    else if (errno == ESRCH)
        say("the orphan has ended, and its new parent has waited for it");
    else
        err(EXIT_FAILURE, "kill");
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "program");
    say("process %d, a child of process %d", (int)getpid(), (int)getppid());
    if (prctl(PR_SET_CHILD_SUBREAPER, 0) == -1) /* execve() keeps it */
        err(EXIT_FAILURE, "prctl");
    const struct report first = make_orphan();
    show_name(first.parent);
    if (first.parent == getpid()) /* the only program of a container is process 1 itself */
        reap(first.self);
    watch_it_go(first.self);
    printf("no subreaper here: adopted by process %d\n", (int)first.parent);
    flush_stdout();

    if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
        err(EXIT_FAILURE, "prctl");
    say("prctl(PR_SET_CHILD_SUBREAPER, 1)");
    const struct report second = make_orphan();
    if (second.parent != getpid())
        errx(EXIT_FAILURE, "unexpected: adopted by process %d", (int)second.parent);
    if (reap(second.self) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the orphan failed");
    say("waitpid() = %d: the orphan, which was not forked here", (int)second.self);
    puts("a subreaper here: adopted by it");
    flush_stdout();
    lesson("an orphan becomes the child of the nearest subreaper above it, or else of init");
    return EXIT_SUCCESS;
}
