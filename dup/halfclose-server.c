/* halfclose-server - reads a request to its end of file, then answers; is anybody still there?
 *
 * The answer says how long the request was, so it cannot come before the end. The server reports
 * whether the client's kernel has acknowledged the answer, or refused it with an RST because no
 * process has the socket any more.
 *
 * poll(2), SIOCOUTQ in tcp(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

static const char usage[] =
    "usage: halfclose-server [-p PORT]\n"
    "  -p PORT  listen there; 0 is any free one (20001 + 10 * (UID modulo 1201))\n"
    "  prints \"port N\", then what the client sends; serves one client, and ends\n"
    "  other terminal: ./dup/halfclose-client\n";

/* Returns the length of the answer. A client that is silent, but does not go, is given up. */
static size_t read_to_end(int fd, char *answer, size_t size)
{
    char buffer[4096];
    unsigned long long lines = 0, bytes = 0;
    for (;;) {
        const double start = now_in_ms();
        const int ready = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, PATIENCE_MS);
        if (ready == -1)
            err(EXIT_FAILURE, "poll");
        if (ready == 0)
            errx(EXIT_FAILURE, "for %d seconds no data, and no end of file", PATIENCE_MS / 1000);
        const ssize_t count = read(fd, buffer, sizeof buffer);
        if (count == -1)
            err(EXIT_FAILURE, "read");
        if (count == 0) {
            say("read(%d) = %zd: the end, after %.0f ms", fd, count, now_in_ms() - start);
            return (size_t)snprintf(answer, size, "lines %llu bytes %llu\n", lines, bytes);
        }
        say("read(%d) = %zd %s", fd, count, quoted(buffer, (size_t)count));
        bytes += (size_t)count;
        for (ssize_t i = 0; i < count; i++)
            lines += buffer[i] == '\n';
        tame(buffer, (size_t)count);
        if (write_full(STDOUT_FILENO, buffer, (size_t)count) == -1)
            err(EXIT_FAILURE, "stdout");
    }
}

/* write(2) says only that our kernel has the answer. What the client's kernel says to it comes
 * later: an ACK empties the queue, an RST is POLLERR. */
static bool is_acknowledged(int fd)
{
    for (int i = 0; i < PATIENCE_MS; i++) {
        struct pollfd end = {.fd = fd};
        int unacknowledged;
        const int ready = poll(&end, 1, 1); /* a millisecond */
        if (ready == -1 || ioctl(fd, TIOCOUTQ, &unacknowledged) == -1)
            err(EXIT_FAILURE, "poll or ioctl TIOCOUTQ");
        if ((end.revents & POLLERR) != 0) {
            say("poll(%d) = %d, %s: an RST", fd, ready, poll_events(end.revents));
            return false;
        }
        if (unacknowledged == 0) {
            say("ioctl(%d, TIOCOUTQ) = %d: acknowledged", fd, unacknowledged);
            return true;
        }
    }
    errx(EXIT_FAILURE, "the client's kernel says nothing to the answer");
}

/* Returns false if it failed, because the client is gone. */
static bool write_answer(int fd, const char *answer, size_t length)
{
    const ssize_t count = write(fd, answer, length);
    if (count == -1 && errno != EPIPE && errno != ECONNRESET)
        err(EXIT_FAILURE, "write");
    say("write(%d, %s) = %zd %s", fd, quoted(answer, length), count, error_of(count));
    return count != -1;
}

int main(int argc, char *argv[])
{
    const char *port = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        port = optarg;
    check_operands(argc, argv, 0, 0);

    pair_lane("server");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* or a client that is gone would kill the server */
        err(EXIT_FAILURE, "signal");
    const int listener = bind_to(demo_port(1, port), 0);
    start_to_listen(listener);
    const int fd = accept_own(listener);
    close(listener); /* the next one is refused, and does not wait in vain */
    char answer[64];
    const size_t length = read_to_end(fd, answer, sizeof answer);
    /* The first write() to a client that is gone succeeds, the second one does not. */
    if (write_answer(fd, answer, length) && !is_acknowledged(fd))
        write_answer(fd, answer, length);
    return EXIT_SUCCESS;
}
