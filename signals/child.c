/* child - many children end at once, and one SIGCHLD stands for all of them
 *
 * A child that has ended stays as a zombie until its parent waits for it, and SIGCHLD says that
 * there is something to wait for. It does not say how much: a signal that is already pending is not
 * counted twice. So the handler waits in a loop, until there is nothing more to wait for.
 *
 * With -x it waits once for each signal. To make the loss certain, the children end while SIGCHLD
 * is blocked; it is so by itself, too, as long as its handler runs.
 *
 * waitpid(2), zombies in wait(2), SIGCHLD and SA_NOCLDSTOP in sigaction(2), /proc/PID/stat in
 * proc(5)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 5 };

static const char usage[] =
    "usage: child [-x]\n"
    "  -x  the handler waits once for each signal: zombies stay\n"
    "  prints how many children ended, signals came, waits succeeded, and zombies were left\n";

static volatile sig_atomic_t loops, signals, reaped;

static void handle(int signal_number)
{
    (void)signal_number;
    const int saved = errno;
    signals++;
    while (waitpid(-1, NULL, WNOHANG) > 0) { /* 0: others still run; ECHILD: no child is left */
        reaped++;
        if (!loops)
            break;
    }
    errno = saved;
}

/* Nobody writes into this pipe: the children's reads end when the parent closes it. */
static int gate[2];

static pid_t start_child(void)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid != 0)
        return pid;
    char byte;
    die_with_parent();
    if (close(gate[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (read(gate[READ_END], &byte, 1) == -1)
        err(EXIT_FAILURE, "read");
    _exit(EXIT_SUCCESS);
}

static void wait_until_ended(pid_t pid)
{
    siginfo_t info;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == -1) /* and leave it a zombie */
        if (errno != EINTR)
            err(EXIT_FAILURE, "waitid");
}

static bool is_zombie(pid_t pid)
{
    char path[64], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *const file = fopen(path, "re");
    if (file == NULL && errno != ENOENT)
        err(EXIT_FAILURE, "%s", path);
    if (file == NULL)
        return false; /* reaped: there is no such process */
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        err(EXIT_FAILURE, "%s", path);
    fclose(file);
    return state == 'Z';
}

static int count_zombies(const pid_t children[])
{
    int zombies = 0;
    for (int i = 0; i < CHILDREN; i++)
        zombies += is_zombie(children[i]);
    return zombies;
}

static void be_parent(void)
{
    lane(0, "parent");
    die_with_parent();
    main_process = getpid(); /* the children die with this one */
    const struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    if (sigaction(SIGCHLD, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    say("sigaction(SIGCHLD), and SIGCHLD is blocked");

    if (pipe(gate) == -1)
        err(EXIT_FAILURE, "pipe");
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++)
        children[i] = start_child();
    if (close(gate[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    for (int i = 0; i < CHILDREN; i++)
        wait_until_ended(children[i]);
    if (count_zombies(children) != CHILDREN)
        errx(EXIT_FAILURE, "a child that has ended is no zombie");
    say("%d children have ended: /proc says Z, zombie, of each", CHILDREN);

    const int predicted = loops ? 0 : CHILDREN - 1;
    say("one SIGCHLD is pending; when its handler has run, %d zombies will be left", predicted);
    if (sigprocmask(SIG_UNBLOCK, &set, NULL) == -1) /* the handler runs before this returns */
        err(EXIT_FAILURE, "sigprocmask");
    const int zombies = count_zombies(children);
    say("SIGCHLD unblocked: the handler ran %d time, its waitpid() took %d", (int)signals,
        (int)reaped);
    printf("ended %d signals %d waits %d zombies %d\n", CHILDREN, (int)signals, (int)reaped,
           zombies);
    flush_stdout();
    if (signals != 1 || zombies != predicted)
        errx(EXIT_FAILURE, "unexpected: %d signals, %d waits", (int)signals, (int)reaped);

    for (int i = 0; i < zombies; i++)
        if (wait(NULL) == -1)
            err(EXIT_FAILURE, "wait");
    if (zombies > 0)
        say("no signal will ever tell of the %d zombies; wait() removes them now", zombies);
    lesson(loops ? "one SIGCHLD may stand for many children: wait until none is left to wait for"
                 : "one wait for each SIGCHLD is too few: signals merge, and zombies stay");
    exit(EXIT_SUCCESS);
}

/* A program may begin with children that it never forked: those of the shell that turned into it by
 * exec. waitpid(-1) would take them for its own. A process from fork() has none. */
int main(int argc, char *argv[])
{
    loops = true;
    while (next_option(argc, argv, "x", usage) != -1)
        loops = false;
    check_operands(argc, argv, 0, 0);

    const pid_t parent = fork();
    if (parent == -1)
        err(EXIT_FAILURE, "fork");
    if (parent == 0)
        be_parent();
    return reap(parent);
}
