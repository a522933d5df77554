/* records - a pipe has no messages: three writes can come out in one read
 *
 * A pipe is a stream of bytes. Here each message begins with its length, so the reader knows where
 * it ends, however the bytes arrive. With -x the reader takes whatever one read() returns for one
 * message. With -d the pipe is made with O_DIRECT, and Linux keeps the messages apart.
 *
 * pipe(7); O_DIRECT in pipe(2)
 */
#define _GNU_SOURCE /* F_SETPIPE_SZ, O_DIRECT, pipe2 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: records [-d | -x]\n"
                            "  -d  O_DIRECT: one read() returns one packet\n"
                            "  -x  assume that one read() returns one message\n"
                            "  prints each message that the reader found, one per line\n";

enum { MESSAGES = 3 };

static void write_messages(int fd, bool with_length)
{
    static const char *const messages[] = {"\3red", "\5green", "\4blue"}; /* the length in front */
    for (int i = 0; i < MESSAGES; i++) {
        const char *const bytes = with_length ? messages[i] : messages[i] + 1;
        const ssize_t count = write(fd, bytes, strlen(bytes));
        if (count == -1)
            err(EXIT_FAILURE, "write");
        say("write(%d, %s) = %zd", fd, quoted(bytes, strlen(bytes)), count);
    }
}

/* Reads `length` bytes, in as many reads as it takes. Returns false at the end of the file. */
static bool read_bytes(int fd, void *bytes, size_t length)
{
    const ssize_t count = read_full(fd, bytes, length);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    if (count != 0 && count != (ssize_t)length)
        errx(EXIT_FAILURE, "the pipe ended in the middle of a message");
    return count == (ssize_t)length;
}

static int read_with_length(int fd)
{
    int messages = 0;
    unsigned char length;
    char text[UCHAR_MAX];
    for (; read_bytes(fd, &length, 1) && read_bytes(fd, text, length); messages++) {
        say("a message of %d bytes: %s", length, quoted(text, length));
        printf("%.*s\n", length, text);
    }
    return messages;
}

static int read_and_hope(int fd)
{
    int messages = 0;
    char text[UCHAR_MAX];
    ssize_t count;
    for (; (count = read(fd, text, sizeof text)) > 0; messages++) {
        say("read(%d) = %zd %s", fd, count, quoted(text, (size_t)count));
        printf("%.*s\n", (int)count, text);
    }
    if (count == -1)
        err(EXIT_FAILURE, "read");
    return messages;
}

int main(int argc, char *argv[])
{
    enum { LENGTH, PACKETS, HOPE } way = LENGTH;
    for (int letter; (letter = next_option(argc, argv, "dx", usage)) != -1;) {
        if (way != LENGTH)
            errx(USAGE_ERROR, "-d and -x exclude each other");
        way = letter == 'd' ? PACKETS : HOPE;
    }
    check_operands(argc, argv, 0, 0);

    lane(0, "writer");
    int fds[2];
    if (pipe2(fds, way == PACKETS ? O_DIRECT : 0) == -1)
        err(EXIT_FAILURE, "pipe2");
    say("pipe2(%s) = %d, %d", way == PACKETS ? "O_DIRECT" : "0", fds[READ_END], fds[WRITE_END]);
    const int room = MESSAGES * (int)sysconf(_SC_PAGESIZE); /* each packet takes up a page */
    if (way == PACKETS && fcntl(fds[WRITE_END], F_SETPIPE_SZ, room) == -1)
        err(EXIT_FAILURE, "fcntl F_SETPIPE_SZ %d (see /proc/sys/fs/pipe-*)", room);
    write_messages(fds[WRITE_END], way == LENGTH);
    const pid_t reader = fork(); /* it comes late, as readers sometimes do */
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0) {
        lane(1, "reader");
        die_with_parent();
        if (close(fds[WRITE_END]) == -1)
            err(EXIT_FAILURE, "close");
        const int messages =
            way == LENGTH ? read_with_length(fds[READ_END]) : read_and_hope(fds[READ_END]);
        flush_stdout();
        if (messages != (way == HOPE ? 1 : MESSAGES))
            errx(EXIT_FAILURE, "%d messages were written, %d arrived", MESSAGES, messages);
        _exit(EXIT_SUCCESS);
    }
    say("fork() = %d: the reader comes late", (int)reader);
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (reap(reader) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the reader failed");
    lesson(way == HOPE ? "three writes, one read: a pipe is a stream of bytes, without messages"
           : way == PACKETS
               ? "with O_DIRECT, on Linux, one read() returns one packet"
               : "a length in front of each message, and the reader knows where it ends");
    return EXIT_SUCCESS;
}
