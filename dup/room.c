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
#include <poll.h>
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
} clients[MOST];
static int client_count;

static bool is_full(const struct client *client)
{
    return !client->leaves && QUEUE - client->queued < NAME + LINE;
}

static bool may_speak(void)
{
    for (int i = 0; i < client_count; i++)
        if (is_full(&clients[i]))
            return false;
    return true;
}

static void enter(int listener)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    limit_story(LINES);
    say("accept4(%d) = %d %s", listener, fd, error_of(fd));
    if (fd != -1 && is_own_peer(fd))
        clients[client_count++] = (struct client){.fd = fd};
    else if (fd != -1)
        close(fd);
    else if (errno != EAGAIN && errno != ECONNABORTED)
        poll(NULL, 0, PATIENCE_MS / 10); /* EMFILE: the client still waits, and we would spin */
}

static void leave(int i, const char *why)
{
    limit_story(LINES);
    if (close(clients[i].fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): %s, %d left", clients[i].fd, why, client_count - 1);
    clients[i] = clients[--client_count];
}

/* The length of its first line, 0 if that is not complete. */
static size_t line_length(const struct client *client)
{
    const char *const newline = memchr(client->line, '\n', client->spoken);
    if (newline != NULL)
        return (size_t)(newline - client->line) + 1;
    return client->leaves || client->spoken == LINE ? client->spoken : 0;
}

/* Puts the first line of this client into the queues of all others. */
static void speak(struct client *client)
{
    char text[NAME + LINE + 1];
    const size_t length = line_length(client);
    int size = sprintf(text, "%d: %.*s", client->fd, (int)length, client->line);
    if (text[size - 1] != '\n')
        text[size++] = '\n';
    for (int i = 0; i < client_count; i++)
        if (&clients[i] != client && !clients[i].leaves) {
            memcpy(clients[i].queue + clients[i].queued, text, (size_t)size);
            clients[i].queued += (size_t)size;
        }
    client->spoken -= length;
    memmove(client->line, client->line + length, client->spoken);
}

/* Each client may speak a line in its turn. Returns whether there are more. */
static bool let_speak(void)
{
    static unsigned turn;
    bool more = false;
    for (int n = 0; n < client_count && may_speak(); n++) {
        struct client *const client = &clients[++turn % (unsigned)client_count];
        if (line_length(client) > 0)
            speak(client);
        more = more || line_length(client) > 0;
    }
    return more && may_speak();
}

static void receive_some(struct client *client)
{
    const ssize_t count = recv(client->fd, client->line + client->spoken, LINE - client->spoken, 0);
    if (count == -1 && errno == EAGAIN)
        return;
    say("recv(%d) = %zd %s", client->fd, count, error_of(count));
    if (count < 1)
        client->leaves = true;
    else
        client->spoken += (size_t)count;
}

static void send_some(struct client *client)
{
    const ssize_t count = send(client->fd, client->queue, client->queued, MSG_NOSIGNAL);
    if (count == -1 && errno == EAGAIN)
        return;
    say("send(%d) = %zd %s", client->fd, count, error_of(count));
    if (count == -1) { /* it is gone, and will never get the rest */
        client->leaves = true;
        client->queued = 0;
        return;
    }
    client->queued -= (size_t)count;
    memmove(client->queue, client->queue + count, client->queued);
}

/* Those who have ended leave, and those who are too slow. Returns whether one may be, soon. */
static bool see_out(void)
{
    bool watched = false;
    const double now = now_in_ms();
    for (int i = client_count - 1; i >= 0; i--) {
        struct client *const client = &clients[i];
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
        const int patience = see_out() ? PATIENCE_MS / 10 : -1;
        const int count = client_count; /* those who enter now are in the next list */
        list[0] = (struct pollfd){.fd = count == MOST ? -1 : listener, .events = POLLIN};
        for (int i = 0; i < count; i++) {
            const bool listens = !clients[i].leaves && clients[i].spoken < LINE;
            const int output = clients[i].queued > 0 ? POLLOUT : 0;
            list[1 + i].fd = listens || output != 0 ? clients[i].fd : -1;
            list[1 + i].events = (short)((listens ? POLLIN : 0) | output);
        }
        if (poll(list, 1 + (nfds_t)count, more ? 0 : patience) == -1)
            err(EXIT_FAILURE, "poll");
        for (int i = 0; i < count; i++) {
            if ((list[1 + i].revents & POLLOUT) != 0)
                send_some(&clients[i]);
            if ((list[1 + i].revents & ~POLLOUT) != 0)
                receive_some(&clients[i]);
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
    pair_lane("room");
    let_story_be_lost();
    limit_descriptors(MOST + 100);
    const int listener = bind_to(demo_port(3, port), SOCK_NONBLOCK);
    start_to_listen(listener);
    say("waits for clients at %d", listener);
    serve(listener);
}
