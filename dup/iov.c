/* iov - writev: header and body from two buffers in one call; readv: back into two
 *
 * With one write() header and body would have to be copied together first. writev() takes a list of
 * buffers. Like write(), it may take only a part, which may end in the middle of a buffer: the list
 * must be advanced by that much. With -x that is forgotten. The first call finds an empty pipe that
 * nobody reads yet, so a long body fills it for certain.
 *
 * writev(2), readv(2), O_NONBLOCK in pipe(7)
 */
#define _GNU_SOURCE /* F_GETPIPE_SZ */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEADER = 16, MORE = 64 * 1024, LONGEST = 256 * 1024 * 1024, DIFFERENT = 3 };

static const char usage[] =
    "usage: iov [FILE]\n"
    "       iov -x\n"
    "  the body is the content of FILE, less than 256 MiB (without one, a word)\n"
    "  prints the body as it has arrived\n"
    "  -x  a body longer than the pipe holds, and after a part the whole list again\n";

/* Returns the length. */
static size_t read_body(const char *path, char *body)
{
    const int fd = open(path, O_RDONLY);
    const ssize_t count = fd == -1 ? -1 : read_full(fd, body, LONGEST);
    if (count == -1)
        err(EXIT_FAILURE, "%s %s", fd == -1 ? "open" : "read", path);
    if (count == LONGEST) /* /dev/zero never ends */
        errx(EXIT_FAILURE, "%s: %d bytes or more", path, LONGEST);
    close(fd);
    return (size_t)count;
}

/* fork() has given the reader a copy of the body to compare with. */
static void read_message(int fd, const char *body, size_t length, bool print)
{
    char header[HEADER], *const bytes = malloc(length + 1);
    struct iovec list[] = {{header, HEADER}, {bytes, length}};
    const ssize_t first = bytes == NULL ? -1 : readv(fd, list, 2);
    if (first == -1)
        err(EXIT_FAILURE, "malloc or readv");
    say("readv(%d, 2 buffers) = %zd", fd, first);
    const size_t got = (size_t)first - HEADER; /* the first writev() has put the header there */
    say("header %s, body %zu byte%s", quoted(header, HEADER), got, plural(got));
    if (read_full(fd, bytes + got, length - got) < (ssize_t)(length - got))
        errx(EXIT_FAILURE, "read: the body is too short");
    const bool same = memcmp(bytes, body, length) == 0;
    if (same)
        say("the body is the same: %zu of %zu", length, length);
    else
        say("byte %zu of the body: %s", got, quoted(bytes + got, HEADER));
    if (print && write_full(STDOUT_FILENO, bytes, length) == -1)
        err(EXIT_FAILURE, "stdout");
    const ssize_t more = read_full(fd, bytes, length);
    _exit(same && more == 0 ? EXIT_SUCCESS : DIFFERENT);
}

/* Takes from the list what was written. */
static void advance(struct iovec list[2], size_t done)
{
    for (int i = 0; i < 2; i++) {
        const size_t part = done < list[i].iov_len ? done : list[i].iov_len;
        list[i].iov_base = (char *)list[i].iov_base + part;
        list[i].iov_len -= part;
        done -= part;
    }
}

static size_t write_some(int fd, const struct iovec list[2])
{
    say("writev(%d, %zu + %zu bytes) ...", fd, list[0].iov_len, list[1].iov_len);
    const ssize_t count = writev(fd, list, 2);
    if (count == -1)
        err(EXIT_FAILURE, "writev");
    say("... = %zd", count);
    return (size_t)count;
}

int main(int argc, char *argv[])
{
    bool wrong = false;
    while (next_option(argc, argv, "x", usage) != -1)
        wrong = true;
    check_operands(argc, argv, 0, wrong ? 0 : 1);

    lane(0, "writer");
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone is an error to report */
    char *const body = calloc(LONGEST, 1), header[HEADER + 1];
    int fds[2];
    if (body == NULL || pipe(fds) == -1)
        err(EXIT_FAILURE, "calloc or pipe");
    const size_t length = wrong           ? (size_t)fcntl(fds[WRITE_END], F_GETPIPE_SZ) + MORE
                          : optind < argc ? read_body(argv[optind], body)
                                          : strlen(strcpy(body, "hello\n"));
    say("pipe() = %d, %d: nobody reads yet", fds[READ_END], fds[WRITE_END]);
    snprintf(header, sizeof header, "%*zu\n", HEADER - 1, length);
    struct iovec list[] = {{header, HEADER}, {body, length}};
    if (fcntl(fds[WRITE_END], F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    const size_t first = write_some(fds[WRITE_END], list);
    if (!wrong)
        advance(list, first);
    if (fcntl(fds[WRITE_END], F_SETFL, 0) == -1) /* from now on it waits for the reader */
        err(EXIT_FAILURE, "fcntl");

    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0) {
        lane(1, "reader");
        die_with_parent();
        close(fds[WRITE_END]); /* or there is no end of file */
        read_message(fds[READ_END], body, length, !wrong);
    }
    close(fds[READ_END]); /* or a reader that is gone would not be noticed */
    while (list[1].iov_len > 0)
        advance(list, write_some(fds[WRITE_END], list));
    close(fds[WRITE_END]);
    if (reap(reader) != (wrong ? DIFFERENT : EXIT_SUCCESS))
        errx(EXIT_FAILURE, "the reader failed");
    lesson("%s", wrong
                     ? "writing the whole list again after a part puts a header into the body"
                     : "writev() sends many buffers in one call; advance the list by what it took");
    return EXIT_SUCCESS;
}
