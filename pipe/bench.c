/* bench - what a message through a pipe costs: latency and throughput
 *
 * The timed calls are here and in bench-pipe.h. The code around them, lib/bench/bench.c, is the
 * same for all mechanisms, so that the figures can be compared.
 *
 * pipe(2), socketpair(2), vmsplice(2)
 */
#define _GNU_SOURCE /* vmsplice */
#include "bench-pipe.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int sockets[2]; /* the child's end, the parent's end: each carries both ways */

static void open_sockets(size_t size)
{
    (void)size;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == -1)
        err(EXIT_FAILURE, "socketpair");
}

static void send_by_socket(enum way way, void *message, size_t size)
{
    if (write_full(sockets[!way], message, size) == -1)
        err(EXIT_FAILURE, "write");
}

static void receive_by_socket(enum way way, void *message, size_t size)
{
    read_message(sockets[way], message, size);
}

static void close_sockets(void)
{
    close(sockets[WAY_THERE]);
    close(sockets[WAY_BACK]);
}

/* The pipe gets the pages themselves: no copy here, one when they are read. They must not change
 * until then, so there are more of them than a pipe can hold. */
static void send_by_vmsplice(enum way way, void *message, size_t size)
{
    struct iovec pages = {.iov_base = message, .iov_len = size};
    while (pages.iov_len > 0) {
        const ssize_t n = vmsplice(pipes[way][WRITE_END], &pages, 1, 0);
        if (n == -1)
            err(EXIT_FAILURE, "vmsplice");
        pages.iov_base = (char *)pages.iov_base + n;
        pages.iov_len -= (size_t)n;
    }
}

static const struct mechanism socketpair_mechanism = {.variant = "socketpair",
                                                      .largest = INT_MAX,
                                                      .open = open_sockets,
                                                      .send = send_by_socket,
                                                      .receive = receive_by_socket,
                                                      .close = close_sockets};

static const struct mechanism vmsplice_mechanism = {.variant = "vmsplice",
                                                    .largest = INT_MAX,
                                                    .in_place = true,
                                                    .open = open_pipes,
                                                    .send = send_by_vmsplice,
                                                    .receive = receive_by_pipe,
                                                    .close = close_pipes};

int main(int argc, char *argv[])
{
    static const struct mechanism *const mechanisms[] = {&pipe_mechanism, &socketpair_mechanism,
                                                         &vmsplice_mechanism, NULL};
    return run_bench(argc, argv, &(struct bench){.name = "pipe", .mechanisms = mechanisms});
}
