/* handler - how to learn of a signal without doing much in a handler: a self-pipe, or a signalfd
 *
 * Both ways make the signal an input, for the poll() that waits for everything else. The self-pipe:
 * the handler sets a flag and writes a byte into a pipe. The flag says what has happened, the byte
 * only wakes the program. A signalfd: there is no handler, the signal stays blocked and is read
 * from a descriptor. Then SIGUSR1 comes until the pipe is full, and SIGTERM: the program sees both.
 *
 * With -x the byte is the number of the signal, and the program goes by the bytes. The byte of
 * SIGTERM does not fit into the full pipe, and SIGTERM is lost.
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

enum { PAGE = 4096, MOST = 1000000, WATCHED_MS = 200 };

static const char usage[] =
    "usage: handler [-x] [-c COUNT]\n"
    "  -c COUNT  SIGUSR1 comes COUNT times to the busy server (4096, a full pipe)\n"
    "  -x        the byte in the pipe says which signal it was: SIGTERM is lost\n"
    "  prints each way with the signals that it saw\n";

static int self_pipe[2], count = PAGE;
static volatile sig_atomic_t got[SIGTERM + 1], refused;

static void wake(int signal_number)
{
    const int saved = errno; /* of whatever call is interrupted */
    const unsigned char byte = (unsigned char)signal_number;
    got[signal_number] = 1;
    if (write(self_pipe[WRITE_END], &byte, 1) == -1)
        refused = 1; /* the pipe is full, so there is enough in it to wake the program */
    errno = saved;
}

static void be_busy(void)
{
    for (int i = 0; i < count; i++)
        raise(SIGUSR1);
    say("raise(SIGUSR1) = 0, %d times", count);
    kill(getpid(), SIGTERM); /* it has a handler, or is blocked */
    say("kill(%d, SIGTERM) = 0%s", (int)getpid(), refused ? "; write(): EAGAIN" : "");
}

static void print(const char *way, const char *signal_name)
{
    printf("%s %s\n", way, signal_name);
    flush_stdout();
}

static void wait_for_input(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    while (poll(&end, 1, -1) == -1) {
        if (errno != EINTR)
            err(EXIT_FAILURE, "poll");
        say("poll() = -1 %s: a handler has run", errno_name(errno));
    }
    say("poll(%d) = 1, %s", fd, poll_events(end.revents));
}

static void serve_self_pipe(bool by_byte)
{
    const struct sigaction action = {.sa_handler = wake, .sa_flags = SA_RESTART};
    if (pipe2(self_pipe, O_NONBLOCK | O_CLOEXEC) == -1) /* or a full pipe would stop the handler */
        err(EXIT_FAILURE, "pipe2");
    say("pipe2(O_NONBLOCK) = %d, %d", self_pipe[READ_END], self_pipe[WRITE_END]);
    const int room = fcntl(self_pipe[WRITE_END], F_SETPIPE_SZ, PAGE); /* one page, the least */
    count = count < room ? room : count;
    if (sigaction(SIGUSR1, &action, NULL) == -1 || sigaction(SIGTERM, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    for (int round = 0;; round++) {
        wait_for_input(self_pipe[READ_END]);
        unsigned char bytes[4096];
        bool saw[SIGTERM + 1] = {false};
        long total = 0;
        for (ssize_t some; (some = read(self_pipe[READ_END], bytes, sizeof bytes)) > 0;) {
            total += some;
            for (ssize_t i = 0; i < some; i++)
                saw[bytes[i]] = true;
        }
        say("read(%d) = %ld bytes in all", self_pipe[READ_END], total);
        if (!by_byte) { /* the pipe is empty: what comes from now on, wakes again */
            saw[SIGTERM] = got[SIGTERM];
            saw[SIGUSR1] = got[SIGUSR1];
            if (saw[SIGUSR1])
                got[SIGUSR1] = 0; /* not if it was 0: it may have changed just now */
        }
        if (saw[SIGUSR1])
            print("self-pipe", "SIGUSR1");
        if (saw[SIGTERM])
            break;
        if (round == 0)
            be_busy();
    }
    print("self-pipe", "SIGTERM");
    _exit(EXIT_SUCCESS);
}

static void serve_signalfd(void)
{
    sigset_t set = set_of(SIGUSR1);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1) /* or they would kill: the default action */
        err(EXIT_FAILURE, "sigprocmask");
    const int fd = signalfd(-1, &set, SFD_CLOEXEC);
    say("signalfd() = %d: both signals are blocked", fd);
    for (int round = 0;; round++) {
        struct signalfd_siginfo info;
        wait_for_input(fd);
        if (read(fd, &info, sizeof info) != sizeof info)
            errx(EXIT_FAILURE, "read: no whole record");
        say("read(%d): signal %u from %u", fd, info.ssi_signo, info.ssi_pid);
        if (info.ssi_signo == SIGTERM)
            break;
        print("signalfd", "SIGUSR1");
        if (round == 0)
            be_busy();
    }
    print("signalfd", "SIGTERM");
    _exit(EXIT_SUCCESS);
}

static pid_t start_server(bool by_signalfd, bool by_byte)
{
    const pid_t server = fork();
    if (server == -1)
        err(EXIT_FAILURE, "fork");
    if (server == 0) {
        lane(1, by_signalfd ? "signalfd" : "selfpipe");
        die_with_parent();
        if (by_signalfd)
            serve_signalfd();
        serve_self_pipe(by_byte);
    }
    say_asleep_in("the server", server, "poll", ANY_ARGUMENT);
    say_kill(server, SIGUSR1);
    return server;
}

int main(int argc, char *argv[])
{
    bool by_byte = false;
    for (int letter; (letter = next_option(argc, argv, "xc:", usage)) != -1;)
        if (letter == 'x')
            by_byte = true;
        else
            count = (int)parse_long("-c", optarg, 1, MOST);
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    const pid_t first = start_server(false, by_byte);
    if (by_byte) {
        while (!still_asleep(first, WATCHED_MS) && !has_ended(first))
            continue;
        say_asleep_in("200 ms later: the server", first, "poll", ANY_ARGUMENT);
        kill(first, SIGKILL);
    }
    if (reap(first) != (by_byte ? 128 + SIGKILL : EXIT_SUCCESS) ||
        (!by_byte && reap(start_server(true, false)) != EXIT_SUCCESS))
        errx(EXIT_FAILURE, "a server failed");
    fputs(by_byte ? "SIGTERM lost\n" : "", stdout);
    flush_stdout();
    lesson(by_byte ? "a full pipe drops the byte, and with it the only word of SIGTERM"
                   : "make the signal an input: a flag and a byte in a pipe, or a signalfd");
    return EXIT_SUCCESS;
}
