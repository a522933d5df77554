/* iov - header and body, from two buffers, in one call: writev; and back into two: readv
 *
 * A message is a header of 16 bytes with the length, and the body. With one write() they would have
 * to be copied together first; with two, a reader could see one without the other. writev() takes a
 * list of buffers. Like write(), it may take only a part, which may end in the middle of a buffer:
 * the list must be moved on by that much. With -x the program calls it again with the whole list.
 *
 * The first call finds an empty pipe that nobody reads yet, so a long body fills it for certain.
 *
 * writev(2), readv(2), O_NONBLOCK and F_GETPIPE_SZ in pipe(7)
 */
#define _GNU_SOURCE /* pipe2, F_GETPIPE_SZ */
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

enum { HEADER = 16, BUFFER = 64 * 1024, LONGEST = 256 * 1024 * 1024, DIFFERENT = 3 };

static const char usage[] =
    "usage: iov [FILE]\n"
    "       iov -x\n"
    "  the body is the content of FILE, less than 256 MiB (without one, a word)\n"
    "  prints the body as it has arrived\n"
    "  -x  a body longer than the pipe, and the whole list again after a part of it\n";

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

/* Compares what has come with what was sent, from `offset` of the body on, and prints it. */
static void take(const char *bytes, size_t length, const char *sent, size_t offset, bool print)
{
    if (memcmp(bytes, sent + offset, length) != 0) {
        size_t same = 0;
        while (bytes[same] == sent[offset + same])
            same++;
        say("byte %zu of the body: %s", offset + same,
            quoted(bytes + same, length - same < HEADER ? length - same : HEADER));
        _exit(DIFFERENT);
    }
    if (print && write_full(STDOUT_FILENO, bytes, length) == -1)
        err(EXIT_FAILURE, "stdout");
}

/* `sent` is the body: fork() has given the reader a copy to compare with. */
static void read_message(int fd, const char *sent, bool print)
{
    static char header[HEADER + 1], body[BUFFER];
    struct iovec list[] = {{header, HEADER}, {body, sizeof body}};
    const ssize_t first = readv(fd, list, 2);
    if (first == -1)
        err(EXIT_FAILURE, "readv");
    if (first < HEADER) /* the first writev() has put it there */
        errx(EXIT_FAILURE, "readv: no whole header");
    say("readv(%d, 2 buffers) = %zd", fd, first);
    const size_t length = strtoul(header, NULL, 10);
    size_t got = (size_t)first - HEADER;
    say("header %s, body %zu bytes", quoted(header, HEADER), got);
    take(body, got, sent, 0, print);
    while (got < length) {
        const ssize_t count = read(fd, body, length - got < BUFFER ? length - got : BUFFER);
        if (count == -1)
            err(EXIT_FAILURE, "read");
        if (count == 0)
            errx(EXIT_FAILURE, "end of file after %zu bytes of %zu", got, length);
        take(body, (size_t)count, sent, got, print);
        got += (size_t)count;
    }
    say("%zu bytes of body have come", got);
    _exit(read(fd, body, 1) == 0 ? EXIT_SUCCESS : DIFFERENT);
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

/* One call. Returns how many bytes were taken, 0 if nobody reads any more. */
static size_t write_some(int fd, const struct iovec list[2])
{
    struct pollfd end = {.fd = fd, .events = POLLOUT};
    if (poll(&end, 1, -1) == -1)
        err(EXIT_FAILURE, "poll");
    const ssize_t count = writev(fd, list, 2);
    if (count == -1 && errno != EPIPE)
        err(EXIT_FAILURE, "writev");
    return count == -1 ? 0 : (size_t)count;
}

/* `done` bytes are in the pipe. */
static void write_rest(int fd, struct iovec list[2], size_t done, bool whole_list)
{
    const size_t all = done + list[0].iov_len + list[1].iov_len, before = done;
    for (size_t count = done; done < all && count > 0; done += count) {
        count = write_some(fd, list);
        if (done == before)
            say("writev(%d, %zu + %zu bytes) = %zu%s", fd, list[0].iov_len, list[1].iov_len, count,
                done + count < all ? ", and so on" : "");
        if (!whole_list)
            advance(list, count);
    }
}

int main(int argc, char *argv[])
{
    bool wrong = false;
    while (next_option(argc, argv, "x", usage) != -1)
        wrong = true;
    check_operands(argc, argv, 0, wrong ? 0 : 1);

    lane(0, "writer");
    static char word[] = "hello\n";
    size_t length = strlen(word);
    char *body = optind < argc ? read_file(argv[optind], &length) : word;

    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error to report */
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) == -1)
        err(EXIT_FAILURE, "pipe2");
    say("pipe2() = %d, %d: nobody reads yet", fds[READ_END], fds[WRITE_END]);
    if (fcntl(fds[WRITE_END], F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    const int room = fcntl(fds[WRITE_END], F_GETPIPE_SZ);
    if (room == -1)
        err(EXIT_FAILURE, "fcntl F_GETPIPE_SZ");

    if (wrong) {
        length = (size_t)room + BUFFER;
        body = calloc(length, 1);
        if (body == NULL)
            err(EXIT_FAILURE, "calloc");
    }
    char header[32]; /* room for any number; a length of 16 digits and more does not come */
    snprintf(header, sizeof header, "%*zu\n", HEADER - 1, length);
    struct iovec list[] = {{header, HEADER}, {body, length}};
    const size_t done = write_some(fds[WRITE_END], list);
    say("writev(%d, %d + %zu bytes) = %zu", fds[WRITE_END], HEADER, length, done);

    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0) {
        lane(1, "reader");
        die_with_parent();
        if (close(fds[WRITE_END]) == -1)
            err(EXIT_FAILURE, "close");
        read_message(fds[READ_END], body, !wrong);
    }
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (!wrong)
        advance(list, done);
    write_rest(fds[WRITE_END], list, done, wrong);
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (reap(reader) != (wrong ? DIFFERENT : EXIT_SUCCESS))
        errx(EXIT_FAILURE, "the reader failed");
    if (wrong)
        lesson("after a part, the whole list again: the reader finds a header in the body");
    else
        lesson("writev() sends many buffers in one call; move the list on by what it took");
    return EXIT_SUCCESS;
}
