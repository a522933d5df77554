/* eof - end of file comes only when every write end of the pipe is closed
 *
 * The writer sends one word, waits until the reader sleeps in its next read, and closes its write
 * end. Watch the reader's first line: with -x it keeps its copy of that end, and waits for itself.
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

static void read_to_end(const int fds[2], bool keep_copy)
{
    lane(1, "reader");
    die_with_parent();
    if (!keep_copy) {
        if (close(fds[WRITE_END]) == -1)
            err(EXIT_FAILURE, "close");
        say("close(%d): a copy it does not use", fds[WRITE_END]);
    }
    char text[64];
    ssize_t count;
    while ((count = read(fds[READ_END], text, sizeof text)) > 0)
        say("read(%d) = %zd %s", fds[READ_END], count, quoted(text, (size_t)count));
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = 0: end of file", fds[READ_END]);
    _exit(EXIT_SUCCESS);
}

/* The reader will never wake: show why, and end it. */
static void show_the_copy(pid_t reader, const int fds[2])
{
    enum { WATCHED_MS = 200 };
    if (!still_asleep(reader, WATCHED_MS))
        errx(EXIT_FAILURE, "the reader woke up");
    say("%d ms later the reader still sleeps", WATCHED_MS);

    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)reader, fds[WRITE_END]);
    if (readlink(path, target, sizeof target - 1) == -1)
        err(EXIT_FAILURE, "readlink %s", path);
    say("%s -> %s: its own copy", path, target);

    if (kill(reader, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM)", (int)reader);
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
    say("pipe() = %d (read end), %d (write end)", fds[READ_END], fds[WRITE_END]);
    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0)
        read_to_end(fds, keep_copy);
    say("fork() = %d, the reader", (int)reader);

    wait_asleep(reader);
    say("the reader sleeps in read(): the pipe is empty");
    const ssize_t count = write(fds[WRITE_END], "hello", strlen("hello"));
    if (count == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, \"hello\") = %zd", fds[WRITE_END], count);
    wait_asleep(reader);
    say("the reader sleeps again: empty, but not at its end");
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): the writer's only write end", fds[WRITE_END]);

    if (keep_copy)
        show_the_copy(reader, fds);
    if (reap(reader) != (keep_copy ? 128 + SIGTERM : EXIT_SUCCESS))
        errx(EXIT_FAILURE, "the reader failed");
    if (keep_copy)
        lesson("the reader waits for the last write end to be closed, and holds it itself");
    else
        lesson(
            "read() returns 0 only when every write end is closed, the reader's own copy included");
    return EXIT_SUCCESS;
}
