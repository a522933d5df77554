/* halfclose-client - "that was all", and still wait for the answer: fclose, dup or shutdown?
 *
 * Two FILE streams on one socket, one to write the request and one to read the answer, which comes
 * only after the end of the request (see halfclose-server). Three ways to send that end:
 *
 *   fclose    closes the writing stream, and with it the one descriptor of both
 *   dup       gives the writing stream a copy of the descriptor: closing it ends nothing
 *   shutdown  tells the kernel that this side has said all, however many copies there are
 *
 * fdopen(3), fclose(3), dup(2), shutdown(2), TCP_INFO in tcp(7)
 */
#define _GNU_SOURCE /* struct tcp_info */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, WATCHED_MS = 200 };

static const char usage[] =
    "usage: halfclose-client [-m fclose|dup|shutdown] [-p PORT]\n"
    "  -m WAY   how to end the request (shutdown)\n"
    "  -p PORT  of the server, on this machine (20001 + 10 * (UID % 1201))\n"
    "  prints the answer, if there is one; other terminal: ./dup/halfclose-server\n";

static const char request[] = "one\ntwo\nthree\n";

static FILE *open_stream(int fd, const char *mode)
{
    FILE *const stream = fdopen(fd, mode);
    if (stream == NULL)
        err(EXIT_FAILURE, "fdopen");
    say("fdopen(%d, \"%s\")", fd, mode);
    return stream;
}

static FILE *open_copy(int fd)
{
    const int copy = dup(fd);
    if (copy == -1)
        err(EXIT_FAILURE, "dup");
    say("dup(%d) = %d", fd, copy);
    return open_stream(copy, "w");
}

/* fclose(3) writes what the stream still has, then closes its descriptor. */
static void close_stream(FILE *stream)
{
    const int fd = fileno(stream);
    if (fclose(stream) == EOF)
        err(EXIT_FAILURE, "fclose: write or close");
    say("fclose(): write(%d) of the buffer, close(%d)", fd, fd);
}

static bool answer_comes(int fd, int milliseconds)
{
    const int ready = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, milliseconds);
    if (ready == -1)
        err(EXIT_FAILURE, "poll");
    return ready == 1;
}

static void by_fclose(int fd)
{
    FILE *const in = open_stream(fd, "r"), *const out = open_stream(fd, "w");
    fputs(request, out);
    close_stream(out);

    char line[80];
    if (fgets(line, sizeof line, in) != NULL || !ferror(in))
        errx(EXIT_FAILURE, "fgets: the socket is still open");
    if (errno != EBADF)
        err(EXIT_FAILURE, "fgets: read");
    say("fgets() = NULL, EBADF: nobody can read any more");
    if (fclose(in) != EOF || errno != EBADF)
        errx(EXIT_FAILURE, "fclose: the socket was still open");
    say("fclose() = EOF, EBADF: %d was closed before", fd);
    lesson("two streams on one descriptor: the first fclose() closes it for both");
}

/* Had we sent our end of file, our side would be in a FIN_WAIT state; see tcp(7) and ss(8). */
static bool is_established(int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
        err(EXIT_FAILURE, "getsockopt TCP_INFO");
    return info.tcpi_state == TCP_ESTABLISHED;
}

static void by_dup(int fd)
{
    FILE *const in = open_stream(fd, "r"), *const out = open_copy(fd);
    fputs(request, out);
    close_stream(out);

    if (answer_comes(fd, WATCHED_MS))
        errx(EXIT_FAILURE, "the server does not wait for the end of file");
    if (!is_established(fd))
        errx(EXIT_FAILURE, "the connection is not in the state ESTABLISHED");
    say("no answer for %d ms", WATCHED_MS);
    say("TCP_INFO: ESTABLISHED, no end of file was sent");
    say("the server waits for it, we for the answer");
    if (fclose(in) == EOF)
        err(EXIT_FAILURE, "fclose");
    say("fclose(): close(%d), the last copy; we give up", fd);
    lesson("fclose() of a copy sends no end of file while another one is open: both sides wait");
}

static void by_shutdown(int fd)
{
    FILE *const in = open_stream(fd, "r"), *const out = open_copy(fd);
    fputs(request, out);
    if (fflush(out) == EOF) /* after shutdown() it would be too late: EPIPE */
        err(EXIT_FAILURE, "fflush: write");
    say("fflush(): write(%d, %s)", fileno(out), quoted(request, strlen(request)));
    if (shutdown(fileno(out), SHUT_WR) == -1)
        err(EXIT_FAILURE, "shutdown");
    say("shutdown(%d, SHUT_WR): end of file, %d is open", fileno(out), fd);
    if (fclose(out) == EOF)
        err(EXIT_FAILURE, "fclose");

    if (!answer_comes(fd, PATIENCE_MS))
        errx(EXIT_FAILURE, "no answer for %d seconds", PATIENCE_MS / 1000);
    char line[80];
    bool answered = false;
    while (fgets(line, sizeof line, in) != NULL) {
        say("fgets() = %s", quoted(line, strlen(line)));
        fputs(line, stdout);
        answered = true;
    }
    if (ferror(in))
        err(EXIT_FAILURE, "fgets: read");
    if (!answered)
        errx(EXIT_FAILURE, "the server has gone without an answer");
    flush_stdout();
    if (fclose(in) == EOF)
        err(EXIT_FAILURE, "fclose");
    lesson("shutdown(SHUT_WR) ends one direction, for all copies; the answer still arrives");
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        void (*end_request)(int fd);
    } ways[] = {{"shutdown", by_shutdown}, {"dup", by_dup}, {"fclose", by_fclose}};
    enum { WAYS = sizeof ways / sizeof *ways };

    const char *name = ways[0].name, *port = NULL;
    for (int letter; (letter = next_option(argc, argv, "m:p:", usage)) != -1;)
        switch (letter) {
        case 'm':
            name = optarg;
            break;
        case 'p':
            port = optarg;
            break;
        }
    check_operands(argc, argv, 0, 0);
    int way = 0;
    while (way < WAYS && strcmp(ways[way].name, name) != 0)
        way++;
    if (way == WAYS)
        errx(USAGE_ERROR, "-m '%s': not one of fclose, dup, shutdown", name);
    const in_port_t number = demo_port(1, port);

    pair_lane("client");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* a server that has gone is an error to tell */
        err(EXIT_FAILURE, "signal");
    const int fd = connect_to(number);
    say("connect() = %d, to port %u", fd, (unsigned)number);
    ways[way].end_request(fd);
    return EXIT_SUCCESS;
}
