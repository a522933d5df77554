/* iov - header and body, from two buffers, in one call: writev; and back into two: readv
 *
 * A message is a header of 16 bytes that tells the length, and the body. To send it with one
 * write() it would have to be copied together first; with two, a reader could see the one without
 * the other. writev() takes a list of buffers. As with write(), it may be only a part that fits:
 * the first call here finds an empty pipe that nobody reads yet, so that a long body fills it. What
 * was taken may end in the middle of a buffer; the list must be moved on by as much.
 *
 * writev(2), readv(2), O_NONBLOCK in pipe(7)
 */
#define _GNU_SOURCE /* pipe2 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEADER = 16, BUFFER = 64 * 1024, LONGEST = 256 * 1024 * 1024 };

static const char usage[] =
    "usage: iov [FILE]\n"
    "  the body is what FILE holds, less than 256 MiB (without one, a word)\n"
    "  prints the body as it has arrived\n";

/* The list of the buffers that are still to be written or filled. */
struct parts {
    struct iovec *first;
    int count;
};

static void advance(struct parts *parts, size_t done)
{
    while (parts->count > 0 && done >= parts->first->iov_len) {
        done -= parts->first->iov_len;
        parts->first++;
        parts->count--;
    }
    if (parts->count > 0) {
        parts->first->iov_base = (char *)parts->first->iov_base + done;
        parts->first->iov_len -= done;
    }
}

static char *read_file(const char *path, size_t *length)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    char *bytes = NULL;
    *length = 0;
    for (size_t size = BUFFER;; size *= 2) {
        if (size > LONGEST) /* /dev/zero never ends */
            errx(EXIT_FAILURE, "%s: %d bytes or more", path, LONGEST);
        bytes = realloc(bytes, size);
        if (bytes == NULL)
            err(EXIT_FAILURE, "realloc");
        const ssize_t count = read_full(fd, bytes + *length, size - *length);
        if (count == -1)
            err(EXIT_FAILURE, "read %s", path);
        *length += (size_t)count;
        if (*length < size)
            break;
    }
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    return bytes;
}

static void print(const char *bytes, size_t length)
{
    if (write_full(STDOUT_FILENO, bytes, length) == -1)
        err(EXIT_FAILURE, "stdout");
}

static void read_message(int fd)
{
    static char header[HEADER + 1], body[BUFFER];
    struct iovec buffers[] = {{header, HEADER}, {body, sizeof body}};
    struct parts parts = {buffers, 2};
    size_t got = 0;
    while (got < HEADER) { /* even a header may come in pieces */
        const ssize_t count = readv(fd, parts.first, parts.count);
        if (count == -1)
            err(EXIT_FAILURE, "readv");
        if (count == 0)
            errx(EXIT_FAILURE, "end of file in the header");
        say("readv(%d, %d buffers) = %zd", fd, parts.count, count);
        got += (size_t)count;
        advance(&parts, (size_t)count);
    }
    size_t in_body = got - HEADER;
    say("header %s, %zu bytes of body", quoted(header, HEADER), in_body);
    print(body, in_body);

    const size_t length = strtoull(header, NULL, 10);
    while (in_body < length) {
        const ssize_t count = read(fd, body, sizeof body);
        if (count == -1)
            err(EXIT_FAILURE, "read");
        if (count == 0)
            errx(EXIT_FAILURE, "end of file after %zu bytes of %zu", in_body, length);
        print(body, (size_t)count);
        in_body += (size_t)count;
    }
    say("%zu bytes of body have come", in_body);
    _exit(EXIT_SUCCESS);
}

/* One call; returns whether anybody is left to read. */
static bool write_some(int fd, struct parts *parts, size_t *done)
{
    const ssize_t count = writev(fd, parts->first, parts->count);
    if (count == -1 && errno != EPIPE && errno != EAGAIN)
        err(EXIT_FAILURE, "writev");
    if (count == -1)
        return errno == EAGAIN;
    advance(parts, (size_t)count);
    *done += (size_t)count;
    return true;
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 1);

    lane(0, "writer");
    static char word[] = "hello\n";
    size_t length = strlen(word), done = 0;
    char *const body = optind < argc ? read_file(argv[optind], &length) : word;
    char header[32]; /* room for any number; a length of 16 digits and more does not come */
    snprintf(header, sizeof header, "%*zu\n", HEADER - 1, length);
    struct iovec buffers[] = {{header, HEADER}, {body, length}};
    struct parts parts = {buffers, 2};

    int fds[2];
    if (pipe2(fds, O_CLOEXEC) == -1)
        err(EXIT_FAILURE, "pipe2");
    if (fcntl(fds[WRITE_END], F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    say("pipe2() = %d, %d; nobody reads yet", fds[READ_END], fds[WRITE_END]);
    write_some(fds[WRITE_END], &parts, &done);
    say("writev(%d, %d + %zu bytes) = %zu%s", fds[WRITE_END], HEADER, length, done,
        parts.count == 0 ? ": header and body in one call" : ": a part, the pipe is full");

    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0) {
        lane(1, "reader");
        die_with_parent();
        if (close(fds[WRITE_END]) == -1)
            err(EXIT_FAILURE, "close");
        read_message(fds[READ_END]);
    }
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        err(EXIT_FAILURE, "signal");
    if (parts.count > 0)
        say("poll(), then writev() from byte %zu of the body on, and so on", done - HEADER);
    while (parts.count > 0) {
        struct pollfd end = {.fd = fds[WRITE_END], .events = POLLOUT};
        if (poll(&end, 1, -1) == -1)
            err(EXIT_FAILURE, "poll");
        if (!write_some(fds[WRITE_END], &parts, &done))
            break;
    }
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (reap(reader) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the reader failed");
    if (optind < argc)
        free(body);
    lesson("writev() sends many buffers in one call; move the list on by what it took, and go on");
    return EXIT_SUCCESS;
}
