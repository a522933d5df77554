/* chat - a terminal and a socket at once: poll() waits for both, splice() moves the bytes
 *
 * Start it twice, in two terminals. The first one listens and the second one connects; after that
 * they do the same: what comes from stdin goes to the peer, what comes from the peer goes to
 * stdout. Neither read may sleep while the other side has something, so only poll() sleeps.
 *
 * splice() moves bytes between a pipe and any other file without showing them to the program. Here
 * neither end has to be a pipe, so each direction has one of its own between two calls. Not every
 * file can do it (EINVAL: a file opened to append, /dev/null to read from): then read() and
 * write().
 *
 * A direction takes in new bytes only when it has given out the last ones. So memory stays bounded,
 * and two programs that send megabytes at once never wait for each other.
 *
 * poll(2), splice(2), shutdown(2), EADDRINUSE in listen(2)
 */
#define _GNU_SOURCE /* splice */
#include "../lib/demo.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 100, RETRY_MS = 20, MOST = PIPE_BUF /* for which POLLOUT of a pipe has room */ };

static const char usage[] =
    "usage: chat [-p PORT]\n"
    "  -p PORT  where the two meet, on this machine (20003 + 10 * (UID % 1201));\n"
    "           0: listen at any free port, and print \"port N\" first\n"
    "  prints what the peer sends; ends when both sides have ended, here by Ctrl-D\n"
    "  other terminal: ./dup/chat\n";

static int new_socket(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        err(EXIT_FAILURE, "socket");
    return fd;
}

static struct sockaddr_in local_address(in_port_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Returns -1 if somebody else has the port. Of two that come at the same moment, bind() lets both
 * pass, because of SO_REUSEADDR; listen() lets one. */
static int listen_first(in_port_t port)
{
    struct sockaddr_in address = local_address(port);
    const int fd = new_socket();
    /* Or the port of an ended chat would be in use for another minute: TIME_WAIT in tcp(7). */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == -1)
        err(EXIT_FAILURE, "setsockopt SO_REUSEADDR");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1) {
        if (errno != EADDRINUSE)
            err(EXIT_FAILURE, "bind to port %u", (unsigned)port);
    } else if (listen(fd, 0) == -1) {
        if (errno != EADDRINUSE)
            err(EXIT_FAILURE, "listen");
    } else {
        socklen_t length = sizeof address;
        if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
            err(EXIT_FAILURE, "getsockname");
        const unsigned number = ntohs(address.sin_port);
        if (port == 0)
            printf("port %u\n", number);
        flush_stdout();
        say("listen() = 0: the first, waits at port %u", number);
        return fd;
    }
    close(fd);
    return -1;
}

/* Returns -1 if nobody listens there any more. */
static int connect_second(in_port_t port)
{
    const struct sockaddr_in address = local_address(port);
    const int fd = new_socket();
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        say("connect() = 0: the second, at port %u", (unsigned)port);
        return fd;
    }
    if (errno != ECONNREFUSED)
        err(EXIT_FAILURE, "connect to port %u", (unsigned)port);
    close(fd);
    return -1;
}

static int find_peer(in_port_t port)
{
    for (int i = 0; i < TRIES; i++) {
        const int listener = listen_first(port);
        const int fd = listener != -1 ? accept(listener, NULL, NULL) : connect_second(port);
        if (listener != -1 && fd == -1)
            err(EXIT_FAILURE, "accept");
        if (listener != -1 && close(listener) == -1) /* a third one starts a chat of its own */
            err(EXIT_FAILURE, "close");
        if (fd != -1)
            return fd;
        poll(NULL, 0, RETRY_MS);
    }
    errx(EXIT_FAILURE, "port %u is in use, but nobody listens there", (unsigned)port);
}

/* One direction. What it holds is in its pipe, or in its buffer. */
struct flow {
    const char *source, *target;
    int from, to, pipe[2];
    bool by_splice, ended;
    size_t held, start;
    char buffer[MOST];
    unsigned long long bytes;
};

static struct flow open_flow(const char *source, int from, const char *target, int to)
{
    struct flow flow = {.source = source, .target = target, .from = from, .to = to};
    if (pipe2(flow.pipe, O_CLOEXEC) == -1)
        err(EXIT_FAILURE, "pipe2");
    /* There is nothing in the pipe yet: EAGAIN if the target could take it, EINVAL if not. */
    if (splice(flow.pipe[READ_END], NULL, to, NULL, MOST, SPLICE_F_NONBLOCK) != -1)
        errx(EXIT_FAILURE, "splice from an empty pipe");
    flow.by_splice = errno == EAGAIN;
    if (errno == EINVAL)
        say("splice(pipe, %s): EINVAL, so write()", target);
    else if (errno != EAGAIN)
        err(EXIT_FAILURE, "splice to %s", target);
    return flow;
}

static void close_flow(const struct flow *flow)
{
    if (close(flow->pipe[READ_END]) == -1 || close(flow->pipe[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
}

static bool can_take(const struct flow *flow)
{
    return !flow->ended && flow->held == 0;
}

static void take(struct flow *flow)
{
    ssize_t count = -1;
    if (flow->by_splice) {
        count = splice(flow->from, NULL, flow->pipe[WRITE_END], NULL, MOST, SPLICE_F_NONBLOCK);
        if (count == -1 && errno == EINVAL) {
            say("splice(%s, pipe): EINVAL, so read()", flow->source);
            flow->by_splice = false;
        }
    }
    if (!flow->by_splice)
        count = read(flow->from, flow->buffer, MOST);
    const char *const call = flow->by_splice ? "splice" : "read";
    if (count == -1) {
        if (errno != EAGAIN && errno != EINTR)
            err(EXIT_FAILURE, "%s from %s", call, flow->source);
        return;
    }
    if (flow->bytes == 0 && count > 0)
        say("%s(%s) = %zd, the first", call, flow->source, count);
    flow->ended = count == 0;
    flow->start = 0;
    flow->held = (size_t)count;
    flow->bytes += flow->held;
}

static void give(struct flow *flow)
{
    const ssize_t count = flow->by_splice ? splice(flow->pipe[READ_END], NULL, flow->to, NULL,
                                                   flow->held, SPLICE_F_NONBLOCK)
                                          : write(flow->to, flow->buffer + flow->start, flow->held);
    if (count == -1) {
        if (errno != EAGAIN && errno != EINTR)
            err(EXIT_FAILURE, "%s to %s", flow->by_splice ? "splice" : "write", flow->target);
        return;
    }
    flow->start += (size_t)count;
    flow->held -= (size_t)count;
}

static void talk(int peer)
{
    static struct flow outgoing, incoming;
    outgoing = open_flow("stdin", STDIN_FILENO, "peer", peer);
    incoming = open_flow("peer", peer, "stdout", STDOUT_FILENO);
    while (!outgoing.ended || !incoming.ended) {
        /* While we can neither read nor write there, it could only say POLLHUP, without end. */
        const bool watch_peer = incoming.held == 0 || outgoing.held > 0;
        const int input = !can_take(&incoming) ? 0 : incoming.by_splice ? POLLIN | POLLPRI : POLLIN;
        const int output = outgoing.held > 0 ? POLLOUT : 0;
        struct pollfd ends[] = {
            {.fd = can_take(&outgoing) ? STDIN_FILENO : -1, .events = POLLIN},
            {.fd = watch_peer ? peer : -1, .events = (short)(input | output)},
            {.fd = incoming.held > 0 ? STDOUT_FILENO : -1, .events = POLLOUT},
        };
        if (poll(ends, sizeof ends / sizeof *ends, -1) == -1)
            err(EXIT_FAILURE, "poll");

        if ((ends[1].revents & (POLLERR | POLLHUP)) != 0 && incoming.ended)
            errx(EXIT_FAILURE, "the peer has gone");
        if ((ends[1].revents & POLLPRI) != 0) {
            say("urgent data stops splice(), so read()");
            incoming.by_splice = false;
        }
        if (ends[1].revents != 0 && can_take(&incoming)) {
            take(&incoming);
            if (incoming.ended)
                say("the peer sends no more");
        }
        if ((ends[1].revents & POLLOUT) != 0)
            give(&outgoing);
        if (ends[2].revents != 0)
            give(&incoming);
        if (ends[0].revents != 0) {
            take(&outgoing);
            if (outgoing.ended) {
                if (shutdown(peer, SHUT_WR) == -1)
                    err(EXIT_FAILURE, "shutdown");
                say("stdin has ended: shutdown(SHUT_WR)");
            }
        }
    }
    close_flow(&outgoing);
    close_flow(&incoming);
    if (close(peer) == -1)
        err(EXIT_FAILURE, "close");
    say("%llu bytes sent, %llu received", outgoing.bytes, incoming.bytes);
}

int main(int argc, char *argv[])
{
    const char *port = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        port = optarg;
    check_operands(argc, argv, 0, 0);
    const in_port_t number = demo_port(3, port);

    pair_lane("chat");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* a peer that has gone is an error to tell */
        err(EXIT_FAILURE, "signal");
    const int peer = find_peer(number);
    if (fcntl(peer, F_SETFL, O_NONBLOCK) == -1) /* stdin and stdout are not ours alone: not them */
        err(EXIT_FAILURE, "fcntl");
    talk(peer);
    lesson("poll() waits for both sides at once: neither of them has to wait for the other");
    return EXIT_SUCCESS;
}
