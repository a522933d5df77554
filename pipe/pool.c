/* pool - a pool of worker processes: jobs through one shared pipe, or dealt round robin
 *
 * With one pipe for all, whichever worker is free takes the next job. Dealt round robin (-r), each
 * worker has a pipe of its own and gets as many jobs as every other; but every so-and-so-many-th
 * job is a long one, and all the long ones go to the same worker.
 *
 * A job is shorter than PIPE_BUF and all are of one size, so one read() takes one job.
 *
 * pipe(7), fork(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <time.h>
#include <unistd.h>

enum { MOST_WORKERS = 64, SHORT_WORK = 1, LONG_WORK = 20, MILLISECOND = 1000000 };

static const char usage[] = "usage: pool [-r] [-w WORKERS] [-j JOBS]\n"
                            "  -j JOBS     jobs in all (40)\n"
                            "  -r          round robin: a pipe for each worker\n"
                            "  -w WORKERS  worker processes (4)\n"
                            "  prints how many jobs each worker did\n";

struct job {
    uint32_t number, work;
};

struct report {
    uint32_t worker, jobs, work;
};

/* A job is something to wait for, as for a disk: so the workers get on side by side on one CPU too.
 */
static void work(uint32_t milliseconds)
{
    struct timespec left = {.tv_nsec = milliseconds * MILLISECOND};
    while (nanosleep(&left, &left) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "nanosleep");
}

static void work_off(uint32_t worker, int jobs_fd, int reports_fd)
{
    struct report report = {.worker = worker};
    struct job job;
    ssize_t count;
    while ((count = read(jobs_fd, &job, sizeof job)) == sizeof job) {
        work(job.work);
        report.jobs++;
        report.work += job.work;
    }
    if (count != 0)
        err(EXIT_FAILURE, "read = %zd", count);
    say("read(%d) = 0: no more jobs", jobs_fd);
    if (write(reports_fd, &report, sizeof report) != sizeof report)
        err(EXIT_FAILURE, "write");
    _exit(EXIT_SUCCESS);
}

static void close_end(int fd)
{
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
}

/* Starts the workers. job_ends[i] becomes the descriptor through which worker i is given jobs. */
static void hire(int workers, bool own_pipes, const int reports[2], int job_ends[], pid_t pids[])
{
    int jobs[2] = {-1, -1};
    for (int i = 0; i < workers; i++) {
        if ((own_pipes || i == 0) && pipe(jobs) == -1)
            err(EXIT_FAILURE, "pipe");
        job_ends[i] = jobs[WRITE_END];
        pids[i] = fork();
        if (pids[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (pids[i] == 0) {
            char role[32];
            snprintf(role, sizeof role, "worker %d", i + 1);
            lane(1, role);
            die_with_parent();
            close_end(reports[READ_END]);
            /* The write ends of the pipes made so far, those of the earlier workers too: a copy
             * kept here would put off their end of file until this worker ends. */
            for (int j = own_pipes ? 0 : i; j <= i; j++)
                close_end(job_ends[j]);
            work_off((uint32_t)i, jobs[READ_END], reports[WRITE_END]);
        }
        if (own_pipes || i == workers - 1)
            close_end(jobs[READ_END]);
    }
    close_end(reports[WRITE_END]);
}

int main(int argc, char *argv[])
{
    bool round_robin = false;
    long workers = 4, jobs = 40;
    for (int letter; (letter = next_option(argc, argv, "rw:j:", usage)) != -1;)
        switch (letter) {
        case 'j':
            jobs = parse_long("-j", optarg, 0, 10000);
            break;
        case 'r':
            round_robin = true;
            break;
        case 'w':
            workers = parse_long("-w", optarg, 1, MOST_WORKERS);
            break;
        }
    check_operands(argc, argv, 0, 0);

    lane(0, "boss");
    int reports[2], job_ends[MOST_WORKERS] = {0};
    pid_t pids[MOST_WORKERS];
    if (pipe(reports) == -1)
        err(EXIT_FAILURE, "pipe");
    hire((int)workers, round_robin, reports, job_ends, pids);
    for (int i = 0; i < workers; i++)
        wait_asleep(pids[i]); /* nobody is late */
    say("%ld workers sleep in read(), %s", workers,
        round_robin ? "each has a pipe of its own" : "all at the same pipe");

    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* no worker left: an error to tell, not to die of */
        err(EXIT_FAILURE, "signal");
    for (long i = 0; i < jobs; i++) {
        const struct job job = {(uint32_t)i, i % workers == 0 ? LONG_WORK : SHORT_WORK};
        if (write(job_ends[i % workers], &job, sizeof job) != sizeof job)
            err(EXIT_FAILURE, "write");
    }
    for (int i = 0; i < (round_robin ? workers : 1); i++)
        close_end(job_ends[i]);
    say("%ld jobs are in the pipe%s: one of %ld takes %d ms, the others %d", jobs,
        round_robin ? "s" : "", workers, LONG_WORK, SHORT_WORK);

    struct report report, of[MOST_WORKERS] = {0};
    uint32_t done = 0, most_work = 0, all_work = 0;
    for (ssize_t count; (count = read_full(reports[READ_END], &report, sizeof report)) != 0;) {
        if (count != sizeof report)
            err(EXIT_FAILURE, "read = %zd", count);
        of[report.worker] = report;
    }
    for (int i = 0; i < workers; i++) {
        if (reap(pids[i]) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "worker %d failed", i + 1);
        printf("worker %d jobs %u\n", i + 1, of[i].jobs);
        done += of[i].jobs;
        all_work += of[i].work;
        most_work = of[i].work > most_work ? of[i].work : most_work;
    }
    flush_stdout();
    if (done != jobs)
        errx(EXIT_FAILURE, "%ld jobs given, %u done", jobs, done);
    say("the busiest worker worked for %u of %u ms", most_work, all_work);
    lesson(round_robin ? "round robin deals equal numbers of jobs, not equal work"
                       : "one pipe, many readers: whoever is free takes the next job");
    return EXIT_SUCCESS;
}
