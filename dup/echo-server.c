/* echo-server - one process serves many clients: four ways to learn which descriptors are ready
 *
 * Whatever a client sends comes back to it. The server sleeps only where it asks the kernel which
 * sockets are ready; no client can make it wait. The functions wait_by_... ask in the four ways
 * (epoll in two), all the rest is the same for each. Watch what the calls return, and with
 * strace(1) what they are given: select and poll are told everything in each call, epoll once.
 *
 * With EPOLLET an event says that something has changed, not that something is there: after it, all
 * must be read, until EAGAIN. With -x the server reads once, which is enough in the other ways.
 *
 * select(2), poll(2), epoll(7), epoll_ctl(2), accept(2), MSG_NOSIGNAL in send(2)
 */
#define _GNU_SOURCE /* accept4 */
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
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FDS = 4096, BUFFER = 4096, MOVES = 16, REST_MS = 1000, STALL_MS = 1000 };
enum { FEW = 4, LINES = 20, SHORT = 20 }; /* how much of the story is told */
enum way { SELECT, POLL, EPOLL, EPOLL_ET };

static const char *const way_names[] = {"select", "poll", "epoll", "epoll-et"};

static const char usage[] =
    "usage: echo-server [-x] [-m select|poll|epoll|epoll-et] [-p PORT]\n"
    "  -m WAY   to learn which descriptors are ready (poll); epoll-et: edge-triggered\n"
    "  -p PORT  at 127.0.0.1, 0 for any free one (20002 + 10 * (UID modulo 1201))\n"
    "  -x       epoll-et, but read once for each event, one byte: it stalls\n"
    "  prints the port; ends on SIGINT or SIGTERM; other terminal: ./dup/echo-client hello\n";

/* What is waited for at each descriptor: POLLIN, POLLOUT, or 0: it is not watched. */
static short wanted[MOST_FDS];
static int highest; /* descriptor so far */

/* What a client has sent and not yet got back. Nothing is received from it before all of that is
 * sent: a client that never reads fills this and its sockets, and then waits for itself. */
static struct client {
    size_t sent, length;
    char buffer[BUFFER];
} clients[MOST_FDS];

static enum way way = POLL;
static bool once; /* -x */
static int listener, client_count, epoll = -1;
static bool resting;    /* the listening socket is not watched for a while */
static bool complained; /* that there are too many clients; once for as long as there are some */
static int lines_left = LINES; /* of the story; a new client brings some, while there are few */

static bool telling(void)
{
    if (lines_left == 0)
        return false;
    lines_left--;
    return true;
}

/* ---- What is to be watched: only epoll must be told beforehand ---- */

static void tell_epoll(int operation, int fd)
{
    _Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT, "epoll has the numbers of poll");
    struct epoll_event event = {.events = (unsigned short)wanted[fd], .data.fd = fd};
    if (way == EPOLL_ET && fd != listener)
        event.events |= EPOLLET;
    if (epoll_ctl(epoll, operation, fd, &event) == -1)
        err(EXIT_FAILURE, "epoll_ctl");
}

static void want(int fd, int events)
{
    const int before = wanted[fd];
    wanted[fd] = (short)events;
    if (fd > highest)
        highest = fd;
    if (epoll == -1 || events == before)
        return;
    const int change = events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    tell_epoll(before == 0 ? EPOLL_CTL_ADD : change, fd);
}

/* ---- What is done with a descriptor that is ready ---- */

static void rest(bool start)
{
    resting = start;
    want(listener, start ? 0 : POLLIN);
}

static void close_socket(int fd)
{
    wanted[fd] = 0; /* it leaves the set of epoll by itself: nobody has a copy of the descriptor */
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
}

/* What could not be done for a client is told once, until no client is left. */
static bool complaining(void)
{
    const bool first = !complained;
    complained = true;
    return first;
}

/* One for each event: the listening socket, which is never edge-triggered, stays ready. */
static void accept_client(void)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1 && (errno == EAGAIN || errno == ECONNABORTED))
        return; /* the client has gone before we came */
    if (fd == -1) {
        if (complaining())
            warn("accept4: %d clients; the next must wait until one leaves", client_count);
        rest(true); /* EMFILE: there is still one to be accepted, and we would spin */
        return;
    }
    if (way == SELECT && fd >= FD_SETSIZE) { /* FD_SET() would write past the end */
        if (complaining())
            warnx("refused: descriptor %d is not below FD_SETSIZE, %d", fd, FD_SETSIZE);
        close_socket(fd);
        return;
    }
    client_count++;
    if (client_count <= FEW)
        lines_left = LINES;
    if (telling())
        say("accept4(%d) = %d", listener, fd);
    if (client_count % 100 == 0)
        say("%d clients at once", client_count);
    clients[fd].sent = clients[fd].length = 0;
    want(fd, POLLIN);
}

static void close_client(int fd)
{
    client_count--;
    if (client_count < FEW)
        say("close(%d): %d clients left", fd, client_count);
    close_socket(fd);
    if (client_count == 0)
        complained = false;
    if (resting)
        rest(false);
}

/* Sends what is pending, or else receives. Returns whether bytes were moved. At its end of file a
 * client has got back all that it sent; that, or that it was killed, is no reason for the server to
 * end. */
static bool move_bytes(int fd)
{
    struct client *const client = &clients[fd];
    char *const place = client->buffer + client->sent;
    const size_t pending = client->length - client->sent;
    const char *const call = pending > 0 ? "send" : "recv";
    const ssize_t count = pending > 0 ? send(fd, place, pending, MSG_NOSIGNAL)
                                      : recv(fd, place, once ? 1 : BUFFER, 0);
    if (count == -1 && errno == EAGAIN) {
        if (telling())
            say("%s(%d) = -1 EAGAIN", call, fd);
        return false;
    }
    if (count <= 0) {
        if (telling())
            say("%s(%d): %s", call, fd, count == 0 ? "end of file" : strerror(errno));
        close_client(fd);
        return false;
    }
    if (telling())
        say("%s(%d) = %zd %s", call, fd, count, count <= SHORT ? quoted(place, (size_t)count) : "");
    if (pending == 0)
        client->length = (size_t)count;
    else
        client->sent += (size_t)count;
    if (client->sent == client->length)
        client->sent = client->length = 0;
    return true;
}

/* Where the kernel goes on to report what is left, to receive and send once is enough. Where it
 * reports changes, we go on until nothing moves: then there will be a change. But not for ever, for
 * others wait: EPOLL_CTL_MOD makes the kernel look again, and report what is there. */
static void serve(int fd, int events)
{
    if (events == 0)
        return;
    if (fd == listener) {
        accept_client();
        return;
    }
    const bool drain = way == EPOLL_ET && !once;
    bool moved = true;
    for (int i = 0; moved && i < (drain ? MOVES : 2); i++)
        moved = move_bytes(fd);
    if (wanted[fd] == 0)
        return; /* it was closed */
    want(fd, clients[fd].sent < clients[fd].length ? POLLOUT : POLLIN);
    if (drain && moved)
        tell_epoll(EPOLL_CTL_MOD, fd);
}

/* ---- The ways: ask what is ready, and serve it. Each returns how many descriptors were ---- */

static int wait_by_select(int milliseconds)
{
    const int bits = highest + 1; /* one for each descriptor, watched or not */
    fd_set readable, writable;    /* select() overwrites them: they are made anew each time */
    /* The casts: not every C library has macros that take a signed number without a warning. */
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    for (int fd = 0; fd < bits; fd++) {
        if ((wanted[fd] & POLLIN) != 0)
            FD_SET((unsigned)fd, &readable);
        if ((wanted[fd] & POLLOUT) != 0)
            FD_SET((unsigned)fd, &writable);
    }
    struct timeval time = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    const int count = select(bits, &readable, &writable, NULL, milliseconds < 0 ? NULL : &time);
    if (count == -1)
        err(EXIT_FAILURE, "select");
    if (telling())
        say("select(%d bits) = %d", bits, count);
    for (int fd = 0; count > 0 && fd < bits; fd++)
        serve(fd, (FD_ISSET((unsigned)fd, &readable) ? POLLIN : 0) |
                      (FD_ISSET((unsigned)fd, &writable) ? POLLOUT : 0));
    return count;
}

static int wait_by_poll(int milliseconds)
{
    static struct pollfd list[MOST_FDS]; /* an entry for each descriptor that is watched */
    nfds_t length = 0;
    for (int fd = 0; fd <= highest; fd++)
        if (wanted[fd] != 0)
            list[length++] = (struct pollfd){.fd = fd, .events = wanted[fd]};
    const int count = poll(list, length, milliseconds);
    if (count == -1)
        err(EXIT_FAILURE, "poll");
    if (telling())
        say("poll(list of %d) = %d", (int)length, count);
    for (nfds_t i = 0; count > 0 && i < length; i++)
        serve(list[i].fd, list[i].revents);
    return count;
}

static int wait_by_epoll(int milliseconds)
{
    struct epoll_event events[64]; /* of those that are ready; the others come next time */
    const int count = epoll_wait(epoll, events, sizeof events / sizeof *events, milliseconds);
    if (count == -1 && errno != EINTR) /* after Ctrl-Z and fg: see signal(7) */
        err(EXIT_FAILURE, "epoll_wait");
    if (telling())
        say("epoll_wait() = %d", count);
    for (int i = 0; i < count; i++)
        serve(events[i].data.fd, (int)events[i].events);
    return count;
}

static int (*const wait_by[])(int) = {wait_by_select, wait_by_poll, wait_by_epoll, wait_by_epoll};

/* There was no event for a while (-x). Is there really nothing to be read? */
static void end_if_stalled(void)
{
    static char unread[BUFFER];
    for (int fd = 0; fd <= highest; fd++) {
        if (wanted[fd] == 0 || fd == listener)
            continue;
        const ssize_t count = recv(fd, unread, sizeof unread, MSG_PEEK);
        if (count == -1 || wait_by_epoll(0) != 0)
            continue; /* nothing, or it has just come */
        say("%d ms without an event for %d", STALL_MS, fd);
        say("recv(%d, MSG_PEEK) = %zd %s", fd, count, quoted(unread, (size_t)count));
        lesson("an edge is told once: what is not read until EAGAIN waits for the next one");
        exit(EXIT_SUCCESS);
    }
}

/* The soft limit is also the first descriptor that is not given out: all fit into our tables. */
static void set_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        err(EXIT_FAILURE, "getrlimit");
    limit.rlim_cur = limit.rlim_max < MOST_FDS ? limit.rlim_max : MOST_FDS;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
        err(EXIT_FAILURE, "setrlimit");
}

static enum way parse_way(const char *text)
{
    for (enum way choice = SELECT; choice <= EPOLL_ET; choice++)
        if (strcmp(text, way_names[choice]) == 0)
            return choice;
    errx(USAGE_ERROR, "-m '%s': not select, poll, epoll or epoll-et", text);
}

int main(int argc, char *argv[])
{
    const char *way_option = NULL, *port_option = NULL;
    for (int letter; (letter = next_option(argc, argv, "m:p:x", usage)) != -1;)
        switch (letter) {
        case 'm':
            way_option = optarg;
            break;
        case 'p':
            port_option = optarg;
            break;
        case 'x':
            once = true;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (way_option != NULL || once)
        way = parse_way(way_option != NULL ? way_option : "epoll-et");
    if (once && way != EPOLL_ET)
        errx(USAGE_ERROR, "-x goes with -m epoll-et alone");
    const in_port_t port = demo_port(2, port_option);

    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* the clients need us, whoever reads the story */
        err(EXIT_FAILURE, "signal");
    pair_lane("server");
    set_descriptor_limit();
    listener = bind_to(port);
    if (way == SELECT && listener >= FD_SETSIZE)
        errx(EXIT_FAILURE, "descriptor %d is not below FD_SETSIZE, %d", listener, FD_SETSIZE);
    if (fcntl(listener, F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    /* An urgent byte comes back too, among the others; accepted sockets inherit it, see tcp(7). */
    if (setsockopt(listener, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)) == -1)
        err(EXIT_FAILURE, "setsockopt SO_OOBINLINE");
    start_to_listen(listener);
    if (way >= EPOLL && (epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
        err(EXIT_FAILURE, "epoll_create1");
    want(listener, POLLIN);
    say("waits for clients at %d, by %s", listener, way_names[way]);
    for (;;) {
        const int patience = resting ? REST_MS : once && client_count > 0 ? STALL_MS : -1;
        const int count = wait_by[way](patience);
        if (count == 0 && resting)
            rest(false);
        else if (count == 0)
            end_if_stalled();
    }
}
