/* pool - a pool of worker processes: jobs through one shared pipe, or dealt round robin
 *
 * With one pipe for all, a worker that is free takes the next job. Dealing them out round robin
 * (-r) gives all workers equally many; but one job in WORKERS is long, and the same worker gets all
 * of those. All jobs have one size, so on Linux one read() takes one job.
 *
 * pipe(7), fork(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_WORKERS = 64, SHORT_MS = 1, LONG_MS = 20 };

static const char usage[] = "usage: pool [-r] [-w WORKERS] [-j JOBS]\n"
                            "  -j JOBS     number of jobs (default: 40)\n"
                            "  -r          round robin: a pipe for each worker\n"
                            "  -w WORKERS  worker processes (default: 4)\n"
                            "  prints how many jobs each worker did\n";

static pid_t pids[MOST_WORKERS];
static int write_ends[MOST_WORKERS]; /* of the pipes */
static int *jobs_done;               /* by each worker; in shared memory */

static void make_pipe(int fds[2])
{
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d", fds[READ_END], fds[WRITE_END]);
}

static void close_write_ends(int pipes)
{
    for (int i = 0; i < pipes; i++)
        if (close(write_ends[i]) == -1)
            err(EXIT_FAILURE, "close");
}

/* A job only waits, as if for a disk, so that the workers overlap even on one CPU. */
static void work_until_end(int worker, int fd)
{
    int job; /* its milliseconds */
    ssize_t count;
    while ((count = read(fd, &job, sizeof job)) == sizeof job) {
        if (poll(NULL, 0, job) == -1)
            err(EXIT_FAILURE, "poll");
        jobs_done[worker]++;
    }
    if (count == -1)
        err(EXIT_FAILURE, "read");
    if (count != 0)
        errx(EXIT_FAILURE, "read = %zd", count);
    say("read(%d) = %zd: no more jobs", fd, count);
    _exit(EXIT_SUCCESS);
}

/* The worker inherits the write ends of all pipes so far. It must close them, or it would never see
 * end of file. */
static void hire(int worker, int fd, int pipes)
{
    pids[worker] = fork();
    if (pids[worker] == -1)
        err(EXIT_FAILURE, "fork");
    if (pids[worker] == 0) {
        char role[32];
        snprintf(role, sizeof role, "worker%2d", worker + 1);
        lane(1, role);
        die_with_parent();
        close_write_ends(pipes);
        work_until_end(worker, fd);
    }
    say_asleep_in("the new worker", pids[worker], "read", fd);
}

static void hire_at_one_pipe(int workers)
{
    int fds[2];
    make_pipe(fds);
    write_ends[0] = fds[WRITE_END];
    for (int i = 0; i < workers; i++)
        hire(i, fds[READ_END], 1);
}

static void hire_with_own_pipes(int workers)
{
    for (int i = 0; i < workers; i++) {
        int fds[2];
        make_pipe(fds);
        write_ends[i] = fds[WRITE_END];
        hire(i, fds[READ_END], i + 1);
        if (close(fds[READ_END]) == -1)
            err(EXIT_FAILURE, "close");
    }
}

int main(int argc, char *argv[])
{
    bool round_robin = false;
    int workers = 4, jobs = 40, long_jobs = 0, sum = 0, most = 0;
    for (int letter; (letter = next_option(argc, argv, "rw:j:", usage)) != -1;)
        if (letter == 'j')
            jobs = (int)parse_long("-j", optarg, 0, 10000);
        else if (letter == 'w')
            workers = (int)parse_long("-w", optarg, 1, MOST_WORKERS);
        else
            round_robin = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "boss");
    jobs_done = share_memory(MOST_WORKERS * sizeof *jobs_done);
    if (round_robin)
        hire_with_own_pipes(workers);
    else
        hire_at_one_pipe(workers);
    signal(SIGPIPE, SIG_IGN); /* no worker left: an error to report */

    const int pipes = round_robin ? workers : 1;
    const double begin = now_in_ms();
    for (int i = 0; i < jobs; i++) {
        const int job = i % workers == 0 ? LONG_MS : SHORT_MS;
        if (write(write_ends[i % pipes], &job, sizeof job) == -1)
            err(EXIT_FAILURE, "write");
        long_jobs += job == LONG_MS;
    }
    say("jobs sent: %d of %d ms, %d of %d ms", long_jobs, LONG_MS, jobs - long_jobs, SHORT_MS);
    close_write_ends(pipes);

    for (int i = 0; i < workers; i++)
        if (reap(pids[i]) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "worker %d failed", i + 1);
    say("all have ended, after %.0f ms", now_in_ms() - begin);

    for (int i = 0; i < workers; i++) {
        printf("worker %d jobs %d\n", i + 1, jobs_done[i]);
        sum += jobs_done[i];
        most = jobs_done[i] > most ? jobs_done[i] : most;
    }
    const bool equal = most <= (jobs + workers - 1) / workers;
    if (sum != jobs || (round_robin && !equal))
        errx(EXIT_FAILURE, "jobs sent: %d, done: %d, %d by one worker", jobs, sum, most);
    if (workers > 1 && jobs >= workers && equal == round_robin)
        lesson(round_robin ? "round robin deals out jobs in equal numbers, not equal work"
                           : "one pipe, many readers: a worker that is free takes the next job");
    return EXIT_SUCCESS;
}
