/* timer - three ways to have the kernel watch the clock, and what each tells of time that was
 * missed
 *
 * Each timer expires every 20 ms, and for a while nobody heeds it: the signals are blocked, the
 * descriptor is not read, until the clock says that it must have expired five times. SIGALRM is a
 * standard signal: five make one, and nobody counts them. A POSIX timer sends one signal, and the
 * kernel counts its overruns. A timerfd is a descriptor that is readable; read() gives the number.
 *
 * Then each serves for ten timeouts of 5 ms, and the clock says how late they were. They may be
 * late; they are never early.
 *
 * setitimer(2), timer_create(2), timer_getoverrun(2), timerfd_create(2), sigwaitinfo(2), time(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MISSED = 5, TIMEOUTS = 10 };
enum { MS = 1000000, PERIOD = 20 * MS, TIMEOUT = 5 * MS }; /* nanoseconds */

static const char usage[] =
    "usage: timer [-m alarm|posix|fd]\n"
    "  -m WAY  alarm: setitimer() and SIGALRM; posix: timer_create(); fd: timerfd (all three)\n"
    "  prints, for each, how often it expired unheeded and how often the program was told of it;\n"
    "  then the least and the most that ten timeouts were late\n";

static long long now_in_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
        err(EXIT_FAILURE, "clock_gettime");
    return now.tv_sec * 1000LL * MS + now.tv_nsec;
}

static struct timespec in_timespec(long long ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / (1000LL * MS)), .tv_nsec = ns % (1000LL * MS)};
}

/* SIGALRM and SIGRTMIN are blocked: they stay pending until they are taken here, without a handler.
 */
static sigset_t timer_signals;

static void block_signals(void)
{
    sigemptyset(&timer_signals);
    sigaddset(&timer_signals, SIGALRM);
    sigaddset(&timer_signals, SIGRTMIN);
    if (sigprocmask(SIG_BLOCK, &timer_signals, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
}

static void wait_for_signal(void)
{
    while (sigwaitinfo(&timer_signals, NULL) == -1)
        if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "sigwaitinfo");
}

static int take_pending(void)
{
    int taken = 0;
    while (sigtimedwait(&timer_signals, NULL, &(struct timespec){0}) != -1)
        taken++;
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "sigtimedwait");
    return taken;
}

/* Each way: how to make the timer, to set it, to wait for it, to delete it. A period of 0: once.
 * The wait returns how many expirations the program is told of. */

static void set_alarm(long first, long period) /* a process has one, and need not make it */
{
    const struct itimerval times = {.it_value.tv_usec = first / 1000,
                                    .it_interval.tv_usec = period / 1000};
    if (setitimer(ITIMER_REAL, &times, NULL) == -1)
        err(EXIT_FAILURE, "setitimer");
}

static long wait_for_alarm(void)
{
    wait_for_signal();
    return 1;
}

static timer_t timer;

static void create_posix(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == -1)
        err(EXIT_FAILURE, "timer_create");
}

static void set_posix(long first, long period)
{
    const struct itimerspec times = {.it_value.tv_nsec = first, .it_interval.tv_nsec = period};
    if (timer_settime(timer, 0, &times, NULL) == -1)
        err(EXIT_FAILURE, "timer_settime");
}

static long wait_for_posix(void)
{
    wait_for_signal(); /* a real-time signal, but never more than one for each timer */
    const int overruns = timer_getoverrun(timer);
    if (overruns == -1)
        err(EXIT_FAILURE, "timer_getoverrun");
    return 1 + overruns;
}

static void delete_posix(void)
{
    if (timer_delete(timer) == -1)
        err(EXIT_FAILURE, "timer_delete");
}

static int timer_fd;

static void create_fd(void)
{
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (timer_fd == -1)
        err(EXIT_FAILURE, "timerfd_create");
}

static void set_fd(long first, long period)
{
    const struct itimerspec times = {.it_value.tv_nsec = first, .it_interval.tv_nsec = period};
    if (timerfd_settime(timer_fd, 0, &times, NULL) == -1)
        err(EXIT_FAILURE, "timerfd_settime");
}

static long wait_for_fd(void)
{
    uint64_t expirations;
    if (read_full(timer_fd, &expirations, sizeof expirations) == -1)
        err(EXIT_FAILURE, "read");
    return (long)expirations;
}

static void delete_fd(void)
{
    if (close(timer_fd) == -1)
        err(EXIT_FAILURE, "close");
}

static const struct way {
    const char *name, *set_call, *wait_call;
    void (*create)(void);
    void (*set)(long first, long period);
    long (*wait)(void);
    void (*delete)(void);
    bool counts;
} ways[] = {
    {"alarm", "setitimer()", "SIGALRM", NULL, set_alarm, wait_for_alarm, NULL, false},
    {"posix", "timer_settime()", "SIGRTMIN + timer_getoverrun()", create_posix, set_posix,
     wait_for_posix, delete_posix, true},
    {"fd", "timerfd_settime()", "read()", create_fd, set_fd, wait_for_fd, delete_fd, true},
};
enum { WAYS = sizeof ways / sizeof *ways };

static void miss_some(const struct way *way)
{
    const long long before = now_in_ns();
    way->set(PERIOD, PERIOD);
    const long long start = now_in_ns();
    say("%s: expires every %d ms; nobody heeds it", way->set_call, PERIOD / MS);
    const struct timespec wake_up = in_timespec(start + MISSED * PERIOD + PERIOD / 2);
    if ((errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake_up, NULL)) != 0)
        err(EXIT_FAILURE, "clock_nanosleep");

    const long least = (long)((now_in_ns() - start) / PERIOD);
    long told = way->wait();
    const long most = (long)((now_in_ns() - before) / PERIOD);
    way->set(0, 0);
    const int more_signals = take_pending();
    if (!way->counts)
        told += more_signals;
    const long expired = told > least ? told : least;
    say("the clock: expired %ld times; %s: %ld", expired, way->wait_call, told);
    if (way->counts ? told < least || told > most : told >= least)
        errx(EXIT_FAILURE, "%s: told of %ld expirations, the clock says %ld to %ld", way->name,
             told, least, most);
    printf("%s expired %ld told %ld\n", way->name, expired, told);
}

static void measure(const struct way *way)
{
    long long least = INT64_MAX, most = 0;
    for (int i = 0; i < TIMEOUTS; i++) {
        const long long start = now_in_ns();
        way->set(TIMEOUT, 0);
        way->wait();
        const long long late = now_in_ns() - start - TIMEOUT;
        if (late < 0)
            errx(EXIT_FAILURE, "%s: %lld ns too early", way->name, -late);
        least = late < least ? late : least;
        most = late > most ? late : most;
    }
    printf("%s late %.3f ms to %.3f ms\n", way->name, (double)least / MS, (double)most / MS);
}

static void show(const struct way *way)
{
    lane(0, way->name);
    if (way->create != NULL)
        way->create();
    miss_some(way);
    measure(way);
    if (way->delete != NULL)
        way->delete ();
    flush_stdout();
}

static const struct way *parse_way(const char *text)
{
    for (int i = 0; i < WAYS; i++)
        if (strcmp(text, ways[i].name) == 0)
            return &ways[i];
    errx(USAGE_ERROR, "-m '%s': not alarm, posix or fd", text);
}

int main(int argc, char *argv[])
{
    const struct way *only = NULL;
    while (next_option(argc, argv, "m:", usage) != -1)
        only = parse_way(optarg);
    check_operands(argc, argv, 0, 0);

    block_signals();
    for (int i = 0; i < WAYS; i++)
        if (only == NULL || only == &ways[i])
            show(&ways[i]);
    lesson("an unheeded SIGALRM is lost; a POSIX timer and a timerfd count what was missed");
    return EXIT_SUCCESS;
}
