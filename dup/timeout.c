/* timeout - four ways not to wait for ever, and what each does to the call that waits
 *
 * A peer is silent; and for connect(), the queue of the listening socket is full.
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
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { LIMIT_MS = 100, MOST_ALARMS = 10 };

static const char usage[] = "usage: timeout [-m alarm|poll|rcvtimeo|connect]\n"
                            "  -m WAY  only this way (all four)\n"
                            "  prints for each way what the call has returned\n";

static const struct timeval limit = {.tv_usec = LIMIT_MS * 1000};
static const char *const ways[] = {"alarm", "poll", "rcvtimeo", "connect"};
enum { ALARM, POLL, RCVTIMEO, CONNECT, ALL };
static double start; /* of the call that waits */

/* Says what the call that waited has returned; and it must have failed just so. */
static void report(const char *way, ssize_t result, int expected)
{
    const double waited = now_in_ms() - start;
    const int error = result == -1 ? errno : 0;
    say("... = %zd %s", result, error_of(result));
    printf("%s %zd%s%s\n", way, result, error == 0 ? "" : " ", error_of(result));
    flush_stdout();
    if (error != expected || result > 0)
        errx(EXIT_FAILURE, "%s: unexpected %s", way, error == 0 ? "success" : errno_name(error));
    if (waited < LIMIT_MS / 2.0 && expected != EINPROGRESS)
        errx(EXIT_FAILURE, "%s: it has not waited", way);
}

/* That there is a handler is enough: the call ends with EINTR. (With SA_RESTART it would go on;
 * reap() finds that when the alarms have stopped.) */
static void count_alarms(int signal_number)
{
    static volatile sig_atomic_t alarms;
    (void)signal_number;
    if (++alarms == MOST_ALARMS)
        alarm(0); /* the same timer as setitimer() */
}

static void by_alarm(int fd)
{
    char byte;
    const struct sigaction action = {.sa_handler = count_alarms}; /* without SA_RESTART */
    /* Again and again: the first one might come before read() has begun. */
    const struct itimerval again = {limit, limit};
    if (sigaction(SIGALRM, &action, NULL) == -1 || setitimer(ITIMER_REAL, &again, NULL) == -1)
        err(EXIT_FAILURE, "sigaction or setitimer");
    say("read(%d) ...", fd);
    start = now_in_ms();
    report("alarm", read(fd, &byte, 1), EINTR);
    alarm(0);
    lesson("a handler without SA_RESTART: the signal interrupts the call");
}

static void by_poll(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    say("poll(%d, POLLIN, %d ms) ...", fd, LIMIT_MS);
    start = now_in_ms();
    report("poll", poll(&end, 1, LIMIT_MS), 0);
    lesson("poll() waits instead of the call, and takes a timeout");
}

static void by_rcvtimeo(int fd)
{
    char byte;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == -1)
        err(EXIT_FAILURE, "setsockopt SO_RCVTIMEO");
    say("recv(%d) ...", fd);
    start = now_in_ms();
    report("rcvtimeo", recv(fd, &byte, 1, 0), EAGAIN);
    lesson("SO_RCVTIMEO: the socket has a limit for each call that receives");
}

static void by_connect(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    const int listener = bind_to(0, 0), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd == -1 || listen(listener, 0) == -1 ||
        getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        err(EXIT_FAILURE, "socket, listen or getsockname");
    const int first = connect_to(ntohs(address.sin_port)); /* listen(0): Linux takes one */
    say("connect(%d): now the queue is full", first);

    say("connect(%d) ...", fd);
    report("connect", connect(fd, (struct sockaddr *)&address, length), EINPROGRESS);
    say("poll(%d, POLLOUT, %d ms) ...", fd, LIMIT_MS);
    const int ready = poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, LIMIT_MS);
    say("... = %d %s", ready, error_of(ready));
    int error;
    length = sizeof error;
    if (ready == -1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == -1)
        err(EXIT_FAILURE, "poll or getsockopt SO_ERROR");
    if (ready != 0 || error != 0)
        errx(EXIT_FAILURE, "connect: it is not in progress any more");
    say("getsockopt(%d, SO_ERROR) = %d: not connected, no error", fd, error);
    lesson("connect() without O_NONBLOCK would wait: EINPROGRESS, poll(), SO_ERROR");
}

int main(int argc, char *argv[])
{
    int way = ALL;
    while (next_option(argc, argv, "m:", usage) != -1)
        way = parse_choice(optarg, ways, ALL);
    check_operands(argc, argv, 0, 0);

    lane(0, "waiter");
    int fds[2]; /* the peer has fds[0], and is silent */
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
        err(EXIT_FAILURE, "socketpair");
    const pid_t waiter = fork(); /* if it waits for ever, reap() finds that */
    if (waiter == -1)
        err(EXIT_FAILURE, "fork");
    if (waiter != 0)
        return reap(waiter);
    die_with_parent();
    if (way == ALARM || way == ALL)
        by_alarm(fds[1]);
    if (way == POLL || way == ALL)
        by_poll(fds[1]);
    if (way == RCVTIMEO || way == ALL)
        by_rcvtimeo(fds[1]);
    if (way == CONNECT || way == ALL)
        by_connect();
    _exit(EXIT_SUCCESS);
}
