/* timer - three ways to have the kernel watch the clock, and what each reports about missed time
 *
 * Each timer expires every 20 ms, and for a while nobody looks: the signals are blocked, the
 * descriptor is not read, until the clock says that it has expired five times. SIGALRM is a
 * standard signal: five make one, and nobody counts them. A POSIX timer sends one signal, and the
 * kernel counts its overruns. A timerfd becomes readable, and read() returns the number.
 *
 * With -x a program limits a read() to one second by alarm(), as one did before there was poll().
 * It is held up between the two calls (by SIGSTOP, as a busy machine might do it) until the alarm
 * has come, and then read() has no limit.
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MISSED = 5, PERIOD_MS = 20, WATCHED_MS = 200 };
enum { MICROSECONDS = 1000, NANOSECONDS = 1000000 }; /* in a millisecond */

static const char usage[] =
    "usage: timer [-x | -m alarm|posix|fd]\n"
    "  -m WAY  alarm: setitimer() and SIGALRM; posix: timer_create(); fd: timerfd (all three)\n"
    "  -x      alarm(), then read(): the alarm comes before the read(), which has no end\n"
    "  prints, for each, how often it expired while nobody looked, and how many of those the\n"
    "  program learned of\n";

static const struct itimerspec every = {.it_value.tv_nsec = PERIOD_MS * NANOSECONDS,
                                        .it_interval.tv_nsec = PERIOD_MS * NANOSECONDS};

/* Call it when the timer has been set; it must have expired five times when this returns. */
static void look_away(void)
{
    const double start = now_in_ms();
    double passed;
    do {
        nanosleep(&(struct timespec){.tv_nsec = PERIOD_MS * NANOSECONDS / 2}, NULL);
        passed = now_in_ms() - start;
    } while (passed < MISSED * PERIOD_MS + PERIOD_MS / 2);
    say("%.0f ms later: it has expired %d times", passed, (int)passed / PERIOD_MS);
}

static void print(const char *way, double start, long learned, bool counts)
{
    const long most = (long)(now_in_ms() - start) / PERIOD_MS;
    const long expired = learned > MISSED ? learned : MISSED;
    printf("%s expired %ld told %ld\n", way, expired, learned);
    flush_stdout();
    if (learned < (counts ? MISSED : 1) || learned > (counts ? most : 1))
        errx(EXIT_FAILURE, "unexpected: %s: %ld of at most %ld expirations", way, learned, most);
}

static void use_alarm(void)
{
    lane(0, "alarm");
    const sigset_t set = set_of(SIGALRM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    const struct itimerval times = {.it_value.tv_usec = PERIOD_MS * MICROSECONDS,
                                    .it_interval.tv_usec = PERIOD_MS * MICROSECONDS};
    const double start = now_in_ms();
    if (setitimer(ITIMER_REAL, &times, NULL) == -1)
        err(EXIT_FAILURE, "setitimer");
    say("setitimer(every %d ms) = 0", PERIOD_MS);
    look_away();
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    long signals = 0;
    while (sigtimedwait(&set, NULL, &(struct timespec){0}) != -1)
        signals++;
    say("sigtimedwait() = SIGALRM, %ld time%s", signals, signals == 1 ? "" : "s");
    print("alarm", start, signals, false);
}

static void use_posix_timer(void)
{
    lane(0, "posix");
    const sigset_t set = set_of(SIGRTMIN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == -1)
        err(EXIT_FAILURE, "timer_create");
    const double start = now_in_ms();
    if (timer_settime(timer, 0, &every, NULL) == -1)
        err(EXIT_FAILURE, "timer_settime");
    say("timer_settime(every %d ms) = 0", PERIOD_MS);
    look_away();
    while (sigwaitinfo(&set, NULL) == -1)
        if (errno != EINTR) /* stopped and continued, see signal(7) */
            err(EXIT_FAILURE, "sigwaitinfo");
    say("sigwaitinfo() = SIGRTMIN");
    const int overruns = timer_getoverrun(timer);
    say("timer_getoverrun() = %d: expirations besides this one", overruns);
    timer_delete(timer);
    print("posix", start, 1 + overruns, true);
}

static void use_timerfd(void)
{
    lane(0, "fd");
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "timerfd_create");
    const double start = now_in_ms();
    if (timerfd_settime(fd, 0, &every, NULL) == -1)
        err(EXIT_FAILURE, "timerfd_settime");
    say("timerfd_settime(%d, every %d ms) = 0", fd, PERIOD_MS);
    look_away();
    uint64_t count = 0;
    const ssize_t bytes = read(fd, &count, sizeof count);
    say("read(%d) = %zd bytes: the number %ld", fd, bytes, (long)count);
    close(fd);
    print("fd", start, (long)count, true);
}

/* ---- -x: the mistake ---- */

static void do_nothing(int signal_number)
{
    (void)signal_number; /* without SA_RESTART: read() fails with EINTR, if it has begun */
}

static void read_with_alarm(int fd)
{
    lane(1, "reader");
    die_with_parent();
    const struct sigaction action = {.sa_handler = do_nothing};
    if (sigaction(SIGALRM, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    say("alarm(1) = %u", alarm(1));
    raise(SIGSTOP); /* the gap: here we are held up */
    char byte;
    say("read(%d) ...", fd);
    const ssize_t count = read(fd, &byte, 1);
    say("... = %zd %s", count, errno_name(errno));
    _exit(EXIT_FAILURE);
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
    if (waitpid(reader, NULL, WUNTRACED) == -1)
        err(EXIT_FAILURE, "waitpid");
    say("waitpid(%d) = %d: stopped, in the gap", (int)reader, (int)reader);
    while (!is_in_set(SIGALRM, status_field(reader, "ShdPnd", 16)))
        nanosleep(&(struct timespec){.tv_nsec = NANOSECONDS}, NULL);
    say("SIGALRM is in its ShdPnd: the second is over");
    if (kill(reader, SIGCONT) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGCONT) = 0", (int)reader);
    do
        wait_asleep_in(reader, "read", fds[READ_END]);
    while (!still_asleep(reader, WATCHED_MS));
    say_asleep_in("200 ms later: the reader", reader, "read", fds[READ_END]);
    kill(reader, SIGKILL);
    if (reap(reader) != 128 + SIGKILL)
        errx(EXIT_FAILURE, "the reader failed");
    puts("no limit");
    flush_stdout();
    lesson("alarm(), then read(): a signal that comes in between limits nothing");
}

int main(int argc, char *argv[])
{
    const char *only = NULL;
    bool miss = false;
    for (int letter; (letter = next_option(argc, argv, "xm:", usage)) != -1;)
        if (letter == 'x')
            miss = true;
        else
            only = optarg;
    check_operands(argc, argv, 0, 0);
    if (only != NULL && strcmp(only, "alarm") != 0 && strcmp(only, "posix") != 0 &&
        strcmp(only, "fd") != 0)
        errx(USAGE_ERROR, "-m '%s': not alarm, posix or fd", only);
    if (only != NULL && miss)
        errx(USAGE_ERROR, "-m does not go with -x");

    if (miss) {
        miss_the_alarm();
        return EXIT_SUCCESS;
    }
    if (only == NULL || *only == 'a')
        use_alarm();
    if (only == NULL || *only == 'p')
        use_posix_timer();
    if (only == NULL || *only == 'f')
        use_timerfd();
    lesson("SIGALRMs that nobody takes merge into one; a POSIX timer and a timerfd count");
    return EXIT_SUCCESS;
}
