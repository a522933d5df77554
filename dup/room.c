/* room - a chat room for many: one process, poll() and a list of clients
 *
 * A line from one client goes into the queues of all the others. While a queue is full, nobody may
 * speak; a client that does not empty half of it within half a second has to leave.
 *
 * poll(2), accept(2), O_NONBLOCK in open(2)
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
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 1000, LINE = 1024, NAME = 8, QUEUE = 16 * 1024, PATIENCE_MS = 500, LINES = 20 };

static const char usage[] =
    "usage: room [-p PORT]\n"
    "  -p PORT  at 127.0.0.1, 0 for any free one (20003 + 10 * (UID modulo 1201))\n"
    "  prints the port; other terminals: ./dup/chat in each, or nc 127.0.0.1 PORT\n";

static struct client {
    int fd;
    bool leaves;       /* it has sent everything, and gets the rest of its queue */
    double full_since; /* 0: there is room in its queue */
    size_t spoken, queued;
    char line[LINE];   /* what it has sent, and nobody has got yet */
    char queue[QUEUE]; /* what is to be sent to it */
} * clients[MOST];
static int client_count;
static bool resting; /* no descriptor is left */

static bool is_full(const struct client *client)
{
    return !client->leaves && QUEUE - client->queued < NAME + LINE;
}

static bool may_speak(void)
{
    for (int i = 0; i < client_count; i++)
        if (is_full(clients[i]))
            return false;
    return true;
}

static void enter(int listener)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    limit_story(LINES);
    say("accept4(%d) = %d %s", listener, fd, fd == -1 ? errno_name(errno) : "");
    resting = fd == -1 && errno != EAGAIN && errno != ECONNABORTED;
    if (fd != -1 && is_own_peer(fd) &&
        (clients[client_count] = calloc(1, sizeof **clients)) != NULL)
        clients[client_count++]->fd = fd;
    else if (fd != -1)
        close(fd);
}

static void leave(int i, const char *why)
{
    limit_story(LINES);
    if (close(clients[i]->fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): %s, %d left", clients[i]->fd, why, client_count - 1);
    free(clients[i]);
    clients[i] = clients[--client_count];
    resting = false;
}

static bool has_line(const struct client *client)
{
    return memchr(client->line, '\n', client->spoken) != NULL || client->spoken == LINE ||
           (client->leaves && client->spoken > 0);
}

/* Puts a line of this client into the queues of all others. */
static void speak(struct client *client)
{
    char text[NAME + LINE + 1];
    const char *const newline = memchr(client->line, '\n', client->spoken);
    const size_t length = newline != NULL ? (size_t)(newline - client->line) : client->spoken;
    const int size = sprintf(text, "%d: %.*s\n", client->fd, (int)length, client->line);
    for (int i = 0; i < client_count; i++)
        if (clients[i] != client && !clients[i]->leaves) {
            memcpy(clients[i]->queue + clients[i]->queued, text, (size_t)size);
            clients[i]->queued += (size_t)size;
        }
    client->spoken -= length + (newline != NULL);
    memmove(client->line, client->line + length + (newline != NULL), client->spoken);
}

/* Each client may speak a line in its turn. Returns whether there are more. */
static bool let_speak(void)
{
    static unsigned turn;
    bool more = false;
    for (int n = 0; n < client_count && may_speak(); n++) {
        struct client *const client = clients[++turn % (unsigned)client_count];
        if (has_line(client))
            speak(client);
        more = more || has_line(client);
    }
    return more && may_speak();
}

static void receive_some(struct client *client)
{
    const ssize_t count = recv(client->fd, client->line + client->spoken, LINE - client->spoken, 0);
    if (count == -1 && errno == EAGAIN)
        return;
    say("recv(%d) = %zd %s", client->fd, count, count == -1 ? errno_name(errno) : "");
    client->leaves = client->leaves || count < 1;
    client->spoken += count < 1 ? 0 : (size_t)count;
}

static void send_some(struct client *client)
{
    const ssize_t count = send(client->fd, client->queue, client->queued, MSG_NOSIGNAL);
    if (count == -1 && errno == EAGAIN)
        return;
    say("send(%d) = %zd %s", client->fd, count, count == -1 ? errno_name(errno) : "");
    client->leaves = client->leaves || count == -1; /* it is gone, and will never get the rest */
    client->queued -= count == -1 ? client->queued : (size_t)count;
    memmove(client->queue, client->queue + (count == -1 ? 0 : count), client->queued);
}

/* Those who have ended leave, and those who are too slow. Returns whether one may be, soon. */
static bool see_out(void)
{
    bool watched = false;
    const double now = now_in_ms();
    for (int i = client_count - 1; i >= 0; i--) {
        struct client *const client = clients[i];
        if (client->full_since == 0 && (client->leaves || is_full(client)))
            client->full_since = now;
        else if (!client->leaves && client->queued <= QUEUE / 2)
            client->full_since = 0;
        watched = watched || client->full_since != 0;
        if (client->leaves && client->queued == 0 && client->spoken == 0)
            leave(i, "has ended");
        else if (client->full_since != 0 && now - client->full_since > PATIENCE_MS)
            leave(i, "too slow");
    }
    return watched;
}

static void serve(int listener)
{
    static struct pollfd list[1 + MOST];
    for (;;) {
        const bool more = let_speak();
        const bool watched = see_out();
        const int count = client_count; /* those who enter now are in the next list */
        list[0] = (struct pollfd){.fd = resting || count == MOST ? -1 : listener, .events = POLLIN};
        for (int i = 0; i < count; i++) {
            const bool listens = !clients[i]->leaves && clients[i]->spoken < LINE;
            const int output = clients[i]->queued > 0 ? POLLOUT : 0;
            list[1 + i].fd = listens || output != 0 ? clients[i]->fd : -1;
            list[1 + i].events = (short)((listens ? POLLIN : 0) | output);
        }
        const int limit = watched || resting ? PATIENCE_MS / 10 : -1;
        const int ready = poll(list, 1 + (nfds_t)count, more ? 0 : limit);
        if (ready == -1)
            err(EXIT_FAILURE, "poll");
        resting = resting && ready != 0;
        for (int i = 0; i < count; i++) {
            if ((list[1 + i].revents & POLLOUT) != 0)
                send_some(clients[i]);
            if ((list[1 + i].revents & ~POLLOUT) != 0)
                receive_some(clients[i]);
        }
        if (list[0].revents != 0)
            enter(listener);
    }
}

int main(int argc, char *argv[])
{
    const char *port = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        port = optarg;
    check_operands(argc, argv, 0, 0);
    signal(SIGPIPE, SIG_IGN); /* the reader of the story may be gone */
    pair_lane("room");
    let_story_be_lost();
    limit_descriptors(MOST + 100);
    const int listener = bind_to(demo_port(3, port));
    if (fcntl(listener, F_SETFL, O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    start_to_listen(listener);
    say("waits for clients at %d", listener);
    serve(listener);
}
