/* oob-recv - TCP urgent data: tells the urgent byte from the ordinary ones; oob-send sends them
 *
 * The receiver learns that there is an urgent byte in two ways. The kernel sends SIGURG to the
 * owner of the socket, but a socket has no owner until somebody says F_SETOWN; here that is done
 * when the first bytes have come, so that a byte that is urgent at once shows what is missed. And
 * the socket is in an exceptional condition: POLLPRI, EPOLLPRI, the third set of select().
 *
 * The byte is out of band only in that an ordinary read never returns it: recv(MSG_OOB) does. Its
 * place in the stream is the mark. No read goes past the mark, so sockatmark() between two reads
 * finds it, and what is printed is in the order in which it was sent. A read at the mark would jump
 * over the byte; therefore read only after poll() has said what is there. With -i the byte stays in
 * line, and only the mark tells it from the others.
 *
 * tcp(7), F_SETOWN in fcntl(2), sockatmark(3), MSG_OOB in recv(2), SO_OOBINLINE in socket(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] =
    "usage: oob-recv [-i] [-p PORT]\n"
    "  -i       SO_OOBINLINE: the urgent byte stays among the others\n"
    "  -p PORT  to listen at, 0: any free one (20000 + 10 * (UID modulo 1201))\n"
    "  prints its port, then \"normal TEXT\" for each line or part of one,\n"
    "  and \"urgent C\" for each urgent byte, as they are read\n"
    "  other terminal: ./signals/oob-send hello '!X' world\n";

static volatile sig_atomic_t signals;

static void count_signal(int signal_number)
{
    (void)signal_number;
    signals = signals + 1;
}

static void catch_sigurg(void)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGURG, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
}

static int accept_sender(in_port_t port, bool in_line)
{
    const int listener = bind_to(port);
    if (in_line) { /* before anybody can connect: the new socket inherits it */
        if (setsockopt(listener, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)) == -1)
            err(EXIT_FAILURE, "setsockopt SO_OOBINLINE");
        say("setsockopt(%d, SO_OOBINLINE, 1)", listener);
    }
    start_to_listen(listener);
    say("accept(%d) waits for a sender", listener);
    const int fd = accept(listener, NULL, NULL);
    if (fd == -1)
        err(EXIT_FAILURE, "accept");
    say("accept() = %d", fd);
    if (close(listener) == -1)
        err(EXIT_FAILURE, "close");
    return fd;
}

/* The same news by the two other calls. */
static void ask_select_and_epoll(int fd)
{
    fd_set exceptional;
    if (fd >= FD_SETSIZE) /* FD_SET() would write past the end */
        errx(EXIT_FAILURE, "descriptor %d is not below FD_SETSIZE, %d", fd, FD_SETSIZE);
    FD_ZERO(&exceptional);
    FD_SET((unsigned)fd, &exceptional);
    const int selected = select(fd + 1, NULL, NULL, &exceptional, &(struct timeval){0});
    if (selected == -1)
        err(EXIT_FAILURE, "select");

    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll == -1)
        err(EXIT_FAILURE, "epoll_create1");
    struct epoll_event event = {.events = EPOLLPRI};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
        err(EXIT_FAILURE, "epoll_ctl");
    const int ready = epoll_wait(epoll, &event, 1, 0);
    if (ready == -1)
        err(EXIT_FAILURE, "epoll_wait");
    if (close(epoll) == -1)
        err(EXIT_FAILURE, "close");
    say("select(): %s; epoll: %s", selected == 1 ? "exceptional" : "nothing",
        ready == 1 ? "EPOLLPRI" : "nothing");
}

/* What is known of the urgent byte that is to be read next. */
static struct {
    bool owned;   /* SIGURG has somebody to go to */
    bool waiting; /* the byte has been told of */
    int signals;  /* told of so far */
    int taken;    /* bytes read */
} urgent;

/* The handler has run by now: the kernel sends the signal before it sets POLLPRI. */
static void tell_of_urgent(int fd)
{
    if (urgent.signals != signals) {
        urgent.signals = signals;
        say("SIGURG: number %d", urgent.signals);
        if (urgent.waiting)
            say("the first is unread: it is pushed out");
    } else if (!urgent.waiting) {
        say("POLLPRI, no SIGURG: %s", urgent.owned ? "came before the owner" : "without an owner");
    }
    if (!urgent.waiting && urgent.taken == 0)
        ask_select_and_epoll(fd);
    urgent.waiting = true;
}

static void own(int fd)
{
    if (fcntl(fd, F_SETOWN, getpid()) == -1)
        err(EXIT_FAILURE, "fcntl F_SETOWN");
    say("fcntl(%d, F_SETOWN, getpid())", fd);
    urgent.owned = true;
}

static bool part_is_printed; /* of the line that is coming in */

static void take_urgent_byte(int fd, bool in_line)
{
    char byte;
    say("sockatmark() = 1: the next byte is urgent");
    ssize_t count = recv(fd, &byte, 1, MSG_OOB);
    if (in_line) {
        if (count != -1 || errno != EINVAL)
            err(EXIT_FAILURE, "recv MSG_OOB = %zd", count);
        say("recv(MSG_OOB) = -1 EINVAL: it is in line");
        count = recv(fd, &byte, 1, 0);
    }
    if (count == -1 && errno == EAGAIN)
        return; /* a newer one has been announced just now, and is still to come */
    if (count != 1)
        err(EXIT_FAILURE, "recv%s", in_line ? "" : " MSG_OOB");
    say("recv(%s) = 1 %s", in_line ? "" : "MSG_OOB", quoted(&byte, 1));
    printf("urgent %c\n", byte);
    flush_stdout();
    if (urgent.taken == 0)
        ask_select_and_epoll(fd);
    urgent.taken++;
    urgent.waiting = false;
    part_is_printed = true;
}

static void print_lines(const char *bytes, size_t length)
{
    while (length > 0) {
        const char *const newline = memchr(bytes, '\n', length);
        const size_t part = newline != NULL ? (size_t)(newline - bytes) : length;
        if (part > 0 || !part_is_printed) {
            fputs("normal ", stdout);
            fwrite(bytes, 1, part, stdout);
            putchar('\n');
        }
        part_is_printed = newline == NULL;
        bytes += part + (newline != NULL);
        length -= part + (newline != NULL);
    }
    flush_stdout();
}

/* Stops at the mark, however large the buffer is. Returns false at the end of the stream. */
static bool read_ordinary_bytes(int fd)
{
    static char buffer[4096];
    const ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count == -1)
        err(EXIT_FAILURE, "recv");
    if (count == 0)
        return false;
    say("recv() = %zd %s", count, quoted(buffer, (size_t)count));
    print_lines(buffer, (size_t)count);
    return true;
}

static void receive(int fd, bool in_line)
{
    for (bool open = true; open;) {
        struct pollfd sender = {.fd = fd, .events = POLLIN | POLLPRI};
        if (poll(&sender, 1, -1) == -1) {
            if (errno == EINTR) /* by SIGURG; POLLPRI will be there, or come with the byte */
                continue;
            err(EXIT_FAILURE, "poll");
        }
        const bool announced = (sender.revents & POLLPRI) != 0;
        if (announced)
            tell_of_urgent(fd);
        if (!urgent.owned)
            own(fd);
        const int at_mark = sockatmark(fd);
        if (at_mark == -1)
            err(EXIT_FAILURE, "sockatmark");
        if (announced && at_mark == 1)
            take_urgent_byte(fd, in_line);
        else if (sender.revents != POLLPRI)
            open = read_ordinary_bytes(fd);
    }
    say("recv() = 0: end of file");
}

int main(int argc, char *argv[])
{
    const char *port_option = NULL;
    bool in_line = false;
    for (int letter; (letter = next_option(argc, argv, "ip:", usage)) != -1;)
        switch (letter) {
        case 'i':
            in_line = true;
            break;
        case 'p':
            port_option = optarg;
            break;
        }
    check_operands(argc, argv, 0, 0);
    const in_port_t port = demo_port(0, port_option);

    pair_lane("receiver");
    catch_sigurg();
    const int fd = accept_sender(port, in_line);
    receive(fd, in_line);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    if (in_line)
        lesson("SO_OOBINLINE: the urgent byte stays in line, and sockatmark() tells which it is");
    else
        lesson("one byte is urgent: it waits beside the stream, and the mark keeps its place");
    return EXIT_SUCCESS;
}
