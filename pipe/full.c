/* full - a writer fills the pipe, then sleeps until the reader makes room
 *
 * Two numbers are easily confused: the capacity is how much the pipe holds, PIPE_BUF how much one
 * write() puts in without other writers' bytes in between (see atomic). Linux keeps what is written
 * in pages, and frees a page only when its last byte has been read.
 *
 * pipe(7), F_SETPIPE_SZ in fcntl(2), FIONREAD in pipe(7)
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

enum { FEW = 100, WATCHED_MS = 50, LARGEST_PAGE = 64 * 1024 };

static const char usage[] = "usage: full [-n] [-s BYTES]\n"
                            "  -n        O_NONBLOCK: a write to the full pipe fails with EAGAIN\n"
                            "  -s BYTES  set the capacity first; Linux rounds it up\n"
                            "  prints the capacity and PIPE_BUF\n";

static char page[LARGEST_PAGE]; /* of zeros */
static size_t page_size;

static void set_capacity(int fd, int size)
{
    const int actual = fcntl(fd, F_SETPIPE_SZ, size);
    if (actual == -1) /* pipe(7) has all three limits */
        err(EXIT_FAILURE, "fcntl F_SETPIPE_SZ %d (see /proc/sys/fs/pipe-*)", size);
    say("fcntl(%d, F_SETPIPE_SZ, %d) = %d", fd, size, actual);
}

static int capacity_of(int fd)
{
    const int capacity = fcntl(fd, F_GETPIPE_SZ);
    if (capacity == -1)
        err(EXIT_FAILURE, "fcntl F_GETPIPE_SZ");
    say("fcntl(%d, F_GETPIPE_SZ) = %d", fd, capacity);
    return capacity;
}

static void say_bytes_in(int fd)
{
    int bytes;
    if (ioctl(fd, FIONREAD, &bytes) == -1)
        err(EXIT_FAILURE, "ioctl FIONREAD");
    say("ioctl(%d, FIONREAD) = %d", fd, bytes);
}

static void read_bytes(int fd, size_t length)
{
    const ssize_t count = read(fd, page, length);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd", fd, count);
}

static void fill(int fd, int pages)
{
    for (int i = 0; i < pages; i++)
        if (write(fd, page, page_size) == -1)
            err(EXIT_FAILURE, "write");
}

/* Returns false if there is no room. */
static bool write_page(int fd)
{
    const ssize_t count = write(fd, page, page_size);
    if (count == -1 && errno != EAGAIN)
        err(EXIT_FAILURE, "write");
    say("write(%d, page) = %zd %s", fd, count, error_of(count));
    return count != -1;
}

static void fill_and_sleep(const int fds[2], int pages)
{
    const pid_t writer = fork();
    if (writer == -1)
        err(EXIT_FAILURE, "fork");
    if (writer == 0) {
        lane(1, "writer");
        die_with_parent();
        if (close(fds[READ_END]) == -1)
            err(EXIT_FAILURE, "close");
        fill(fds[WRITE_END], pages);
        write_page(fds[WRITE_END]);
        _exit(EXIT_SUCCESS);
    }
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    say_asleep_in("the writer", writer, "write", fds[WRITE_END]);
    say_bytes_in(fds[READ_END]);
    read_bytes(fds[READ_END], FEW);
    wait_asleep(writer); /* before Linux 6.14 it is woken, finds no room, and sleeps again */
    if (!still_asleep(writer, WATCHED_MS))
        errx(EXIT_FAILURE, "%d bytes made room for the writer", FEW);
    say_asleep_in("the writer still", writer, "write", fds[WRITE_END]);
    read_bytes(fds[READ_END], page_size - FEW);
    if (reap(writer) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the writer failed");
}

static void fill_until_eagain(const int fds[2], int pages)
{
    fill(fds[WRITE_END], pages);
    write_page(fds[WRITE_END]);
    say_bytes_in(fds[READ_END]);
    read_bytes(fds[READ_END], FEW);
    if (write_page(fds[WRITE_END]))
        errx(EXIT_FAILURE, "%d bytes made room for a page", FEW);
    read_bytes(fds[READ_END], page_size - FEW);
    if (!write_page(fds[WRITE_END]))
        errx(EXIT_FAILURE, "a page was read, and there is no room to write one");
}

int main(int argc, char *argv[])
{
    bool nonblock = false;
    int size = 0;
    for (int letter; (letter = next_option(argc, argv, "ns:", usage)) != -1;)
        if (letter == 'n')
            nonblock = true;
        else
            size = (int)parse_long("-s", optarg, 1, INT_MAX);
    check_operands(argc, argv, 0, 0);
    page_size = (size_t)sysconf(_SC_PAGESIZE);

    lane(0, nonblock ? "both" : "reader");
    int fds[2];
    if (pipe2(fds, nonblock ? O_NONBLOCK : 0) == -1)
        err(EXIT_FAILURE, "pipe2");
    say("pipe2(%s) = %d, %d", nonblock ? "O_NONBLOCK" : "0", fds[READ_END], fds[WRITE_END]);
    if (size != 0)
        set_capacity(fds[WRITE_END], size);
    const int capacity = capacity_of(fds[WRITE_END]), pages = capacity / (int)page_size;
    if (nonblock)
        fill_until_eagain(fds, pages);
    else
        fill_and_sleep(fds, pages);
    printf("capacity %d\nPIPE_BUF %d\n", capacity, PIPE_BUF);
    lesson(nonblock ? "with O_NONBLOCK a write to a full pipe fails with EAGAIN"
                    : "a full pipe puts its writer to sleep; Linux makes room by whole pages");
    return EXIT_SUCCESS;
}
