/* handler - how a program learns of a signal without doing much in a handler
 *
 * A handler may come between any two instructions, so it may call next to nothing: signal-safety(7)
 * lists what. Two ways to do the work outside of it, in the same poll() that waits for everything
 * else. The self-pipe: the handler only writes a byte into a pipe. A signalfd: there is no handler,
 * the signal stays blocked and is read from a descriptor.
 *
 * With -x the handler asks for the time of day, as for a log file, with localtime(), while the
 * program is doing the same. localtime() holds a lock; the handler waits for it, and the program
 * waits for the end of its handler. A signal may just miss, so they are sent until one hits.
 *
 * signal-safety(7), signalfd(2), poll(2), futex(2)
 */
#define _GNU_SOURCE /* pipe2 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: handler [-x]\n"
    "  -x  the handler calls localtime(): a deadlock with what it interrupts\n"
    "  prints each way with the signal it took; with -x, deadlock\n";

static int self_pipe[2];

static void write_byte(int signal_number)
{
    const int saved = errno; /* of whatever call is interrupted */
    const unsigned char byte = (unsigned char)signal_number;
    /* If the pipe is full, a byte that says so is in it: nothing is lost. */
    (void)!write(self_pipe[WRITE_END], &byte, 1);
    errno = saved;
}

static int open_self_pipe(void)
{
    if (pipe2(self_pipe, O_NONBLOCK | O_CLOEXEC) == -1) /* or a full pipe would stop the handler */
        err(EXIT_FAILURE, "pipe2");
    const struct sigaction action = {.sa_handler = write_byte, .sa_flags = SA_RESTART};
    if (sigaction(SIGUSR1, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    say("self-pipe %d; sigaction(SIGUSR1)", self_pipe[READ_END]);
    return self_pipe[READ_END];
}

static int read_self_pipe(int fd)
{
    unsigned char byte;
    if (read(fd, &byte, 1) != 1)
        err(EXIT_FAILURE, "read");
    return byte;
}

static sigset_t block_sigusr1(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    return set;
}

static int open_signalfd(void)
{
    const sigset_t set = block_sigusr1(); /* or it would kill us: the default action */
    const int fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "signalfd");
    say("SIGUSR1 blocked; signalfd() = %d", fd);
    return fd;
}

static int read_signalfd(int fd)
{
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof info) != sizeof info)
        err(EXIT_FAILURE, "read");
    say("from process %u, as siginfo_t would tell", info.ssi_pid);
    return (int)info.ssi_signo;
}

static const struct way {
    const char *name;
    int (*open)(void);
    int (*read)(int fd);
} ways[] = {{"self-pipe", open_self_pipe, read_self_pipe},
            {"signalfd", open_signalfd, read_signalfd}};
enum { WAYS = sizeof ways / sizeof *ways };

/* One poll() for signals and all the rest, here an input; and here everything may be called. */
static void serve(const struct way *way, const int input[2])
{
    lane(1, way->name);
    die_with_parent();
    if (close(input[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    struct pollfd ends[] = {{.fd = way->open(), .events = POLLIN},
                            {.fd = input[READ_END], .events = POLLIN}};
    while ((ends[1].revents & POLLHUP) == 0) {
        if (poll(ends, 2, -1) == -1) {
            if (errno != EINTR)
                err(EXIT_FAILURE, "poll");
            say("poll() = -1 EINTR: once more");
        } else if (ends[0].revents != 0) {
            const int number = way->read(ends[0].fd);
            if (number != SIGUSR1)
                errx(EXIT_FAILURE, "unexpected: signal %d", number);
            say("poll() = 1: read(%d) = SIGUSR1", ends[0].fd);
            printf("%s SIGUSR1\n", way->name);
        }
    }
    say("poll() = 1: end of the input");
    flush_stdout();
    _exit(EXIT_SUCCESS);
}

static void try_way(const struct way *way)
{
    int input[2];
    if (pipe2(input, O_CLOEXEC) == -1)
        err(EXIT_FAILURE, "pipe2");
    const pid_t server = fork();
    if (server == -1)
        err(EXIT_FAILURE, "fork");
    if (server == 0)
        serve(way, input);
    if (close(input[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    wait_asleep(server);
    say("it sleeps in poll(): kill(%d, SIGUSR1)", (int)server);
    if (kill(server, SIGUSR1) == -1)
        err(EXIT_FAILURE, "kill");
    wait_asleep(server);
    if (close(input[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (reap(server) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "%s: the server failed", way->name);
}

/* ---- -x: the mistake ---- */

static const time_t moment;

static void ask_for_time(int signal_number)
{
    (void)signal_number;
    (void)localtime(&moment); /* wrong: not in signal-safety(7) */
}

static void *do_nothing(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* SIGUSR1 is blocked, and remains so in the thread. The thread is there for C libraries that save
 * themselves the locks (musl all, glibc some) as long as there is only one. */
static void ask_for_ever(const sigset_t *set)
{
    die_with_parent();
    const struct sigaction action = {.sa_handler = ask_for_time, .sa_flags = SA_RESTART};
    if (sigaction(SIGUSR1, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    pthread_t thread;
    if ((errno = pthread_create(&thread, NULL, do_nothing, NULL)) != 0)
        err(EXIT_FAILURE, "pthread_create");
    if ((errno = pthread_sigmask(SIG_UNBLOCK, set, NULL)) != 0)
        err(EXIT_FAILURE, "pthread_sigmask");
    for (;;)
        (void)localtime(&moment);
}

static void hang(void)
{
    enum { MOST_SIGNALS = 5000, SETTLED_MS = 5, WATCHED_MS = 200 };
    const sigset_t set = block_sigusr1(); /* the worker takes it when it has its handler */
    const pid_t worker = fork();
    if (worker == -1)
        err(EXIT_FAILURE, "fork");
    if (worker == 0)
        ask_for_ever(&set);
    say("fork() = %d, it calls localtime() again and again", (int)worker);
    say("kill(%d, SIGUSR1), until one comes in the middle of localtime()", (int)worker);
    for (int sent = 0; !still_asleep(worker, SETTLED_MS); sent++) {
        if (sent == MOST_SIGNALS || has_ended(worker))
            errx(EXIT_FAILURE, "%d signals, and no deadlock", sent);
        if (kill(worker, SIGUSR1) == -1)
            err(EXIT_FAILURE, "kill");
    }
    while (!still_asleep(worker, WATCHED_MS)) /* stopped and continued, by Ctrl-Z and fg? */
        wait_asleep(worker);
    say_asleep_in("the worker", worker, "futex", ANY_ARGUMENT);
    say("its handler waits for the lock of localtime(), and that for its handler");
    if (kill(worker, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM)", (int)worker);
    if (reap(worker) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "the worker failed");
    puts("deadlock");
}

int main(int argc, char *argv[])
{
    bool unsafe = false;
    while (next_option(argc, argv, "x", usage) != -1)
        unsafe = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    if (unsafe)
        hang();
    else
        for (int i = 0; i < WAYS; i++)
            try_way(&ways[i]);
    flush_stdout();
    lesson(unsafe ? "a handler must not call what it may be interrupting: see signal-safety(7)"
                  : "let a signal become input: a byte in a pipe, or a signalfd, for poll()");
    return EXIT_SUCCESS;
}
