/* empty - a read from an empty pipe sleeps until something is written
 *
 * The writer waits until the reader sleeps, and then writes. With O_NONBLOCK (-n) read() fails with
 * EAGAIN instead, and poll() does the sleeping.
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
    "  -n  O_NONBLOCK: read() fails with EAGAIN, which is printed, and poll() waits\n";

static void poll_until_readable(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    const int ready = poll(&end, 1, -1);
    if (ready == -1)
        err(EXIT_FAILURE, "poll");
    say("poll(%d) = %d, %s", fd, ready, poll_events(end.revents));
}

static void read_one(int fd)
{
    char text[64];
    ssize_t count = read(fd, text, sizeof text);
    if (count == -1 && errno == EAGAIN) {
        say("read(%d) = %zd %s", fd, count, errno_name(errno));
        puts("EAGAIN");
        poll_until_readable(fd);
        count = read(fd, text, sizeof text);
    }
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd %s", fd, count, quoted(text, (size_t)count));
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
    if (reader == 0) {
        lane(1, "reader");
        die_with_parent();
        if (close(fds[WRITE_END]) == -1)
            err(EXIT_FAILURE, "close");
        read_one(fds[READ_END]);
    }
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");

    if (nonblock)
        say_asleep_in("the reader", reader, "poll", ANY_ARGUMENT);
    else
        say_asleep_in("the reader", reader, "read", fds[READ_END]);
    const ssize_t count = write(fds[WRITE_END], "hello", strlen("hello"));
    if (count == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, \"hello\") = %zd", fds[WRITE_END], count);

    const int status = reap(reader);
    if (status == EXIT_SUCCESS)
        lesson(nonblock
                   ? "with O_NONBLOCK an empty pipe is an error, EAGAIN; poll() can wait for data"
                   : "an empty pipe puts its reader to sleep; the next write wakes it up");
    return status;
}
