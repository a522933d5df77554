/* oob-send - sends TCP urgent data to oob-recv: marks one byte of the stream as urgent
 *
 * There is only one mark: an urgent byte that is not yet read when the next one comes is ordinary
 * from then on, or lost. So the sender waits until the receiver has read all, but not longer than a
 * second. TCP does not report that; the kernel does, of a receiver's socket on this machine.
 *
 * MSG_OOB in send(2), tcp(7), sock_diag(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] = "usage: oob-send [-p PORT] [TEXT...]\n"
                            "  -p PORT  the port of oob-recv (20000 + 10 * (UID modulo 1201))\n"
                            "  sends each TEXT as a line; without one, each line of stdin\n"
                            "  '!TEXT': with MSG_OOB; its last byte is urgent, the newline is not\n"
                            "  other terminal: ./signals/oob-recv\n";

/* Watches for the end of the connection: POLLERR and POLLHUP are always reported. */
static void watch_receiver(int fd, int milliseconds)
{
    struct pollfd end = {.fd = fd};
    if (poll(&end, 1, milliseconds) == -1)
        err(EXIT_FAILURE, "poll");
    if (end.revents != 0)
        errx(EXIT_FAILURE, "poll(%d): %s, the receiver is gone", fd, poll_events(end.revents));
}

/* Waits until the receiver has read all, a second at most; if once in vain, never again. */
static void wait_until_read(int fd)
{
    enum { PATIENCE_MS = 1000 };
    static bool in_vain;
    const double start = now_in_ms();
    for (long unread; !in_vain && (unread = unread_by_peer(fd)) > 0;) {
        watch_receiver(fd, 1);
        in_vain = now_in_ms() - start > PATIENCE_MS;
        if (in_vain)
            say("%ld byte%s unread for a second: goes on", unread, plural((unsigned long)unread));
    }
    watch_receiver(fd, 0);
}

static void send_bytes(int fd, const char *bytes, size_t length, int flags)
{
    while (length > 0) {
        const ssize_t count = send(fd, bytes, length, flags | MSG_NOSIGNAL);
        if (count == -1)
            err(EXIT_FAILURE, "send: %s", errno_name(errno));
        say("send(%d, %s%s) = %zd", fd, quoted(bytes, length),
            flags == MSG_OOB    ? ", MSG_OOB"
            : flags == MSG_MORE ? ", MSG_MORE"
                                : "",
            count);
        bytes += count;
        length -= (size_t)count;
    }
}

/* A line of one segment, unless a byte of it is urgent: see MSG_MORE in send(2). */
static void send_line(int fd, const char *line, size_t length)
{
    const bool urgent = *line == '!' && length > strlen("!");
    wait_until_read(fd);
    send_bytes(fd, line + urgent, length - urgent, urgent ? MSG_OOB : MSG_MORE);
    send_bytes(fd, "\n", 1, 0);
}

int main(int argc, char *argv[])
{
    const char *port_option = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        port_option = optarg;
    const in_port_t port = demo_port(0, port_option);

    pair_lane("sender");
    const int fd = connect_to(port);
    say("socket() = %d: connected to port %u", fd, (unsigned)port);
    for (int i = optind; i < argc; i++)
        send_line(fd, argv[i], strlen(argv[i]));
    if (optind == argc) {
        char *line = NULL;
        for (ssize_t length; (length = read_line(&line)) != -1;)
            send_line(fd, line, (size_t)length);
        free(line);
    }
    wait_until_read(fd);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): the end for the receiver", fd);
    return EXIT_SUCCESS;
}
