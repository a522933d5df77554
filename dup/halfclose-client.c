/* halfclose-client - how to say "that was all" and still get the answer: fclose, dup or shutdown?
 *
 * Two FILE streams on one socket, one to write the request and one to read the answer, which comes
 * only after the end of the request. Three ways to send that end:
 *
 *   fclose    closes the writing stream, and with it the one descriptor of both
 *   dup       gives the writing stream a copy of the descriptor: closing it ends nothing
 *   shutdown  ends this direction of the connection, however many copies there are
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
    "  -p PORT  of the server, on this machine (20001 + 10 * (UID modulo 1201))\n"
    "  prints the answer, if there is one; other terminal: ./dup/halfclose-server\n";

enum { FCLOSE, DUP, SHUTDOWN, WAYS };
static const char *const ways[] = {"fclose", "dup", "shutdown"};

static FILE *open_stream(int fd, const char *mode)
{
    FILE *const stream = fdopen(fd, mode);
    if (stream == NULL)
        err(EXIT_FAILURE, "fdopen");
    say("fdopen(%d, \"%s\")", fd, mode);
    return stream;
}

static bool answer_comes(int fd, int milliseconds)
{
    const int ready = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, milliseconds);
    if (ready == -1)
        err(EXIT_FAILURE, "poll");
    say("poll(%d, POLLIN, %d ms) = %d", fd, milliseconds, ready);
    return ready == 1;
}

/* The first line goes ahead, and the server reads it. Later it could not see any more who we are:
 * a socket that its process has closed has no owner. */
static void send_first_line(FILE *out, int fd)
{
    fputs("one\n", out);
    if (fflush(out) == EOF)
        err(EXIT_FAILURE, "fflush: write");
    long unread;
    for (int i = 0; (unread = unread_by_peer(fd)) > 0 && i < PATIENCE_MS; i++)
        poll(NULL, 0, 1); /* a millisecond */
    if (unread > 0)
        errx(EXIT_FAILURE, "the server does not read");
    say("fflush(): write(%d, \"one\\n\")%s", fd, unread == 0 ? ", and it is read" : "");
}

static void by_fclose(int fd, FILE *in)
{
    FILE *const out = open_stream(fd, "w");
    send_first_line(out, fd);
    fputs("two\nthree\n", out);
    if (fclose(out) == EOF)
        err(EXIT_FAILURE, "fclose: write or close");
    say("fclose(): write(%d) of the buffer, close(%d)", fd, fd);

    char line[80];
    if (fgets(line, sizeof line, in) != NULL || errno != EBADF)
        err(EXIT_FAILURE, "fgets: read has not failed with EBADF");
    say("fgets(): read(%d), %s: closed for both", fd, errno_name(errno));
    const int result = fclose(in);
    if (result != EOF || errno != EBADF)
        err(EXIT_FAILURE, "fclose: close has not failed with EBADF");
    say("fclose(): close(%d) = %d %s", fd, result, errno_name(errno));
    lesson("two streams on one descriptor: the first fclose() closes it for both");
}

static FILE *open_copy(int fd)
{
    const int copy = dup(fd);
    if (copy == -1)
        err(EXIT_FAILURE, "dup");
    say("dup(%d) = %d", fd, copy);
    return open_stream(copy, "w");
}

static void by_dup(int fd)
{
    FILE *const out = open_copy(fd);
    const int copy = fileno(out);
    fputs("one\ntwo\nthree\n", out);
    if (fclose(out) == EOF)
        err(EXIT_FAILURE, "fclose: write or close");
    say("fclose(): write(%d) of the buffer, close(%d)", copy, copy);

    if (answer_comes(fd, WATCHED_MS))
        errx(EXIT_FAILURE, "the server does not wait for the end of file");
    /* Had we sent our end of file, our side would be in a FIN_WAIT state; see tcp(7), ss(8). */
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
        err(EXIT_FAILURE, "getsockopt TCP_INFO");
    if (info.tcpi_state != TCP_ESTABLISHED)
        errx(EXIT_FAILURE, "the connection is not in the state ESTABLISHED");
    say("getsockopt(%d, TCP_INFO): ESTABLISHED, no FIN was sent", fd);
    lesson("fclose() of a copy sends no end of file while another one is open");
}

static void by_shutdown(int fd, FILE *in)
{
    FILE *const out = open_copy(fd);
    fputs("one\ntwo\nthree\n", out);
    if (fflush(out) == EOF) /* after shutdown() it would be too late: EPIPE */
        err(EXIT_FAILURE, "fflush: write");
    say("fflush(): write(%d) of the buffer", fileno(out));
    const int ended = shutdown(fileno(out), SHUT_WR);
    if (ended == -1)
        err(EXIT_FAILURE, "shutdown");
    say("shutdown(%d, SHUT_WR) = %d: end of file, and %d is open", fileno(out), ended, fd);

    if (!answer_comes(fd, PATIENCE_MS))
        errx(EXIT_FAILURE, "no answer for %d seconds", PATIENCE_MS / 1000);
    char line[80];
    if (fgets(line, sizeof line, in) == NULL) {
        if (ferror(in))
            err(EXIT_FAILURE, "fgets: read");
        errx(EXIT_FAILURE, "the server closed without an answer");
    }
    say("fgets(): read(%d), %s", fd, quoted(line, strlen(line)));
    if (fclose(out) == EOF) /* what was left in its buffer is lost */
        err(EXIT_FAILURE, "fclose: write or close");
    tame(line, strlen(line));
    fputs(line, stdout);
    lesson("shutdown(SHUT_WR) ends one direction for all copies; the answer arrives");
}

int main(int argc, char *argv[])
{
    int way = SHUTDOWN;
    const char *port = NULL;
    for (int letter; (letter = next_option(argc, argv, "m:p:", usage)) != -1;)
        if (letter == 'm')
            way = parse_choice(optarg, ways, WAYS);
        else
            port = optarg;
    check_operands(argc, argv, 0, 0);
    const in_port_t number = demo_port(1, port);

    pair_lane("client");
    signal(SIGPIPE, SIG_IGN); /* a server that is gone is an error to report */
    const int fd = connect_to(number);
    say("connect(%d): port %u", fd, (unsigned)number);
    FILE *const in = open_stream(fd, "r");
    if (way == FCLOSE)
        by_fclose(fd, in);
    else if (way == DUP)
        by_dup(fd);
    else
        by_shutdown(fd, in);
    return EXIT_SUCCESS;
}
