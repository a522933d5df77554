/* coproc - stdin through a filter and back to stdout: both pipes watched at once
 *
 * The program feeds a filter and collects its output. For either pipe it waits only in poll(), so
 * any amount goes through any filter. To write everything first and read afterwards (-x) works with
 * a little input; with more, both pipes fill up, and each process sleeps in write() until the other
 * one reads.
 *
 * pipe(7), poll(2), dup2(2), exec(3)
 */
#define _GNU_SOURCE /* pipe2 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, STUCK_MS = 2000, WATCHED_MS = 100, PATIENCE_MS = 10000 };

static const char usage[] =
    "usage: coproc [-x] COMMAND [ARG...]\n"
    "  -x  write everything, then read: a deadlock if it does not fit into the pipes\n"
    "  ends with the status of COMMAND, 127 if there is no such command\n"
    "  example: seq 100000 | ./pipe/coproc sort -r\n";

struct coproc {
    pid_t pid;
    int to, from; /* our ends of the two pipes */
};

/* O_CLOEXEC closes all four ends when the filter starts, and leaves it the copies 0 and 1. */
static struct coproc start_filter(char *command[])
{
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) == -1 || pipe2(from, O_CLOEXEC) == -1)
        err(EXIT_FAILURE, "pipe2");
    say("pipe2(O_CLOEXEC) = %d, %d: to the filter", to[READ_END], to[WRITE_END]);
    say("pipe2(O_CLOEXEC) = %d, %d: from the filter", from[READ_END], from[WRITE_END]);
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        die_with_parent();
        if (dup2(to[READ_END], STDIN_FILENO) == -1 || dup2(from[WRITE_END], STDOUT_FILENO) == -1)
            err(EXIT_FAILURE, "dup2");
        execvp(*command, command);
        exec_failed(*command);
    }
    if (close(to[READ_END]) == -1 || close(from[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    say("fork() = %d: %s, between the pipes", (int)pid, *command);
    return (struct coproc){pid, to[WRITE_END], from[READ_END]};
}

/* Sets the descriptor to -1, so that poll(2) ignores it. */
static void close_end(int *fd)
{
    if (close(*fd) == -1)
        err(EXIT_FAILURE, "close");
    *fd = -1;
}

static size_t read_some(int fd, char *buffer)
{
    const ssize_t count = read(fd, buffer, BUFFER);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    return (size_t)count;
}

static void print_some(const char *buffer, size_t length)
{
    if (write_full(STDOUT_FILENO, buffer, length) == -1)
        err(EXIT_FAILURE, "stdout");
}

/* The right way. */
static void write_and_read_at_once(struct coproc filter)
{
    static char in[BUFFER], out[BUFFER];
    size_t start = 0, end = 0; /* of the input that waits for room in the pipe */
    unsigned long long sent = 0, received = 0;

    if (fcntl(filter.to, F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    while (filter.to != -1 || filter.from != -1) {
        const bool waits = start < end;
        struct pollfd ends[] = {
            {.fd = filter.to == -1 || waits ? -1 : STDIN_FILENO, .events = POLLIN},
            {.fd = filter.to, .events = waits ? POLLOUT : 0}, /* POLLERR comes unasked */
            {.fd = filter.from, .events = POLLIN},
        };
        const int ready = poll(ends, sizeof ends / sizeof *ends, STUCK_MS);
        if (ready == -1)
            err(EXIT_FAILURE, "poll");
        if (filter.to == -1 && ready == 0 && is_asleep_in(filter.pid, "read", STDIN_FILENO))
            errx(EXIT_FAILURE, "the filter has had all its input, and still sleeps in read(0)");

        if (ends[2].revents != 0) {
            const size_t count = read_some(filter.from, out);
            print_some(out, count);
            received += count;
            if (count == 0)
                close_end(&filter.from);
        }
        if ((ends[1].revents & POLLERR) != 0) {
            say("poll(%d) = %d, %s: the filter reads no more", filter.to, ready,
                poll_events(ends[1].revents));
            close_end(&filter.to);
        } else if (ends[1].revents != 0) {
            const ssize_t count = write(filter.to, in + start, end - start);
            if (count != -1) {
                start += (size_t)count;
                sent += (size_t)count;
            } else if (errno != EAGAIN && errno != EPIPE) {
                err(EXIT_FAILURE, "write");
            }
        } else if (ends[0].revents != 0) {
            start = 0;
            end = read_some(STDIN_FILENO, in);
            if (end == 0)
                close_end(&filter.to);
        }
    }
    say("%llu bytes in, %llu bytes out", sent, received);
}

/* The mistake. It runs in a process of its own, so that another one is awake to report. */
static void write_and_then_read(struct coproc filter)
{
    static char buffer[BUFFER];
    lane(1, "naive");
    die_with_parent();
    for (size_t count; (count = read_some(STDIN_FILENO, buffer)) > 0;)
        if (write_full(filter.to, buffer, count) == -1) {
            if (errno != EPIPE)
                err(EXIT_FAILURE, "write");
            say("write(%d) = -1 %s: the filter reads no more", filter.to, errno_name(errno));
            break;
        }
    close_end(&filter.to);
    say("has written everything, and begins to read");
    for (size_t count; (count = read_some(filter.from, buffer)) > 0;)
        print_some(buffer, count);
    _exit(EXIT_SUCCESS);
}

/* Returns whether the two got stuck, each in its write(); then it has ended both. */
static bool watch(pid_t naive, struct coproc filter)
{
    double awake = now_in_ms();
    while (!is_asleep_in(naive, "write", filter.to) ||
           !is_asleep_in(filter.pid, "write", STDOUT_FILENO) || !still_asleep(naive, WATCHED_MS) ||
           !still_asleep(filter.pid, WATCHED_MS)) {
        if (has_ended(naive))
            return false;
        if (!still_asleep(naive, 1))
            awake = now_in_ms();
        if (now_in_ms() - awake > PATIENCE_MS)
            errx(EXIT_FAILURE,
                 "the writer has slept for 10 s, but /proc does not show both in write()");
    }
    say_asleep_in("the writer", naive, "write", filter.to);
    say_asleep_in("the filter", filter.pid, "write", STDOUT_FILENO);
    if (kill(naive, SIGKILL) == -1 || kill(filter.pid, SIGKILL) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGKILL), kill(%d, SIGKILL)", (int)naive, (int)filter.pid);
    return true;
}

int main(int argc, char *argv[])
{
    bool naive_way = false;
    while (next_option(argc, argv, "x", usage) != -1)
        naive_way = true;
    check_operands(argc, argv, 1, INT_MAX);

    lane(0, "coproc");
    const struct coproc filter = start_filter(&argv[optind]);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* after the fork: the filter would inherit it */
        err(EXIT_FAILURE, "signal");
    if (!naive_way) {
        write_and_read_at_once(filter);
        const int status = reap_command(filter.pid);
        if (status == EXIT_SUCCESS)
            lesson("poll() watches both pipes: any amount goes through any filter");
        return status;
    }

    const pid_t naive = fork();
    if (naive == -1)
        err(EXIT_FAILURE, "fork");
    if (naive == 0)
        write_and_then_read(filter);
    if (close(filter.to) == -1 || close(filter.from) == -1)
        err(EXIT_FAILURE, "close");
    const bool stuck = watch(naive, filter);
    const int naive_status = reap_command(naive), filter_status = reap_command(filter.pid);
    if (stuck) {
        lesson("each waits for the other to read: write and read at once, with poll()");
        return EXIT_SUCCESS;
    }
    if (naive_status == EXIT_SUCCESS && filter_status == EXIT_SUCCESS)
        lesson("no deadlock this time: it fitted into the pipes, or the filter read all first");
    return naive_status != EXIT_SUCCESS ? naive_status : filter_status;
}
