/* pool - a pool of worker processes: jobs through one shared pipe, or dealt round robin
 *
 * With one pipe for all, a worker that is free takes the next job. Dealt out round robin (-r), all
 * get equally many jobs; but one in WORKERS is a long one, and all of those go to the same worker.
 * All jobs have one size, which is less than PIPE_BUF, so one read() takes one job.
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

static int *jobs_done; /* by each worker; in shared memory */

static void make_pipe(int fds[2])
{
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d", fds[READ_END], fds[WRITE_END]);
}

static void close_end(int fd)
{
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
}

/* A job only waits, as if for a disk, so that the workers overlap even on one CPU. */
static void work_until_end(int worker, int jobs)
{
    int job; /* its milliseconds */
    ssize_t count;
    while ((count = read(jobs, &job, sizeof job)) == sizeof job) {
        if (poll(NULL, 0, job) == -1)
            err(EXIT_FAILURE, "poll");
        jobs_done[worker]++;
    }
    if (count != 0)
        errx(EXIT_FAILURE, "read = %zd", count);
    say("read(%d) = %zd: no more jobs", jobs, count);
    _exit(EXIT_SUCCESS);
}

/* The worker closes the write ends that it inherits, or it would never see end of file. */
static pid_t hire(int worker, int jobs, const int write_ends[], int ends)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        char role[32];
        snprintf(role, sizeof role, "worker%2d", worker + 1);
        lane(1, role);
        die_with_parent();
        for (int i = 0; i < ends; i++)
            close_end(write_ends[i]);
        work_until_end(worker, jobs);
    }
    say_asleep_in("the new worker", pid, "read", jobs);
    return pid;
}

/* Fills pids[] and, for each worker, the write end for its jobs. */
static void hire_at_one_pipe(int workers, int write_ends[], pid_t pids[])
{
    int jobs[2];
    make_pipe(jobs);
    for (int i = 0; i < workers; i++) {
        write_ends[i] = jobs[WRITE_END];
        pids[i] = hire(i, jobs[READ_END], write_ends, 1);
    }
}

static void hire_with_own_pipes(int workers, int write_ends[], pid_t pids[])
{
    for (int i = 0; i < workers; i++) {
        int jobs[2];
        make_pipe(jobs);
        write_ends[i] = jobs[WRITE_END];
        pids[i] = hire(i, jobs[READ_END], write_ends, i + 1);
        close_end(jobs[READ_END]);
    }
}

int main(int argc, char *argv[])
{
    bool round_robin = false;
    int workers = 4, jobs = 40;
    for (int letter; (letter = next_option(argc, argv, "rw:j:", usage)) != -1;)
        if (letter == 'j')
            jobs = (int)parse_long("-j", optarg, 0, 10000);
        else if (letter == 'w')
            workers = (int)parse_long("-w", optarg, 1, MOST_WORKERS);
        else
            round_robin = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "boss");
    int write_ends[MOST_WORKERS] = {0}, sum = 0;
    pid_t pids[MOST_WORKERS];
    jobs_done = share_memory(MOST_WORKERS * sizeof *jobs_done);
    if (round_robin)
        hire_with_own_pipes(workers, write_ends, pids);
    else
        hire_at_one_pipe(workers, write_ends, pids);
    signal(SIGPIPE, SIG_IGN); /* no worker left: an error to report */

    const double begin = now_in_ms();
    for (int i = 0; i < jobs; i++) {
        const int job = i % workers == 0 ? LONG_MS : SHORT_MS;
        if (write(write_ends[i % workers], &job, sizeof job) == -1)
            err(EXIT_FAILURE, "write");
    }
    say("jobs sent: %d, one in %d takes %d ms, the others %d", jobs, workers, LONG_MS, SHORT_MS);
    for (int i = 0; i < (round_robin ? workers : 1); i++)
        close_end(write_ends[i]);

    for (int i = 0; i < workers; i++)
        if (reap(pids[i]) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "worker %d failed", i + 1);
    say("all have ended, after %.0f ms", now_in_ms() - begin);

    for (int i = 0; i < workers; i++) {
        printf("worker %d jobs %d\n", i + 1, jobs_done[i]);
        sum += jobs_done[i];
    }
    flush_stdout();
    if (sum != jobs)
        errx(EXIT_FAILURE, "jobs sent: %d, done: %d", jobs, sum);
    lesson(round_robin ? "round robin deals equal numbers of jobs, not equal work"
                       : "one pipe, many readers: a worker that is free takes the next job");
    return EXIT_SUCCESS;
}
