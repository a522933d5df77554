/* peek - what a flag of recv(2) changes, for that one call: MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL
 *
 * MSG_DONTWAIT does not sleep where there is nothing: EAGAIN. MSG_PEEK looks at what has come and
 * leaves it there. MSG_WAITALL sleeps until all has come that was asked for: half of it does not
 * end the call. Where messages have bounds (datagrams), MSG_PEEK|MSG_TRUNC tells the length of the
 * next one, and a buffer that is too short loses the rest for good.
 *
 * recv(2), unix(7), socketpair(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HERE, THERE, ALL = 8, WATCHED_MS = 50 }; /* the ends of a socket pair */

static const char usage[] = "usage: peek\n"
                            "  prints what each recv() got, with its flags\n";

static void send_text(int fd, const char *text)
{
    const ssize_t count = send(fd, text, strlen(text), 0);
    if (count == -1)
        err(EXIT_FAILURE, "send");
    say("send(%d, \"%s\") = %zd", fd, text, count);
}

/* recv() with a buffer of `size` bytes; `names` are the flags in words. */
static ssize_t receive(int fd, size_t size, int flags, const char *names, ssize_t expected)
{
    char text[64];
    const ssize_t count = recv(fd, text, size, flags);
    if (count == -1 && errno != EAGAIN)
        err(EXIT_FAILURE, "recv");
    if (count != expected && (flags != MSG_WAITALL || count < 1))
        errx(EXIT_FAILURE, "recv %s = %zd, not %zd", names, count, expected);
    const size_t filled = (size_t)count < size ? (size_t)count : size;
    const char *const result = count == -1 ? "EAGAIN" : quoted(text, filled);
    say("recv(%d, %zu bytes, %s) = %zd %s", fd, size, names, count, result);
    printf("%s %zd %s\n", names, count, result);
    flush_stdout();
    return count;
}

static void peek_and_take(int from, int to)
{
    receive(to, 16, MSG_DONTWAIT, "MSG_DONTWAIT", -1);
    send_text(from, "hello");
    receive(to, 16, MSG_PEEK, "MSG_PEEK", 5);
    receive(to, 16, MSG_PEEK, "MSG_PEEK", 5);
    receive(to, 16, 0, "0", 5);
    receive(to, 16, MSG_PEEK | MSG_DONTWAIT, "MSG_PEEK|MSG_DONTWAIT", -1);
}

static void receive_all(int fd)
{
    lane(1, "receiver");
    die_with_parent();
    say("recv(%d, %d bytes, MSG_WAITALL) ...", fd, ALL);
    for (ssize_t left = ALL; left > 0;) {
        left -= receive(fd, (size_t)left, MSG_WAITALL, "MSG_WAITALL", left);
        if (left > 0) /* Ctrl-Z and fg, for instance: no handler is needed */
            say("cut short, %zd bytes are to come", left);
    }
    _exit(EXIT_SUCCESS);
}

static void wait_for_all(int from, int to)
{
    const pid_t receiver = fork();
    if (receiver == -1)
        err(EXIT_FAILURE, "fork");
    if (receiver == 0)
        receive_all(to);
    wait_asleep(receiver);
    send_text(from, "one ");
    do
        wait_asleep(receiver);
    while (!still_asleep(receiver, WATCHED_MS)); /* stopped and continued, by Ctrl-Z and fg? */
    int bytes;
    if (ioctl(to, FIONREAD, &bytes) == -1)
        err(EXIT_FAILURE, "ioctl FIONREAD");
    if (bytes != 0)
        errx(EXIT_FAILURE, "recv MSG_WAITALL does not wait for all");
    say("FIONREAD: %d bytes left; it has taken them, and sleeps on", bytes);
    send_text(from, "two ");
    if (reap(receiver) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the receiver failed");
}

static void measure(int from, int to)
{
    send_text(from, "a datagram");
    send_text(from, "another one");
    receive(to, 0, MSG_PEEK | MSG_TRUNC, "MSG_PEEK|MSG_TRUNC", 10);
    receive(to, 4, 0, "0", 4);
    receive(to, 16, 0, "0", 11);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    int stream[2], datagrams[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) == -1)
        err(EXIT_FAILURE, "socketpair");
    say("socketpair(SOCK_STREAM) = %d, %d: a stream of bytes", stream[HERE], stream[THERE]);
    peek_and_take(stream[HERE], stream[THERE]);
    wait_for_all(stream[HERE], stream[THERE]);
    if (close(stream[HERE]) == -1 || close(stream[THERE]) == -1)
        err(EXIT_FAILURE, "close");

    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams) == -1)
        err(EXIT_FAILURE, "socketpair");
    say("socketpair(SOCK_DGRAM) = %d, %d: messages", datagrams[HERE], datagrams[THERE]);
    measure(datagrams[HERE], datagrams[THERE]);
    if (close(datagrams[HERE]) == -1 || close(datagrams[THERE]) == -1)
        err(EXIT_FAILURE, "close");
    lesson("MSG_PEEK leaves it there, MSG_DONTWAIT never sleeps, MSG_WAITALL waits for all of it");
    return EXIT_SUCCESS;
}
