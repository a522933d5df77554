/* timer - three ways to have the kernel watch the clock, and what each reports about missed time
 *
 * Each timer is to expire every 20 ms, and nobody looks until five such periods are over. That of
 * setitimer() expires once, and then stands still until SIGALRM has been taken. A POSIX timer sends
 * one signal, and the kernel counts its overruns. The read() of a timerfd returns the number.
 *
 * With -x a program limits a read() with alarm(1), and is held up between the two calls.
 *
 * setitimer(2), timer_create(2), timer_getoverrun(2), timerfd_create(2), alarm(2), time(7)
 */
#include "../lib/demo.h"
#include "sets.h"

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

enum { PERIOD_MS = 20, MISSED_MS = 110, MICROSECONDS = 1000, MILLISECOND = 1000000 };

static const char usage[] =
    "usage: timer [-x | -m alarm|posix|fd]\n"
    "  -m WAY  alarm: setitimer(); posix: timer_create(); fd: timerfd_create() (all)\n"
    "  -x      alarm(), then read(): the alarm comes before it, and it has no end\n"
    "  prints how many periods went by unseen, and how many of them were reported\n";

static const struct itimerspec every = {.it_value.tv_nsec = PERIOD_MS * MILLISECOND,
                                        .it_interval.tv_nsec = PERIOD_MS * MILLISECOND};

static volatile sig_atomic_t alarmed;

/* The timer has been set just now. Returns how many periods have gone by. */
static long look_away(void)
{
    const double start = now_in_ms();
    double passed = 0;
    while (passed < MISSED_MS) {
        nanosleep(&(struct timespec){.tv_nsec = PERIOD_MS * MILLISECOND / 2}, NULL);
        passed = now_in_ms() - start;
    }
    const long periods = (long)passed / PERIOD_MS;
    say("%.0f ms later: %ld periods", passed, periods);
    return periods;
}

static void print(const char *way, long periods, long reported)
{
    printf("%s periods %ld told %ld\n", way, periods, reported);
    flush_stdout();
}

static void use_alarm(void)
{
    lane(0, "alarm");
    const sigset_t set = set_of(SIGALRM);
    block(&set);
    const struct itimerval times = {.it_value.tv_usec = PERIOD_MS * MICROSECONDS,
                                    .it_interval.tv_usec = PERIOD_MS * MICROSECONDS};
    if (setitimer(ITIMER_REAL, &times, NULL) == -1)
        err(EXIT_FAILURE, "setitimer");
    say("setitimer(every %d ms)", PERIOD_MS);
    const long periods = look_away();
    struct itimerval left;
    const int result = getitimer(ITIMER_REAL, &left);
    if (result == -1)
        err(EXIT_FAILURE, "getitimer");
    if (left.it_value.tv_sec != 0 || left.it_value.tv_usec != 0)
        errx(EXIT_FAILURE, "unexpected: it goes on");
    say("getitimer() = %d: it_value %ld us: it stands still", result, (long)left.it_value.tv_usec);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 0}, NULL);
    long signals = 0;
    int taken;
    while ((taken = sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = 0})) == SIGALRM)
        signals++;
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "sigtimedwait");
    say("sigtimedwait() = %d %s, after %ld SIGALRM", taken, errno_name(errno), signals);
    print("alarm", periods, signals);
    if (signals != 1)
        errx(EXIT_FAILURE, "unexpected: %ld signals", signals);
    lesson("setitimer() stands still until its SIGALRM is taken: what was missed is lost");
}

static void use_posix_timer(void)
{
    lane(0, "posix");
    const sigset_t set = set_of(SIGRTMIN);
    block(&set);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == -1) /* keeps room for the signal */
        queueing_failed("timer_create");
    if (timer_settime(timer, 0, &every, NULL) == -1)
        err(EXIT_FAILURE, "timer_settime");
    say("timer_settime(every %d ms)", PERIOD_MS);
    const long periods = look_away();
    while (sigwaitinfo(&set, NULL) == -1) /* EINTR: stopped and continued, see signal(7) */
        continue;
    say("sigwaitinfo() = SIGRTMIN");
    const int overruns = timer_getoverrun(timer);
    say("timer_getoverrun() = %d: expirations besides this one", overruns);
    print("posix", periods, 1 + overruns);
    if (1 + overruns < periods)
        errx(EXIT_FAILURE, "unexpected: some were missed");
    lesson("a POSIX timer sends one signal, and counts what it could not report");
}

static void use_timerfd(void)
{
    lane(0, "fd");
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (fd == -1 || timerfd_settime(fd, 0, &every, NULL) == -1)
        err(EXIT_FAILURE, "timerfd_create, timerfd_settime");
    say("timerfd_settime(%d, every %d ms)", fd, PERIOD_MS);
    const long periods = look_away();
    uint64_t count = 0;
    const ssize_t bytes = read(fd, &count, sizeof count);
    if (bytes == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd: a number of 8 bytes, %ld", fd, bytes, (long)count);
    print("fd", periods, (long)count);
    if ((long)count < periods)
        errx(EXIT_FAILURE, "unexpected: some were missed");
    lesson("read() from a timerfd returns how often it has expired since the last read()");
}

static void note_alarm(int number)
{
    (void)number;
    alarmed = true;
}

static void read_with_alarm(int fd)
{
    lane(1, "reader");
    die_with_parent();
    handle_by(note_alarm, SIGALRM, 0); /* a read() that has begun fails with EINTR */
    say("alarm(1) = %u", alarm(1));
    while (!alarmed) /* the gap: a busy machine might hold us up here */
        nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
    say("SIGALRM has come, and its handler has run");
    say("read(%d) ...", fd);
    errx(EXIT_FAILURE, "unexpected: read() = %zd", read(fd, &(char){0}, 1));
}

static void miss_the_alarm(void)
{
    lane(0, "parent");
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0)
        read_with_alarm(fds[READ_END]);
    say_still_asleep_in("the reader", reader, "read", fds[READ_END]);
    say_kill(reader, SIGKILL);
    reap(reader);
    puts("no limit");
    lesson("alarm(), then read(): a signal that comes in between limits nothing");
}

int main(int argc, char *argv[])
{
    const char *way = "all";
    bool miss = false;
    for (int letter; (letter = next_option(argc, argv, "xm:", usage)) != -1;)
        if (letter == 'x')
            miss = true;
        else
            way = optarg;
    check_operands(argc, argv, 0, 0);
    const bool all = strcmp(way, "all") == 0, alarm = all || strcmp(way, "alarm") == 0;
    const bool posix = all || strcmp(way, "posix") == 0, fd = all || strcmp(way, "fd") == 0;
    if ((!alarm && !posix && !fd) || (miss && !all))
        errx(USAGE_ERROR, "-m %s: %s", quoted(way, strlen(way)),
             miss ? "-x has no ways" : "not alarm, posix or fd");
    if (miss) {
        miss_the_alarm();
        return EXIT_SUCCESS;
    }
    if (alarm)
        use_alarm();
    if (posix)
        use_posix_timer();
    if (fd)
        use_timerfd();
    return EXIT_SUCCESS;
}
