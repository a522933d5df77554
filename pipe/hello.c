/* hello - the first pipe: the parent writes a text, its child reads it
 *
 * A pipe is a buffer in the kernel with two descriptors, one to read from and one to write to.
 * fork() gives the child a copy of both; each process closes the one that it does not use.
 *
 * pipe(2), fork(2), pipe(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: hello [TEXT]\n"
                            "  prints TEXT as it came out of the pipe\n";

static void read_and_print(int fd)
{
    char text[4096];
    ssize_t count;
    while ((count = read(fd, text, sizeof text)) > 0) {
        say("read(%d) = %zd %s", fd, count, quoted(text, (size_t)count));
        fwrite(text, 1, (size_t)count, stdout);
    }
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd: end of file", fd, count);
    putchar('\n');
    flush_stdout();
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 1);
    const char *const text = optind < argc ? argv[optind] : "hello, pipe";

    lane(0, "parent");
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d: to read from, to write to", fds[READ_END], fds[WRITE_END]);

    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        lane(1, "child");
        die_with_parent();
        if (close(fds[WRITE_END]) == -1)
            err(EXIT_FAILURE, "close");
        say("close(%d): the child does not write", fds[WRITE_END]);
        read_and_print(fds[READ_END]);
    }
    say("fork() = %d: the child has a copy of both", (int)pid);

    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): the parent does not read", fds[READ_END]);
    const ssize_t count = write(fds[WRITE_END], text, strlen(text));
    if (count == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, %s) = %zd", fds[WRITE_END], quoted(text, strlen(text)), count);
    if (count < (ssize_t)strlen(text))
        errx(EXIT_FAILURE, "write: only %zd bytes", count);
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): that was all", fds[WRITE_END]);

    const int status = reap(pid);
    say("wait() = %d: the child has ended with status %d", (int)pid, status);
    if (status == EXIT_SUCCESS)
        lesson("one process writes bytes into a pipe, another reads them, once and in order");
    return status;
}
