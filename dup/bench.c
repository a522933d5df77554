/* bench - what a message through a socket costs: UNIX stream, UNIX datagram, TCP over loopback
 *
 * unix(7), tcp(7), socketpair(2)
 */
#include "../lib/bench/bench.h"
#include "../lib/demo.h"

#include <arpa/inet.h>
#include <err.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int sockets[2]; /* the child reads from and writes to the first, the parent the second */

static void send_to_stream(enum way way, void *message, size_t size)
{
    if (write_full(sockets[!way], message, size) == -1)
        err(EXIT_FAILURE, "write");
}

static void receive_from_stream(enum way way, void *message, size_t size)
{
    const ssize_t count = read_full(sockets[way], message, size);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    if (count != (ssize_t)size)
        errx(EXIT_FAILURE, "read: the other process has ended");
}

static void receive_datagram(enum way way, void *message, size_t size)
{
    if (read(sockets[way], message, size) != (ssize_t)size)
        err(EXIT_FAILURE, "read");
}

static void open_pair(int type)
{
    if (socketpair(AF_UNIX, type, 0, sockets) == -1)
        err(EXIT_FAILURE, "socketpair");
}

static void open_unix_stream(size_t size)
{
    (void)size;
    open_pair(SOCK_STREAM);
}

static void open_unix_datagram(size_t size)
{
    (void)size;
    open_pair(SOCK_DGRAM);
}

static void open_tcp(size_t size)
{
    (void)size;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (listener == -1)
        err(EXIT_FAILURE, "socket");
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == -1)
        err(EXIT_FAILURE, "bind");
    if (listen(listener, 1) == -1)
        err(EXIT_FAILURE, "listen");
    if (getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        err(EXIT_FAILURE, "getsockname");
    sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (sockets[0] == -1)
        err(EXIT_FAILURE, "socket");
    if (connect(sockets[0], (struct sockaddr *)&address, sizeof address) == -1)
        err(EXIT_FAILURE, "connect");
    sockets[1] = accept(listener, NULL, NULL);
    if (sockets[1] == -1)
        err(EXIT_FAILURE, "accept");
    close(listener);
    for (int i = 0; i < 2; i++) /* a small message is not to wait for the next one */
        if (setsockopt(sockets[i], IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == -1)
            err(EXIT_FAILURE, "setsockopt TCP_NODELAY");
}

static void close_sockets(void)
{
    close(sockets[0]);
    close(sockets[1]);
}

/* A datagram must fit into the send buffer, beside what the kernel notes about it. */
static size_t largest_datagram(void)
{
    enum { NOTES = 32 };
    int room;
    socklen_t length = sizeof room;
    open_pair(SOCK_DGRAM);
    if (getsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &room, &length) == -1)
        err(EXIT_FAILURE, "getsockopt SO_SNDBUF");
    close_sockets();
    return (size_t)room - NOTES;
}

int main(int argc, char *argv[])
{
    static const struct mechanism unix_stream = {.variant = "unix-stream",
                                                 .largest = INT_MAX,
                                                 .open = open_unix_stream,
                                                 .send = send_to_stream,
                                                 .receive = receive_from_stream,
                                                 .close = close_sockets};
    const struct mechanism unix_datagram = {.variant = "unix-datagram",
                                            .largest = largest_datagram(),
                                            .open = open_unix_datagram,
                                            .send = send_to_stream,
                                            .receive = receive_datagram,
                                            .close = close_sockets};
    static const struct mechanism tcp = {.variant = "tcp",
                                         .largest = INT_MAX,
                                         .open = open_tcp,
                                         .send = send_to_stream,
                                         .receive = receive_from_stream,
                                         .close = close_sockets};
    const struct mechanism *const mechanisms[] = {&unix_stream, &unix_datagram, &tcp, NULL};
    return run_bench(argc, argv, &(struct bench){.name = "dup", .mechanisms = mechanisms});
}
