/* timeout - four ways not to wait for ever, and what each does to the call that waits
 *
 * A peer is silent. An alarm interrupts the call (EINTR); poll() waits in its place, with a
 * timeout; SO_RCVTIMEO gives the socket a timeout (EAGAIN). The fourth way is for connect(): it is
 * started without waiting (EINPROGRESS), then poll() waits, and SO_ERROR says how it has ended.
 * Here it does not end: the queue of the listening socket is full.
 *
 * setitimer(2), sigaction(2), poll(2), SO_RCVTIMEO in socket(7), EINPROGRESS in connect(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { SILENT, WAITER }; /* the ends of a socket pair */
enum { LIMIT_MS = 100, LIMIT_US = LIMIT_MS * 1000 };

static const char usage[] = "usage: timeout [-m alarm|poll|rcvtimeo|connect]\n"
                            "  -m WAY  only this way (all four)\n"
                            "  prints for each way what the call has returned\n";

/* Says what the call that waited has returned; and it must have failed just so. */
static void report(const char *way, const char *call, ssize_t result, int expected)
{
    const int error = result == -1 ? errno : 0;
    say("... = %zd %s", result, error == 0 ? "" : errno_name(error));
    printf(error == 0 ? "%s %zd\n" : "%s %zd %s\n", way, result, errno_name(error));
    flush_stdout();
    if (error != expected || result > 0)
        errx(EXIT_FAILURE, "%s: unexpected %s", call, error == 0 ? "success" : errno_name(error));
}

static void do_nothing(int signal_number)
{
    (void)signal_number; /* that there is a handler is enough: the call ends with EINTR */
}

static void by_alarm(int fd)
{
    char byte;
    const struct sigaction action = {.sa_handler = do_nothing}; /* without SA_RESTART */
    if (sigaction(SIGALRM, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    /* Again and again: the first one might come before read() has begun. */
    const struct itimerval limit = {{.tv_usec = LIMIT_US}, {.tv_usec = LIMIT_US}};
    if (setitimer(ITIMER_REAL, &limit, NULL) == -1)
        err(EXIT_FAILURE, "setitimer");
    say("read(%d) ...", fd);
    report("alarm", "read", read(fd, &byte, 1), EINTR);
    lesson("a handler without SA_RESTART: the signal interrupts the call");
}

static void by_poll(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    say("poll(%d, POLLIN, %d ms) ...", fd, LIMIT_MS);
    report("poll", "poll", poll(&end, 1, LIMIT_MS), 0);
    lesson("poll() waits instead of the call, and takes a timeout");
}

static void by_rcvtimeo(int fd)
{
    char byte;
    const struct timeval limit = {.tv_usec = LIMIT_US};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == -1)
        err(EXIT_FAILURE, "setsockopt SO_RCVTIMEO");
    say("recv(%d) ...", fd);
    report("rcvtimeo", "recv", recv(fd, &byte, 1, 0), EAGAIN);
    lesson("SO_RCVTIMEO: the socket has a limit for each call that receives");
}

static void by_connect(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    const int listener = bind_to(0), first = socket(AF_INET, SOCK_STREAM, 0);
    const int second = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (first == -1 || second == -1)
        err(EXIT_FAILURE, "socket");
    if (listen(listener, 0) == -1 || /* Linux takes one more than that */
        getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        err(EXIT_FAILURE, "listen or getsockname");
    const int result = connect(first, (struct sockaddr *)&address, length);
    if (result == -1)
        err(EXIT_FAILURE, "connect");
    say("connect(%d) = %d: now the queue is full", first, result);

    say("connect(%d) ...", second);
    report("connect", "connect", connect(second, (struct sockaddr *)&address, length), EINPROGRESS);
    struct pollfd end = {.fd = second, .events = POLLOUT};
    say("poll(%d, POLLOUT, %d ms) ...", second, LIMIT_MS);
    const int ready = poll(&end, 1, LIMIT_MS);
    if (ready == -1)
        err(EXIT_FAILURE, "poll");
    say("... = %d", ready);
    int error;
    length = sizeof error;
    if (getsockopt(second, SOL_SOCKET, SO_ERROR, &error, &length) == -1)
        err(EXIT_FAILURE, "getsockopt SO_ERROR");
    if (ready != 0 || error != 0)
        errx(EXIT_FAILURE, "connect: it is not in progress any more");
    say("getsockopt(%d, SO_ERROR) = %d: not connected, no error", second, error);
    lesson("connect() without O_NONBLOCK would wait: EINPROGRESS, poll(), SO_ERROR");
}

/* Each way in a process of its own: one that waits for ever is found by reap(). */
static void try_way(const char *way)
{
    const pid_t waiter = fork();
    if (waiter == -1)
        err(EXIT_FAILURE, "fork");
    if (waiter == 0) {
        int fds[2];
        die_with_parent();
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
            err(EXIT_FAILURE, "socketpair");
        if (strcmp(way, "alarm") == 0)
            by_alarm(fds[WAITER]);
        else if (strcmp(way, "poll") == 0)
            by_poll(fds[WAITER]);
        else if (strcmp(way, "rcvtimeo") == 0)
            by_rcvtimeo(fds[WAITER]);
        else
            by_connect();
        _exit(EXIT_SUCCESS);
    }
    if (reap(waiter) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "%s: the waiter failed", way);
}

int main(int argc, char *argv[])
{
    static const char *const ways[] = {"alarm", "poll", "rcvtimeo", "connect"};
    const char *only = NULL;
    while (next_option(argc, argv, "m:", usage) != -1)
        only = optarg;
    check_operands(argc, argv, 0, 0);

    lane(0, "waiter");
    bool tried = false;
    for (int i = 0; i < 4; i++)
        if (only == NULL || strcmp(only, ways[i]) == 0) {
            try_way(ways[i]);
            tried = true;
        }
    if (!tried)
        errx(USAGE_ERROR, "-m '%s': not alarm, poll, rcvtimeo or connect", only);
    return EXIT_SUCCESS;
}
