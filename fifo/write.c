/* write - writes lines into a FIFO; fifo/read, or cat, reads them
 *
 * A FIFO is a pipe with a name. open() sleeps until another process has it open for reading: start
 * either program first, in either terminal, and look at it with ps(1). The name stays when both
 * have ended; the data are never written to the disk.
 *
 * fifo(7), mkfifo(3), ENXIO in open(2)
 */
#define _GNU_SOURCE /* asprintf */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: write [-n] [-p PATH] [TEXT...]\n"
                            "  -n       O_NONBLOCK: open() fails with ENXIO without a reader\n"
                            "  -p PATH  the FIFO, made if it is missing (/tmp/ipc-UID/fifo)\n"
                            "  writes each TEXT as a line; without TEXT, copies stdin\n"
                            "  other terminal: ./fifo/read\n";

static int open_fifo(const char *path, int nonblock)
{
    if (mkfifo(path, S_IRUSR | S_IWUSR) == 0)
        say("mkfifo(%s)", path);
    else if (errno != EEXIST)
        err(EXIT_FAILURE, "mkfifo %s", path);

    if (nonblock == 0)
        say("open(fifo, O_WRONLY) ...");
    const int fd = open(path, O_WRONLY | nonblock | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 && errno == ENXIO && !is_socket(path))
        err(EXIT_FAILURE, "open %s: ENXIO: it has no reader", path);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    if (nonblock == 0) {
        say("... = %d", fd);
    } else {
        say("open(fifo, O_WRONLY|O_NONBLOCK) = %d", fd);
        if (fcntl(fd, F_SETFL, 0) == -1)
            err(EXIT_FAILURE, "fcntl");
        say("fcntl(%d, F_SETFL): a write to a full FIFO will sleep", fd);
    }
    check_fifo(fd, path);
    return fd;
}

static void write_bytes(int fd, const char *bytes, size_t length)
{
    while (length > 0) { /* once, unless we are stopped in it */
        const ssize_t count = write(fd, bytes, length);
        if (count == -1)
            err(EXIT_FAILURE, "write: %s", errno_name(errno));
        say("write(%d, %s) = %zd", fd, quoted(bytes, length), count);
        bytes += count;
        length -= (size_t)count;
    }
}

/* One write() for the whole line: up to PIPE_BUF bytes stay whole. */
static void write_line(int fd, const char *text)
{
    char *line;
    const int length = asprintf(&line, "%s\n", text);
    if (length == -1)
        err(EXIT_FAILURE, "asprintf");
    write_bytes(fd, line, (size_t)length);
    free(line);
}

/* Waits for input, but also for the reader to go: on Linux a FIFO without one is POLLERR. */
static void copy_stdin(int fd)
{
    static char buffer[PIPE_BUF];
    for (;;) {
        struct pollfd ends[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = 0}};
        if (poll(ends, 2, -1) == -1)
            err(EXIT_FAILURE, "poll");
        if (ends[1].revents != 0)
            errx(EXIT_FAILURE, "the reader is gone");
        const ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
        if (count == -1)
            err(EXIT_FAILURE, "stdin");
        if (count == 0)
            return;
        write_bytes(fd, buffer, (size_t)count);
    }
}

int main(int argc, char *argv[])
{
    const char *path = NULL;
    int nonblock = 0;
    for (int letter; (letter = next_option(argc, argv, "np:", usage)) != -1;)
        if (letter == 'n')
            nonblock = O_NONBLOCK;
        else
            path = optarg;
    if (path == NULL)
        path = demo_path("fifo");

    pair_lane("writer");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* a reader that goes away is an error to report */
        err(EXIT_FAILURE, "signal");
    const int fd = open_fifo(path, nonblock);
    for (int i = optind; i < argc; i++)
        write_line(fd, argv[i]);
    if (optind == argc)
        copy_stdin(fd);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d)", fd);
    say("to remove it: rm %s", path);
    if (nonblock == 0)
        lesson("a FIFO is a pipe with a name: open() waits until both ends are there");
    else
        lesson("with O_NONBLOCK open() does not wait: a reader must be there already");
    return EXIT_SUCCESS;
}
