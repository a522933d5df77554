/* ready-bench - what one event costs while N other descriptors are watched and idle
 *
 * select and poll hand the whole list to the kernel each time, and it looks at every descriptor.
 * epoll keeps the list in the kernel, where a descriptor that becomes ready puts itself into
 * another list. Here eventfds are watched; the last of them becomes ready, is found and read, again
 * and again. The methods alternate, slice by slice.
 *
 * select(2), poll(2), epoll(7), eventfd(2)
 */
#include "../lib/bench/bench.h"
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

enum { MOST_COUNTS = 16, SLICES = 24, SLICE_NS = 10000000, LARGEST = 1000000 };

static const char usage[] =
    "usage: ready-bench [-m select|poll|epoll|epoll-et] [-s N,...]\n"
    "  -m WAY    only this way (all, in turn)\n"
    "  -s N,...  idle descriptors that are watched (1,10,100,1000,10000,20000)\n"
    "  prints the median time of an event in ns, and the time relative to epoll's\n";

static int *watched; /* the idle ones and, last, the one that becomes ready */
static int count;

static void take(int fd)
{
    uint64_t value;
    if (read(fd, &value, sizeof value) != sizeof value)
        err(EXIT_FAILURE, "read");
}

static fd_set wanted;

static void open_select(void)
{
    FD_ZERO(&wanted);
    for (int i = 0; i < count; i++)
        FD_SET((size_t)watched[i], &wanted);
}

static void one_select(void)
{
    fd_set ready = wanted; /* select() overwrites it */
    const int highest = watched[count - 1];
    if (select(highest + 1, &ready, NULL, NULL, NULL) != 1)
        err(EXIT_FAILURE, "select");
    for (int i = 0; i < count; i++)
        if (FD_ISSET((size_t)watched[i], &ready))
            take(watched[i]);
}

static struct pollfd *polled;

static void open_poll(void)
{
    polled = calloc((size_t)count, sizeof *polled);
    if (polled == NULL)
        err(EXIT_FAILURE, "calloc");
    for (int i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = watched[i], .events = POLLIN};
}

static void one_poll(void)
{
    if (poll(polled, (nfds_t)count, -1) != 1)
        err(EXIT_FAILURE, "poll");
    for (int i = 0; i < count; i++)
        if (polled[i].revents != 0)
            take(polled[i].fd);
}

static void close_poll(void)
{
    free(polled);
}

static int level, edge; /* two epoll descriptors */

static int open_epoll(uint32_t flags)
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll == -1)
        err(EXIT_FAILURE, "epoll_create1");
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN | flags, .data.fd = watched[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, watched[i], &event) == -1)
            err(EXIT_FAILURE, "epoll_ctl");
    }
    return epoll;
}

static void one_epoll(int epoll)
{
    enum { MOST_EVENTS = 64 };
    struct epoll_event events[MOST_EVENTS];
    const int ready = epoll_wait(epoll, events, MOST_EVENTS, -1);
    if (ready != 1)
        err(EXIT_FAILURE, "epoll_wait");
    take(events[0].data.fd);
}

static void open_level(void)
{
    level = open_epoll(0);
}

static void open_edge(void)
{
    edge = open_epoll(EPOLLET);
}

static void one_level(void)
{
    one_epoll(level);
}

static void one_edge(void)
{
    one_epoll(edge);
}

static void close_level(void)
{
    close(level);
}

static void close_edge(void)
{
    close(edge);
}

static const struct waiter {
    const char *name;
    void (*open)(void);
    void (*one_event)(void);
    void (*close)(void);
} ways[] = {{"select", open_select, one_select, NULL},
            {"poll", open_poll, one_poll, close_poll},
            {"epoll", open_level, one_level, close_level},
            {"epoll-et", open_edge, one_edge, close_edge}};
enum { SELECT, POLL, LEVEL, EDGE, WAYS };

/* Returns ns for each event. */
static double slice(const struct waiter *way)
{
    enum { BATCH = 16 }; /* between two readings of the clock */
    const uint64_t one = 1;
    long events = 0;
    way->open(); /* only now: an epoll set that is open costs the others time as well */
    const long long start = clock_ns();
    long long now = start;
    while (now - start < SLICE_NS) {
        for (int i = 0; i < BATCH; i++) {
            if (write(watched[count - 1], &one, sizeof one) != sizeof one)
                err(EXIT_FAILURE, "write");
            way->one_event();
        }
        events += BATCH;
        now = clock_ns();
    }
    if (way->close != NULL)
        way->close();
    return (double)(now - start) / (double)events;
}

static void close_descriptors(void)
{
    for (int i = 0; i < count; i++)
        close(watched[i]);
    free(watched);
}

/* Returns false if that many cannot be open, and one for epoll. */
static bool open_descriptors(int idle)
{
    count = idle + 1;
    watched = calloc((size_t)count, sizeof *watched);
    if (watched == NULL)
        err(EXIT_FAILURE, "calloc");
    for (int i = 0; i <= count; i++) {
        const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd == -1 && errno == EMFILE) {
            count = i;
            close_descriptors();
            return false;
        }
        if (fd == -1)
            err(EXIT_FAILURE, "eventfd");
        if (i < count)
            watched[i] = fd;
        else
            close(fd);
    }
    return true;
}

/* Returns whether a line was printed. */
static bool measure(const char *only, int idle, rlim_t limit)
{
    bool printed = false;
    static double ns[WAYS][SLICES], ratios[WAYS][SLICES];
    bool chosen[WAYS];
    if (!open_descriptors(idle)) {
        warnx("%d idle descriptors, and those of the program: RLIMIT_NOFILE allows %llu", idle,
              (unsigned long long)limit);
        return false;
    }
    for (int i = 0; i < WAYS; i++) {
        chosen[i] = i == LEVEL || only == NULL || strcmp(only, ways[i].name) == 0;
        if (chosen[i] && i == SELECT && watched[count - 1] >= FD_SETSIZE) {
            warnx("select: no descriptor above %d, so not with %d others", FD_SETSIZE - 1, idle);
            chosen[i] = false;
        }
        if (!chosen[i])
            continue;
        slice(&ways[i]); /* the warm-up */
    }
    for (int round = 0; round < SLICES; round++) {
        for (int turn = 0; turn < WAYS; turn++) {
            const int i = round % 2 == 0 ? turn : WAYS - 1 - turn;
            if (chosen[i])
                ns[i][round] = slice(&ways[i]);
        }
        for (int i = 0; i < WAYS; i++)
            ratios[i][round] = ns[i][round] / ns[LEVEL][round];
    }
    for (int i = 0; i < WAYS; i++) {
        if (!chosen[i])
            continue;
        if (only != NULL && strcmp(only, ways[i].name) != 0)
            continue;
        printed = true;
        printf("%s\t%d\t%.0f\t%.3f\n", ways[i].name, idle, median(ns[i], SLICES),
               median(ratios[i], SLICES));
    }
    flush_stdout();
    close_descriptors();
    return printed;
}

/* The soft limit becomes the hard one. Returns it. */
static rlim_t raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        err(EXIT_FAILURE, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
        err(EXIT_FAILURE, "setrlimit");
    return limit.rlim_cur;
}

int main(int argc, char *argv[])
{
    const char *only = NULL;
    long counts[MOST_COUNTS] = {1, 10, 100, 1000, 10000, 20000};
    int counts_given = 6;
    for (int letter; (letter = next_option(argc, argv, "m:s:", usage)) != -1;)
        if (letter == 'm')
            only = optarg;
        else
            counts_given = parse_list("-s", optarg, 1, LARGEST, counts, MOST_COUNTS);
    check_operands(argc, argv, 0, 0);
    bool known = only == NULL;
    for (int i = 0; i < WAYS; i++)
        known |= only != NULL && strcmp(only, ways[i].name) == 0;
    if (!known)
        errx(USAGE_ERROR, "-m '%s': not one of select, poll, epoll, epoll-et", only);

    const rlim_t limit = raise_limit();
    printf("way\tidle\tns\ttime_to_epoll\n");
    flush_stdout();
    int measured = 0;
    for (int i = 0; i < counts_given; i++)
        measured += measure(only, (int)counts[i], limit);
    return measured > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
