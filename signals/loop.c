/* loop - one loop for signals, time and sockets: epoll, with a signalfd, a timerfd and a connection
 *
 * The server sleeps in one place, epoll_wait(), and whatever happens makes a descriptor readable: a
 * request on the connection, a signal, a timer that expires. There is no handler, nothing
 * interrupts anything, and SIGTERM just ends the loop. So the server ends cleanly, even after 4096
 * SIGUSR1. A client that says nothing for 100 ms loses its connection.
 *
 * epoll(7), signalfd(2), timerfd_create(2), signal(7)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { IDLE_MS = 100, PATIENCE_MS = 5000, TIMES = 4096, MOST = 1000000 };

static const char usage[] = "usage: loop [-c COUNT]\n"
                            "  -c COUNT  SIGUSR1 comes COUNT times before SIGTERM (4096)\n"
                            "  prints each event that the server has handled\n";

static void print(const char *event)
{
    puts(event);
    flush_stdout();
}

static void answer(int client, int timer)
{
    const struct itimerspec idle = {.it_value.tv_nsec = IDLE_MS * 1000000L};
    char text[64];
    const ssize_t count = read(client, text, sizeof text);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd %s", client, count, quoted(text, (size_t)count));
    if (write_full(client, text, (size_t)count) == -1)
        err(EXIT_FAILURE, "write");
    if (timerfd_settime(timer, 0, &idle, NULL) == -1) /* the time of silence begins anew */
        err(EXIT_FAILURE, "timerfd_settime");
    print("request");
}

static void close_idle_client(int client, int timer)
{
    uint64_t expirations;
    if (read(timer, &expirations, sizeof expirations) != sizeof expirations)
        errx(EXIT_FAILURE, "read: no expiration");
    say("read(%d): it has expired", timer);
    if (close(client) == -1) /* this takes it out of the epoll set, too */
        err(EXIT_FAILURE, "close");
    say("close(%d): %d ms without a word", client, IDLE_MS);
    print("timeout");
}

/* Returns whether it is the signal to end. */
static bool take_signal(int signals)
{
    static bool seen;
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != sizeof info)
        errx(EXIT_FAILURE, "read: no signal");
    const char *const name = signal_name((int)info.ssi_signo);
    if (info.ssi_signo == SIGTERM || !seen) {
        say("read(%d): %s", signals, name);
        print(name);
    }
    seen = true;
    return info.ssi_signo == SIGTERM;
}

static void watch(int epoll, int fd, const char *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
        err(EXIT_FAILURE, "epoll_ctl");
    say("epoll_ctl(%d, ADD, %d): %s", epoll, fd, what);
}

static void serve(int client)
{
    lane(1, "server");
    die_with_parent();
    const sigset_t set = set_of_two(SIGUSR1, SIGTERM);
    block(&set);
    const int signals = signalfd(-1, &set, SFD_CLOEXEC);
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (signals == -1 || timer == -1 || epoll == -1)
        err(EXIT_FAILURE, "signalfd, timerfd_create, epoll_create1");
    watch(epoll, client, "connection");
    watch(epoll, signals, "signalfd");
    watch(epoll, timer, "timerfd");

    for (bool end = false; !end;) {
        struct epoll_event event;
        if (epoll_wait(epoll, &event, 1, -1) == -1) {
            if (errno != EINTR) /* stopped and continued */
                err(EXIT_FAILURE, "epoll_wait");
        } else if (event.data.fd == client) {
            answer(client, timer);
        } else if (event.data.fd == timer) {
            close_idle_client(client, timer);
        } else {
            end = take_signal(signals);
        }
    }
    say("ends");
    exit(EXIT_SUCCESS);
}

static void ask(int fd)
{
    char text[64];
    const ssize_t sent = write(fd, "hello", strlen("hello"));
    if (sent == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, \"hello\") = %zd", fd, sent);
    const ssize_t count = read(fd, text, sizeof text);
    if (count != sent)
        errx(EXIT_FAILURE, "read: no answer");
    say("read(%d) = %zd %s", fd, count, quoted(text, (size_t)count));
    say("read(%d) ...", fd);
    if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, PATIENCE_MS) == 0)
        errx(EXIT_FAILURE, "the server does not close the idle connection");
    const ssize_t end = read(fd, text, sizeof text);
    if (end != 0)
        errx(EXIT_FAILURE, "read: not the end");
    say("... = %zd: the server has closed", end);
}

int main(int argc, char *argv[])
{
    long times = TIMES;
    while (next_option(argc, argv, "c:", usage) != -1)
        times = parse_long("-c", optarg, 1, MOST);
    check_operands(argc, argv, 0, 0);

    lane(0, "client");
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
        err(EXIT_FAILURE, "socketpair");
    const pid_t server = fork();
    if (server == -1)
        err(EXIT_FAILURE, "fork");
    if (server == 0) {
        close(ends[0]);
        serve(ends[1]);
    }
    if (close(ends[1]) == -1)
        err(EXIT_FAILURE, "close");
    say_asleep_in("the server", server, "epoll_wait", ANY_ARGUMENT);
    ask(ends[0]);
    for (long i = 1; i < times; i++)
        kill(server, SIGUSR1);
    say_kill(server, SIGUSR1);
    say_kill(server, SIGTERM);
    if (reap(server) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the server failed");
    lesson("signals, time and sockets are descriptors: one epoll_wait() waits for all");
    return EXIT_SUCCESS;
}
