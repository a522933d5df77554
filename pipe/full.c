/* full - a writer fills the pipe, then sleeps until the reader makes room
 *
 * Two numbers that are easily confused: the capacity is how much the pipe holds, and is found by
 * filling it; PIPE_BUF is how much one write() puts in without other writers' bytes in between (see
 * atomic). The kernel keeps whole pages: taking out a few bytes makes no room for a page.
 *
 * pipe(7), F_SETPIPE_SZ in fcntl(2), FIONREAD in ioctl(2)
 */
#define _GNU_SOURCE /* F_GETPIPE_SZ, F_SETPIPE_SZ, pipe2 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FEW = 100, WATCHED_MS = 50 };

static const char usage[] = "usage: full [-n] [-s BYTES]\n"
                            "  -n        O_NONBLOCK: a write to the full pipe fails with EAGAIN\n"
                            "  -s BYTES  set the capacity first; the kernel rounds it up\n";

static size_t page_size;
static char *page;

static void read_bytes(int fd, size_t length)
{
    const ssize_t count = read(fd, page, length);
    if (count != (ssize_t)length)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd", fd, count);
}

static int bytes_in(int fd)
{
    int bytes;
    if (ioctl(fd, FIONREAD, &bytes) == -1)
        err(EXIT_FAILURE, "ioctl FIONREAD");
    return bytes;
}

static void write_one_page_too_many(const int fds[2])
{
    lane(1, "writer");
    die_with_parent();
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    const int capacity = fcntl(fds[WRITE_END], F_GETPIPE_SZ);
    if (capacity == -1)
        err(EXIT_FAILURE, "fcntl F_GETPIPE_SZ");
    const int pages = capacity / (int)page_size;
    say("fcntl(%d, F_GETPIPE_SZ) = %d: %d page%s", fds[WRITE_END], capacity, pages,
        pages == 1 ? "" : "s");
    for (int i = 0; i <= pages; i++)
        if (write(fds[WRITE_END], page, page_size) == -1)
            err(EXIT_FAILURE, "write");
    say("write(%d, %zu bytes) = %zu: page %d", fds[WRITE_END], page_size, page_size, pages + 1);
    _exit(EXIT_SUCCESS);
}

static int fill_and_sleep(const int fds[2])
{
    const pid_t writer = fork();
    if (writer == -1)
        err(EXIT_FAILURE, "fork");
    if (writer == 0)
        write_one_page_too_many(fds);
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    wait_asleep(writer);
    const int capacity = bytes_in(fds[READ_END]);
    const int told = fcntl(fds[READ_END], F_GETPIPE_SZ);
    if (told == -1)
        err(EXIT_FAILURE, "fcntl F_GETPIPE_SZ");
    if (capacity != told)
        errx(EXIT_FAILURE, "the writer sleeps with %d bytes in the pipe", capacity);
    say("the writer sleeps: %d bytes in the pipe", capacity);
    read_bytes(fds[READ_END], FEW);
    if (!still_asleep(writer, WATCHED_MS))
        errx(EXIT_FAILURE, "%d bytes woke the writer", FEW);
    say("the writer sleeps on: no page is free");
    read_bytes(fds[READ_END], page_size - FEW);
    if (reap(writer) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the writer failed");
    return capacity;
}

static void write_expecting(int fd, ssize_t expected)
{
    const ssize_t count = write(fd, page, page_size);
    if (count != expected || (count == -1 && errno != EAGAIN))
        err(EXIT_FAILURE, "write = %zd, not %zd", count, expected);
    say("write(%d, %zu bytes) = %zd%s", fd, page_size, count, count == -1 ? " EAGAIN" : "");
}

static int fill_until_eagain(const int fds[2])
{
    while (write(fds[WRITE_END], page, page_size) != -1)
        continue;
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "write");
    const int capacity = bytes_in(fds[READ_END]);
    say("write() = -1 EAGAIN: %d bytes in the pipe", capacity);
    read_bytes(fds[READ_END], FEW);
    write_expecting(fds[WRITE_END], -1);
    read_bytes(fds[READ_END], page_size - FEW);
    write_expecting(fds[WRITE_END], (ssize_t)page_size);
    return capacity;
}

int main(int argc, char *argv[])
{
    bool nonblock = false;
    int size = 0;
    for (int letter; (letter = next_option(argc, argv, "ns:", usage)) != -1;)
        switch (letter) {
        case 'n':
            nonblock = true;
            break;
        case 's':
            size = (int)parse_long("-s", optarg, 1, INT_MAX);
            break;
        }
    check_operands(argc, argv, 0, 0);

    lane(0, nonblock ? "both ends" : "reader");
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    page = calloc(1, page_size);
    if (page == NULL)
        err(EXIT_FAILURE, "calloc");
    int fds[2];
    if (pipe2(fds, nonblock ? O_NONBLOCK : 0) == -1)
        err(EXIT_FAILURE, "pipe2");
    say("pipe2(%s) = %d, %d", nonblock ? "O_NONBLOCK" : "0", fds[READ_END], fds[WRITE_END]);
    if (size != 0) {
        const int actual = fcntl(fds[WRITE_END], F_SETPIPE_SZ, size);
        if (actual == -1)
            err(EXIT_FAILURE, "fcntl F_SETPIPE_SZ %d (see /proc/sys/fs/pipe-max-size)", size);
        say("fcntl(%d, F_SETPIPE_SZ, %d) = %d", fds[WRITE_END], size, actual);
    }
    printf("capacity %d\n", nonblock ? fill_until_eagain(fds) : fill_and_sleep(fds));
    printf("PIPE_BUF %ld\n", fpathconf(fds[READ_END], _PC_PIPE_BUF));
    flush_stdout();
    free(page);
    lesson("a full pipe %s; the kernel makes room by whole pages",
           nonblock ? "is EAGAIN to a writer with O_NONBLOCK" : "puts its writer to sleep");
    return EXIT_SUCCESS;
}
