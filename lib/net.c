/* net.c - TCP on the loopback interface */
#include "demo.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
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

static int new_socket(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        err(EXIT_FAILURE, "socket");
    return fd;
}

int bind_to(in_port_t port)
{
    const int fd = new_socket();
    /* Or the port would be in use for a minute after its last connection: TIME_WAIT in tcp(7). */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == -1)
        err(EXIT_FAILURE, "setsockopt SO_REUSEADDR");
    const struct sockaddr_in address = local_address(port);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == -1)
        err(EXIT_FAILURE, "bind to port %u", (unsigned)port);
    return fd;
}

void start_to_listen(int fd)
{
    if (listen(fd, SOMAXCONN) == -1)
        err(EXIT_FAILURE, "listen");
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
        err(EXIT_FAILURE, "getsockname");
    printf("port %u\n", (unsigned)ntohs(address.sin_port));
    flush_stdout();
}

/* The kernel may choose, as our own port, the one that we try to connect to. */
static bool is_connected_to_itself(int fd)
{
    struct sockaddr_in own, other;
    socklen_t own_length = sizeof own, other_length = sizeof other;
    if (getsockname(fd, (struct sockaddr *)&own, &own_length) == -1)
        err(EXIT_FAILURE, "getsockname");
    if (getpeername(fd, (struct sockaddr *)&other, &other_length) == -1)
        err(EXIT_FAILURE, "getpeername");
    errno = ECONNREFUSED; /* that is what it should have been */
    return own.sin_port == other.sin_port;
}

int connect_to(in_port_t port)
{
    enum { TRIES = 600, PAUSE = 100000000 }; /* a minute, in steps of 0.1 s */
    if (port == 0)
        errx(USAGE_ERROR, "-p 0: a client needs the port that the server has printed");
    const struct sockaddr_in address = local_address(port);
    for (int i = 0; i < TRIES; i++) {
        const int fd = new_socket(); /* one that could not connect is of no more use */
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
            !is_connected_to_itself(fd))
            return fd;
        if (errno != ECONNREFUSED)
            err(EXIT_FAILURE, "connect to port %u", (unsigned)port);
        if (i == 0)
            say("port %u: waiting for a server", (unsigned)port);
        close(fd);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
    }
    errno = ECONNREFUSED;
    err(EXIT_FAILURE, "connect to port %u", (unsigned)port);
}
