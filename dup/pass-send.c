/* pass-send - gives its open files to another process; dup/pass-recv takes them
 *
 * Over a UNIX socket a message may carry descriptors beside its bytes (SCM_RIGHTS). The receiver
 * gets new numbers for the same open files, as with dup(), whether the two are related or not. It
 * may read them even if it could not open them. The sender has read the first line of each FILE:
 * the offset goes along, and the receiver goes on from there.
 *
 * unix(7), cmsg(3), sendmsg(2)
 */
#define _GNU_SOURCE /* struct ucred */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 253, LINE = 200 }; /* SCM_MAX_FD in unix(7): the most in one message */

static const char usage[] = "usage: pass-send FILE [FILE...]\n"
                            "  prints the first line of each FILE, the receiver the rest\n"
                            "  other terminal: ./dup/pass-recv\n";

/* Byte by byte, so that the offset is just behind the line. */
static void read_first_line(int fd, const char *file)
{
    char line[LINE];
    size_t length = 0;
    do {
        const ssize_t count = read(fd, line + length, 1);
        if (count == -1)
            err(EXIT_FAILURE, "read %s", file);
        if (count == 0)
            break;
        length++;
    } while (length < sizeof line && line[length - 1] != '\n');
    say("read(%d) = 1, %zu times: %s", fd, length, quoted(line, length));
    tame(line, length);
    if (write_full(STDOUT_FILENO, line, length) == -1)
        err(EXIT_FAILURE, "stdout");
}

static int connect_when_there(const char *path)
{
    enum { TRIES = 600, PAUSE = 100000000 }; /* a minute, in steps of 0.1 s */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path); /* it fits: lib/place.c makes it short */
    for (int i = 0; i < TRIES; i++) {
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd == -1)
            err(EXIT_FAILURE, "socket");
        const int result = connect(fd, (const struct sockaddr *)&address, sizeof address);
        if (result == 0) {
            say("connect(%d, %s) = %d", fd, path, result);
            return fd;
        }
        struct stat status; /* a file that is no socket is ECONNREFUSED too */
        if (errno == ECONNREFUSED && lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode))
            errx(EXIT_FAILURE, "%s: not a socket", path);
        if (errno != ENOENT && errno != ECONNREFUSED)
            err(EXIT_FAILURE, "connect %s", path);
        if (i == 0)
            say("waiting for a receiver: ./dup/pass-recv");
        close(fd);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
    }
    errx(EXIT_FAILURE, "%s: no receiver has come", path);
}

/* The files are for a process of this user. */
static void check_receiver(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1)
        err(EXIT_FAILURE, "getsockopt SO_PEERCRED");
    if (peer.uid != geteuid())
        errx(EXIT_FAILURE, "the receiver belongs to user %u", (unsigned)peer.uid);
}

static void send_descriptors(int socket_fd, const int fds[], size_t count)
{
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(MOST * sizeof(int))];
    } control = {0};
    char line[16];
    /* At least one byte of data: a stream drops control data that has none to go with. */
    struct iovec data = {line, (size_t)snprintf(line, sizeof line, "%zu\n", count)};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof *fds)};
    struct cmsghdr *const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = (socklen_t)CMSG_LEN(count * sizeof *fds);
    memcpy(CMSG_DATA(rights), fds, count * sizeof *fds); /* not an int *: it may not be aligned */
    const ssize_t sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    if (sent == -1)
        err(EXIT_FAILURE, "sendmsg");
    say("sendmsg(%d, %s + %zu descriptor%s) = %zd", socket_fd, quoted(line, data.iov_len), count,
        count == 1 ? "" : "s", sent);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 1, INT_MAX);
    const size_t count = (size_t)(argc - optind);
    if (count > MOST)
        errx(USAGE_ERROR, "%zu files; one message carries %d descriptors", count, MOST);

    pair_lane("sender");
    int fds[MOST] = {0};
    for (size_t i = 0; i < count; i++) {
        const char *const file = argv[(size_t)optind + i];
        fds[i] = open(file, O_RDONLY | O_CLOEXEC);
        if (fds[i] == -1)
            err(EXIT_FAILURE, "open %s", file);
        say("open(%s) = %d", file, fds[i]);
        read_first_line(fds[i], file);
    }
    const int socket_fd = connect_when_there(demo_path("pass"));
    check_receiver(socket_fd);
    send_descriptors(socket_fd, fds, count);

    char answer[64];
    const ssize_t length = recv(socket_fd, answer, sizeof answer, 0);
    if (length == -1 && errno != ECONNRESET)
        err(EXIT_FAILURE, "recv");
    if (length < 1)
        errx(EXIT_FAILURE, "recv: the receiver has gone, or did not want them");
    say("recv(%d) = %zd %s", socket_fd, length, quoted(answer, (size_t)length));
    for (size_t i = 0; i < count; i++) {
        const off_t offset = lseek(fds[i], 0, SEEK_CUR);
        if (offset == -1 && errno != ESPIPE)
            err(EXIT_FAILURE, "lseek");
        if (offset != -1)
            say("lseek(%d) = %lld: where the receiver has stopped", fds[i], (long long)offset);
    }
    lesson("SCM_RIGHTS is dup() into another process: one open file, one offset");
    return EXIT_SUCCESS;
}
