/* sigpipe - a write into a pipe that nobody can read any more
 *
 * The writer writes, the reader reads and closes the last read end, the writer writes again. That
 * sends it the signal SIGPIPE, which ends it without a word: so `yes | head` stops. A writer that
 * ignores the signal (-i) gets the error EPIPE, and can say so.
 *
 * pipe(7), signal(7), POLLERR in poll(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: sigpipe [-i]\n"
                            "  -i  the writer ignores SIGPIPE: its write fails with EPIPE\n"
                            "  prints SIGPIPE or EPIPE, whichever ended the writing\n";

static ssize_t write_word(int fd, const char *word)
{
    const ssize_t count = write(fd, word, strlen(word));
    if (count != -1)
        say("write(%d, \"%s\") = %zd", fd, word, count);
    else if (errno != EPIPE)
        err(EXIT_FAILURE, "write");
    return count;
}

static void write_twice(const int fds[2], bool ignore)
{
    lane(1, "writer");
    die_with_parent();
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): its own copy of the read end", fds[READ_END]);
    /* Set it either way: we may have inherited an ignored SIGPIPE, see execve(2). */
    if (signal(SIGPIPE, ignore ? SIG_IGN : SIG_DFL) == SIG_ERR)
        err(EXIT_FAILURE, "signal");
    say("signal(SIGPIPE, %s)", ignore ? "SIG_IGN" : "SIG_DFL");
    if (write_word(fds[WRITE_END], "one") == -1)
        errx(EXIT_FAILURE, "write: no reader yet");

    struct pollfd end = {.fd = fds[WRITE_END], .events = 0};
    if (poll(&end, 1, -1) == -1)
        err(EXIT_FAILURE, "poll");
    say("poll(%d) = 1, POLLERR: the reader has gone", fds[WRITE_END]);
    say("write(%d, \"two\") ...", fds[WRITE_END]);
    if (write_word(fds[WRITE_END], "two") != -1)
        errx(EXIT_FAILURE, "write: there is still a reader");
    say("... = -1 EPIPE");
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    bool ignore = false;
    while (next_option(argc, argv, "i", usage) != -1)
        ignore = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "reader");
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d (read end), %d (write end)", fds[READ_END], fds[WRITE_END]);
    const pid_t writer = fork();
    if (writer == -1)
        err(EXIT_FAILURE, "fork");
    if (writer == 0)
        write_twice(fds, ignore);
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");

    char text[64];
    const ssize_t count = read(fds[READ_END], text, sizeof text);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd %s", fds[READ_END], count, quoted(text, (size_t)count));
    wait_asleep(writer);
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): the last read end", fds[READ_END]);

    const int status = reap(writer);
    if (status != (ignore ? EXIT_SUCCESS : 128 + SIGPIPE))
        errx(EXIT_FAILURE, "the writer failed");
    say("the writer has ended: %s", ignore ? "status 0" : "killed by SIGPIPE, 141 to the shell");
    puts(ignore ? "EPIPE" : "SIGPIPE");
    flush_stdout();
    lesson(
        ignore
            ? "a writer that ignores SIGPIPE gets EPIPE, and must look for it"
            : "a write that nobody can read any more kills its writer, unless it ignores SIGPIPE");
    return EXIT_SUCCESS;
}
