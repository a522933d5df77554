/* net.c - TCP on the loopback interface, and UNIX sockets */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC, struct ucred */
#include "demo.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<linux/inet_diag.h>) /* some systems have no headers of the kernel */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#endif

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

static int new_socket(int family, int flags)
{
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd == -1)
        err(EXIT_FAILURE, "socket");
    return fd;
}

int bind_to(in_port_t port, int flags)
{
    const int fd = new_socket(AF_INET, flags);
    /* Or the port would be in use for a minute after a connection that we have closed first:
     * TIME_WAIT, see SO_REUSEADDR in socket(7). */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == -1)
        err(EXIT_FAILURE, "setsockopt SO_REUSEADDR");
    const struct sockaddr_in address = local_address(port);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == -1)
        err(EXIT_FAILURE, "bind to port %u", (unsigned)port);
    return fd;
}

static struct sockaddr_in own_address(int fd)
{
    struct sockaddr_in address = {.sin_port = 0};
    if (getsockname(fd, (struct sockaddr *)&address, &(socklen_t){sizeof address}) == -1)
        err(EXIT_FAILURE, "getsockname");
    return address;
}

/* ---- Whose is the other end? The kernel is asked, by a netlink socket: see sock_diag(7) ---- */

struct end {
    unsigned state, unread, uid;
    unsigned long inode; /* 0 if no process has it (any more, or before accept(2)) */
    bool accepted;
};

static const struct sockaddr_in nobody;

#ifdef NETLINK_SOCK_DIAG

/* It stays open: a server that has no descriptor left must still see who comes. Its number is high,
 * so that those in a story have no gap. */
static int netlink_socket(void)
{
    enum { HIGH_NUMBER = 100 };
    static int netlink = -1;
    if (netlink != -1)
        return netlink;
    const int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd == -1 && (errno == EMFILE || errno == ENFILE))
        err(EXIT_FAILURE, "socket NETLINK_SOCK_DIAG");
    netlink = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_NUMBER);
    if (netlink == -1)
        netlink = fd; /* RLIMIT_NOFILE is lower */
    else
        close(fd);
    return netlink;
}

/* Asks for the end that has these two addresses, or else for the one that listens at the first: see
 * sock_diag(7). Among many sockets that is much faster than the file. Returns false where this
 * system does not answer. */
static bool ask_for_end(struct sockaddr_in local, struct sockaddr_in remote, struct end *end)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } question = {.header = {.nlmsg_len = sizeof question,
                             .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                             .nlmsg_flags = NLM_F_REQUEST},
                  .request = {.sdiag_family = AF_INET,
                              .sdiag_protocol = IPPROTO_TCP,
                              .id = {.idiag_sport = local.sin_port,
                                     .idiag_dport = remote.sin_port,
                                     .idiag_src = {local.sin_addr.s_addr},
                                     .idiag_dst = {remote.sin_addr.s_addr},
                                     .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    struct {
        struct nlmsghdr header;
        union {
            struct inet_diag_msg end;
            int error; /* of NLMSG_ERROR */
        };
    } answer;
    static bool answered;
    const int netlink = netlink_socket();
    if (netlink == -1 || send(netlink, &question, sizeof question, 0) == -1 ||
        recv(netlink, &answer, sizeof answer, 0) < (ssize_t)sizeof answer.header) {
        if (answered)
            err(EXIT_FAILURE, "send or recv, NETLINK_SOCK_DIAG");
        return false;
    }
    answered = true;
    *end = (struct end){.inode = 0};
    if (answer.header.nlmsg_type == NLMSG_ERROR)
        return answer.error == -ENOENT;
    *end = (struct end){.state = answer.end.idiag_state,
                        .unread = answer.end.idiag_rqueue,
                        .uid = answer.end.idiag_uid,
                        .inode = answer.end.idiag_inode};
    end->accepted = end->state != TCP_LISTEN && end->inode != 0;
    return true;
}

#else

static bool ask_for_end(struct sockaddr_in local, struct sockaddr_in remote, struct end *end)
{
    (void)local, (void)remote, (void)end;
    return false;
}

#endif

/* Without the module tcp_diag the kernel has the same answer for every end: ENOENT. So it is first
 * asked for one that is certainly there. */
static bool may_see_ends(void)
{
    static enum { UNKNOWN, NO, YES } answer;
    if (answer == UNKNOWN) {
        struct end end = {.state = 0};
        const int fd = bind_to(0, 0);
        if (listen(fd, 1) == -1)
            err(EXIT_FAILURE, "listen");
        answer = ask_for_end(own_address(fd), nobody, &end) && end.state == TCP_LISTEN ? YES : NO;
        close(fd);
    }
    return answer == YES;
}

/* Before its accept(2) an end has no owner; the listening socket has one. If that is gone, somebody
 * may have accepted us meanwhile, and closed it. */
static bool ask_for_owner(struct sockaddr_in own, struct sockaddr_in peer, struct end *end)
{
    struct end listener = {.inode = 0};
    if (!ask_for_end(peer, own, end))
        return false;
    if (end->accepted)
        return true;
    if (!ask_for_end(peer, nobody, &listener) || listener.state != TCP_LISTEN)
        return ask_for_end(peer, own, end);
    if (end->state == TCP_LISTEN)
        *end = (struct end){.inode = 0}; /* that is not the end itself */
    end->uid = listener.uid;
    end->inode = listener.inode;
    return true;
}

/* Returns false where this system does not show the ends. */
static bool find_other_end(int fd, struct end *end)
{
    struct sockaddr_in peer = {.sin_port = 0};
    *end = (struct end){.inode = 0};
    if (!may_see_ends())
        return false;
    if (getpeername(fd, (struct sockaddr *)&peer, &(socklen_t){sizeof peer}) == -1) {
        if (errno != ENOTCONN)
            err(EXIT_FAILURE, "getpeername");
        return true; /* it has reset the connection */
    }
    return ask_for_owner(own_address(fd), peer, end);
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
    if (end.inode == 0)
        say("the peer is gone: refused");
    else if (end.uid != geteuid())
        say("the peer is user %u: refused", end.uid);
    return end.inode != 0 && end.uid == geteuid();
}

int accept_own(int listener)
{
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (fd == -1)
            err(EXIT_FAILURE, "accept");
        say("accept(%d) = %d", listener, fd);
        if (is_own_peer(fd))
            return fd;
        close(fd);
    }
}

long unread_by_peer(int fd)
{
    struct end end;
    return find_other_end(fd, &end) && end.state != 0 ? (long)end.unread : -1;
}

void limit_descriptors(unsigned most)
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
    may_see_ends(); /* later, a descriptor might be lacking */
    printf("port %u\n", (unsigned)ntohs(own_address(fd).sin_port));
    flush_stdout();
}

/* The kernel may choose, as our own port, the one that we try to connect to. */
static bool is_connected_to_itself(int fd, const struct sockaddr *address)
{
    errno = ECONNREFUSED; /* that is what it should have been */
    return own_address(fd).sin_port == ((const struct sockaddr_in *)address)->sin_port;
}

/* A stream socket that is connected to `address`, as soon as a server is there. */
static int connect_when_ready(const struct sockaddr *address, socklen_t length, const char *name,
                              const char *server)
{
    enum { TRIES = 600, PAUSE = 100000000 }; /* a minute, in steps of 0.1 s */
    for (int i = 0;; i++) {
        const int fd = new_socket(address->sa_family, 0); /* a new one each time: see connect(2) */
        if (connect(fd, address, length) == 0 && !is_connected_to_itself(fd, address))
            return fd;
        if (i == TRIES || (errno != ECONNREFUSED && errno != ENOENT))
            err(EXIT_FAILURE, "connect to %s", name);
        if (i == 0)
            say("waiting for %s", server);
        close(fd);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
    }
}

int connect_to(in_port_t port)
{
    char name[16];
    const struct sockaddr_in address = local_address(port);
    if (port == 0)
        errx(USAGE_ERROR, "-p 0: a client needs the port that the server has printed");
    snprintf(name, sizeof name, "port %u", (unsigned)port);
    const int fd = connect_when_ready((const struct sockaddr *)&address, sizeof address, name,
                                      "a server (-h names it)");
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

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        errx(EXIT_FAILURE, "%s: too long for a socket", path);
    if (access(path, F_OK) == 0 && !is_socket(path)) /* of which connect(2) says ECONNREFUSED */
        errx(EXIT_FAILURE, "%s: not a socket", path);
    strcpy(address.sun_path, path);
    return address;
}

/* The socket file stays when its process is killed. Is there nobody who listens? */
static void remove_stale(const struct sockaddr_un *address)
{
    if (!is_socket(address->sun_path))
        return;
    const int fd = new_socket(AF_UNIX, SOCK_NONBLOCK);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN)
        errx(EXIT_FAILURE, "%s: another receiver is running", address->sun_path);
    if (errno != ECONNREFUSED)
        err(EXIT_FAILURE, "connect %s", address->sun_path);
    close(fd);
    const int removed = unlink(address->sun_path);
    if (removed == -1)
        err(EXIT_FAILURE, "unlink %s", address->sun_path);
    say("unlink() = %d: a dead receiver's", removed);
}

/* A lock on the folder makes sure that nobody else takes the name at the same time; it goes with
 * its process. */
int listen_at(const char *path)
{
    const struct sockaddr_un address = address_of(path); /* a copy */
    const int folder = open(demo_path(""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder == -1)
        err(EXIT_FAILURE, "open %s", demo_path(""));
    if (flock(folder, LOCK_EX | LOCK_NB) == -1) {
        if (errno == EWOULDBLOCK)
            errx(EXIT_FAILURE, "%s: another receiver is running", address.sun_path);
        err(EXIT_FAILURE, "flock");
    }
    remove_stale(&address);

    const int fd = new_socket(AF_UNIX, 0);
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
    const struct sockaddr_un address = address_of(path);
    const int fd =
        connect_when_ready((const struct sockaddr *)&address, sizeof address, path, receiver);
    say("connect(%d): %s", fd, path);
    struct ucred peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &(socklen_t){sizeof peer}) == -1)
        err(EXIT_FAILURE, "getsockopt SO_PEERCRED");
    if (peer.uid != geteuid())
        errx(EXIT_FAILURE, "%s: user %u listens there", path, (unsigned)peer.uid);
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
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) < 1)
        errx(EXIT_FAILURE, "recvmsg: the other side is gone");
    const struct cmsghdr *const rights = CMSG_FIRSTHDR(&message);
    if (rights != NULL)
        memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return fd;
}
