/* bench - what a message through a FIFO costs: latency and throughput
 *
 * Once it is open, a FIFO is a pipe: the timed calls are the same, in ../pipe/bench-pipe.h. Only
 * the way to get the descriptors differs.
 *
 * mkfifo(3), fifo(7), pipe(7)
 */
#include "../pipe/bench-pipe.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* One process opens both ends, so the first open must not wait for the second. Then the name is no
 * longer needed. */
static void open_fifos(size_t size)
{
    (void)size;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.%d", demo_path("bench"), (int)getpid());
    for (int way = WAY_THERE; way <= WAY_BACK; way++) {
        hold_endings();
        if (mkfifo(path, S_IRUSR | S_IWUSR) == -1)
            err(EXIT_FAILURE, "mkfifo %s", path);
        unlink_at_exit(path);
        release_endings();
        pipes[way][READ_END] = open(path, O_RDONLY | O_NONBLOCK);
        if (pipes[way][READ_END] == -1)
            err(EXIT_FAILURE, "%s", path);
        pipes[way][WRITE_END] = open(path, O_WRONLY);
        if (pipes[way][WRITE_END] == -1)
            err(EXIT_FAILURE, "%s", path);
        if (fcntl(pipes[way][READ_END], F_SETFL, 0) == -1) /* from now on it waits */
            err(EXIT_FAILURE, "fcntl F_SETFL");
        if (unlink(path) == -1)
            err(EXIT_FAILURE, "unlink %s", path);
        remove_now(); /* which forgets it */
    }
}

static const struct mechanism fifo_mechanism = {.variant = "fifo",
                                                .largest = INT_MAX,
                                                .open = open_fifos,
                                                .send = send_by_pipe,
                                                .receive = receive_by_pipe,
                                                .close = close_pipes};

int main(int argc, char *argv[])
{
    static const struct mechanism *const mechanisms[] = {&fifo_mechanism, NULL};
    return run_bench(argc, argv, &(struct bench){.name = "fifo", .mechanisms = mechanisms});
}
