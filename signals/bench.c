/* bench - what it costs to wake another process by a signal
 *
 * The signals are blocked and waited for: no handler runs. Pending standard signals merge, so with
 * kill() each one must be answered before the next: its stream is no faster than its latency.
 *
 * kill(2), sigqueue(3), sigwaitinfo(2), signalfd(2)
 */
#define _GNU_SOURCE /* RLIMIT_SIGPENDING */
#include "../lib/bench/bench.h"
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t wanted; /* each process has its own queue of them */

static void block_signals(size_t size)
{
    (void)size;
    wanted = set_of_two(SIGUSR1, SIGRTMIN);
    block(&wanted);
}

static void send_by_kill(enum way way, void *message, size_t size)
{
    (void)way, (void)message, (void)size;
    if (kill(bench_peer, SIGUSR1) == -1)
        err(EXIT_FAILURE, "kill");
}

static void send_by_sigqueue(enum way way, void *message, size_t size)
{
    (void)way, (void)message, (void)size;
    if (sigqueue(bench_peer, SIGRTMIN, (union sigval){.sival_int = 0}) == -1)
        queueing_failed("sigqueue");
}

static void receive_by_sigwaitinfo(enum way way, void *message, size_t size)
{
    (void)way, (void)message, (void)size;
    while (sigwaitinfo(&wanted, NULL) == -1)
        continue; /* EINTR: stopped and continued */
}

static int signals_fd = -1; /* read(2) looks for the signals of the process that calls it */

static void open_signalfd(size_t size)
{
    block_signals(size);
    signals_fd = signalfd(signals_fd, &wanted, 0);
    if (signals_fd == -1)
        err(EXIT_FAILURE, "signalfd");
}

static void receive_by_signalfd(enum way way, void *message, size_t size)
{
    (void)way, (void)message, (void)size;
    struct signalfd_siginfo info;
    if (read(signals_fd, &info, sizeof info) != sizeof info)
        err(EXIT_FAILURE, "read");
}

/* Surely within the limit for all processes of this user: see SigQ in proc(5). */
static long signals_under_way(void)
{
    enum { MOST = 100, PART = 4 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_SIGPENDING, &limit) == -1)
        err(EXIT_FAILURE, "getrlimit");
    const unsigned long long used = status_field(getpid(), "SigQ", 10), most = limit.rlim_cur;
    const unsigned long long part = most > used ? (most - used) / PART : 0;
    return part > MOST ? MOST : part > 0 ? (long)part : 1;
}

int main(int argc, char *argv[])
{
    const long window = signals_under_way();
    static const struct mechanism by_kill = {.variant = "kill",
                                             .window = 1,
                                             .open = block_signals,
                                             .send = send_by_kill,
                                             .receive = receive_by_sigwaitinfo};
    const struct mechanism by_sigqueue = {.variant = "sigqueue",
                                          .window = window,
                                          .open = block_signals,
                                          .send = send_by_sigqueue,
                                          .receive = receive_by_sigwaitinfo};
    const struct mechanism by_signalfd = {.variant = "signalfd",
                                          .window = window,
                                          .open = open_signalfd,
                                          .send = send_by_sigqueue,
                                          .receive = receive_by_signalfd};
    const struct mechanism *const mechanisms[] = {&by_kill, &by_sigqueue, &by_signalfd, NULL};
    return run_bench(argc, argv, &(struct bench){.name = "signals", .mechanisms = mechanisms});
}
