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

enum { HEADER = 16, BUFFER = 64 * 1024, LONGEST = 256 * 1024 * 1024, DIFFERENT = 3 };

static const char usage[] =
    "usage: iov [FILE]\n"
    "       iov -x\n"
    "  the body is the content of FILE, less than 256 MiB (without one, a word)\n"
    "  prints the body as it has arrived\n"
    "  -x  a body longer than the pipe holds, and after a part the whole list again\n";

static char *body;
static size_t length;

static void read_body(const char *path)
{
    const int fd = open(path, O_RDONLY);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    body = malloc(LONGEST);
    if (body == NULL)
        err(EXIT_FAILURE, "malloc");
    const ssize_t count = read_full(fd, body, LONGEST);
    if (count == -1)
        err(EXIT_FAILURE, "read %s", path);
    if (count == LONGEST) /* /dev/zero never ends */
        errx(EXIT_FAILURE, "%s: %d bytes or more", path, LONGEST);
    length = (size_t)count;
    close(fd);
}

/* fork() has given the reader a copy of the body to compare with. */
static void read_message(int fd, bool print)
{
    char header[HEADER], *const bytes = malloc(length + 1);
    if (bytes == NULL)
        err(EXIT_FAILURE, "malloc");
    struct iovec list[] = {{header, HEADER}, {bytes, length}};
    const ssize_t first = readv(fd, list, 2);
    if (first == -1)
        err(EXIT_FAILURE, "readv");
    say("readv(%d, 2 buffers) = %zd", fd, first);
    const size_t got = (size_t)first - HEADER; /* the first writev() has put the header there */
    say("header %s, body %zu byte%s", quoted(header, HEADER), got, plural(got));

    if (read_full(fd, bytes + got, length - got) < (ssize_t)(length - got))
        errx(EXIT_FAILURE, "read: the body is too short");
    size_t same = 0;
    while (same < length && bytes[same] == body[same])
        same++;
    if (same < length)
        say("byte %zu of the body: %s", same, quoted(bytes + same, HEADER));
    else
        say("the body is the same: %zu of %zu", same, length);
    if (print && write_full(STDOUT_FILENO, bytes, length) == -1)
        err(EXIT_FAILURE, "stdout");
    const ssize_t more = read_full(fd, bytes, length);
    _exit(same == length && more == 0 ? EXIT_SUCCESS : DIFFERENT);
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
    static char word[] = "hello\n";
    char header[32]; /* room for any number; a length of 16 digits and more does not come */
    int fds[2];
    bool wrong = false;
    while (next_option(argc, argv, "x", usage) != -1)
        wrong = true;
    check_operands(argc, argv, 0, wrong ? 0 : 1);

    lane(0, "writer");
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone is an error to report */
    body = word;
    length = strlen(word);
    if (optind < argc)
        read_body(argv[optind]);
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d: nobody reads yet", fds[READ_END], fds[WRITE_END]);
    if (wrong) {
        length = (size_t)fcntl(fds[WRITE_END], F_GETPIPE_SZ) + BUFFER;
        body = calloc(length, 1);
    }
    snprintf(header, sizeof header, "%*zu\n", HEADER - 1, length);
    struct iovec list[] = {{header, HEADER}, {body, length}};
    if (body == NULL || fcntl(fds[WRITE_END], F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "calloc or fcntl");
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
        if (close(fds[WRITE_END]) == -1)
            err(EXIT_FAILURE, "close");
        read_message(fds[READ_END], !wrong);
    }
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    while (list[1].iov_len > 0)
        advance(list, write_some(fds[WRITE_END], list));
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (reap(reader) != (wrong ? DIFFERENT : EXIT_SUCCESS))
        errx(EXIT_FAILURE, "the reader failed");
    lesson("%s", wrong
                     ? "writing the whole list again after a part puts a header into the body"
                     : "writev() sends many buffers in one call; advance the list by what it took");
    return EXIT_SUCCESS;
}
