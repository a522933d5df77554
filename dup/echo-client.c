/* echo-client - sends and receives at once, and checks that everything that it sent comes back
 *
 * One poll() waits for input, for room to send, and for what comes back. A client that sent
 * everything first and then received would work with a little. With more, both sockets and the
 * server's buffer fill up, and each side waits for the other to receive. When all is back, the
 * client closes its direction of the connection, and waits for the server to close the other.
 *
 * poll(2), send(2), recv(2), shutdown(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, NOTICE_MS = 300, PATIENCE_MS = 3000, LINES = 20, SHORT = 20 };

static const char usage[] = "usage: echo-client [-p PORT] [TEXT...]\n"
                            "  -p PORT  the server's port (20002 + 10 * (UID modulo 1201))\n"
                            "  sends each TEXT as a line; without one, stdin, any bytes\n"
                            "  prints what comes back; other terminal: ./dup/echo-server\n";

/* One direction: how many bytes, and their checksum (FNV-1a). */
static struct flow {
    unsigned long long bytes;
    uint64_t sum;
} sent = {.sum = 0xcbf29ce484222325}, received = {.sum = 0xcbf29ce484222325};

static void count_in(struct flow *flow, const char *bytes, size_t length)
{
    flow->bytes += length;
    for (size_t i = 0; i < length; i++)
        flow->sum = (flow->sum ^ (unsigned char)bytes[i]) * 0x100000001b3;
}

static char *input; /* what is to be sent: from `start` to `end` */
static size_t start, end;
static bool more = true; /* stdin has not ended */

/* The TEXTs as lines, in one piece. */
static void take_texts(char *texts[])
{
    for (char **text = texts; *text != NULL; text++)
        end += strlen(*text) + 1;
    input = malloc(end + 1);
    if (input == NULL)
        err(EXIT_FAILURE, "malloc");
    char *place = input;
    for (char **text = texts; *text != NULL; text++)
        place += sprintf(place, "%s\n", *text);
    more = false;
}

static void read_stdin(void)
{
    static char buffer[BUFFER];
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
    if (count == -1)
        err(EXIT_FAILURE, "stdin");
    more = count > 0;
    input = buffer;
    start = 0;
    end = (size_t)count;
}

static void send_some(int server)
{
    const ssize_t count = send(server, input + start, end - start, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count == -1 && errno == EAGAIN)
        return;
    if (count == -1)
        err(EXIT_FAILURE, "send to the server");
    say("send(%d) = %zd %s", server, count,
        count <= SHORT ? quoted(input + start, (size_t)count) : "");
    count_in(&sent, input + start, (size_t)count);
    start += (size_t)count;
}

/* Returns whether that was the end. */
static bool receive_some(int server)
{
    static char buffer[BUFFER];
    const unsigned long long missing = sent.bytes - received.bytes;
    const ssize_t count = recv(server, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count == -1 && errno == EAGAIN)
        return false;
    if (count == -1)
        err(EXIT_FAILURE, "recv: %llu of %llu bytes have not come back", missing, sent.bytes);
    say("recv(%d) = %zd %s", server, count, count <= SHORT ? quoted(buffer, (size_t)count) : "");
    if ((size_t)count > missing)
        errx(EXIT_FAILURE, "more came back than was sent");
    count_in(&received, buffer, (size_t)count);
    tame(buffer, (size_t)count);
    if (write_full(STDOUT_FILENO, buffer, (size_t)count) == -1)
        err(EXIT_FAILURE, "stdout");
    return count == 0;
}

/* Nothing has come for a while: the first time it says what is missing, then it gives up. */
static void complain(int server, bool again)
{
    const unsigned long long missing = sent.bytes - received.bytes;
    if (again)
        errx(EXIT_FAILURE, "no answer for %d ms: %llu of %llu bytes have not come back",
             PATIENCE_MS, missing, sent.bytes);
    limit_story(LINES);
    say("nothing for %d ms; %llu bytes are missing", NOTICE_MS, missing);
    const long unread = unread_by_peer(server);
    if (unread != -1)
        say("%ld bytes unread at the server", unread);
}

/* Both directions at once. It waits for ever for its input, but not for what the server owes. */
static void exchange(int server)
{
    bool half_closed = false, noticed = false;
    for (bool ended = false; !ended;) {
        const bool pending = start < end;
        const bool owed = pending || received.bytes < sent.bytes || half_closed;
        struct pollfd ends[] = {{.fd = more && !pending ? STDIN_FILENO : -1, .events = POLLIN},
                                {.fd = server, .events = pending ? POLLIN | POLLOUT : POLLIN}};
        const int ready = poll(ends, 2, !owed ? -1 : noticed ? PATIENCE_MS : NOTICE_MS);
        if (ready == -1)
            err(EXIT_FAILURE, "poll");
        if (ready == 0)
            complain(server, noticed);
        noticed = ready == 0;

        if ((ends[1].revents & ~POLLOUT) != 0)
            ended = receive_some(server);
        if ((ends[1].revents & POLLOUT) != 0)
            send_some(server);
        if (ends[0].revents != 0)
            read_stdin();
        if (!ended && !half_closed && !more && start == end && received.bytes == sent.bytes) {
            const int result = shutdown(server, SHUT_WR);
            if (result == -1)
                err(EXIT_FAILURE, "shutdown");
            limit_story(LINES);
            say("shutdown(%d, SHUT_WR) = %d", server, result);
            half_closed = true;
        }
    }
    if (!half_closed)
        errx(EXIT_FAILURE, "the server has closed: %llu of %llu bytes have not come back",
             sent.bytes - received.bytes, sent.bytes);
}

int main(int argc, char *argv[])
{
    const char *port_option = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        port_option = optarg;
    const in_port_t port = demo_port(2, port_option);

    pair_lane("client");
    if (optind < argc)
        take_texts(&argv[optind]);
    const int server = connect_to(port);
    say("connect(%d): port %u", server, (unsigned)port);
    limit_story(LINES);
    exchange(server);
    if (received.sum != sent.sum)
        errx(EXIT_FAILURE, "other bytes came back than were sent");
    lesson("a stream has two directions: watch both, and each can be closed by itself");
    return EXIT_SUCCESS;
}
