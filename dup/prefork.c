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
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_WORKERS = 16, MOST_FDS = 1024, BUFFER = 4096, LINES = 20 };
enum { PARENT, WORKER, REST_MS = 1000, STALL_MS = 500 };

static const char usage[] =
    "usage: prefork [-x] [-w WORKERS] [-p PORT]\n"
    "  -w WORKERS  1 to 16 (3)\n"
    "  -p PORT     at 127.0.0.1, 0 for any free one (20002 + 10 * (UID modulo 1201))\n"
    "  -x          the parent keeps its copy: the client sees no end\n"
    "  prints the port; ends on SIGINT or SIGTERM\n"
    "  other terminal: ./dup/echo-client hello\n";

static struct client {
    bool open;
    size_t sent, length; /* what it has not got back yet */
    char buffer[BUFFER];
} clients[MOST_FDS]; /* the index is the descriptor */

/* Sends back what was received, or else receives. Returns false at the end. */
static bool serve(int fd, struct client *client)
{
    if (client->sent == client->length) {
        const ssize_t count = recv(fd, client->buffer, BUFFER, MSG_DONTWAIT);
        if (count == -1 && errno == EAGAIN)
            return true;
        say("recv(%d) = %zd", fd, count);
        if (count < 1)
            return false;
        client->sent = 0;
        client->length = (size_t)count;
    }
    const char *const unsent = client->buffer + client->sent;
    const size_t left = client->length - client->sent;
    const ssize_t count = send(fd, unsent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    client->sent += count == -1 ? 0 : (size_t)count;
    return count != -1 || errno == EAGAIN;
}

static void work(int channel)
{
    static struct pollfd list[MOST_FDS];
    for (int client_count = 0;;) {
        nfds_t length = 0;
        list[length++] = (struct pollfd){.fd = channel, .events = POLLIN};
        for (int fd = 0; fd < MOST_FDS; fd++)
            if (clients[fd].open)
                list[length++] = (struct pollfd){
                    .fd = fd, .events = clients[fd].sent < clients[fd].length ? POLLOUT : POLLIN};
        if (poll(list, length, -1) == -1)
            err(EXIT_FAILURE, "poll");
        for (nfds_t i = 1; i < length; i++) {
            const int fd = list[i].fd;
            if (list[i].revents == 0 || serve(fd, &clients[fd]))
                continue;
            clients[fd] = (struct client){.open = false};
            close(fd);
            say("close(%d): %d clients left", fd, --client_count);
            if (write(channel, "", 1) == -1) /* the parent counts them */
                err(EXIT_FAILURE, "write");
        }
        if (list[0].revents == 0)
            continue;
        if ((list[0].revents & POLLHUP) != 0) /* the parent has ended */
            _exit(EXIT_SUCCESS);
        const int fd = receive_fd(channel);
        say("recvmsg(%d): fd %d", channel, fd);
        limit_story(LINES);
        if (fd != -1) {
            clients[fd].open = true;
            client_count++;
        } else if (write(channel, "", 1) == -1) { /* no descriptor was left for it */
            err(EXIT_FAILURE, "write");
        }
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
        lane(1, "worker");
        die_with_parent();
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

static void pass(int fd)
{
    int best = 0;
    for (int i = 1; i < worker_count; i++)
        if (workers[i].client_count < workers[best].client_count)
            best = i;
    const ssize_t sent = send_fd(workers[best].channel, fd);
    say("sendmsg(%d, fd %d) = %zd %s", workers[best].channel, fd, sent,
        sent == -1 ? errno_name(errno) : "");
    workers[best].client_count++;
}

/* A worker has closed its copy. If ours is still open, the client waits. */
static void check_copy(int fd, bool wrong)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    const int result = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
    if (result == -1 || info.tcpi_state != TCP_CLOSE_WAIT)
        return;
    poll(NULL, 0, STALL_MS);
    say("getsockopt(%d, TCP_INFO): CLOSE_WAIT, no FIN was sent", fd);
    for (int i = 0; i < worker_count; i++)
        if (kill(workers[i].pid, SIGKILL) == 0)
            reap_command(workers[i].pid);
    if (!wrong)
        errx(EXIT_FAILURE, "our copy keeps the connection open");
    lesson("the worker has closed the connection, the parent has not: it stays open");
    exit(EXIT_SUCCESS);
}

static void serve_all(int listener, bool keeps_copy)
{
    bool resting = false; /* no descriptor is left: nobody is accepted for a while */
    for (int last = -1;; limit_story(LINES)) {
        struct pollfd list[1 + MOST_WORKERS];
        list[0] = (struct pollfd){.fd = resting ? -1 : listener, .events = POLLIN};
        for (int i = 0; i < worker_count; i++)
            list[1 + i] = (struct pollfd){.fd = workers[i].channel, .events = POLLIN};
        if (poll(list, 1 + (nfds_t)worker_count, resting ? REST_MS : -1) == -1)
            err(EXIT_FAILURE, "poll");
        resting = false;
        for (int i = 0; i < worker_count; i++) {
            char ends[64];
            const bool ready = list[1 + i].revents != 0;
            const ssize_t count = ready ? read(workers[i].channel, ends, sizeof ends) : 0;
            if (count > 0) {
                workers[i].client_count -= (int)count;
                check_copy(last, keeps_copy);
            } else if (ready) { /* it has died */
                const int status = reap_command(workers[i].pid);
                say("wait() = %d, status %d", (int)workers[i].pid, status);
                close(workers[i].channel);
                start_worker(i, listener);
            }
        }
        if (list[0].revents == 0)
            continue;
        const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        say("accept4(%d) = %d %s", listener, fd, fd == -1 ? errno_name(errno) : "");
        resting = fd == -1 && errno != EAGAIN && errno != ECONNABORTED;
        last = fd;
        const bool welcome = fd != -1 && is_own_peer(fd);
        if (welcome)
            pass(fd);
        if (fd != -1 && !(welcome && keeps_copy))
            close(fd);
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
    signal(SIGPIPE, SIG_IGN); /* whoever reads the story */
    limit_descriptors(MOST_FDS);
    const int listener = bind_to(demo_port(2, port));
    if (fcntl(listener, F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    let_story_be_lost();
    for (int i = 0; i < worker_count; i++)
        start_worker(i, listener);
    start_to_listen(listener);
    serve_all(listener, keeps_copy);
}
