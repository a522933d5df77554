/* eof - end of file comes only when every write end of the pipe is closed
 *
 * fork() gave the reader a copy of the write end, too. It must close that copy, or it will wait for
 * itself: that is what happens with -x.
 *
 * pipe(7), read(2), proc(5)
 */
#include "../lib/demo.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: eof [-x]\n"
    "  -x  the reader keeps its copy of the write end: it never sees end of file\n";

static void read_to_end(int fd)
{
    char text[64];
    ssize_t count;
    while ((count = read(fd, text, sizeof text)) > 0)
        say("read(%d) = %zd %s", fd, count, quoted(text, (size_t)count));
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd: end of file", fd, count);
    _exit(EXIT_SUCCESS);
}

/* The reader will never wake: show why, and end it. */
static void show_the_copy(pid_t reader, const int fds[2])
{
    enum { WATCHED_MS = 200 };
    if (!still_asleep(reader, WATCHED_MS))
        errx(EXIT_FAILURE, "the reader woke up");
    say_asleep_in("the reader still", reader, "read", fds[READ_END]);

    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)reader, fds[WRITE_END]);
    if (readlink(path, target, sizeof target - 1) != -1) /* a system may not let us look */
        say("readlink(%s) = %s: its own copy", path, target);

    if (kill(reader, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM)", (int)reader);
    if (reap(reader) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "the reader did not end by SIGTERM");
    lesson("the reader waits for the last write end to close, and holds that end itself");
}

int main(int argc, char *argv[])
{
    bool keep_copy = false;
    while (next_option(argc, argv, "x", usage) != -1)
        keep_copy = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "writer");
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d", fds[READ_END], fds[WRITE_END]);
    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0) {
        lane(1, "reader");
        die_with_parent();
        if (!keep_copy) {
            if (close(fds[WRITE_END]) == -1)
                err(EXIT_FAILURE, "close");
            say("close(%d): a copy it does not use", fds[WRITE_END]);
        }
        read_to_end(fds[READ_END]);
    }
    say("fork() = %d", (int)reader); /* the writer keeps its read end: that is no write end */

    say_asleep_in("the reader", reader, "read", fds[READ_END]);
    const ssize_t count = write(fds[WRITE_END], "hello", strlen("hello"));
    if (count == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, \"hello\") = %zd", fds[WRITE_END], count);
    say_asleep_in("the reader", reader, "read", fds[READ_END]);
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): the last write end of the writer", fds[WRITE_END]);

    if (keep_copy) {
        show_the_copy(reader, fds);
        return EXIT_SUCCESS;
    }
    if (reap(reader) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the reader failed");
    lesson("read() returns 0 only when every write end is closed, the reader's own too");
    return EXIT_SUCCESS;
}
