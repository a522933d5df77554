/* pass-recv - takes open files from another process, dup/pass-send, and reads them
 *
 * recvmsg() itself opens the descriptors in a message. So the receiver first asks the kernel who
 * called connect() at the other end (SO_PEERCRED), gives room for a few descriptors (MSG_CTRUNC:
 * there were more, and the kernel has closed those), and closes those of a message that it does not
 * want. A sender that says nothing, or whose file says nothing, does not keep it waiting.
 *
 * With -x it gives no room at all, like recv(): the bytes arrive, the descriptor does not.
 *
 * unix(7), cmsg(3), MSG_CMSG_CLOEXEC and MSG_CTRUNC in recvmsg(2)
 */
#define _GNU_SOURCE /* accept4, struct ucred */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 };
enum { MOST = 4 }; /* descriptors in a message; if odd, there may be room for one more */

static const char usage[] =
    "usage: pass-recv [-x]\n"
    "  prints the files that it receives, each from its current offset; at most 4\n"
    "  -x  no room for descriptors: only the bytes of the message arrive\n"
    "  other terminal: ./dup/pass-send FILE\n";

static int exit_status = EXIT_SUCCESS;
static bool truncated; /* a message had more descriptors than we took */

static bool is_welcome(int connection)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1)
        err(EXIT_FAILURE, "getsockopt SO_PEERCRED");
    if (peer.uid != geteuid()) {
        say("SO_PEERCRED: user %u: refused", (unsigned)peer.uid);
        return false;
    }
    say("SO_PEERCRED: pid %d called connect()", (int)peer.pid);
    return true;
}

static bool comes_in_time(int fd)
{
    const int ready = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, PATIENCE_MS);
    if (ready == -1)
        err(EXIT_FAILURE, "poll");
    if (ready == 0)
        say("poll(%d, %d ms) = %d: no more of this", fd, PATIENCE_MS, ready);
    return ready != 0;
}

/* Returns how many descriptors have come: 0 if that was not all that was sent. */
static int receive_descriptors(int connection, bool without_room, int fds[MOST])
{
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(MOST * sizeof(int))];
    } control;
    char text[16];
    struct iovec data = {text, sizeof text};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (!without_room) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
    }
    const ssize_t length = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    if (length == -1 && errno != ECONNRESET)
        err(EXIT_FAILURE, "recvmsg");
    if (length < 1) {
        say("recvmsg(%d) = %zd: no message", connection, length);
        return 0;
    }
    /* There is one at most: nobody has asked for the other kinds, for instance by SO_PASSCRED. */
    const struct cmsghdr *const rights = CMSG_FIRSTHDR(&message);
    int count = 0;
    if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
        count = (int)((rights->cmsg_len - CMSG_LEN(0)) / sizeof *fds);
        memcpy(fds, CMSG_DATA(rights), (size_t)count * sizeof *fds); /* it may not be aligned */
    }
    say("recvmsg(%d) = %zd %s + %d fd%s", connection, length, quoted(text, (size_t)length), count,
        plural((unsigned)count));
    truncated = (message.msg_flags & MSG_CTRUNC) != 0;
    if (!truncated)
        return count;
    say("msg_flags: MSG_CTRUNC, some are lost"); /* no room, or no descriptor left */
    for (int i = 0; i < count; i++) {
        if (close(fds[i]) == -1)
            err(EXIT_FAILURE, "close");
        say("close(%d)", fds[i]);
    }
    return 0;
}

/* Prints the rest of the file, and returns its length. It may be a folder, or a pipe in which
 * nothing comes: the sender gets its answer nevertheless. */
static size_t print_rest(int fd)
{
    static char buffer[64 * 1024];
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, target, sizeof target - 1) == -1)
        err(EXIT_FAILURE, "readlink %s", path);
    say("readlink(fd/%d) = %s", fd, target);
    const off_t offset = lseek(fd, 0, SEEK_CUR);
    if (offset != -1)
        say("lseek(%d) = %lld: the offset came along", fd, (long long)offset);

    size_t sum = 0;
    ssize_t count = 0;
    while (comes_in_time(fd) && (count = read(fd, buffer, sizeof buffer)) > 0) {
        tame(buffer, (size_t)count);
        if (write_full(STDOUT_FILENO, buffer, (size_t)count) == -1)
            err(EXIT_FAILURE, "stdout");
        sum += (size_t)count;
    }
    if (count == -1) {
        warn("read %s", target);
        exit_status = EXIT_FAILURE;
    } else {
        say("read(%d): %zu in all", fd, sum);
    }
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    return sum;
}

static void answer(int connection, size_t bytes)
{
    char line[32];
    const int length = snprintf(line, sizeof line, "%zu byte%s\n", bytes, plural(bytes));
    const ssize_t sent = send(connection, line, (size_t)length, MSG_NOSIGNAL);
    if (sent == -1 && errno != EPIPE && errno != ECONNRESET)
        err(EXIT_FAILURE, "send");
    say("send(%d, %s) = %zd %s%s", connection, quoted(line, (size_t)length), sent, error_of(sent),
        sent == -1 ? ": the sender is gone" : "");
}

int main(int argc, char *argv[])
{
    bool without_room = false, done = false;
    while (next_option(argc, argv, "x", usage) != -1)
        without_room = true;
    check_operands(argc, argv, 0, 0);

    pair_lane("receiver");
    const int listener = listen_at(demo_path("pass"));
    while (!done) {
        const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection == -1)
            err(EXIT_FAILURE, "accept4");
        int fds[MOST], count = 0;
        if (is_welcome(connection) && comes_in_time(connection))
            count = receive_descriptors(connection, without_room, fds);
        size_t bytes = 0;
        for (int i = 0; i < count; i++)
            bytes += print_rest(fds[i]);
        if (count > 0)
            answer(connection, bytes);
        done = without_room ? truncated : count > 0;
        if (close(connection) == -1)
            err(EXIT_FAILURE, "close");
    }
    if (without_room)
        lesson("without msg_control the kernel closes the descriptor, and only a flag says so");
    else if (exit_status == EXIT_SUCCESS)
        lesson("SCM_RIGHTS is dup() into another process: the same open files");
    return exit_status;
}
