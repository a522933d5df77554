/* sigpipe - a write into a pipe that nobody can read any more
 *
 * The writer writes, the reader reads and closes the last read end, and the writer writes again.
 * That raises SIGPIPE, which kills the writer silently: `yes | head` ends like this. A writer that
 * ignores the signal (-i) gets the error EPIPE instead.
 *
 * pipe(7), signal(7), POLLERR in poll(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: sigpipe [-i]\n"
                            "  -i  the writer ignores SIGPIPE: its write fails with EPIPE\n"
                            "  prints SIGPIPE or EPIPE, whichever ended the writing\n";

/* On Linux the write end of a pipe without readers is POLLERR. */
static void wait_until_nobody_reads(int fd)
{
    struct pollfd end = {.fd = fd, .events = 0};
    const int ready = poll(&end, 1, -1);
    if (ready == -1)
        err(EXIT_FAILURE, "poll");
    say("poll(%d) = %d, %s", fd, ready, poll_events(end.revents));
}

static void write_twice(int fd)
{
    ssize_t count = write(fd, "one", strlen("one"));
    if (count == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, \"one\") = %zd", fd, count);

    wait_until_nobody_reads(fd);
    say("write(%d, \"two\") ...", fd);
    count = write(fd, "two", strlen("two"));
    if (count != -1)
        errx(EXIT_FAILURE, "write: there is still a reader");
    say("... = %zd %s", count, errno_name(errno));
    _exit(errno == EPIPE ? EXIT_SUCCESS : EXIT_FAILURE);
}

int main(int argc, char *argv[])
{
    bool ignore = false;
    while (next_option(argc, argv, "i", usage) != -1)
        ignore = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "reader");
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d", fds[READ_END], fds[WRITE_END]);
    const pid_t writer = fork();
    if (writer == -1)
        err(EXIT_FAILURE, "fork");
    if (writer == 0) {
        lane(1, "writer");
        die_with_parent();
        if (close(fds[READ_END]) == -1)
            err(EXIT_FAILURE, "close");
        say("close(%d): its own copy of the read end", fds[READ_END]);
        /* In either case: we may have inherited an ignored SIGPIPE, see execve(2). */
        if (signal(SIGPIPE, ignore ? SIG_IGN : SIG_DFL) == SIG_ERR)
            err(EXIT_FAILURE, "signal");
        say("signal(SIGPIPE, %s)", ignore ? "SIG_IGN" : "SIG_DFL");
        write_twice(fds[WRITE_END]);
    }
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");

    char text[64];
    const ssize_t count = read(fds[READ_END], text, sizeof text);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd %s", fds[READ_END], count, quoted(text, (size_t)count));
    say_asleep_in("the writer", writer, "poll", ANY_ARGUMENT);
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): the last read end", fds[READ_END]);

    const int status = reap(writer);
    if (status != (ignore ? EXIT_SUCCESS : 128 + SIGPIPE))
        errx(EXIT_FAILURE, "the writer ended with status %d", status);
    say("wait() = %d: status %d%s", (int)writer, status, ignore ? "" : ", 128 + SIGPIPE");
    puts(ignore ? "EPIPE" : "SIGPIPE");
    lesson(ignore ? "a writer that ignores SIGPIPE gets EPIPE, and must check for it"
                  : "a write that nobody can read any more kills its writer with SIGPIPE");
    return EXIT_SUCCESS;
}
