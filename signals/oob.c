/* oob - TCP's urgent data: one byte is marked, and keeps its place in the stream
 *
 * MSG_OOB opens no second channel. The byte has its place among the others, and a pointer to it,
 * the mark, travels ahead, so that the receiver can hurry. SIGURG and POLLPRI announce the byte. An
 * ordinary recv() stops at the mark and passes over the byte; recv(MSG_OOB) returns it. A receiver
 * that calls sockatmark() before each read finds the place. There is one mark: a second urgent byte
 * makes an unread first one ordinary, unless that is the next byte to read.
 *
 * With -x the handler of SIGURG calls recv(MSG_OOB) at once. It gets the byte, but not its place.
 *
 * tcp(7), MSG_OOB in send(2) and recv(2), sockatmark(3), F_SETOWN in fcntl(2)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <arpa/inet.h>
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

enum { WRONG_ORDER = 3 }; /* exit status of the receiver */

static const char usage[] = "usage: oob [-x]\n"
                            "  -x  the handler reads the urgent byte: its place is lost\n"
                            "  prints the text in the order in which the receiver got it\n";

static char text[64]; /* in the order in which it came */
static volatile sig_atomic_t length, urged;
static bool has_been_urged;
static int receiver_end;

static void note(int number)
{
    (void)number;
    urged = 1;
}

static void take_byte_at_once(int number)
{
    const int saved = errno;
    char byte;
    note(number);
    if (recv(receiver_end, &byte, 1, MSG_OOB) == 1) {
        text[length] = byte;
        length = length + 1;
    }
    errno = saved;
}

/* Returns false at the end of the stream. */
static bool take_some(void)
{
    struct pollfd end = {.fd = receiver_end, .events = POLLIN | POLLPRI};
    int ready;
    while ((ready = poll(&end, 1, -1)) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "poll");
    say("poll(%d) = %d, %s", receiver_end, ready, poll_events(end.revents));
    if (urged) {
        say("SIGURG has come");
        urged = 0;
        has_been_urged = true;
    }
    const int at_mark = (end.revents & POLLPRI) != 0 ? sockatmark(receiver_end) : 0;
    const bool urgent = at_mark == 1;
    if (urgent)
        say("sockatmark(%d) = %d", receiver_end, at_mark);
    char bytes[16];
    const ssize_t count =
        urgent ? recv(receiver_end, bytes, 1, MSG_OOB) : recv(receiver_end, bytes, sizeof bytes, 0);
    if (count == -1)
        err(EXIT_FAILURE, "recv");
    say("recv(%s) = %zd %s", urgent ? "MSG_OOB" : "", count, quoted(bytes, (size_t)count));
    memcpy(text + length, bytes, (size_t)count);
    length = length + (sig_atomic_t)count;
    return count > 0;
}

static void receive(bool in_handler)
{
    lane(1, "receiver");
    die_with_parent();
    handle_by(in_handler ? take_byte_at_once : note, SIGURG, 0);
    if (fcntl(receiver_end, F_SETOWN, getpid()) == -1) /* or SIGURG goes to nobody */
        err(EXIT_FAILURE, "fcntl");
    say("fcntl(%d, F_SETOWN, %d)", receiver_end, (int)getpid());
    while (take_some())
        continue;
    printf("%.*s\n", (int)length, text);
    flush_stdout();
    if (!has_been_urged)
        errx(EXIT_FAILURE, "unexpected: no SIGURG");
    const char *const expected = in_handler ? "hello psto YaXb" : "hello stop aXbY";
    _exit(strncmp(text, expected, sizeof text) == 0 ? EXIT_SUCCESS : WRONG_ORDER);
}

static void send_text(int fd, const char *bytes, int flags)
{
    const ssize_t count = send(fd, bytes, strlen(bytes), flags | MSG_NOSIGNAL);
    if (count == -1)
        err(EXIT_FAILURE, "send");
    say("send(%d, %s%s) = %zd", fd, quoted(bytes, strlen(bytes)),
        flags == MSG_OOB ? ", MSG_OOB" : "", count);
}

/* The sender's end; the receiver's end is in `receiver_end`. */
static int connect_both(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1 || bind(listener, (struct sockaddr *)&address, size) == -1 ||
        listen(listener, 1) == -1 ||
        getsockname(listener, (struct sockaddr *)&address, &size) == -1)
        err(EXIT_FAILURE, "socket, bind, listen, getsockname");
    const int fd = connect_to(ntohs(address.sin_port));
    receiver_end = accept(listener, NULL, NULL);
    if (receiver_end == -1)
        err(EXIT_FAILURE, "accept");
    if (!is_own_peer(receiver_end))
        errx(EXIT_FAILURE, "accept: not our own connection");
    close(listener);
    return fd;
}

int main(int argc, char *argv[])
{
    bool in_handler = false;
    while (next_option(argc, argv, "x", usage) != -1)
        in_handler = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "sender");
    const int fd = connect_both();
    const pid_t receiver = fork();
    if (receiver == -1)
        err(EXIT_FAILURE, "fork");
    if (receiver == 0) {
        if (close(fd) == -1) /* or there is no end of the stream */
            err(EXIT_FAILURE, "close");
        receive(in_handler);
    }
    close(receiver_end);
    say_asleep_in("the receiver", receiver, "poll", ANY_ARGUMENT);
    send_text(fd, "hello ", 0);
    wait_asleep_in(receiver, "poll", ANY_ARGUMENT);
    send_text(fd, "stop", MSG_OOB);
    wait_asleep_in(receiver, "poll", ANY_ARGUMENT);
    send_text(fd, " ", 0);
    wait_asleep_in(receiver, "poll", ANY_ARGUMENT);
    say_kill(receiver, SIGSTOP); /* it reads nothing now */
    send_text(fd, "aX", MSG_OOB);
    send_text(fd, "bY", MSG_OOB);
    say_kill(receiver, SIGCONT);
    wait_asleep_in(receiver, "poll", ANY_ARGUMENT);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    const int status = reap(receiver);
    if (status == WRONG_ORDER)
        errx(EXIT_FAILURE, "unexpected: not in this order (recv, or sockatmark)");
    if (status != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the receiver failed");
    lesson(in_handler ? "without the mark nobody knows where in the text the urgent byte stood"
                      : "the urgent byte comes no sooner; the mark says where it stands");
    return EXIT_SUCCESS;
}
