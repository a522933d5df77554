/* server - many clients, one well-known FIFO; each answer goes to a FIFO of the client's own
 *
 * A request is one line, "PID TEXT", of at most PIPE_BUF bytes, so that many clients can write at
 * once. The answer, TEXT in capitals, goes to the FIFO "PATH.PID", which the client has made and
 * opened before. No client may hold up the server: it never waits in that open() or write().
 *
 * The server holds a write end of its own FIFO that it never uses. With -x it does not: when the
 * last client closes, there is no writer left, and the server reads end of file.
 *
 * fifo(7), flock(2), PIPE_BUF in pipe(7)
 */
#define _DEFAULT_SOURCE /* flock */
#include "../lib/demo.h"

#include <ctype.h>
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
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: server [-x] [-p PATH]\n"
                            "  -p PATH  the well-known FIFO (/tmp/ipc-UID/server)\n"
                            "  -x       hold no write end: the server ends with its last client\n"
                            "  ends on SIGINT or SIGTERM; other terminal: ./fifo/client hello\n";

/* Whether `path` still names the open file: a server that was just ending may have removed it. */
static bool is_still_named(int fd, const char *path)
{
    struct stat open_file, named = {.st_ino = 0};
    if (fstat(fd, &open_file) == -1 || (lstat(path, &named) == -1 && errno != ENOENT))
        err(EXIT_FAILURE, "stat %s", path);
    return named.st_ino == open_file.st_ino && named.st_dev == open_file.st_dev;
}

/* Returns the result of flock(), which is not -1. */
static int lock(int fd, const char *path)
{
    check_fifo(fd, path);
    const int result = flock(fd, LOCK_EX | LOCK_NB);
    if (result != -1)
        return result;
    if (errno != EWOULDBLOCK)
        err(EXIT_FAILURE, "flock %s", path);
    warn("flock %s: another server has it locked", path);
    _exit(EXIT_FAILURE); /* without unlink_at_exit(): the name belongs to that server */
}

/* A FIFO that a killed server has left is used again. Between mkfifo() and flock() another server
 * may lock the FIFO that we have made, and then the name is no longer ours to remove. So no signal
 * may end the program there. */
static int open_and_lock(const char *path)
{
    bool made;
    int fd, locked;
    hold_endings();
    for (;;) {
        made = mkfifo(path, S_IRUSR | S_IWUSR) == 0;
        if (made)
            unlink_at_exit(path);
        else if (errno != EEXIST)
            err(EXIT_FAILURE, "mkfifo %s", path);
        fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (fd == -1 && errno != ENOENT)
            err(EXIT_FAILURE, "open %s", path);
        if (fd == -1)
            continue;
        locked = lock(fd, path);
        if (is_still_named(fd, path))
            break;
        close(fd); /* or the clients of the server that has ended would wait for this one */
    }
    if (!made)
        unlink_at_exit(path);
    release_endings();
    if (made)
        say("mkfifo(%s)", path);
    say("open(server, O_RDONLY|O_NONBLOCK) = %d", fd);
    say("flock(%d, LOCK_EX|LOCK_NB) = %d", fd, locked);
    return fd;
}

/* Never waits: ENXIO if nobody reads it, EAGAIN if it is full. The answer is then lost. */
static void send_answer(char *client_path, const char *text, size_t length)
{
    const char *const name = basename(client_path);
    const int fd = open(client_path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 && (errno == EMFILE || errno == EINTR)) /* not the client's fault */
        err(EXIT_FAILURE, "open %s", client_path);
    say("open(%s, O_NONBLOCK) = %d %s", name, fd, error_of(fd));
    if (fd == -1)
        return;
    struct stat status;
    if (fstat(fd, &status) == -1)
        err(EXIT_FAILURE, "fstat");
    if (!S_ISFIFO(status.st_mode)) {
        say("%s is not a FIFO", name);
    } else { /* all or nothing: not more than PIPE_BUF bytes */
        const ssize_t count = write(fd, text, length);
        say("write(%d, %s) = %zd %s", fd, quoted(text, length), count, error_of(count));
    }
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
}

/* `line` ends with a newline. */
static void serve(const char *path, char *line, size_t length)
{
    char *text = line;
    const long long pid = isdigit((unsigned char)line[0]) ? strtoll(line, &text, 10) : 0;
    if (length == 1)
        return; /* clients send a newline first, which ends what another one left unfinished */
    if (pid < 1 || pid > INT_MAX || *text++ != ' ') {
        say("not a request: %s", quoted(line, length));
        return;
    }
    length -= (size_t)(text - line);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)toupper((unsigned char)text[i]);
    char client_path[PATH_MAX];
    snprintf(client_path, sizeof client_path, "%s.%lld", path, pid);
    send_answer(client_path, text, length);
}

static void serve_lines(int fd, const char *path)
{
    static char buffer[PIPE_BUF];
    size_t length = 0;
    bool too_long = false; /* skip the rest of the line */
    ssize_t count;
    while ((count = read(fd, buffer + length, sizeof buffer - length)) > 0) {
        say("read(%d) = %zd %s", fd, count, quoted(buffer + length, (size_t)count));
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
            say("a line longer than %d bytes is skipped", PIPE_BUF);
            too_long = true;
            length = 0;
        }
    }
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd: no writer is left", fd, count);
}

int main(int argc, char *argv[])
{
    const char *path = NULL;
    bool hold_write_end = true;
    for (int letter; (letter = next_option(argc, argv, "xp:", usage)) != -1;)
        if (letter == 'p')
            path = optarg;
        else
            hold_write_end = false;
    check_operands(argc, argv, 0, 0);
    if (path == NULL)
        path = demo_path("server");

    pair_lane("server");
    signal(SIGPIPE, SIG_IGN);
    const int fd = open_and_lock(path);
    if (fcntl(fd, F_SETFL, 0) == -1) /* from now on a read may sleep */
        err(EXIT_FAILURE, "fcntl");
    say("fcntl(%d, F_SETFL): no longer O_NONBLOCK", fd);
    if (hold_write_end) {
        const int write_end = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
        if (write_end == -1)
            err(EXIT_FAILURE, "open %s", path);
        say("open(server, O_WRONLY) = %d: held", write_end);
        say("kill %d ends it, and removes the FIFO", (int)getpid());
    } else { /* before the first client has come, read() would return 0 */
        struct pollfd first = {.fd = fd, .events = POLLIN};
        const int ready = poll(&first, 1, -1);
        if (ready == -1)
            err(EXIT_FAILURE, "poll");
        say("poll(%d) = %d, %s", fd, ready, poll_events(first.revents));
    }
    serve_lines(fd, path);
    if (hold_write_end)
        errx(EXIT_FAILURE, "end of file, although the server holds a write end");
    lesson("without a write end of its own, a server ends with its last client");
    return EXIT_SUCCESS;
}
