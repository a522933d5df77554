/* pass-recv - takes open files from another process, dup/pass-send, and reads them
 *
 * A descriptor in a message is installed by recvmsg() itself, whether it was asked for or not. So
 * the receiver asks the kernel first who is at the other end (SO_PEERCRED), gives room for so many
 * and no more (MSG_CTRUNC: there were more, the kernel has closed those), and closes whatever came
 * in a message that it does not want. Then it waits for the next sender. One that says nothing does
 * not keep the others waiting.
 *
 * unix(7), cmsg(3), MSG_CMSG_CLOEXEC in recvmsg(2), flock(2)
 */
#define _GNU_SOURCE /* accept4, struct ucred */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 };
enum { MOST = 4 }; /* descriptors in a message; if odd, the padding would have room for one more */

static const char usage[] = "usage: pass-recv\n"
                            "  prints the files that it gets, each from its offset on; at most 4\n"
                            "  other terminal: ./dup/pass-send FILE\n";

/* The socket file stays when its process is killed; only a lock on the folder can tell the next one
 * that nobody else is about to use the name. A lock goes with its process. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) == -1) {
        if (errno != ENOENT)
            err(EXIT_FAILURE, "lstat %s", address->sun_path);
        return;
    }
    if (!S_ISSOCK(status.st_mode))
        errx(EXIT_FAILURE, "%s: not a socket", address->sun_path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        err(EXIT_FAILURE, "socket");
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN)
        errx(EXIT_FAILURE, "%s: another receiver is at work", address->sun_path);
    if (errno != ECONNREFUSED)
        err(EXIT_FAILURE, "connect %s", address->sun_path);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    if (unlink(address->sun_path) == -1)
        err(EXIT_FAILURE, "unlink %s", address->sun_path);
    say("unlink(%s): a dead receiver's", address->sun_path);
}

static int listen_as_the_only_one(void)
{
    static struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int folder = open(demo_path(""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder == -1)
        err(EXIT_FAILURE, "open %s", demo_path(""));
    strcpy(address.sun_path, demo_path("pass")); /* it fits: lib/place.c makes it short */
    if (flock(folder, LOCK_EX | LOCK_NB) == -1) {
        if (errno == EWOULDBLOCK)
            errx(EXIT_FAILURE, "%s: another receiver is at work", address.sun_path);
        err(EXIT_FAILURE, "flock");
    }
    remove_stale(&address);

    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        err(EXIT_FAILURE, "socket");
    hold_endings();
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == -1)
        err(EXIT_FAILURE, "bind %s", address.sun_path);
    unlink_at_exit(address.sun_path);
    release_endings();
    if (listen(fd, SOMAXCONN) == -1)
        err(EXIT_FAILURE, "listen");
    say("listen(%s)", address.sun_path);
    return fd;
}

static bool is_welcome(int connection)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1)
        err(EXIT_FAILURE, "getsockopt SO_PEERCRED");
    const bool same_user = peer.uid == geteuid();
    if (same_user)
        say("SO_PEERCRED: process %d of the same user", (int)peer.pid);
    else
        say("SO_PEERCRED: process %d of user %u: refused", (int)peer.pid, (unsigned)peer.uid);
    return same_user;
}

/* Returns how many descriptors have come; 0 also if the message is refused. */
static size_t receive_descriptors(int connection, int fds[MOST])
{
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(MOST * sizeof(int))];
    } control;
    char text[16];
    struct iovec data = {text, sizeof text};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct pollfd end = {.fd = connection, .events = POLLIN};
    const int ready = poll(&end, 1, PATIENCE_MS);
    if (ready == -1)
        err(EXIT_FAILURE, "poll");
    if (ready == 0) {
        say("nothing for %d ms: refused", PATIENCE_MS);
        return 0;
    }
    const ssize_t length = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    if (length == -1 && errno != ECONNRESET)
        err(EXIT_FAILURE, "recvmsg");
    if (length < 1) {
        say("the sender has gone");
        return 0;
    }
    /* There is one at most: nobody has asked for the other kinds, as by SO_PASSCRED. */
    const struct cmsghdr *const rights = CMSG_FIRSTHDR(&message);
    size_t count = 0;
    if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
        count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
        memcpy(fds, CMSG_DATA(rights), count * sizeof *fds); /* it may not be aligned for an int */
    }
    say("recvmsg(%d) = %zd %s + %zu descriptor%s", connection, length, quoted(text, (size_t)length),
        count, count == 1 ? "" : "s");
    if ((message.msg_flags & MSG_CTRUNC) == 0)
        return count;
    say("MSG_CTRUNC: more than had room: refused");
    for (size_t i = 0; i < count; i++) {
        if (close(fds[i]) == -1)
            err(EXIT_FAILURE, "close");
        say("close(%d)", fds[i]);
    }
    return 0;
}

static int exit_status = EXIT_SUCCESS;

/* Prints the rest of the file, and returns how many bytes that was. It may be a folder, or open for
 * writing alone, or not ready (O_NONBLOCK): the sender gets its answer nevertheless. */
static size_t print_rest(int fd)
{
    static char buffer[64 * 1024];
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, target, sizeof target - 1) == -1)
        err(EXIT_FAILURE, "readlink %s", path);
    say("%d -> %s", fd, target);
    const off_t offset = lseek(fd, 0, SEEK_CUR);
    if (offset != -1)
        say("lseek(%d) = %lld: the offset came along", fd, (long long)offset);

    size_t sum = 0;
    ssize_t count;
    for (; (count = read(fd, buffer, sizeof buffer)) > 0; sum += (size_t)count)
        if (write_full(STDOUT_FILENO, buffer, (size_t)count) == -1)
            err(EXIT_FAILURE, "stdout");
    if (count == -1) {
        warn("read %s", target);
        exit_status = EXIT_FAILURE;
    } else {
        say("read(%d): %zu bytes, and the end", fd, sum);
    }
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    return sum;
}

static void answer(int connection, size_t bytes)
{
    char line[32];
    const int length = snprintf(line, sizeof line, "%zu bytes\n", bytes);
    if (send(connection, line, (size_t)length, MSG_NOSIGNAL) != -1)
        say("send(%d, %s)", connection, quoted(line, (size_t)length));
    else if (errno == EPIPE || errno == ECONNRESET)
        say("send(%d): the sender has gone; no harm", connection);
    else
        err(EXIT_FAILURE, "send");
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    pair_lane("receiver");
    const int listener = listen_as_the_only_one();
    for (;;) {
        const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection == -1)
            err(EXIT_FAILURE, "accept4");
        int fds[MOST];
        const size_t count = is_welcome(connection) ? receive_descriptors(connection, fds) : 0;
        size_t bytes = 0;
        for (size_t i = 0; i < count; i++)
            bytes += print_rest(fds[i]);
        if (count > 0)
            answer(connection, bytes);
        if (close(connection) == -1)
            err(EXIT_FAILURE, "close");
        if (count > 0)
            break;
    }
    lesson("SCM_RIGHTS is dup() into another process: one open file, one offset, two owners");
    return exit_status;
}
