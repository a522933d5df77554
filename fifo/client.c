/* client - asks fifo/server, and gets its answer through a FIFO of its own
 *
 * It makes and opens that FIFO before it asks, so the server never waits for a reader. The client
 * also watches the server's FIFO: on Linux, POLLERR there means that nobody reads it any more.
 *
 * fifo(7), poll(2)
 */
#define _DEFAULT_SOURCE /* strsep */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: client [-p PATH] [TEXT...]\n"
                            "  -p PATH  the server's FIFO (/tmp/ipc-UID/server)\n"
                            "  each line of TEXT is a request; without TEXT, each line of stdin\n"
                            "  prints the answers; other terminal: ./fifo/server\n";
static int answers; /* so far */

/* ENXIO: the FIFO is there, but nobody reads it. */
static bool may_come_later(const char *path)
{
    return errno == ENOENT || (errno == ENXIO && !is_socket(path));
}

static int open_server(const char *path)
{
    const int flags = O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, flags);
    if (fd == -1 && may_come_later(path))
        say("open(server) = %d %s: no server yet", fd, errno_name(errno));
    for (; fd == -1; fd = open(path, flags)) {
        if (!may_come_later(path))
            err(EXIT_FAILURE, "open %s", path);
        poll(NULL, 0, 20); /* ms, and try again */
    }
    check_fifo(fd, path);
    say("open(server, O_WRONLY|O_NONBLOCK) = %d", fd);
    if (fcntl(fd, F_SETFL, 0) == -1) /* a write to a full FIFO may wait */
        err(EXIT_FAILURE, "fcntl");
    return fd;
}

static int open_own(char *path)
{
    const char *const name = basename(path);
    hold_endings();
    if (mkfifo(path, S_IRUSR | S_IWUSR) == -1)
        err(EXIT_FAILURE, "mkfifo %s", path);
    unlink_at_exit(path);
    release_endings();
    say("mkfifo(%s)", name);
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    say("open(%s, O_NONBLOCK) = %d", name, fd);
    const int write_end = open(path, O_WRONLY | O_CLOEXEC);
    if (write_end == -1)
        err(EXIT_FAILURE, "open %s", path);
    say("open(%s, O_WRONLY) = %d: held", name, write_end);
    return fd;
}

/* Waits for input at `fd`, and ends the program if the server goes meanwhile. */
static void wait_for(int fd, int server)
{
    struct pollfd ends[] = {{.fd = fd, .events = POLLIN}, {.fd = server}};
    if (poll(ends, 2, -1) == -1)
        err(EXIT_FAILURE, "poll");
    if (ends[0].revents == 0)
        errx(EXIT_FAILURE, "the server is gone: %s", poll_events(ends[1].revents));
}

/* The newline in front ends what another client has left unfinished. */
static void send_request(int server, const char *text, size_t length)
{
    char request[PIPE_BUF];
    const int before = snprintf(request, sizeof request, "\n%d ", (int)getpid());
    const size_t most = sizeof request - (size_t)before - 1;
    if (length > most)
        errx(EXIT_FAILURE, "a request of %zu bytes is too long, at most %zu", length, most);
    memcpy(request + before, text, length);
    length += (size_t)before;
    request[length++] = '\n';
    const ssize_t count = write(server, request, length);
    if (count == -1)
        err(EXIT_FAILURE, "write: %s", errno_name(errno));
    say("write(%d, %s) = %zd", server, quoted(request, length), count);
}

static void ask(int server, int own, const char *text, size_t length)
{
    send_request(server, text, length);
    char answer[PIPE_BUF];
    wait_for(own, server);
    const ssize_t count = read(own, answer, sizeof answer);
    if (count < 1)
        errx(EXIT_FAILURE, "read: %s", count == -1 ? errno_name(errno) : "end of file, no answer");
    say("read(%d) = %zd %s", own, count, quoted(answer, (size_t)count));
    if (write_full(STDOUT_FILENO, answer, (size_t)count) == -1)
        err(EXIT_FAILURE, "stdout");
    answers++;
}

static void ask_each_line(int server, int own)
{
    static char *line;
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() does not know what stdio has read ahead */
    for (;;) {
        wait_for(STDIN_FILENO, server);
        const ssize_t length = read_line(&line);
        if (length == -1)
            break;
        ask(server, own, line, (size_t)length);
    }
}

int main(int argc, char *argv[])
{
    const char *path = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        path = optarg;
    if (path == NULL)
        path = demo_path("server");
    char own_path[PATH_MAX];
    snprintf(own_path, sizeof own_path, "%s.%d", path, (int)getpid());

    pair_lane("client");
    signal(SIGPIPE, SIG_IGN);
    const int server = open_server(path);
    const int own = open_own(own_path);
    for (int i = optind; i < argc; i++)
        for (char *line; (line = strsep(&argv[i], "\n")) != NULL;)
            ask(server, own, line, strlen(line));
    if (optind == argc)
        ask_each_line(server, own);
    if (answers > 0)
        lesson("each client gets its answers through a FIFO of its own");
    return EXIT_SUCCESS;
}
