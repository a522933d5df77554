/* echo-client - sends and receives at once, and waits until everything that it sent has come back
 *
 * A client that sent everything first and then received would work with a little. With more, both
 * sockets and the server's buffer fill up, and each side waits for the other to receive.
 *
 * poll(2), send(2), recv(2), shutdown(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT, SERVER, BUFFER = 64 * 1024, NOTICE_MS = 300, PATIENCE_MS = 3000, LINES = 20 };

static const char usage[] = "usage: echo-client [-p PORT] [TEXT...]\n"
                            "  -p PORT  the server's port (20002 + 10 * (UID modulo 1201))\n"
                            "  sends each TEXT as a line; without one, stdin, any bytes\n"
                            "  prints what comes back; other terminal: ./dup/echo-server\n";

static char buffer[BUFFER], *unsent = buffer;
static size_t left; /* to be sent, from `unsent` on */
static unsigned long long sent, received;

static void take_texts(char *texts[])
{
    for (; *texts != NULL && left < BUFFER; texts++)
        left += (size_t)snprintf(buffer + left, BUFFER - left, "%s\n", *texts);
    if (left >= BUFFER)
        errx(USAGE_ERROR, "%d bytes of TEXT or more: use stdin", BUFFER);
}

static const char *missing(void)
{
    static char text[80];
    snprintf(text, sizeof text, "%llu of %llu byte%s missing", sent - received, sent, plural(sent));
    return text;
}

/* Returns false at the end of stdin. */
static bool read_input(void)
{
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
    if (count == -1)
        err(EXIT_FAILURE, "stdin");
    unsent = buffer;
    left = (size_t)count;
    return count > 0;
}

static void send_some(int server)
{
    const ssize_t count = send(server, unsent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count == -1 && errno == EAGAIN)
        return;
    if (count == -1)
        err(EXIT_FAILURE, "send to the server");
    say("send(%d) = %zd %s", server, count, quoted(unsent, (size_t)count));
    sent += (size_t)count;
    unsent += count;
    left -= (size_t)count;
}

/* Returns false at the end. */
static bool receive_some(int server)
{
    static char bytes[BUFFER];
    const ssize_t count = recv(server, bytes, sizeof bytes, 0);
    if (count == -1)
        err(EXIT_FAILURE, "recv: %s", missing());
    say("recv(%d) = %zd %s", server, count, quoted(bytes, (size_t)count));
    received += (size_t)count;
    if (received > sent)
        errx(EXIT_FAILURE, "more came back than was sent");
    tame(bytes, (size_t)count);
    if (write_full(STDOUT_FILENO, bytes, (size_t)count) == -1)
        err(EXIT_FAILURE, "stdout");
    return count > 0;
}

/* Waits for ever for input, but not for what the server owes. */
static void wait_for(struct pollfd ends[2], bool owes)
{
    int ready = poll(ends, 2, owes ? NOTICE_MS : -1);
    if (ready == 0) {
        limit_story(LINES);
        say("nothing for %d ms; %s", NOTICE_MS, missing());
        const long unread = unread_by_peer(ends[SERVER].fd);
        if (unread != -1)
            say("%ld byte%s unread at the server", unread, plural((unsigned long)unread));
        ready = poll(ends, 2, PATIENCE_MS);
    }
    if (ready == -1)
        err(EXIT_FAILURE, "poll");
    if (ready == 0)
        errx(EXIT_FAILURE, "no answer for %d ms: %s", PATIENCE_MS, missing());
}

int main(int argc, char *argv[])
{
    const char *port_option = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        port_option = optarg;
    const in_port_t port = demo_port(2, port_option);

    pair_lane("client");
    take_texts(&argv[optind]);
    const int server = connect_to(port);
    say("connect(%d): port %u", server, (unsigned)port);
    limit_story(LINES);
    bool more = optind == argc;
    while (more || left > 0 || received < sent) {
        struct pollfd ends[] = {{.fd = more && left == 0 ? STDIN_FILENO : -1, .events = POLLIN},
                                {.fd = server, .events = left > 0 ? POLLIN | POLLOUT : POLLIN}};
        wait_for(ends, left > 0 || received < sent);
        if ((ends[SERVER].revents & ~POLLOUT) != 0 && !receive_some(server))
            errx(EXIT_FAILURE, "the server has closed: %s", missing());
        if ((ends[SERVER].revents & POLLOUT) != 0)
            send_some(server);
        if (ends[INPUT].revents != 0)
            more = read_input();
    }
    if (shutdown(server, SHUT_WR) == -1)
        err(EXIT_FAILURE, "shutdown");
    limit_story(LINES);
    say("shutdown(%d, SHUT_WR)", server);
    struct pollfd last[] = {{.fd = -1}, {.fd = server, .events = POLLIN}};
    wait_for(last, true);
    receive_some(server); /* its end: more bytes than we have sent would be an error */
    lesson("a stream has two directions: watch both, and each can be closed by itself");
    return EXIT_SUCCESS;
}
