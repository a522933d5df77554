/* echo-server - one process serves many clients: three ways to learn which descriptors are ready
 *
 * Whatever a client sends comes back to it. The server sleeps only where it asks the kernel which
 * sockets are ready, in one of the three functions serve_by_...; the rest is the same for each.
 *
 * select(2), poll(2), epoll(7), epoll_ctl(2), accept(2), MSG_NOSIGNAL in send(2)
 */
#define _GNU_SOURCE /* accept4 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FDS = 4096, BUFFER = 4096, REST_MS = 1000, FEW = 4, LINES = 20 };

static const char usage[] =
    "usage: echo-server [-m select|poll|epoll] [-p PORT]\n"
    "  -m WAY   how to learn which descriptors are ready (poll)\n"
    "  -p PORT  at 127.0.0.1, 0 for any free one (20002 + 10 * (UID modulo 1201))\n"
    "  prints the port; other terminal: ./dup/echo-client hello\n";

/* The index is the descriptor. POLLIN; POLLOUT: to be sent first; 0: not watched. */
static short wanted[MOST_FDS];
static struct client {
    size_t sent, length;
    char buffer[BUFFER];
} clients[MOST_FDS];

static int listener, client_count, highest /* descriptor so far */, epoll = -1;

/* Only epoll keeps a list. EPOLLIN and EPOLLOUT have the numbers of POLLIN and POLLOUT. */
static void want(int fd, short events)
{
    struct epoll_event event = {.events = (unsigned short)events, .data.fd = fd};
    const int change = events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    const int operation = wanted[fd] == 0 ? EPOLL_CTL_ADD : change;
    if (epoll != -1 && events != wanted[fd] && epoll_ctl(epoll, operation, fd, &event) == -1)
        err(EXIT_FAILURE, "epoll_ctl");
    wanted[fd] = events;
    highest = fd > highest ? fd : highest;
}

static void accept_client(void)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client_count < FEW || fd == -1)
        limit_story(LINES);
    if (fd == -1) {
        say("accept4(%d) = %d %s: %d client%s", listener, fd, errno_name(errno), client_count,
            plural((unsigned)client_count));
        if (errno != EAGAIN && errno != ECONNABORTED)
            want(listener, 0); /* EMFILE: it is still to be accepted, and we would spin */
        return;
    }
    say("accept4(%d) = %d", listener, fd);
    if (is_own_peer(fd)) {
        client_count++;
        want(fd, POLLIN);
    } else {
        close(fd);
    }
}

static void close_client(int fd)
{
    want(fd, 0);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    if (--client_count < FEW)
        limit_story(LINES);
    say("close(%d): %d client%s left", fd, client_count, plural((unsigned)client_count));
    want(listener, POLLIN);
}

static const char *shown(const char *bytes, ssize_t count)
{
    return count == -1 ? errno_name(errno) : quoted(bytes, (size_t)count);
}

static void send_some(int fd, struct client *client)
{
    const char *const unsent = client->buffer + client->sent;
    const ssize_t count = send(fd, unsent, client->length - client->sent, MSG_NOSIGNAL);
    say("send(%d) = %zd %s", fd, count, shown(unsent, count));
    if (count == -1 && errno != EAGAIN) {
        close_client(fd);
        return;
    }
    client->sent += count == -1 ? 0 : (size_t)count;
    want(fd, client->sent == client->length ? POLLIN : POLLOUT);
}

/* At its end of file a client has got back everything that it sent. */
static void receive_some(int fd, struct client *client)
{
    const ssize_t count = recv(fd, client->buffer, BUFFER, 0);
    if (count == -1 && errno == EAGAIN)
        return;
    say("recv(%d) = %zd %s", fd, count, shown(client->buffer, count));
    client->sent = 0;
    client->length = (size_t)count;
    if (count < 1)
        close_client(fd);
    else
        send_some(fd, client);
}

static void serve(int fd)
{
    if (fd == listener)
        accept_client();
    else if (wanted[fd] == POLLIN)
        receive_some(fd, &clients[fd]);
    else if (wanted[fd] == POLLOUT)
        send_some(fd, &clients[fd]);
}

static int patience(void)
{
    return wanted[listener] == 0 ? REST_MS : -1;
}

static void serve_by_select(void)
{
    for (;;) {
        struct timeval rest = {.tv_sec = REST_MS / 1000};
        fd_set readable, writable; /* select() overwrites them: they are made anew each time */
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        for (int fd = 0; fd <= highest; fd++)
            if (wanted[fd] != 0)
                FD_SET((unsigned)fd, wanted[fd] == POLLIN ? &readable : &writable);
        const int bits = highest + 1;
        struct timeval *const limit = patience() == -1 ? NULL : &rest;
        const int count = select(bits, &readable, &writable, NULL, limit);
        if (count == -1)
            err(EXIT_FAILURE, "select");
        say("select(%d) = %d", bits, count);
        if (count == 0)
            want(listener, POLLIN);
        for (int fd = 0; fd < bits; fd++)
            if (FD_ISSET((unsigned)fd, &readable) || FD_ISSET((unsigned)fd, &writable))
                serve(fd);
    }
}

static void serve_by_poll(void)
{
    static struct pollfd list[MOST_FDS];
    for (;;) {
        nfds_t length = 0;
        for (int fd = 0; fd <= highest; fd++)
            if (wanted[fd] != 0)
                list[length++] = (struct pollfd){.fd = fd, .events = wanted[fd]};
        const int count = poll(list, length, patience());
        if (count == -1)
            err(EXIT_FAILURE, "poll");
        say("poll(%d in the list) = %d", (int)length, count);
        if (count == 0)
            want(listener, POLLIN);
        for (nfds_t i = 0; i < length; i++)
            if (list[i].revents != 0)
                serve(list[i].fd);
    }
}

static void serve_by_epoll(void)
{
    for (;;) {
        struct epoll_event events[64]; /* of those that are ready; the others come next time */
        const int count = epoll_wait(epoll, events, 64, patience());
        if (count == -1 && errno != EINTR) /* after Ctrl-Z and fg: see signal(7) */
            err(EXIT_FAILURE, "epoll_wait");
        say("epoll_wait(%d) = %d", epoll, count);
        if (count == 0)
            want(listener, POLLIN);
        for (int i = 0; i < count; i++)
            serve(events[i].data.fd);
    }
}

int main(int argc, char *argv[])
{
    const char *way = "poll", *port = NULL;
    for (int letter; (letter = next_option(argc, argv, "m:p:", usage)) != -1;)
        if (letter == 'm')
            way = optarg;
        else
            port = optarg;
    check_operands(argc, argv, 0, 0);
    if (strcmp(way, "select") != 0 && strcmp(way, "poll") != 0 && strcmp(way, "epoll") != 0)
        errx(USAGE_ERROR, "-m '%s': not select, poll or epoll", way);
    pair_lane("server");
    let_story_be_lost();
    limit_descriptors(strcmp(way, "select") == 0 ? FD_SETSIZE : MOST_FDS); /* see FD_SET(3) */
    listener = bind_to(demo_port(2, port), SOCK_NONBLOCK);
    if (setsockopt(listener, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)) == -1)
        err(EXIT_FAILURE, "setsockopt SO_OOBINLINE"); /* an urgent byte comes back too */
    start_to_listen(listener);
    if (strcmp(way, "epoll") == 0 && (epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
        err(EXIT_FAILURE, "epoll_create1");
    say("waits for clients at %d", listener);
    want(listener, POLLIN);
    if (strcmp(way, "select") == 0)
        serve_by_select();
    else if (strcmp(way, "poll") == 0)
        serve_by_poll();
    else
        serve_by_epoll();
}
