/* peek - what a flag of recv(2) changes, for that one call: MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL
 *
 * recv(2), unix(7), socketpair(2), SIOCINQ in unix(7)
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

static void open_pair(int type, const char *name, int fds[2])
{
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == -1)
        err(EXIT_FAILURE, "socketpair");
    say("socketpair(%s) = %d, %d", name, fds[HERE], fds[THERE]);
}

static void send_text(int fd, const char *text)
{
    const ssize_t count = send(fd, text, strlen(text), 0);
    if (count == -1)
        err(EXIT_FAILURE, "send");
    say("send(%d, \"%s\") = %zd", fd, text, count);
}

static ssize_t receive(int fd, size_t size, int flags, const char *flag_names, ssize_t expected)
{
    char text[64];
    const ssize_t count = recv(fd, text, size, flags);
    if (count == -1 && errno != EAGAIN)
        err(EXIT_FAILURE, "recv");
    const size_t filled = (size_t)count < size ? (size_t)count : size;
    const char *const result = count == -1 ? errno_name(errno) : quoted(text, filled);
    if (flags == MSG_WAITALL)
        say("... = %zd %s", count, result);
    else
        say("recv(%d, %zu, %s) = %zd %s", fd, size, flag_names, count, result);
    printf("%s %zd %s\n", flag_names, count, result);
    flush_stdout();
    if (count != expected && (flags != MSG_WAITALL || count < 1))
        errx(EXIT_FAILURE, "recv %s = %zd, not %zd", flag_names, count, expected);
    return count;
}

static void wait_for_all(int from, int to)
{
    const pid_t receiver = fork();
    if (receiver == -1)
        err(EXIT_FAILURE, "fork");
    if (receiver == 0) {
        lane(1, "receiver");
        die_with_parent();
        for (ssize_t left = ALL; left > 0;) { /* less comes after Ctrl-Z and fg, for instance */
            say("recv(%d, %zd, MSG_WAITALL) ...", to, left);
            left -= receive(to, (size_t)left, MSG_WAITALL, "MSG_WAITALL", left);
        }
        _exit(EXIT_SUCCESS);
    }
    say_asleep_in("the receiver", receiver, "recv", to);
    send_text(from, "one ");
    do
        wait_asleep_in(receiver, "recv", to);
    while (!still_asleep(receiver, WATCHED_MS)); /* stopped and continued, by Ctrl-Z and fg? */
    int bytes;
    if (ioctl(to, FIONREAD, &bytes) == -1 || bytes != 0)
        errx(EXIT_FAILURE, "ioctl FIONREAD: the 4 bytes are not taken");
    say("ioctl(%d, FIONREAD) = %d: the 4 bytes are taken", to, bytes);
    say_asleep_in("the receiver still", receiver, "recv", to);
    send_text(from, "two ");
    if (reap(receiver) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the receiver failed");
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    int stream[2], datagrams[2];
    open_pair(SOCK_STREAM, "SOCK_STREAM", stream);
    receive(stream[THERE], 16, MSG_DONTWAIT, "MSG_DONTWAIT", -1);
    send_text(stream[HERE], "hello");
    receive(stream[THERE], 16, MSG_PEEK, "MSG_PEEK", 5);
    receive(stream[THERE], 16, MSG_PEEK, "MSG_PEEK", 5);
    receive(stream[THERE], 16, 0, "0", 5);
    receive(stream[THERE], 16, MSG_PEEK | MSG_DONTWAIT, "MSG_PEEK|MSG_DONTWAIT", -1);
    wait_for_all(stream[HERE], stream[THERE]);

    open_pair(SOCK_DGRAM, "SOCK_DGRAM", datagrams);
    send_text(datagrams[HERE], "a datagram");
    send_text(datagrams[HERE], "another one");
    receive(datagrams[THERE], 0, MSG_PEEK | MSG_TRUNC, "MSG_PEEK|MSG_TRUNC", 10); /* its length */
    receive(datagrams[THERE], 4, 0, "0", 4); /* the rest of it is lost */
    receive(datagrams[THERE], 16, 0, "0", 11);
    lesson("MSG_PEEK leaves it, MSG_DONTWAIT does not sleep, MSG_WAITALL waits for all");
    return EXIT_SUCCESS;
}
