/* server - many clients, one well-known FIFO; each answer goes to a FIFO of the client's own
 *
 * A request is one line, "PID TEXT". It is no longer than PIPE_BUF, so that many clients can write
 * at once. The answer, TEXT in capitals, goes to the FIFO "PATH.PID", which the client has made and
 * opened before. The server must outlive every client, so it opens that FIFO without waiting and
 * never sleeps in a write.
 *
 * The server holds a write end of its own FIFO that it never uses. With -x it does not: when the
 * last client closes, there is no writer left, and the server is told that this was the end.
 *
 * fifo(7), flock(2), PIPE_BUF in pipe(7)
 */
#define _DEFAULT_SOURCE /* flock */
#include "../lib/demo.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: server [-x] [-p PATH]\n"
                            "  -p PATH  the well-known FIFO (/tmp/ipc-UID/server)\n"
                            "  -x       hold no write end: it ends when no client is left\n"
                            "  ends on SIGINT or SIGTERM; other terminal: ./fifo/client hello\n";

/* A FIFO that a killed server has left is used again. One that has a server is locked, and refused.
 */
static int open_as_the_only_server(const char *path)
{
    hold_endings();
    const bool made = mkfifo(path, S_IRUSR | S_IWUSR) == 0;
    if (!made && errno != EEXIST)
        err(EXIT_FAILURE, "mkfifo %s", path);
    if (made) {
        unlink_at_exit(path);
        say("mkfifo(%s)", path);
    }
    release_endings();

    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    check_fifo(fd, path);
    say("open(O_RDONLY) = %d", fd);
    if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        if (errno != EWOULDBLOCK)
            err(EXIT_FAILURE, "flock %s", path);
        warnx("%s: another server is at work", path);
        _exit(EXIT_FAILURE); /* not exit(): the name is the other's now, and stays */
    }
    struct stat locked,
        named; /* a server that was just ending may have removed what we have opened */
    if (fstat(fd, &locked) == -1)
        err(EXIT_FAILURE, "fstat");
    const bool gone = lstat(path, &named) == -1;
    if (gone && errno != ENOENT)
        err(EXIT_FAILURE, "lstat %s", path);
    if (gone || named.st_ino != locked.st_ino || named.st_dev != locked.st_dev) {
        warnx("%s: removed by another server; try again", path);
        _exit(EXIT_FAILURE);
    }
    say("flock(%d, LOCK_EX) = 0: the only server", fd);
    if (!made)
        unlink_at_exit(path);
    if (fcntl(fd, F_SETFL, 0) == -1) /* opened without waiting; from now on a read may sleep */
        err(EXIT_FAILURE, "fcntl");
    return fd;
}

/* Whatever goes wrong is this client's bad luck; the server only tells. */
static void send_answer(const char *client_path, const char *text, size_t length)
{
    const int fd = open(client_path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1) { /* ENXIO: nobody reads it */
        say("open(%s): %s", client_path, strerror(errno));
        return;
    }
    struct stat status;
    if (fstat(fd, &status) == -1 || !S_ISFIFO(status.st_mode)) {
        say("%s is no FIFO", client_path);
    } else {
        say("answer %s", quoted(text, length));
        if (write_full(fd, text, length) == -1) /* all or nothing: length <= PIPE_BUF */
            say("write to %s: %s", client_path, strerror(errno));
    }
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
}

/* `line` ends with a newline. */
static void serve(const char *path, char *line, size_t length)
{
    char *text;
    const long pid = isdigit((unsigned char)line[0]) ? strtol(line, &text, 10) : 0;
    if (length == 1)
        return; /* clients start with a newline, so that what others left unfinished does not hurt
                   them */
    if (pid < 1 || pid > INT_MAX || *text != ' ') {
        say("not a request: %s", quoted(line, length));
        return;
    }
    say("request %s", quoted(line, length));
    text++;
    length -= (size_t)(text - line);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)toupper((unsigned char)text[i]);
    char client_path[PATH_MAX];
    snprintf(client_path, sizeof client_path, "%s.%ld", path, pid);
    send_answer(client_path, text, length);
}

static void serve_lines(int fd, const char *path)
{
    static char buffer[PIPE_BUF];
    size_t length = 0;
    bool too_long = false; /* the rest of the line is to be passed over */
    ssize_t count;
    while ((count = read(fd, buffer + length, sizeof buffer - length)) > 0) {
        length += (size_t)count;
        char *start = buffer;
        for (char *newline; (newline = memchr(start, '\n', length)) != NULL;) {
            const size_t line_length = (size_t)(newline + 1 - start);
            if (!too_long)
                serve(path, start, line_length);
            too_long = false;
            start += line_length;
            length -= line_length;
        }
        memmove(buffer, start, length);
        if (length == sizeof buffer) {
            if (!too_long)
                say("a line longer than %d bytes, passed over", PIPE_BUF);
            too_long = true;
            length = 0;
        }
    }
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = 0: no writer is left", fd);
}

int main(int argc, char *argv[])
{
    const char *path = NULL;
    bool hold_write_end = true;
    for (int letter; (letter = next_option(argc, argv, "xp:", usage)) != -1;)
        switch (letter) {
        case 'p':
            path = optarg;
            break;
        case 'x':
            hold_write_end = false;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (path == NULL)
        path = demo_path("server");

    pair_lane("server");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        err(EXIT_FAILURE, "signal");
    const int fd = open_as_the_only_server(path);
    if (hold_write_end) {
        const int write_end = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
        if (write_end == -1)
            err(EXIT_FAILURE, "open %s", path);
        say("open(O_WRONLY) = %d: held, so no end of file", write_end);
    } else { /* before the first client has come, read() would return 0 at once */
        struct pollfd first = {.fd = fd, .events = POLLIN};
        if (poll(&first, 1, -1) == -1)
            err(EXIT_FAILURE, "poll");
    }
    serve_lines(fd, path);
    lesson("end of file when no client is left: a server must hold a write end of its own FIFO");
    return EXIT_SUCCESS;
}
