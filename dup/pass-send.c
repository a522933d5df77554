/* pass-send - gives its open files to another process; dup/pass-recv takes them
 *
 * Over a UNIX socket a message can carry descriptors besides its bytes (SCM_RIGHTS). The receiver
 * gets new numbers for the same open files, as with dup(), even if it could not open the files. The
 * sender has read the first line of each FILE, and the receiver goes on from there.
 *
 * unix(7), cmsg(3), sendmsg(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 253, LINE = 200 }; /* SCM_MAX_FD in unix(7): the most in one message */

static const char usage[] = "usage: pass-send FILE [FILE...] (at most 253)\n"
                            "  prints the first line of each FILE, the receiver the rest\n"
                            "  other terminal: ./dup/pass-recv\n";

/* Byte by byte, so that the offset is just behind the line. */
static void read_first_line(int fd, const char *file)
{
    char line[LINE];
    size_t length = 0;
    ssize_t count;
    do {
        count = read(fd, line + length, 1);
        if (count == -1)
            err(EXIT_FAILURE, "read %s", file);
        length += (size_t)count;
    } while (count == 1 && length < LINE && line[length - 1] != '\n');
    say("read(%d), byte by byte: %s", fd, quoted(line, length));
    tame(line, length);
    if (write_full(STDOUT_FILENO, line, length) == -1)
        err(EXIT_FAILURE, "stdout");
    char next;
    if (pread(fd, &next, 1, (off_t)length) == 0) { /* nothing is left for the receiver */
        const off_t offset = lseek(fd, 0, SEEK_SET);
        say("lseek(%d) = %lld: that was the whole file", fd, (long long)offset);
    }
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
    say("sendmsg(%d, %s + %zu fd%s) = %zd", socket_fd, quoted(line, data.iov_len), count,
        plural(count), sent);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 1, MOST);
    const size_t count = (size_t)(argc - optind);

    pair_lane("sender");
    int fds[MOST] = {0};
    off_t before = 0, after = 0; /* of all files together */
    for (size_t i = 0; i < count; i++) {
        const char *const file = argv[(size_t)optind + i];
        fds[i] = open(file, O_RDONLY | O_CLOEXEC);
        if (fds[i] == -1)
            err(EXIT_FAILURE, "open %s", file);
        say("open(%s) = %d", file, fds[i]);
        read_first_line(fds[i], file);
        before += lseek(fds[i], 0, SEEK_CUR); /* -1, before and after: a pipe */
    }
    const int socket_fd = connect_at(demo_path("pass"), "a receiver: ./dup/pass-recv");
    send_descriptors(socket_fd, fds, count);

    char answer[64];
    const ssize_t length = recv(socket_fd, answer, sizeof answer, 0);
    if (length < 1) /* 0, or ECONNRESET */
        errx(EXIT_FAILURE, "recv: the receiver is gone, or did not want them");
    say("recv(%d) = %zd %s", socket_fd, length, quoted(answer, (size_t)length));
    for (size_t i = 0; i < count; i++) {
        const off_t offset = lseek(fds[i], 0, SEEK_CUR);
        after += offset;
        if (offset != -1)
            say("lseek(%d) = %lld: the offset now", fds[i], (long long)offset);
    }
    if (after > before)
        lesson("SCM_RIGHTS is dup() into another process: one open file, one offset");
    return EXIT_SUCCESS;
}
