/* bench-pipe.h - the calls that pipe/bench times; every bench compares itself with them */
#ifndef BENCH_PIPE_H
#define BENCH_PIPE_H

#include "../lib/bench/bench.h"
#include "../lib/demo.h"

#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static int pipes[2][2]; /* one for each way */

static void open_pipes(size_t size)
{
    (void)size;
    for (int way = WAY_THERE; way <= WAY_BACK; way++)
        if (pipe(pipes[way]) == -1)
            err(EXIT_FAILURE, "pipe");
}

/* write() returns when all of it is in the pipe, unless we are stopped and continued meanwhile. */
static void send_by_pipe(enum way way, void *message, size_t size)
{
    if (write_full(pipes[way][WRITE_END], message, size) == -1)
        err(EXIT_FAILURE, "write");
}

/* A message that is longer than the pipe arrives in pieces. */
static void read_message(int fd, void *message, size_t size)
{
    const ssize_t count = read_full(fd, message, size);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    if (count != (ssize_t)size)
        errx(EXIT_FAILURE, "read: the other process has ended");
}

static void receive_by_pipe(enum way way, void *message, size_t size)
{
    read_message(pipes[way][READ_END], message, size);
}

static void close_pipes(void)
{
    for (int way = WAY_THERE; way <= WAY_BACK; way++)
        for (int end = READ_END; end <= WRITE_END; end++)
            close(pipes[way][end]);
}

static const struct mechanism pipe_mechanism = {.variant = "pipe",
                                                .largest = INT_MAX,
                                                .open = open_pipes,
                                                .send = send_by_pipe,
                                                .receive = receive_by_pipe,
                                                .close = close_pipes};

#endif
