/* bench-pipe.h - the calls by which pipe/bench times a pipe; every bench compares with them */
#ifndef BENCH_PIPE_H
#define BENCH_PIPE_H

#include "../lib/bench.h"
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

/* write() waits until all of it is in the pipe, unless we are stopped and continued meanwhile. */
static void send_by_pipe(enum way way, void *message, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t n = write(pipes[way][WRITE_END], (char *)message + done, size - done);
        if (n == -1)
            err(EXIT_FAILURE, "write");
        done += (size_t)n;
    }
}

/* A message that is longer than the pipe arrives in pieces. */
static void receive_by_pipe(enum way way, void *message, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t n = read(pipes[way][READ_END], (char *)message + done, size - done);
        if (n <= 0)
            err(EXIT_FAILURE, "read");
        done += (size_t)n;
    }
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
