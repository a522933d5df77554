/* atomic - many writers, one pipe: messages of up to PIPE_BUF bytes arrive whole
 *
 * Every writer fills its messages with its own number. A message that arrives with the numbers of
 * two writers in it was torn. With -x the messages have one byte more than PIPE_BUF, and that is
 * enough. (Linux tears no message that fits into a page: where pages are larger than PIPE_BUF, it
 * is one byte more than a page.)
 *
 * PIPE_BUF in pipe(7), write(2)
 */
#define _GNU_SOURCE /* F_GETPIPE_SZ */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WRITERS = 64, LARGEST_PAGE = 64 * 1024 };

static const char usage[] = "usage: atomic [-x] [-w WRITERS] [-m MESSAGES]\n"
                            "  -m MESSAGES  messages of each writer (default: 100)\n"
                            "  -w WRITERS   processes that write (default: 4)\n"
                            "  -x           messages one byte longer: many are torn\n"
                            "  prints how many arrived whole and how many torn\n";

static char message[LARGEST_PAGE + 1];
static long whole, torn;

static void write_messages(int fd, char number, size_t size, long messages)
{
    memset(message, number, size);
    for (long i = 0; i < messages; i++)
        if (write_full(fd, message, size) == -1) /* one write(); with -x two, if stopped in it */
            err(EXIT_FAILURE, "write");
    _exit(EXIT_SUCCESS);
}

/* How many bytes at the start come from one writer. */
static size_t length_of_first(size_t size)
{
    size_t length = 1;
    while (length < size && message[length] == message[0])
        length++;
    return length;
}

static void read_messages(int fd, size_t size)
{
    ssize_t count;
    while ((count = read_full(fd, message, size)) == (ssize_t)size) {
        const size_t length = length_of_first(size);
        if (length == size)
            whole++;
        else if (++torn == 1)
            say("torn: writer %d up to byte %zu of %zu, then writer %d", message[0], length, size,
                message[length]);
    }
    if (count == -1)
        err(EXIT_FAILURE, "read");
}

int main(int argc, char *argv[])
{
    bool too_large = false;
    long writers = 4, messages = 100;
    for (int letter; (letter = next_option(argc, argv, "xw:m:", usage)) != -1;)
        if (letter == 'm')
            messages = parse_long("-m", optarg, 1, 1000000);
        else if (letter == 'w')
            writers = parse_long("-w", optarg, 1, MOST_WRITERS);
        else
            too_large = true;
    check_operands(argc, argv, 0, 0);
    if (too_large && writers == 1)
        errx(USAGE_ERROR, "-x needs two writers");
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), most = page < PIPE_BUF ? PIPE_BUF : page;
    const size_t size = too_large ? most + 1 : PIPE_BUF;

    lane(0, "reader");
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d", fds[READ_END], fds[WRITE_END]);
    pid_t pids[MOST_WRITERS];
    for (int i = 0; i < writers; i++) {
        pids[i] = fork();
        if (pids[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (pids[i] == 0) {
            die_with_parent();
            if (close(fds[READ_END]) == -1)
                err(EXIT_FAILURE, "close");
            write_messages(fds[WRITE_END], (char)(i + 1), size, messages);
        }
    }
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");

    say("%ld writer%s, PIPE_BUF is %d, each message has %zu bytes", writers,
        writers == 1 ? "" : "s", PIPE_BUF, size);
    if (messages > fcntl(fds[READ_END], F_GETPIPE_SZ) / (long)size)
        for (int i = 0; i < writers; i++)
            wait_asleep(pids[i]); /* all want to go on when there is room */
    read_messages(fds[READ_END], size);
    for (int i = 0; i < writers; i++)
        if (reap(pids[i]) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "writer %d failed", i + 1);
    printf("whole %ld torn %ld\n", whole, torn);

    if (torn > 0 && !too_large)
        errx(EXIT_FAILURE, "%ld messages of %zu bytes were torn", torn, size);
    if (torn == 0 && too_large)
        errx(EXIT_FAILURE, "no message was torn this time; send more of them, with -m");
    if (writers == 1)
        return EXIT_SUCCESS;
    if (too_large)
        lesson("one byte more than %s, and other writers' bytes come in between",
               most == PIPE_BUF ? "PIPE_BUF" : "a page");
    else
        lesson("a write of up to PIPE_BUF bytes stays whole, however many processes write");
    return EXIT_SUCCESS;
}
