/* net.c - TCP on the loopback interface, and UNIX sockets */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC */
#include "demo.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

in_port_t demo_port(int pair, const char *option)
{
    /* They end before the ports that the kernel gives to clients: ip_local_port_range in ip(7). */
    enum { FIRST = 20000, PAIRS = 10, USERS = 1201, LAST = 65535 };
    if (option == NULL)
        return (in_port_t)(FIRST + PAIRS * (geteuid() % USERS) + (unsigned)pair);
    return (in_port_t)parse_long("-p", option, 0, LAST);
}

static struct sockaddr_in local_address(in_port_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int new_socket(int family)
{
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        err(EXIT_FAILURE, "socket");
    return fd;
}

int bind_to(in_port_t port)
{
    const int fd = new_socket(AF_INET);
    /* Or the port would be in use for a minute after its last connection: TIME_WAIT in tcp(7). */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == -1)
        err(EXIT_FAILURE, "setsockopt SO_REUSEADDR");
    const struct sockaddr_in address = local_address(port);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == -1)
        err(EXIT_FAILURE, "bind to port %u", (unsigned)port);
    return fd;
}

/* ---- Whose is the other end? /proc/net/tcp says it ---- */

struct end {
    unsigned uid, unread;
    bool owned, accepted;
};

enum { LISTENS = 0x0A };

/* In /proc/net/tcp6 an IPv4 address has the form of an IPv6 one, and is in the last 8 digits. */
static bool is_at(const char *shown, unsigned port, const struct sockaddr_in *address)
{
    const size_t digits = 2 * sizeof address->sin_addr.s_addr;
    return port == ntohs(address->sin_port) &&
           strtoul(shown + strlen(shown) - digits, NULL, 16) == address->sin_addr.s_addr;
}

/* What the file says of the other side's end of our connection. Before its accept(2) that has no
 * owner, but the listening socket has one. Returns whether the file shows our own end. */
static bool read_table(FILE *table, const struct sockaddr_in *own, const struct sockaddr_in *peer,
                       struct end *end)
{
    char line[512], local[33], remote[33];
    unsigned local_port, remote_port, state, unread, uid;
    unsigned long inode; /* 0 if the socket belongs to no process */
    const struct sockaddr_in any = {.sin_port = peer->sin_port};
    bool shown = false;
    rewind(table);
    while (fgets(line, sizeof line, table) != NULL) {
        if (sscanf(line, " %*d: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %*x:%x %*x:%*x %*x %u %*d %lu",
                   local, &local_port, remote, &remote_port, &state, &unread, &uid, &inode) != 8)
            continue;
        const bool is_end = is_at(local, local_port, peer) && is_at(remote, remote_port, own);
        const bool listens =
            state == LISTENS && (is_at(local, local_port, peer) || is_at(local, local_port, &any));
        shown |= is_at(local, local_port, own) && is_at(remote, remote_port, peer);
        if (is_end) {
            end->unread = unread;
            end->accepted = inode != 0;
        }
        if (inode != 0 && (is_end || (listens && !end->accepted))) {
            end->uid = uid;
            end->owned = true;
        }
    }
    return shown;
}

/* Opened once: a server that has no descriptor left must still see who comes. Its number is high,
 * so that those in a story have no gap. */
static FILE *tcp_table(void)
{
    enum { HIGH_NUMBER = 100 };
    static FILE *table;
    if (table == NULL) {
        const int low = open("/proc/net/tcp", O_RDONLY | O_CLOEXEC);
        const int high = low == -1 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, HIGH_NUMBER);
        if (high != -1)
            close(low);
        if (low != -1)
            table = fdopen(high != -1 ? high : low, "r");
    }
    return table;
}

/* Returns false where this system does not show the ends. */
static bool find_other_end(int fd, struct end *end)
{
    enum { LOOKS = 3 }; /* the other side may be just accepting us */
    struct sockaddr_in own = {.sin_port = 0}, peer = {.sin_port = 0};
    socklen_t own_length = sizeof own, peer_length = sizeof peer;
    static bool shown;
    *end = (struct end){.owned = false};
    if (getsockname(fd, (struct sockaddr *)&own, &own_length) == -1)
        err(EXIT_FAILURE, "getsockname");
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_length) == -1) {
        if (errno != ENOTCONN)
            err(EXIT_FAILURE, "getpeername");
        return true; /* it has reset the connection */
    }
    if (tcp_table() == NULL)
        return false;
    for (int look = 0; look < LOOKS && !end->owned; look++) {
        shown |= read_table(tcp_table(), &own, &peer, end);
        FILE *const table6 = end->owned ? NULL : fopen("/proc/net/tcp6", "re");
        if (table6 != NULL) {
            read_table(table6, &own, &peer, end);
            fclose(table6);
        }
    }
    return shown;
}

bool is_own_peer(int fd)
{
    struct end end;
    if (!find_other_end(fd, &end)) {
        static bool said;
        if (!said)
            say("whose the peer is cannot be seen");
        said = true;
        return true;
    }
    if (end.owned && end.uid == geteuid())
        return true;
    if (!end.owned)
        say("the peer has gone: refused");
    else
        say("the peer is user %u: refused", end.uid);
    return false;
}

long unread_by_peer(int fd)
{
    struct end end;
    return find_other_end(fd, &end) && end.owned ? (long)end.unread : -1;
}

void limit_descriptors(rlim_t most)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        err(EXIT_FAILURE, "getrlimit");
    limit.rlim_cur = limit.rlim_max < most ? limit.rlim_max : most;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
        err(EXIT_FAILURE, "setrlimit");
}

void start_to_listen(int fd)
{
    if (listen(fd, SOMAXCONN) == -1)
        err(EXIT_FAILURE, "listen");
    struct sockaddr_in address = {.sin_port = 0};
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
        err(EXIT_FAILURE, "getsockname");
    tcp_table();
    printf("port %u\n", (unsigned)ntohs(address.sin_port));
    flush_stdout();
}

/* The kernel may choose, as our own port, the one that we try to connect to. */
static bool is_connected_to_itself(int fd)
{
    struct sockaddr_in own = {.sin_port = 0}, other = {.sin_port = 0};
    socklen_t own_length = sizeof own, other_length = sizeof other;
    if (getsockname(fd, (struct sockaddr *)&own, &own_length) == -1)
        err(EXIT_FAILURE, "getsockname");
    if (getpeername(fd, (struct sockaddr *)&other, &other_length) == -1)
        err(EXIT_FAILURE, "getpeername");
    errno = ECONNREFUSED; /* that is what it should have been */
    return own.sin_port == other.sin_port;
}

/* A stream socket that is connected to `address`, as soon as a server is there. */
static int connect_when_ready(const struct sockaddr *address, socklen_t length, const char *name,
                              const char *server)
{
    enum { TRIES = 600, PAUSE = 100000000 }; /* a minute, in steps of 0.1 s */
    for (int i = 0; i < TRIES; i++) {
        const int fd = new_socket(address->sa_family); /* each can connect(2) only once */
        if (connect(fd, address, length) == 0 && !is_connected_to_itself(fd))
            return fd;
        if (errno != ECONNREFUSED && errno != ENOENT)
            err(EXIT_FAILURE, "connect to %s", name);
        if (i == 0)
            say("waiting for %s", server);
        close(fd);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
    }
    err(EXIT_FAILURE, "connect to %s", name);
}

int connect_to(in_port_t port)
{
    char name[16];
    const struct sockaddr_in address = local_address(port);
    if (port == 0)
        errx(USAGE_ERROR, "-p 0: a client needs the port that the server has printed");
    snprintf(name, sizeof name, "port %u", (unsigned)port);
    const int fd =
        connect_when_ready((const struct sockaddr *)&address, sizeof address, name, "a server");
    if (!is_own_peer(fd))
        errx(EXIT_FAILURE, "connect to %s: not a server of yours", name);
    return fd;
}

bool is_accepted(int fd)
{
    struct end end;
    return !find_other_end(fd, &end) || end.accepted;
}

/* ---- UNIX sockets ---- */

/* The socket file stays when its process is killed. Is there nobody who listens? */
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
        errx(EXIT_FAILURE, "%s: another receiver is running", address->sun_path);
    if (errno != ECONNREFUSED)
        err(EXIT_FAILURE, "connect %s", address->sun_path);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    const int removed = unlink(address->sun_path);
    if (removed == -1)
        err(EXIT_FAILURE, "unlink %s", address->sun_path);
    say("unlink() = %d: a dead receiver's", removed);
}

/* A lock on the folder makes sure that nobody else takes the name at the same time; it goes with
 * its process. */
int listen_at(const char *path)
{
    static struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path); /* it fits: lib/place.c makes it short */
    const int folder = open(demo_path(""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder == -1)
        err(EXIT_FAILURE, "open %s", demo_path(""));
    if (flock(folder, LOCK_EX | LOCK_NB) == -1) {
        if (errno == EWOULDBLOCK)
            errx(EXIT_FAILURE, "%s: another receiver is running", address.sun_path);
        err(EXIT_FAILURE, "flock");
    }
    remove_stale(&address);

    const int fd = new_socket(AF_UNIX);
    hold_endings();
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == -1)
        err(EXIT_FAILURE, "bind %s", address.sun_path);
    unlink_at_exit(address.sun_path);
    release_endings();
    const int result = listen(fd, SOMAXCONN);
    if (result == -1)
        err(EXIT_FAILURE, "listen");
    say("listen(%d) = %d: %s", fd, result, address.sun_path);
    return fd;
}

int connect_at(const char *path, const char *receiver)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    strcpy(address.sun_path, path);
    if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode))
        errx(EXIT_FAILURE, "%s: not a socket", path); /* connect(2) says ECONNREFUSED */
    const int fd =
        connect_when_ready((const struct sockaddr *)&address, sizeof address, path, receiver);
    say("connect(%d): %s", fd, path);
    return fd;
}

union control {
    struct cmsghdr alignment;
    char bytes[CMSG_SPACE(sizeof(int))];
};

ssize_t send_fd(int channel, int fd)
{
    union control control = {.bytes = {0}};
    char byte = 0;
    struct iovec data = {&byte, 1}; /* without a byte of data nothing would arrive */
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    return sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int receive_fd(int channel)
{
    int fd = -1;
    char byte;
    union control control;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    const ssize_t count = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    if (count < 1)
        errx(EXIT_FAILURE, "recvmsg: the other side has gone");
    const struct cmsghdr *const rights = CMSG_FIRSTHDR(&message);
    if (rights != NULL)
        memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return fd;
}
