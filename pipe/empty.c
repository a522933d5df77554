/* empty - a read from an empty pipe sleeps until something is written
 *
 * The writer does not write before the kernel says that the reader sleeps. With O_NONBLOCK (-n) the
 * reader gets EAGAIN instead of sleep, and asks poll() to tell it when to try again.
 *
 * read(2), poll(2), pipe(7); O_NONBLOCK in open(2)
 */
#define _GNU_SOURCE /* pipe2 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: empty [-n]\n"
    "  -n  O_NONBLOCK: the read fails with EAGAIN, which is printed, and poll() waits\n";

static void read_one(const int fds[2], bool nonblock)
{
    lane(1, "reader");
    die_with_parent();
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    char text[64];
    ssize_t count = read(fds[READ_END], text, sizeof text);
    if (nonblock && count == -1 && errno == EAGAIN) {
        say("read(%d) = -1 EAGAIN: nothing there", fds[READ_END]);
        puts("EAGAIN");
        struct pollfd wanted = {.fd = fds[READ_END], .events = POLLIN};
        if (poll(&wanted, 1, -1) == -1)
            err(EXIT_FAILURE, "poll");
        say("poll(%d) = 1, POLLIN: there is something now", fds[READ_END]);
        count = read(fds[READ_END], text, sizeof text);
    }
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd %s", fds[READ_END], count, quoted(text, (size_t)count));
    printf("%.*s\n", (int)count, text);
    flush_stdout();
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    bool nonblock = false;
    while (next_option(argc, argv, "n", usage) != -1)
        nonblock = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "writer");
    int fds[2];
    if (pipe2(fds, nonblock ? O_NONBLOCK : 0) == -1)
        err(EXIT_FAILURE, "pipe2");
    say("pipe2(%s) = %d, %d", nonblock ? "O_NONBLOCK" : "0", fds[READ_END], fds[WRITE_END]);
    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0)
        read_one(fds, nonblock);
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");

    wait_asleep(reader);
    say("the reader sleeps in %s", nonblock ? "poll(), not in read()" : "read()");
    const ssize_t count = write(fds[WRITE_END], "hello", strlen("hello"));
    if (count == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, \"hello\") = %zd", fds[WRITE_END], count);

    const int status = reap(reader);
    if (status == EXIT_SUCCESS)
        lesson(nonblock ? "O_NONBLOCK: an empty pipe is an error, EAGAIN; let poll() do the waiting"
                        : "an empty pipe puts its reader to sleep; the write wakes it up");
    return status;
}
