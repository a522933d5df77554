/* handler - how to learn of a signal without doing much in a handler: a self-pipe, or a signalfd
 *
 * The handler of a self-pipe sets a flag, which says what has happened, and writes a byte into a
 * pipe, which only wakes the program. A signalfd needs no handler: the signal stays blocked and is
 * read from a descriptor. Here SIGUSR1 comes until the pipe is full, then SIGTERM.
 *
 * With -x the program goes by the bytes, the numbers of the signals: SIGTERM's finds no room.
 *
 * signal-safety(7), signalfd(2), poll(2), pipe(7)
 */
#define _GNU_SOURCE /* pipe2, F_SETPIPE_SZ */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { MOST = 1000000 };

static const char usage[] =
    "usage: handler [-x] [-c COUNT]\n"
    "  -c COUNT  it gets SIGUSR1 COUNT times, and at least until its pipe is full\n"
    "  -x        the byte in the pipe says which signal it was: SIGTERM is lost\n"
    "  prints each way with the signals that it saw\n";

static int self_pipe[2], count = 1;
static bool by_byte;
static volatile sig_atomic_t got[SIGTERM + 1];
static volatile sig_atomic_t *refused; /* the handler's error, in shared memory */

static void wake(int number)
{
    const int saved = errno; /* of whatever call is interrupted */
    const unsigned char byte = (unsigned char)number;
    if (!by_byte)
        got[number] = 1;
    if (write(self_pipe[WRITE_END], &byte, 1) == -1)
        *refused = errno; /* the pipe is full, so there is enough in it to wake the program */
    errno = saved;
}

static void be_busy(void)
{
    const pid_t self = getpid();
    errno = 0;
    for (int i = 0; i < count; i++)
        if (kill(self, SIGUSR1) == -1) /* it has a handler, or is blocked */
            err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGUSR1), %d time%s", (int)self, count, plural((unsigned)count));
    if (kill(self, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM)%s%s", (int)self,
        *refused == 0 ? "" : "; write(): ", *refused == 0 ? "" : errno_name(*refused));
    if (errno != 0)
        errx(EXIT_FAILURE, "unexpected: the handler has left its errno: %s", errno_name(errno));
}

static void wait_for_input(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    int ready;
    while ((ready = poll(&end, 1, -1)) == -1) {
        if (errno != EINTR)
            err(EXIT_FAILURE, "poll");
        say("poll() = %d %s: a handler has run", ready, errno_name(errno));
    }
    say("poll(%d) = %d, %s", fd, ready, poll_events(end.revents));
}

static void empty_pipe(void)
{
    int total = 0;
    for (unsigned char byte; read(self_pipe[READ_END], &byte, 1) == 1; total++)
        if (by_byte)
            got[byte] = 1;
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "read");
    say("read(%d): the pipe had %d byte%s", self_pipe[READ_END], total, plural((unsigned)total));
}

static void serve_self_pipe(void)
{
    if (pipe2(self_pipe, O_NONBLOCK | O_CLOEXEC) == -1) /* or a full pipe would stop the handler */
        err(EXIT_FAILURE, "pipe2");
    say("pipe2(O_NONBLOCK) = %d, %d", self_pipe[READ_END], self_pipe[WRITE_END]);
    const int room = fcntl(self_pipe[WRITE_END], F_SETPIPE_SZ, 1); /* gets the least: a page */
    if (room == -1)
        err(EXIT_FAILURE, "fcntl F_SETPIPE_SZ");
    count = count < room ? room : count;
    handle_by(wake, SIGUSR1, SA_RESTART);
    handle_by(wake, SIGTERM, SA_RESTART);
    for (bool busy = true, end = false; !end; busy = false) {
        wait_for_input(self_pipe[READ_END]);
        empty_pipe(); /* first: what comes from now on wakes it again */
        if (got[SIGUSR1]) {
            got[SIGUSR1] = 0; /* first: another may come while we work */
            puts("self-pipe SIGUSR1");
        }
        end = got[SIGTERM];
        if (end)
            puts("self-pipe SIGTERM");
        flush_stdout();
        if (busy)
            be_busy();
    }
    _exit(EXIT_SUCCESS);
}

static void serve_signalfd(void)
{
    const sigset_t set = set_of_two(SIGUSR1, SIGTERM);
    block(&set); /* or they would kill: the default action */
    const int fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "signalfd");
    say("signalfd() = %d: both signals are blocked", fd);
    for (bool busy = true, end = false; !end; busy = false) {
        struct signalfd_siginfo info;
        wait_for_input(fd);
        if (read(fd, &info, sizeof info) != sizeof info)
            errx(EXIT_FAILURE, "read: no whole record");
        say("read(%d): signal %u from %u", fd, info.ssi_signo, info.ssi_pid);
        end = info.ssi_signo == SIGTERM;
        puts(end ? "signalfd SIGTERM" : "signalfd SIGUSR1");
        flush_stdout();
        if (busy)
            be_busy();
    }
    _exit(EXIT_SUCCESS);
}

static pid_t start_server(bool by_signalfd)
{
    *refused = 0;
    const pid_t server = fork();
    if (server == -1)
        err(EXIT_FAILURE, "fork");
    if (server == 0) {
        lane(1, by_signalfd ? "signalfd" : "selfpipe");
        die_with_parent();
        if (by_signalfd)
            serve_signalfd();
        serve_self_pipe();
    }
    say_asleep_in("the server", server, "poll", ANY_ARGUMENT);
    say_kill(server, SIGUSR1);
    return server;
}

int main(int argc, char *argv[])
{
    for (int letter; (letter = next_option(argc, argv, "xc:", usage)) != -1;)
        if (letter == 'x')
            by_byte = true;
        else
            count = (int)parse_long("-c", optarg, 1, MOST);
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    refused = share_memory(sizeof *refused);
    const pid_t first = start_server(false);
    if (by_byte) {
        say_still_asleep_in("the server", first, "poll", ANY_ARGUMENT);
        say_kill(first, SIGKILL);
        reap(first);
        if (*refused != EAGAIN)
            errx(EXIT_FAILURE, "unexpected: write() in the handler: %s", errno_name(*refused));
        puts("SIGTERM lost");
    } else if (reap(first) != EXIT_SUCCESS || reap(start_server(true)) != EXIT_SUCCESS) {
        errx(EXIT_FAILURE, "a server failed");
    }
    lesson(by_byte ? "a full pipe drops the byte, and with it the only trace of SIGTERM"
                   : "make the signal an input: a flag and a byte in a pipe, or a signalfd");
    return EXIT_SUCCESS;
}
