/* buffer - text waits in stdio's own buffer before it reaches the pipe
 *
 * printf() puts text into a buffer in the process. On a terminal stdio writes it out at each
 * newline; on a pipe or a file when the buffer is full, at fflush(), or at exit(). With -x the
 * process forks while text waits there: both processes have it, and both write it.
 *
 * stdio(3), setvbuf(3), fflush(3), fork(2); FIONREAD in pipe(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char usage[] = "usage: buffer [-x]\n"
                            "  -x  fork while text waits in the buffer: it appears twice\n"
                            "  prints how many bytes come at once, or with -x what was read\n";

static FILE *stream; /* writes into the pipe */
static int read_end;

static int bytes_in_pipe(void)
{
    int bytes;
    if (ioctl(read_end, FIONREAD, &bytes) == -1)
        err(EXIT_FAILURE, "ioctl FIONREAD");
    return bytes;
}

static int say_bytes_in_pipe(void)
{
    const int bytes = bytes_in_pipe();
    say("ioctl(%d, FIONREAD) = %d: the bytes in the pipe", read_end, bytes);
    return bytes;
}

static void print_line(void)
{
    if (fputs("hello\n", stream) == EOF)
        err(EXIT_FAILURE, "write by fputs");
}

static void fill_the_buffer(void)
{
    int lines = 1;
    for (; bytes_in_pipe() == 0; lines++)
        print_line();
    say("printed it %d times before anything came", lines);
    const int bytes = say_bytes_in_pipe();
    printf("buffer %d\n", bytes);

    print_line();
    if (fflush(stream) == EOF)
        err(EXIT_FAILURE, "write by fflush");
    say("printed it once more, and flushed the stream");
    if (say_bytes_in_pipe() == bytes)
        errx(EXIT_FAILURE, "fflush() has written nothing");
}

static void fork_with_text_in_the_buffer(void)
{
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0) {
        lane(1, "child");
        die_with_parent();
        say("exit() ...");
        exit(EXIT_SUCCESS); /* flushes the child's copy of the buffer; _exit() would not */
    }
    say("fork() = %d", (int)child);
    if (reap(child) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the child failed");
    if (fclose(stream) == EOF)
        err(EXIT_FAILURE, "write by fclose");
    say("closed the stream: that flushed the parent's copy");

    char text[64];
    const ssize_t count = read_full(read_end, text, sizeof text);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd %s", read_end, count, quoted(text, (size_t)count));
    printf("%.*s", (int)count, text);
    if (count != 2 * (ssize_t)strlen("hello\n"))
        errx(EXIT_FAILURE, "unexpected: not twice, a write() is missing");
}

int main(int argc, char *argv[])
{
    bool forks = false;
    while (next_option(argc, argv, "x", usage) != -1)
        forks = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d", fds[READ_END], fds[WRITE_END]);
    read_end = fds[READ_END];
    stream = fdopen(fds[WRITE_END], "w");
    if (stream == NULL)
        err(EXIT_FAILURE, "fdopen");
    say("fdopen(%d): a stream like stdout behind a pipe", fds[WRITE_END]);
    print_line();
    say("printed \"hello\\n\" into the stream");
    if (say_bytes_in_pipe() != 0)
        errx(EXIT_FAILURE, "the line did not wait in the buffer");
    if (forks)
        fork_with_text_in_the_buffer();
    else
        fill_the_buffer();
    lesson(forks ? "fork() copies the buffer, too: flush before it, or end the child with _exit()"
                 : "on a pipe, text waits in stdio's buffer until the buffer is full or flushed");
    return EXIT_SUCCESS;
}
