/* oob-recv - receives TCP urgent data from oob-send: which byte is urgent, and which are not
 *
 * It learns of an urgent byte from SIGURG, if the socket has an owner (F_SETOWN), and from POLLPRI.
 * No read goes past the mark, so it calls sockatmark() before each, and prints everything in the
 * order in which it was sent. With -i the byte stays in line, and only the mark shows which it is.
 * signals/oob has the whole story in one program.
 *
 * tcp(7), F_SETOWN in fcntl(2), sockatmark(3), MSG_OOB in recv(2), SO_OOBINLINE in socket(7)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] =
    "usage: oob-recv [-i] [-p PORT]\n"
    "  -i       SO_OOBINLINE: the urgent byte stays among the others\n"
    "  -p PORT  listen on PORT; 0 picks a free one (20000 + 10 * (UID modulo 1201))\n"
    "  prints its port, then \"normal TEXT\" and \"urgent C\", as they are read\n"
    "  other terminal: ./signals/oob-send hello '!X' world\n";

static volatile sig_atomic_t signals;

static void note(int number)
{
    (void)number;
    signals = signals + 1;
}

static int accept_sender(in_port_t port, bool in_line)
{
    const int listener = bind_to(port, 0);
    if (in_line) { /* before anybody can connect: the new socket inherits it */
        if (setsockopt(listener, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)) == -1)
            err(EXIT_FAILURE, "setsockopt SO_OOBINLINE");
        say("setsockopt(%d, SO_OOBINLINE, 1)", listener);
    }
    start_to_listen(listener);
    for (;;) {
        say("accept(%d) ...", listener);
        const int fd = accept(listener, NULL, NULL);
        if (fd == -1)
            err(EXIT_FAILURE, "accept");
        say("... = %d", fd);
        if (is_own_peer(fd)) {
            close(listener);
            return fd;
        }
        close(fd);
    }
}

static bool part_is_printed; /* of the line that is coming in */

static void print_lines(char *bytes, size_t length)
{
    while (length > 0) {
        char *const newline = memchr(bytes, '\n', length);
        const size_t part = newline != NULL ? (size_t)(newline - bytes) : length;
        if (part > 0 || !part_is_printed) {
            tame(bytes, part);
            fputs("normal ", stdout);
            print_received(bytes, part);
        }
        part_is_printed = newline == NULL;
        bytes += part + (newline != NULL);
        length -= part + (newline != NULL);
    }
}

/* The socket is at the mark. */
static void take_urgent_byte(int fd, bool in_line)
{
    char byte;
    const ssize_t count = recv(fd, &byte, 1, in_line ? 0 : MSG_OOB);
    if (count == -1 && errno == EAGAIN)
        return; /* a newer one has been announced just now, and is still to come */
    if (count != 1)
        err(EXIT_FAILURE, "recv%s", in_line ? "" : " MSG_OOB");
    say("recv(%d, %s) = %zd %s", fd, in_line ? "0" : "MSG_OOB", count, quoted(&byte, 1));
    tame(&byte, 1);
    printf("urgent %c\n", byte);
    flush_stdout();
    part_is_printed = true;
}

/* Stops at the mark, however large the buffer is. Returns false at the end of the stream. */
static bool read_ordinary_bytes(int fd)
{
    static char buffer[4096];
    const ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count == -1)
        err(EXIT_FAILURE, "recv: %s", errno_name(errno));
    say("recv(%d) = %zd %s", fd, count, quoted(buffer, (size_t)count));
    print_lines(buffer, (size_t)count);
    return count > 0;
}

static void receive(int fd, bool in_line)
{
    int seen = 0;
    for (bool open = true; open;) {
        struct pollfd sender = {.fd = fd, .events = POLLIN | POLLPRI};
        const int ready = poll(&sender, 1, -1);
        if (ready == -1) {
            if (errno == EINTR) /* by SIGURG; POLLPRI will be there, or come with the byte */
                continue;
            err(EXIT_FAILURE, "poll");
        }
        if (seen != signals)
            say("SIGURG has come: %d in all", seen = signals);
        const bool urgent = (sender.revents & POLLPRI) != 0;
        if (urgent)
            say("poll(%d) = %d, %s", fd, ready, poll_events(sender.revents));
        const int at_mark = sockatmark(fd);
        if (at_mark == -1)
            err(EXIT_FAILURE, "sockatmark");
        if (urgent && at_mark == 1) {
            say("sockatmark(%d) = %d: the urgent byte", fd, at_mark);
            take_urgent_byte(fd, in_line);
        } else if (sender.revents != POLLPRI)
            open = read_ordinary_bytes(fd);
    }
}

int main(int argc, char *argv[])
{
    const char *port_option = NULL;
    bool in_line = false;
    for (int letter; (letter = next_option(argc, argv, "ip:", usage)) != -1;)
        if (letter == 'i')
            in_line = true;
        else
            port_option = optarg;
    check_operands(argc, argv, 0, 0);
    const in_port_t port = demo_port(0, port_option);

    pair_lane("receiver");
    handle_by(note, SIGURG, SA_RESTART);
    const int fd = accept_sender(port, in_line);
    if (fcntl(fd, F_SETOWN, getpid()) == -1) /* what was urgent before sends no signal */
        err(EXIT_FAILURE, "fcntl F_SETOWN");
    say("fcntl(%d, F_SETOWN, %d)", fd, (int)getpid());
    receive(fd, in_line);
    lesson(in_line
               ? "SO_OOBINLINE: the urgent byte stays in line; sockatmark() says which it is"
               : "one byte is urgent: it waits beside the stream, and the mark keeps its place");
    return EXIT_SUCCESS;
}
