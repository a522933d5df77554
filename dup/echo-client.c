/* echo-client - sends and receives at once, and checks that all that it sent comes back
 *
 * One poll() waits for input, for room to send, and for what comes back. A client that sent
 * everything first and then received would work with a little. With more, both sockets and the
 * server's buffer fill up, and each side waits for the other to receive. When all is back, the
 * client closes its direction of the connection, and waits for the server to close the other.
 *
 * If nothing comes, the client tells what it waits for: both ends of a connection to 127.0.0.1
 * stand in /proc/net/tcp, and with them how many bytes lie there unread.
 *
 * poll(2), send(2), recv(2), shutdown(2), /proc/net/tcp in proc(5)
 */
#include "../lib/demo.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, NOTICE_MS = 300, PATIENCE_MS = 3000, TOLD = 10, SHORT = 20 };

static const char usage[] =
    "usage: echo-client [-p PORT] [TEXT...]\n"
    "  -p PORT  the server's, at 127.0.0.1 (20002 + 10 * (UID modulo 1201))\n"
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
    input = malloc(end);
    if (input == NULL)
        err(EXIT_FAILURE, "malloc");
    char *place = input;
    for (char **text = texts; *text != NULL; text++) {
        place = stpcpy(place, *text);
        *place++ = '\n';
    }
    more = false;
}

static void read_stdin(void)
{
    if (input == NULL && (input = malloc(BUFFER)) == NULL)
        err(EXIT_FAILURE, "malloc");
    const ssize_t count = read(STDIN_FILENO, input, BUFFER);
    if (count == -1)
        err(EXIT_FAILURE, "stdin");
    more = count > 0;
    start = 0;
    end = (size_t)count;
}

static void send_some(int server)
{
    static int told;
    const ssize_t count = send(server, input + start, end - start, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count == -1 && errno == EAGAIN)
        return;
    if (count == -1)
        err(EXIT_FAILURE, "send to the server");
    if (told++ < TOLD)
        say("send(%d) = %zd %s", server, count,
            count <= SHORT ? quoted(input + start, (size_t)count) : "");
    count_in(&sent, input + start, (size_t)count);
    start += (size_t)count;
}

/* Returns whether that was the end. */
static bool receive_some(int server)
{
    static int told;
    static char buffer[BUFFER];
    const unsigned long long missing = sent.bytes - received.bytes;
    const ssize_t count = recv(server, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count == -1 && errno == EAGAIN)
        return false;
    if (count == -1)
        err(EXIT_FAILURE, "recv: %llu of %llu bytes have not come back", missing, sent.bytes);
    if (count == 0)
        return true;
    if (told++ < TOLD)
        say("recv(%d) = %zd %s", server, count,
            count <= SHORT ? quoted(buffer, (size_t)count) : "");
    if ((size_t)count > missing)
        errx(EXIT_FAILURE, "more came back than was sent");
    count_in(&received, buffer, (size_t)count);
    fwrite(buffer, 1, (size_t)count, stdout);
    if (ferror(stdout))
        err(EXIT_FAILURE, "stdout");
    return false;
}

/* How many bytes lie unread at the server's end of the connection; -1 if that is not to be seen.
 * Its end is the line with our two addresses the other way round. */
static long unread_at(int server, in_port_t port)
{
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    if (getsockname(server, (struct sockaddr *)&own, &length) == -1)
        err(EXIT_FAILURE, "getsockname");
    const unsigned address = own.sin_addr.s_addr; /* 127.0.0.1, and the server's is the same */
    char ends[64], line[256];
    snprintf(ends, sizeof ends, " %08X:%04X %08X:%04X ", address, (unsigned)port, address,
             (unsigned)ntohs(own.sin_port));
    unsigned long unread;
    long result = -1;
    FILE *const table = fopen("/proc/net/tcp", "r");
    while (table != NULL && fgets(line, sizeof line, table) != NULL) {
        const char *const found = strstr(line, ends);
        if (found != NULL && sscanf(found + strlen(ends), "%*x %*x:%lx", &unread) == 1)
            result = (long)unread;
    }
    if (table != NULL)
        fclose(table);
    return result;
}

static void tell_what_is_missing(int server, in_port_t port)
{
    say("nothing for %d ms; %llu bytes are missing", NOTICE_MS, sent.bytes - received.bytes);
    const long unread = unread_at(server, port);
    if (unread > 0)
        say("%ld lie in the server's socket, unread", unread);
    else if (unread == 0)
        say("the server has read all that was sent");
}

/* Both directions at once. It waits for ever for its input, but not for what the server owes. */
static void exchange(int server, in_port_t port)
{
    bool half_closed = false, told = false, ended = false;
    double heard = now_in_ms();
    while (!ended) {
        const bool pending = start < end;
        const bool owed = pending || received.bytes < sent.bytes || half_closed;
        const double left = heard + (told ? PATIENCE_MS : NOTICE_MS) - now_in_ms();
        const int patience = !owed ? -1 : left > 0 ? (int)left + 1 : 0;
        struct pollfd ends[] = {{.fd = more && !pending ? STDIN_FILENO : -1, .events = POLLIN},
                                {.fd = server, .events = pending ? POLLIN | POLLOUT : POLLIN}};
        const int ready = poll(ends, 2, patience);
        if (ready == -1)
            err(EXIT_FAILURE, "poll");
        const bool answer = (ends[1].revents & ~POLLOUT) != 0;
        if (ready == 0 && told)
            errx(EXIT_FAILURE, "no answer for %d ms: %llu of %llu bytes have not come back",
                 PATIENCE_MS, sent.bytes - received.bytes, sent.bytes);
        if (ready == 0)
            tell_what_is_missing(server, port);
        if (ready == 0 || answer || !owed) {
            heard = now_in_ms();
            told = ready == 0;
        }

        if (answer)
            ended = receive_some(server);
        if ((ends[1].revents & POLLOUT) != 0)
            send_some(server);
        if (ends[0].revents != 0)
            read_stdin();
        if (!ended && !half_closed && !more && start == end && received.bytes == sent.bytes) {
            if (shutdown(server, SHUT_WR) == -1)
                err(EXIT_FAILURE, "shutdown");
            say("shutdown(%d, SHUT_WR): no more from here", server);
            half_closed = true;
        }
    }
    if (!half_closed)
        errx(EXIT_FAILURE, "the server has closed: %llu of %llu bytes have not come back",
             sent.bytes - received.bytes, sent.bytes);
    say("recv(%d) = 0: no more from there", server);
}

int main(int argc, char *argv[])
{
    const char *port_option = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        port_option = optarg;
    const in_port_t port = demo_port(2, port_option);

    pair_lane("client");
    if (setvbuf(stdout, NULL, _IOLBF, BUFSIZ) != 0) /* each line at once, also into a file */
        errx(EXIT_FAILURE, "setvbuf");
    if (optind < argc)
        take_texts(&argv[optind]);
    const int server = connect_to(port);
    say("connect(%d) to port %u", server, (unsigned)port);
    exchange(server, port);
    flush_stdout();
    if (received.sum != sent.sum)
        errx(EXIT_FAILURE, "other bytes came back than were sent");
    say("%llu bytes sent, the same came back", sent.bytes);
    free(input);
    lesson("a stream has two directions: watch both at once, and each can be closed by itself");
    return EXIT_SUCCESS;
}
