/* eintr - a signal interrupts a sleeping read(): it fails with EINTR, and must be called again
 *
 * The handler is installed without SA_RESTART, and the signal comes when the reader sleeps in
 * read(). When the handler has run, read() returns -1 with errno EINTR: it has read nothing, and
 * nothing is lost. With -x the reader takes every -1 for a failure, as many programs do, and gives
 * up. Which calls behave like this: signals/restart.
 *
 * read(2), signal(7), SA_RESTART in sigaction(2)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: eintr [-x]\n"
    "  -x  the reader takes EINTR for a failure: what is sent to it later is lost\n"
    "  prints what the reader has got; with -x, the writer's error\n";

static void read_to_end(int fd, bool gives_up)
{
    lane(1, "reader");
    die_with_parent();
    const struct sigaction action = {.sa_handler = do_nothing, .sa_flags = 0}; /* no SA_RESTART */
    if (sigaction(SIGUSR1, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    say("sigaction(SIGUSR1, sa_flags %d)", action.sa_flags);
    char text[64];
    ssize_t count;
    bool interrupted = false;
    do {
        say("read(%d) ...", fd);
        count = read(fd, text, sizeof text);
        say("... = %zd %s", count, count == -1 ? errno_name(errno) : quoted(text, (size_t)count));
        interrupted |= count == -1 && errno == EINTR;
        if (count == -1 && errno == EINTR && !gives_up)
            continue; /* once more */
        if (count == -1)
            _exit(EXIT_FAILURE);
        printf("%.*s", (int)count, text);
    } while (count != 0);
    flush_stdout();
    if (!interrupted)
        errx(EXIT_FAILURE, "unexpected: read() was not interrupted");
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    bool gives_up = false;
    while (next_option(argc, argv, "x", usage) != -1)
        gives_up = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "writer");
    handle_by(SIG_IGN, SIGPIPE, 0); /* write() is to fail with EPIPE, see pipe/sigpipe */
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0) {
        if (close(fds[WRITE_END]) == -1) /* or there is no end of file */
            err(EXIT_FAILURE, "close");
        read_to_end(fds[READ_END], gives_up);
    }
    if (close(fds[READ_END]) == -1) /* or there is no EPIPE */
        err(EXIT_FAILURE, "close");

    say_asleep_in("the reader", reader, "read", fds[READ_END]);
    say_kill(reader, SIGUSR1);
    if (gives_up)
        say("waitpid(%d): it has ended, status %d", (int)reader, reap(reader));
    else
        say_asleep_in("the reader", reader, "read", fds[READ_END]);
    const ssize_t count = write(fds[WRITE_END], "hello\n", strlen("hello\n"));
    const char *const error = count == -1 ? errno_name(errno) : "";
    say("write(%d, \"hello\\n\") = %zd %s", fds[WRITE_END], count, error);
    close(fds[WRITE_END]);
    if (gives_up)
        puts(error);
    if (gives_up != (strcmp(error, "EPIPE") == 0))
        errx(EXIT_FAILURE, "unexpected: write() = %zd", count);
    if (!gives_up && reap(reader) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the reader failed");
    lesson(gives_up ? "EINTR is not a failure: read() had done nothing yet, and can be called again"
                    : "without SA_RESTART a handler ends read() with EINTR; nothing is lost");
    return EXIT_SUCCESS;
}
