/* chat - a terminal and a socket at once: poll() waits for both
 *
 * Start it twice, in two terminals. The first one listens and the second one connects; after that
 * they do the same: what comes from stdin goes to the peer, what comes from the peer goes to
 * stdout. One direction may have nothing to do while the other has, so only poll() is to sleep.
 *
 * poll(2), shutdown(2), O_NONBLOCK in open(2), EADDRINUSE in listen(2)
 */
#include "../lib/demo.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 100, RETRY_MS = 20, BUFFER = 4096 };

static const char usage[] =
    "usage: chat [-p PORT]\n"
    "  -p PORT  where the two meet, on this machine (20003 + 10 * (UID modulo 1201));\n"
    "           0: listen at any free port, and print \"port N\" first\n"
    "  prints what the peer sends; ends when both sides have ended, here by Ctrl-D\n"
    "  other terminal: ./dup/chat, or ./dup/room for more than two\n";

static int new_socket(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        err(EXIT_FAILURE, "socket");
    /* The port of an ended chat is free at once; an urgent byte stays among the others. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)) == -1)
        err(EXIT_FAILURE, "setsockopt");
    return fd;
}

/* Returns -1 if somebody else has the port. (Of two bind() may let both pass; listen() lets one.)
 */
static int listen_first(struct sockaddr_in address)
{
    socklen_t length = sizeof address;
    const bool any_port = address.sin_port == 0;
    const int fd = new_socket();
    if (bind(fd, (struct sockaddr *)&address, length) == -1 || listen(fd, 0) == -1) {
        if (errno != EADDRINUSE)
            err(EXIT_FAILURE, "bind or listen at port %u", ntohs(address.sin_port));
        close(fd);
        return -1;
    }
    if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
        err(EXIT_FAILURE, "getsockname");
    if (any_port)
        printf("port %u\n", ntohs(address.sin_port));
    flush_stdout();
    say("listen(%d): the first, at port %u", fd, ntohs(address.sin_port));
    return fd;
}

static bool is_broken(int fd)
{
    return poll(&(struct pollfd){.fd = fd}, 1, 1) == 1; /* POLLERR and POLLHUP come unasked */
}

/* Returns -1 if nobody listens there any more, or the first comer has accepted another one. */
static int connect_second(struct sockaddr_in address)
{
    const int fd = new_socket();
    const int result = connect(fd, (struct sockaddr *)&address, sizeof address);
    if (result == -1 && errno != ECONNREFUSED && errno != ECONNRESET)
        err(EXIT_FAILURE, "connect to port %u", (unsigned)ntohs(address.sin_port));
    if (result == 0 && !is_own_peer(fd) && !is_broken(fd))
        errx(EXIT_FAILURE, "connect to port %u: not yours", (unsigned)ntohs(address.sin_port));
    while (result == 0 && !is_broken(fd))
        if (is_accepted(fd)) {
            say("connect(%d) = %d: the second", fd, result);
            return fd;
        }
    close(fd);
    return -1;
}

static int find_peer(in_port_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < TRIES; i++) {
        const int listener = listen_first(address);
        const int fd = listener != -1 ? accept_own(listener) : connect_second(address);
        if (listener != -1)
            close(listener); /* a third one is refused then, and listens itself */
        if (fd != -1)
            return fd;
        poll(NULL, 0, RETRY_MS);
    }
    errx(EXIT_FAILURE, "port %u is in use, but nobody listens there", (unsigned)port);
}

/* One direction. It reads again when it has written out the last: memory stays bounded. */
struct flow {
    const char *source, *target;
    int from, to;
    bool ended;
    size_t start, left; /* what is not yet written */
    char buffer[BUFFER];
    unsigned long long bytes;
};

static void read_some(struct flow *flow)
{
    const ssize_t count = read(flow->from, flow->buffer, BUFFER);
    if (count == -1 && errno == EAGAIN)
        return;
    if (count == -1)
        err(EXIT_FAILURE, "read from %s", flow->source);
    if (flow->bytes == 0 || count == 0)
        say("read(%d) = %zd: %s", flow->from, count, flow->source);
    flow->ended = count == 0;
    flow->start = 0;
    flow->left = (size_t)count;
    flow->bytes += flow->left;
    if (flow->to == STDOUT_FILENO)
        tame(flow->buffer, flow->left);
}

static void write_some(struct flow *flow)
{
    const ssize_t count = write(flow->to, flow->buffer + flow->start, flow->left);
    if (count == -1 && errno == EAGAIN)
        return;
    if (count == -1)
        err(EXIT_FAILURE, "write to %s", flow->target);
    flow->start += (size_t)count;
    flow->left -= (size_t)count;
}

static void talk(int peer)
{
    static struct flow outgoing = {.source = "stdin", .from = STDIN_FILENO, .target = "peer"};
    static struct flow incoming = {.source = "peer", .to = STDOUT_FILENO, .target = "stdout"};
    outgoing.to = incoming.from = peer;
    while (!outgoing.ended || !incoming.ended || incoming.left > 0) {
        struct pollfd ends[] = {
            {.fd = outgoing.ended || outgoing.left > 0 ? -1 : STDIN_FILENO, .events = POLLIN},
            {.fd = incoming.left > 0 ? -1 : peer, .events = incoming.ended ? 0 : POLLIN},
            {.fd = outgoing.left > 0 ? peer : -1, .events = POLLOUT},
            {.fd = incoming.left > 0 ? STDOUT_FILENO : -1, .events = POLLOUT},
        };
        if (poll(ends, 4, -1) == -1)
            err(EXIT_FAILURE, "poll");
        if (ends[0].revents != 0)
            read_some(&outgoing);
        if (ends[1].revents != 0 && incoming.ended)
            errx(EXIT_FAILURE, "the peer is gone");
        if (ends[1].revents != 0)
            read_some(&incoming);
        if (ends[2].revents != 0)
            write_some(&outgoing);
        if (ends[3].revents != 0)
            write_some(&incoming);
        if (ends[0].revents != 0 && outgoing.ended) {
            const int result = shutdown(peer, SHUT_WR);
            if (result == -1)
                err(EXIT_FAILURE, "shutdown");
            say("shutdown(%d, SHUT_WR) = %d", peer, result);
        }
    }
    say("%llu byte%s sent, %llu received", outgoing.bytes, plural(outgoing.bytes), incoming.bytes);
}

int main(int argc, char *argv[])
{
    const char *port = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        port = optarg;
    check_operands(argc, argv, 0, 0);
    pair_lane("chat");
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error to report */
    const int peer = find_peer(demo_port(3, port));
    if (fcntl(peer, F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    reopen(STDIN_FILENO, O_NONBLOCK); /* the flag belongs to the open file: see offset */
    reopen(STDOUT_FILENO, O_NONBLOCK);
    talk(peer);
    lesson("poll() waits for both sides at once: neither has to wait for the other");
    return EXIT_SUCCESS;
}
