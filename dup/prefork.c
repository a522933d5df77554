/* prefork - a pool of processes made beforehand: the parent accepts, and passes each client to one
 *
 * Each connection goes as a descriptor in a message (SCM_RIGHTS) to the worker with the fewest
 * clients. A worker that dies is replaced. With -x the parent keeps its copy of the connection.
 *
 * unix(7), cmsg(3), accept(2), poll(2), TCP_INFO in tcp(7)
 */
#define _GNU_SOURCE /* accept4, struct tcp_info */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_WORKERS = 16, MOST_FDS = 1024, BUFFER = 4096, LINES = 20 };
enum { PARENT, WORKER, REST_MS = 1000, STALL_MS = 500 };

static const char usage[] =
    "usage: prefork [-x] [-w WORKERS] [-p PORT]\n"
    "  -w WORKERS  1 to 16 (3)\n"
    "  -p PORT     at 127.0.0.1, 0 for any free one (20002 + 10 * (UID modulo 1201))\n"
    "  -x          the parent keeps its copy: the client sees no end of file\n"
    "  prints the port; other terminal: ./dup/echo-client hello\n";

/* After a call that has failed: whether the client may go on. */
static bool may_go_on(const char *call)
{
    if (errno != EAGAIN && errno != ECONNRESET && errno != EPIPE) /* it has not just gone */
        warn("%s", call);
    return errno == EAGAIN;
}

/* What cannot be sent back at once stays in the socket. Returns false at the end. */
static bool serve(struct pollfd *client)
{
    char bytes[BUFFER];
    const ssize_t count = recv(client->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (count == -1)
        return may_go_on("recv");
    say("recv(%d, MSG_PEEK) = %zd", client->fd, count);
    if (count == 0)
        return false;
    const ssize_t sent = send(client->fd, bytes, (size_t)count, MSG_NOSIGNAL | MSG_DONTWAIT);
    client->events = sent == count ? POLLIN : POLLOUT;
    if (sent == -1)
        return may_go_on("send");
    return recv(client->fd, bytes, (size_t)sent, 0) == sent || may_go_on("recv");
}

static void work(int channel)
{
    static struct pollfd list[MOST_FDS]; /* the index is the descriptor; fd -1: not open */
    static const char bytes[MOST_FDS];
    int highest = channel;
    for (int fd = 0; fd < MOST_FDS; fd++)
        list[fd] = (struct pollfd){.fd = fd == channel ? fd : -1, .events = POLLIN};
    for (;;) {
        size_t ended = 0;
        if (poll(list, (nfds_t)highest + 1, -1) == -1)
            err(EXIT_FAILURE, "poll");
        if ((list[channel].revents & POLLHUP) != 0) /* the parent has ended */
            _exit(EXIT_SUCCESS);
        for (int fd = 0; fd <= highest; fd++)
            if (fd != channel && list[fd].revents != 0 && !serve(&list[fd])) {
                list[fd] = (struct pollfd){.fd = -1, .events = POLLIN};
                if (close(fd) == -1)
                    err(EXIT_FAILURE, "close");
                say("close(%d)", fd);
                ended++;
            }
        if (list[channel].revents != 0) {
            const int fd = receive_fd(channel);
            say("recvmsg(%d): fd %d", channel, fd);
            limit_story(LINES);
            if (fd != -1)
                list[fd].fd = fd;
            else /* no number was left for it */
                ended++;
            highest = fd > highest ? fd : highest;
        }
        if (ended > 0 && write(channel, bytes, ended) == -1) /* the parent counts the clients */
            err(EXIT_FAILURE, "write to the parent");
    }
}

static struct worker {
    pid_t pid;
    int channel, client_count;
} workers[MOST_WORKERS];
static int worker_count = 3;

static void start_worker(int i, int listener)
{
    int channel[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == -1)
        err(EXIT_FAILURE, "socketpair");
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        die_with_parent();
        lane(1, "worker");
        close(listener);
        close(channel[PARENT]);
        for (int other = 0; other < worker_count; other++)
            if (other != i && workers[other].pid != 0)
                close(workers[other].channel);
        work(channel[WORKER]);
    }
    close(channel[WORKER]);
    workers[i] = (struct worker){.pid = pid, .channel = channel[PARENT]};
    say("fork() = %d: a worker", (int)pid);
}

/* Returns false if the worker cannot take it. */
static bool pass(int fd)
{
    struct worker *best = &workers[0];
    for (int i = 1; i < worker_count; i++)
        if (workers[i].client_count < best->client_count)
            best = &workers[i];
    const ssize_t sent = send_fd(best->channel, fd);
    if (sent == -1 && errno != EAGAIN && errno != EPIPE && errno != ETOOMANYREFS)
        err(EXIT_FAILURE, "sendmsg");
    say("sendmsg(%d, fd %d) = %zd %s", best->channel, fd, sent, error_of(sent));
    best->client_count += sent != -1;
    return sent != -1;
}

/* A worker has closed clients, or it has died. If it has failed, the next one would fail too. */
static void hear_from(int i, int listener)
{
    char ends[64];
    const ssize_t count = read(workers[i].channel, ends, sizeof ends);
    if (count == -1 && errno != ECONNRESET)
        err(EXIT_FAILURE, "read from a worker");
    workers[i].client_count -= (int)count;
    if (count > 0)
        return;
    const int status = reap_command(workers[i].pid);
    say("wait() = %d, status %d", (int)workers[i].pid, status);
    if (status <= 128)
        errx(EXIT_FAILURE, "a worker has failed");
    close(workers[i].channel);
    start_worker(i, listener);
}

/* The worker has closed its copy of the connection. Ours is still open. */
static void show_stall(int copy)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    poll(NULL, 0, STALL_MS);
    if (getsockopt(copy, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
        err(EXIT_FAILURE, "getsockopt TCP_INFO");
    if (info.tcpi_state != TCP_CLOSE_WAIT)
        errx(EXIT_FAILURE, "the connection is not in the state CLOSE_WAIT");
    say("getsockopt(%d, TCP_INFO): CLOSE_WAIT, no FIN was sent", copy);
    lesson("the worker has closed the connection, the parent has not: it stays open");
    exit(EXIT_SUCCESS);
}

static void serve_all(int listener, bool keeps_copy)
{
    for (int copy = -1;; limit_story(LINES)) {
        struct pollfd list[1 + MOST_WORKERS] = {{copy == -1 ? listener : -1, .events = POLLIN}};
        for (int i = 0; i < worker_count; i++)
            list[1 + i] = (struct pollfd){.fd = workers[i].channel, .events = POLLIN};
        if (poll(list, 1 + (nfds_t)worker_count, -1) == -1)
            err(EXIT_FAILURE, "poll");
        for (int i = 0; i < worker_count; i++)
            if (list[1 + i].revents != 0) {
                hear_from(i, listener);
                if (copy != -1)
                    show_stall(copy);
            }
        if (list[0].revents == 0)
            continue;
        const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        say("accept4(%d) = %d %s", listener, fd, error_of(fd));
        if (fd == -1 && errno != EAGAIN && errno != ECONNABORTED)
            poll(NULL, 0, REST_MS); /* EMFILE: the client still waits, and we would spin */
        if (fd != -1 && is_own_peer(fd) && pass(fd) && keeps_copy)
            copy = fd;
        else if (fd != -1 && close(fd) == -1)
            err(EXIT_FAILURE, "close");
    }
}

int main(int argc, char *argv[])
{
    const char *port = NULL;
    bool keeps_copy = false;
    for (int letter; (letter = next_option(argc, argv, "p:w:x", usage)) != -1;)
        if (letter == 'p')
            port = optarg;
        else if (letter == 'w')
            worker_count = (int)parse_long("-w", optarg, 1, MOST_WORKERS);
        else
            keeps_copy = true;
    check_operands(argc, argv, 0, 0);
    pair_lane("parent");
    let_story_be_lost();
    limit_descriptors(MOST_FDS);
    const int listener = bind_to(demo_port(2, port), SOCK_NONBLOCK);
    for (int i = 0; i < worker_count; i++)
        start_worker(i, listener);
    start_to_listen(listener);
    serve_all(listener, keeps_copy);
}
