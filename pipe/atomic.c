/* atomic - many writers, one pipe: messages of up to PIPE_BUF bytes arrive whole
 *
 * Every message is filled with stamps that tell its writer, its number and the place of the stamp;
 * the reader checks them all. With -x a message is larger than the whole pipe, and the reader does
 * not start before every writer sleeps in the middle of one. Then they take turns, page by page,
 * and nearly every message is torn.
 *
 * PIPE_BUF in pipe(7), write(2)
 */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_WRITERS = 64, PIPES_PER_MESSAGE = 4 };

static const char usage[] = "usage: atomic [-x] [-w WRITERS] [-m MESSAGES]\n"
                            "  -m MESSAGES  that each writer sends (100)\n"
                            "  -w WRITERS   processes that write (4)\n"
                            "  -x           messages larger than PIPE_BUF: they are torn\n"
                            "  prints how many arrived whole and how many torn\n";

/* "I am stamp number `place` of `stamps`, in this message of this writer." */
struct stamp {
    unsigned writer, message, place, stamps;
};

static void write_messages(int fd, unsigned writer, long messages, struct stamp *message,
                           size_t size)
{
    const unsigned stamps = (unsigned)(size / sizeof *message);
    for (unsigned number = 0; number < messages; number++) {
        for (unsigned i = 0; i < stamps; i++)
            message[i] = (struct stamp){writer, number, i, stamps};
        const ssize_t count = write(fd, message, size);
        if (count != (ssize_t)size)
            err(EXIT_FAILURE, "write");
    }
    _exit(EXIT_SUCCESS);
}

/* The place of the first stamp that does not belong to the message of the first one; `stamps` if
 * all do. */
static unsigned find_tear(const struct stamp *message, unsigned stamps)
{
    for (unsigned i = 0; i < stamps; i++)
        if (message[i].writer != message[0].writer || message[i].message != message[0].message ||
            message[i].place != i || message[i].stamps != stamps)
            return i;
    return stamps;
}

static void read_messages(int fd, struct stamp *message, size_t size, long *whole, long *torn)
{
    const unsigned stamps = (unsigned)(size / sizeof *message);
    ssize_t count;
    while ((count = read_full(fd, message, size)) == (ssize_t)size) {
        const unsigned tear = find_tear(message, stamps);
        if (tear == stamps) {
            ++*whole;
        } else if (++*torn == 1) {
            say("torn: %zu bytes of writer %u, then writer %u's", tear * sizeof *message,
                message[0].writer + 1, message[tear].writer + 1);
        }
    }
    if (count != 0)
        err(EXIT_FAILURE, "read = %zd", count);
}

int main(int argc, char *argv[])
{
    bool too_large = false;
    long writers = 4, messages = 100, whole = 0, torn = 0;
    for (int letter; (letter = next_option(argc, argv, "xw:m:", usage)) != -1;)
        switch (letter) {
        case 'm':
            messages = parse_long("-m", optarg, 1, 1000000);
            break;
        case 'w':
            writers = parse_long("-w", optarg, 1, MOST_WRITERS);
            break;
        case 'x':
            too_large = true;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (too_large && writers < 2)
        errx(USAGE_ERROR, "-x needs two writers");

    lane(0, "reader");
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    const int capacity = fcntl(fds[WRITE_END], F_SETPIPE_SZ, PIPE_BUF); /* as small as it can be */
    if (capacity == -1)
        err(EXIT_FAILURE, "fcntl F_SETPIPE_SZ");
    const size_t size = too_large ? PIPES_PER_MESSAGE * (size_t)capacity : PIPE_BUF;
    say("the pipe holds %d bytes, PIPE_BUF is %d, a message has %zu", capacity, PIPE_BUF, size);
    struct stamp *const message = malloc(size);
    if (message == NULL)
        err(EXIT_FAILURE, "malloc");

    pid_t pids[MOST_WRITERS];
    for (unsigned i = 0; i < writers; i++) {
        pids[i] = fork();
        if (pids[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (pids[i] == 0) {
            die_with_parent();
            if (close(fds[READ_END]) == -1)
                err(EXIT_FAILURE, "close");
            write_messages(fds[WRITE_END], i, messages, message, size);
        }
    }
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (too_large) {
        for (int i = 0; i < writers; i++)
            wait_asleep(pids[i]);
        say("all %ld writers sleep in write(): the pipe is full", writers);
    }
    read_messages(fds[READ_END], message, size, &whole, &torn);
    say("read() = 0: end of file");
    for (int i = 0; i < writers; i++)
        if (reap(pids[i]) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "writer %d failed", i + 1);
    free(message);

    printf("whole %ld torn %ld\n", whole, torn);
    flush_stdout();
    if (whole + torn != writers * messages || (torn > 0) != too_large)
        errx(EXIT_FAILURE, "unexpected: %ld messages sent", writers * messages);
    lesson(too_large ? "a write larger than PIPE_BUF may get other writers' bytes in between"
                     : "a write of up to PIPE_BUF bytes stays whole, however many write");
    return EXIT_SUCCESS;
}
