/* oob-send - TCP urgent data: marks one byte of the stream as urgent; oob-recv reads it
 *
 * MSG_OOB opens no second channel, and nothing overtakes anything. The byte keeps its place in the
 * stream; the segment carries a pointer to it, so that the receiver can be told. There is only one
 * such pointer: an urgent byte that is not yet read when the next one comes is pushed out. It is
 * ordinary from then on, or lost.
 *
 * So the sender goes on only when the receiver has read all. TCP does not tell: an acknowledgement
 * says that bytes have arrived, not that anybody has read them. But the receiver is on the same
 * machine, and its socket stands in /proc/net/tcp. If it reads nothing for a second (press Ctrl-Z
 * there, and try), the sender waits no more, and tells what that does to an urgent byte.
 *
 * MSG_OOB in send(2), tcp(7), /proc/net/tcp in proc(5)
 */
#include "../lib/demo.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage[] = "usage: oob-send [-p PORT] [TEXT...]\n"
                            "  -p PORT  the port of oob-recv (20000 + 10 * (UID modulo 1201))\n"
                            "  sends each TEXT as a line; without one, each line of stdin\n"
                            "  '!TEXT': with MSG_OOB; its last byte is urgent, the newline is not\n"
                            "  other terminal: ./signals/oob-recv\n";

static in_port_t own_port(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
        err(EXIT_FAILURE, "getsockname");
    return ntohs(address.sin_port);
}

/* The bytes that have arrived at the receiver's socket and were not read; 0 if it is not there. */
static long unread_bytes(in_port_t peer, in_port_t own)
{
    char line[256];
    long bytes = 0;
    FILE *const file = fopen("/proc/net/tcp", "re");
    if (file == NULL)
        err(EXIT_FAILURE, "/proc/net/tcp");
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned local, remote, unread; /* addresses and ports in hex, then the two queues */
        if (sscanf(line, " %*d: %*x:%x %*x:%x %*x %*x:%x", &local, &remote, &unread) == 3 &&
            local == peer && remote == own)
            bytes = (long)unread;
    }
    if (ferror(file))
        err(EXIT_FAILURE, "read /proc/net/tcp");
    fclose(file);
    return bytes;
}

enum { NONE = -1 };
static struct {
    int fd;
    in_port_t own, peer;
    long since_urgent; /* bytes sent after the last urgent one, or NONE */
    bool patient;      /* waits for the receiver */
    bool unanswered;   /* the receiver says no more */
} sender;

/* Takes whatever the receiver says, and looks whether the connection is broken. The end of what it
 * says is no sign of that: it may have called shutdown(SHUT_WR), and read on. See shutdown(2). */
static bool receiver_has_gone(void)
{
    char answer[4096];
    ssize_t count;
    while ((count = recv(sender.fd, answer, sizeof answer, MSG_DONTWAIT)) > 0)
        continue;
    if (count == -1 && errno != EAGAIN)
        err(EXIT_FAILURE, "recv: the receiver has gone");
    sender.unanswered = count == 0;
    struct pollfd end = {.fd = sender.fd}; /* POLLERR and POLLHUP come unasked */
    if (poll(&end, 1, 0) == -1)
        err(EXIT_FAILURE, "poll");
    return end.revents != 0;
}

/* Waits until the receiver has read all, unless it was once found asleep. Returns how many bytes it
 * has not read. */
static long wait_until_read(void)
{
    enum { PATIENCE_MS = 1000, MILLISECOND = 1000000 };
    const double start = now_in_ms();
    long unread;
    while ((unread = unread_bytes(sender.peer, sender.own)) > 0 && sender.patient) {
        if (receiver_has_gone())
            break;
        sender.patient = now_in_ms() - start < PATIENCE_MS;
        if (!sender.patient)
            say("%ld bytes unread: waits no more", unread);
        nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
    }
    sender.patient = sender.patient || unread == 0;
    return unread;
}

static void send_bytes(const char *bytes, size_t length, int flags)
{
    while (length > 0) {
        const ssize_t count = send(sender.fd, bytes, length, flags | MSG_NOSIGNAL);
        if (count == -1)
            err(EXIT_FAILURE, "send");
        say("send(%s%s) = %zd", quoted(bytes, length), flags == MSG_OOB ? ", MSG_OOB" : "", count);
        bytes += count;
        length -= (size_t)count;
    }
}

/* `line` ends with a newline. */
static void send_line(const char *line, size_t length)
{
    const bool urgent = *line == '!' && length > strlen("!\n");
    const long unread = wait_until_read();
    if (receiver_has_gone())
        errx(EXIT_FAILURE, "the receiver has gone");
    if (urgent && sender.since_urgent != NONE && unread > sender.since_urgent)
        say("the last one is unread, and there is one mark");
    if (urgent) {
        send_bytes(line + 1, length - strlen("!\n"), MSG_OOB);
        send_bytes("\n", 1, 0);
        sender.since_urgent = 1;
    } else {
        send_bytes(line, length, 0);
        if (sender.since_urgent != NONE)
            sender.since_urgent += (long)length;
    }
}

/* Waits for a line, but also for the receiver to go. stdin has no buffer, so that poll() knows of
 * every byte that is there. */
static void send_each_line(void)
{
    char *line = NULL;
    size_t size = 0;
    setvbuf(stdin, NULL, _IONBF, 0);
    for (;;) {
        struct pollfd ends[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                {.fd = sender.fd, .events = sender.unanswered ? 0 : POLLIN}};
        if (poll(ends, 2, -1) == -1)
            err(EXIT_FAILURE, "poll");
        if (ends[1].revents != 0 && receiver_has_gone())
            errx(EXIT_FAILURE, "the receiver has gone");
        if (ends[0].revents == 0)
            continue;
        const ssize_t length = getline(&line, &size, stdin);
        if (length == -1)
            break;
        const bool complete = line[length - 1] == '\n';
        line[length] = '\n'; /* in the place of the final NUL */
        send_line(line, (size_t)length + !complete);
    }
    if (ferror(stdin))
        err(EXIT_FAILURE, "stdin");
    free(line);
}

int main(int argc, char *argv[])
{
    const char *port_option = NULL;
    while (next_option(argc, argv, "p:", usage) != -1)
        port_option = optarg;
    const in_port_t port = demo_port(0, port_option);

    pair_lane("sender");
    sender.fd = connect_to(port);
    sender.own = own_port(sender.fd);
    sender.peer = port;
    sender.since_urgent = NONE;
    sender.patient = true;
    say("connect(port %u) = %d", (unsigned)port, sender.fd);
    for (int i = optind; i < argc; i++) {
        const size_t length = strlen(argv[i]);
        char *const line = strdup(argv[i]);
        if (line == NULL)
            err(EXIT_FAILURE, "strdup");
        line[length] = '\n'; /* in the place of the final NUL */
        send_line(line, length + 1);
        free(line);
    }
    if (optind == argc)
        send_each_line();
    wait_until_read();
    if (receiver_has_gone()) /* by now it may have closed its end; but it has read all */
        errx(EXIT_FAILURE, "the receiver has gone");
    if (close(sender.fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): end of file for the receiver", sender.fd);
    return EXIT_SUCCESS;
}
