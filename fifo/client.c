/* client - asks fifo/server, and gets its answer through a FIFO of its own
 *
 * The client makes and opens the FIFO for the answer before it asks, so that the server need not
 * wait for it. While it waits it also watches the way to the server: POLLERR there means that the
 * server has gone.
 *
 * fifo(7), poll(2)
 */
#define _DEFAULT_SOURCE /* strsep */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETRY_MS = 20, PATIENCE_MS = 3000 };

static const char usage[] = "usage: client [-p PATH] [TEXT...]\n"
                            "  -p PATH  the server's FIFO (/tmp/ipc-UID/server)\n"
                            "  each line of TEXT is a request; without one, each line of stdin\n"
                            "  prints the answers; other terminal: ./fifo/server\n";

/* A writer alone gets ENXIO: then the FIFO is there, but not its server. */
static int open_server(const char *path)
{
    int fd;
    for (bool told = false;
         (fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)) == -1;) {
        if (errno != ENOENT && errno != ENXIO)
            err(EXIT_FAILURE, "open %s", path);
        if (!told)
            say("waiting for a server at %s", path);
        told = true;
        poll(NULL, 0, RETRY_MS);
    }
    check_fifo(fd, path);
    return fd;
}

static int open_own(const char *path)
{
    struct stat left; /* by a killed client that had our pid */
    if (lstat(path, &left) == 0 && S_ISFIFO(left.st_mode))
        unlink(path);
    hold_endings();
    if (mkfifo(path, S_IRUSR | S_IWUSR) == -1)
        err(EXIT_FAILURE, "mkfifo %s", path);
    unlink_at_exit(path);
    release_endings();
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    /* A write end for ourselves, as the server does: no end of file between two answers. */
    if (fd == -1 || open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC) == -1)
        err(EXIT_FAILURE, "open %s", path);
    say("mkfifo(%s), open() = %d", path, fd);
    return fd;
}

/* poll(2), but not for ever. */
static void wait_for_server(struct pollfd ends[], nfds_t count)
{
    const int ready = poll(ends, count, PATIENCE_MS);
    if (ready == -1)
        err(EXIT_FAILURE, "poll");
    if (ready == 0)
        errx(EXIT_FAILURE, "no answer for %d seconds", PATIENCE_MS / 1000);
}

static void ask(int server, int own, const char *text, size_t length)
{
    char buffer[PIPE_BUF];
    const int before = snprintf(buffer, sizeof buffer, "\n%d ", (int)getpid());
    const size_t most = sizeof buffer - (size_t)before - 1;
    if (length > most)
        errx(EXIT_FAILURE, "a request of %zu bytes is too long, at most %zu", length, most);
    memcpy(buffer + before, text, length);
    buffer[(size_t)before + length] = '\n';
    while (write(server, buffer, (size_t)before + length + 1) == -1) {
        if (errno != EAGAIN)
            err(EXIT_FAILURE, errno == EPIPE ? "the server has gone" : "write");
        wait_for_server(&(struct pollfd){.fd = server, .events = POLLOUT},
                        1); /* the FIFO is full */
    }
    say("request %s", quoted(buffer + 1, (size_t)before + length));

    struct pollfd ends[] = {{.fd = own, .events = POLLIN}, {.fd = server, .events = 0}};
    wait_for_server(ends, 2);
    if ((ends[0].revents & POLLIN) == 0)
        errx(EXIT_FAILURE, "the server has gone");
    const ssize_t count = read(own, buffer, sizeof buffer);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("answer %s", quoted(buffer, (size_t)count));
    if (write_full(STDOUT_FILENO, buffer, (size_t)count) == -1)
        err(EXIT_FAILURE, "stdout");
}

/* Waits for the next line, but also for the server to go. */
static void ask_each_line(int server, int own)
{
    char *line = NULL;
    size_t size = 0;
    setvbuf(stdin, NULL, _IONBF, 0); /* what stdio has read ahead, poll() would not know of */
    for (;;) {
        struct pollfd ends[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                {.fd = server, .events = 0}};
        if (poll(ends, 2, -1) == -1)
            err(EXIT_FAILURE, "poll");
        if (ends[1].revents != 0)
            errx(EXIT_FAILURE, "the server has gone");
        const ssize_t length = getline(&line, &size, stdin);
        if (length == -1)
            break;
        const bool complete = line[length - 1] == '\n';
        ask(server, own, line, (size_t)length - complete);
    }
    if (ferror(stdin))
        err(EXIT_FAILURE, "stdin");
    free(line);
}

int main(int argc, char *argv[])
{
    const char *path = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        path = optarg;
    if (path == NULL)
        path = demo_path("server");

    pair_lane("client");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        err(EXIT_FAILURE, "signal");
    const int server = open_server(path);
    say("open(%s) = %d", path, server);
    static char own_path[PATH_MAX];
    snprintf(own_path, sizeof own_path, "%s.%d", path, (int)getpid());
    const int own = open_own(own_path);

    for (int i = optind; i < argc; i++)
        for (char *line; (line = strsep(&argv[i], "\n")) != NULL;)
            ask(server, own, line, strlen(line));
    if (optind == argc)
        ask_each_line(server, own);
    lesson("each client gets its answers through a FIFO of its own");
    return EXIT_SUCCESS;
}
