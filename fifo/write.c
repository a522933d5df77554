/* write - writes lines into a FIFO; fifo/read, or cat, reads them
 *
 * A FIFO is a pipe with a name. open() sleeps until both ends are there: start either program
 * first, in either terminal, and look at it with ps(1). The name stays when both have ended; the
 * data never were on the disk.
 *
 * fifo(7), mkfifo(3), ENXIO in open(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: write [-n] [-p PATH] [TEXT...]\n"
                            "  -n       O_NONBLOCK: open() fails with ENXIO if nobody reads\n"
                            "  -p PATH  the FIFO, made if it is missing (/tmp/ipc-UID/fifo)\n"
                            "  writes each TEXT as a line; without one, stdin\n"
                            "  other terminal: ./fifo/read\n";

/* Writes it all. With O_NONBLOCK a full FIFO is EAGAIN, and poll() does the waiting. */
static void write_bytes(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t count = write(fd, bytes, length);
        if (count == -1 && errno == EAGAIN) {
            struct pollfd fifo = {.fd = fd, .events = POLLOUT};
            if (poll(&fifo, 1, -1) == -1)
                err(EXIT_FAILURE, "poll");
        } else if (count == -1) {
            err(EXIT_FAILURE, "write");
        } else {
            say("write(%d, %s) = %zd", fd, quoted(bytes, length), count);
            bytes += count;
            length -= (size_t)count;
        }
    }
}

/* Waits for input, but also for the reader to go: a FIFO without one is POLLERR. */
static void copy_stdin(int fd)
{
    static char buffer[PIPE_BUF];
    for (;;) {
        struct pollfd ends[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = 0}};
        if (poll(ends, 2, -1) == -1)
            err(EXIT_FAILURE, "poll");
        if (ends[1].revents != 0)
            errx(EXIT_FAILURE, "the reader has gone");
        const ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
        if (count == -1)
            err(EXIT_FAILURE, "stdin");
        if (count == 0)
            return;
        write_bytes(fd, buffer, (size_t)count);
    }
}

static void write_line(int fd, char *text)
{
    const size_t length = strlen(text);
    text[length] = '\n'; /* in the place of the final NUL: one write() for the whole line */
    write_bytes(fd, text, length + 1);
}

int main(int argc, char *argv[])
{
    const char *path = NULL;
    int nonblock = 0;
    for (int letter; (letter = next_option(argc, argv, "np:", usage)) != -1;)
        switch (letter) {
        case 'n':
            nonblock = O_NONBLOCK;
            break;
        case 'p':
            path = optarg;
            break;
        }
    if (path == NULL)
        path = demo_path("fifo");

    pair_lane("writer");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* a reader that goes away is an error to tell */
        err(EXIT_FAILURE, "signal");
    if (mkfifo(path, S_IRUSR | S_IWUSR) == 0)
        say("mkfifo(%s)", path);
    else if (errno != EEXIST)
        err(EXIT_FAILURE, "mkfifo %s", path);

    say("open(O_WRONLY%s)%s", nonblock ? "|O_NONBLOCK" : "", nonblock ? "" : " waits for a reader");
    const int fd = open(path, O_WRONLY | nonblock | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 && errno == ENXIO)
        err(EXIT_FAILURE, "%s: nobody reads it", path);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    check_fifo(fd, path);
    say("open() = %d", fd);

    for (int i = optind; i < argc; i++)
        write_line(fd, argv[i]);
    if (optind == argc)
        copy_stdin(fd);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): the reader will see end of file", fd);
    say("the name stays: ls -l %s", path);
    say("to remove it: rm %s", path);
    lesson("a FIFO is a pipe with a name: open() waits until both ends are there");
    return EXIT_SUCCESS;
}
