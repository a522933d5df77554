/* coproc - stdin through a filter and back to stdout: both pipes watched at once
 *
 * The program waits for both pipes in poll(), and only there, so any amount goes through any
 * filter. Writing everything first and reading afterwards (-x) works with a little input. With
 * more, and a filter that writes while it reads, both pipes fill up, and both processes sleep in
 * write().
 *
 * pipe(7), poll(2), dup2(2), exec(3)
 */
#define _GNU_SOURCE /* pipe2 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, STUCK_MS = 2000, WATCHED_MS = 100, PATIENCE_MS = 10000 };

static const char usage[] =
    "usage: coproc [-x] COMMAND [ARG...]\n"
    "  -x  write everything, then read: a deadlock if it does not fit into the pipes\n"
    "  ends with the status of COMMAND; example: seq 100000 | ./pipe/coproc sort -r\n";

static pid_t filter;
static int to, from; /* our ends of the two pipes; -1, which poll(2) ignores, when closed */
static char in[BUFFER], out[BUFFER];

/* O_CLOEXEC closes all four ends when the filter starts, and leaves it the copies 0 and 1. */
static void start_filter(char *command[])
{
    int input[2], output[2];
    if (pipe2(input, O_CLOEXEC) == -1 || pipe2(output, O_CLOEXEC) == -1)
        err(EXIT_FAILURE, "pipe2");
    say("pipe2(O_CLOEXEC) = %d, %d: to the filter", input[READ_END], input[WRITE_END]);
    say("pipe2(O_CLOEXEC) = %d, %d: from the filter", output[READ_END], output[WRITE_END]);
    filter = fork();
    if (filter == -1)
        err(EXIT_FAILURE, "fork");
    if (filter == 0) {
        die_with_parent();
        if (dup2(input[READ_END], STDIN_FILENO) == -1 ||
            dup2(output[WRITE_END], STDOUT_FILENO) == -1)
            err(EXIT_FAILURE, "dup2");
        execvp(*command, command);
        exec_failed(*command);
    }
    if (close(input[READ_END]) == -1 || close(output[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    say("fork() = %d: %s, between the pipes", (int)filter, *command);
    to = input[WRITE_END];
    from = output[READ_END];
}

static void close_end(int *fd)
{
    if (close(*fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d)", *fd);
    *fd = -1;
}

static size_t read_some(int fd, char buffer[BUFFER])
{
    const ssize_t count = read(fd, buffer, BUFFER);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    return (size_t)count;
}

/* Returns false at the end of the filter's output. */
static bool copy_output(void)
{
    const size_t count = read_some(from, out);
    if (write_full(STDOUT_FILENO, out, count) == -1)
        err(EXIT_FAILURE, "stdout");
    return count > 0;
}

static void write_and_read_at_once(void)
{
    size_t start = 0, end = 0, owed = 0; /* the input that waits for room in the pipe */
    if (fcntl(to, F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    while (to != -1 || from != -1) {
        const bool waits = start < end;
        struct pollfd ends[] = {
            {.fd = to == -1 || waits ? -1 : STDIN_FILENO, .events = POLLIN},
            {.fd = to, .events = waits ? POLLOUT : 0}, /* POLLERR comes unasked */
            {.fd = from, .events = POLLIN},
        };
        const int ready = poll(ends, sizeof ends / sizeof *ends, STUCK_MS);
        if (ready == -1)
            err(EXIT_FAILURE, "poll");
        if (to == -1 && ready == 0 && is_asleep_in(filter, "read", STDIN_FILENO))
            errx(EXIT_FAILURE, "the filter has had all its input, and still sleeps in read(0)");

        if (ends[2].revents != 0 && !copy_output())
            close_end(&from);
        if ((ends[1].revents & POLLERR) != 0) {
            close_end(&to); /* the filter reads no more */
        } else if (ends[1].revents != 0) {
            const ssize_t count = write(to, in + start, end - start);
            if (count == -1 && errno != EPIPE && errno != EAGAIN)
                err(EXIT_FAILURE, "write");
            start += count == -1 ? 0 : (size_t)count;
            owed -= count == -1 ? 0 : (size_t)count;
        } else if (ends[0].revents != 0) {
            start = 0;
            end = read_some(STDIN_FILENO, in);
            owed += end;
            if (end == 0 && owed > 0)
                errx(EXIT_FAILURE, "%zu bytes were read and not written", owed);
            if (end == 0)
                close_end(&to);
        }
    }
}

/* The mistake. It runs in a process of its own, so that another one is awake to report. */
static void write_and_then_read(void)
{
    lane(1, "naive");
    die_with_parent();
    for (size_t count; (count = read_some(STDIN_FILENO, in)) > 0;)
        if (write_full(to, in, count) == -1) {
            if (errno != EPIPE)
                err(EXIT_FAILURE, "write");
            break; /* the filter reads no more */
        }
    close_end(&to);
    while (copy_output())
        continue;
    _exit(EXIT_SUCCESS);
}

static bool both_sleep_in_write(pid_t naive)
{
    return is_asleep_in(naive, "write", to) && is_asleep_in(filter, "write", STDOUT_FILENO) &&
           still_asleep(naive, WATCHED_MS) && still_asleep(filter, WATCHED_MS);
}

/* Returns whether the two got stuck, each in its write(); then it has ended both. */
static bool watch(pid_t naive)
{
    for (int slept = 0; !both_sleep_in_write(naive);) {
        if (has_ended(naive))
            return false;
        if (!still_asleep(naive, WATCHED_MS) || is_asleep_in(naive, "read", ANY_ARGUMENT))
            slept = 0;
        else if ((slept += WATCHED_MS) == PATIENCE_MS)
            errx(EXIT_FAILURE, "the writer sleeps on, but /proc does not show both in write()");
    }
    say_asleep_in("the writer", naive, "write", to);
    say_asleep_in("the filter", filter, "write", STDOUT_FILENO);
    if (kill(naive, SIGKILL) == -1 || kill(filter, SIGKILL) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGKILL), kill(%d, SIGKILL)", (int)naive, (int)filter);
    return true;
}

static int run_naive(void)
{
    const pid_t naive = fork();
    if (naive == -1)
        err(EXIT_FAILURE, "fork");
    if (naive == 0)
        write_and_then_read();
    if (close(to) == -1 || close(from) == -1)
        err(EXIT_FAILURE, "close");
    const bool stuck = watch(naive);
    const int status = reap_command(naive), filter_status = reap_command(filter);
    if (stuck)
        lesson("each waits for the other to read: watch both pipes with poll() instead");
    else if (status == EXIT_SUCCESS && filter_status == EXIT_SUCCESS)
        lesson("no deadlock this time: that depends on the filter and on how much it is given");
    return stuck ? EXIT_SUCCESS : status != EXIT_SUCCESS ? status : filter_status;
}

int main(int argc, char *argv[])
{
    bool naive = false;
    while (next_option(argc, argv, "x", usage) != -1)
        naive = true;
    check_operands(argc, argv, 1, argc);

    lane(0, "coproc");
    start_filter(&argv[optind]);
    signal(SIGPIPE, SIG_IGN); /* after the fork: the filter would inherit it */
    if (naive)
        return run_naive();
    write_and_read_at_once();
    const int status = reap_command(filter);
    if (status == EXIT_SUCCESS)
        lesson("poll() watches both pipes: any amount goes through any filter");
    return status;
}
