/* timer - three ways to have the kernel watch the clock, and what each reports about missed time
 *
 * Each timer expires every 20 ms, and nobody looks until the clock says that it has expired five
 * times. SIGALRM is a standard signal: five make one, and nobody counts them. A POSIX timer sends
 * one signal, and the kernel counts its overruns. The read() of a timerfd returns the number.
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

enum { MISSED = 5, PERIOD_MS = 20, WATCHED_MS = 200, MILLISECOND = 1000000 };

static const char usage[] =
    "usage: timer [-x | -m alarm|posix|fd]\n"
    "  -m WAY  alarm: setitimer() and SIGALRM; posix: timer_create(); fd: timerfd (all three)\n"
    "  -x      alarm(), then read(): the alarm comes before the read(), which has no end\n"
    "  prints how often each expired while nobody looked, and what the program learned of it\n";

static const struct itimerspec every = {.it_value.tv_nsec = PERIOD_MS * MILLISECOND,
                                        .it_interval.tv_nsec = PERIOD_MS * MILLISECOND};

/* Call it when the timer has been set; it has expired five times when this returns. */
static void look_away(void)
{
    const double start = now_in_ms();
    double passed;
    do {
        nanosleep(&(struct timespec){.tv_nsec = PERIOD_MS * MILLISECOND / 2}, NULL);
        passed = now_in_ms() - start;
    } while (passed < MISSED * PERIOD_MS + PERIOD_MS / 2);
    say("%.0f ms later: it has expired %d times", passed, (int)passed / PERIOD_MS);
}

/* `least` and `most` of what the program may learn. */
static void print(const char *way, long learned, long least, long most)
{
    printf("%s expired %ld told %ld\n", way, learned > MISSED ? learned : MISSED, learned);
    flush_stdout();
    if (learned < least || learned > most)
        errx(EXIT_FAILURE, "unexpected: %ld, not %ld to %ld", learned, least, most);
}

static void use_alarm(void)
{
    lane(0, "alarm");
    const sigset_t set = set_of(SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    const struct itimerval times = {.it_value.tv_usec = PERIOD_MS * 1000,
                                    .it_interval.tv_usec = PERIOD_MS * 1000};
    if (setitimer(ITIMER_REAL, &times, NULL) == -1)
        err(EXIT_FAILURE, "setitimer");
    say("setitimer(every %d ms) = 0", PERIOD_MS);
    look_away();
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 0}, NULL);
    long signals = 0;
    while (sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = 0}) == SIGALRM)
        signals++;
    say("sigtimedwait() = -1 %s, after %ld SIGALRM", errno_name(errno), signals);
    print("alarm", signals, 1, 1);
}

static void use_posix_timer(void)
{
    lane(0, "posix");
    const sigset_t set = set_of(SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    timer_t timer;
    const double start = now_in_ms();
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 ||
        timer_settime(timer, 0, &every, NULL) == -1)
        err(EXIT_FAILURE, "timer_create, timer_settime");
    say("timer_settime(every %d ms) = 0", PERIOD_MS);
    look_away();
    while (sigwaitinfo(&set, NULL) == -1) /* EINTR: stopped and continued, see signal(7) */
        continue;
    say("sigwaitinfo() = SIGRTMIN");
    const int overruns = timer_getoverrun(timer);
    say("timer_getoverrun() = %d: expirations besides this one", overruns);
    timer_delete(timer);
    print("posix", 1 + overruns, MISSED, (long)(now_in_ms() - start) / PERIOD_MS);
}

static void use_timerfd(void)
{
    lane(0, "fd");
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    const double start = now_in_ms();
    if (fd == -1 || timerfd_settime(fd, 0, &every, NULL) == -1)
        err(EXIT_FAILURE, "timerfd_create, timerfd_settime");
    say("timerfd_settime(%d, every %d ms) = 0", fd, PERIOD_MS);
    look_away();
    uint64_t count = 0;
    const ssize_t bytes = read(fd, &count, sizeof count);
    say("read(%d) = %zd: a number of 8 bytes, %ld", fd, bytes, (long)count);
    close(fd);
    print("fd", (long)count, MISSED, (long)(now_in_ms() - start) / PERIOD_MS);
}

static void do_nothing(int signal_number)
{
    (void)signal_number; /* read() fails with EINTR, if it has begun: there is no SA_RESTART */
}

/* -x: the mistake */
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
    errx(EXIT_FAILURE, "unexpected: read() = %zd", count);
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
    say("waitpid(%d): stopped, in the gap", (int)reader);
    while (!is_in_set(SIGALRM, status_field(reader, "ShdPnd", 16)))
        nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
    say("its ShdPnd has SIGALRM: the second is over");
    say_kill(reader, SIGCONT);
    do /* again, if it was stopped and continued meanwhile */
        wait_asleep_in(reader, "read", fds[READ_END]);
    while (!still_asleep(reader, WATCHED_MS));
    say_asleep_in("200 ms later: the reader", reader, "read", fds[READ_END]);
    kill(reader, SIGKILL);
    if (reap(reader) != 128 + SIGKILL)
        errx(EXIT_FAILURE, "the reader failed");
    puts("no limit");
    flush_stdout();
    lesson("alarm(), then read(): a signal that comes in between limits nothing");
    exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    const char *way = "";
    bool miss = false;
    for (int letter; (letter = next_option(argc, argv, "xm:", usage)) != -1;)
        if (letter == 'x')
            miss = true;
        else if (strcmp(optarg, "alarm") == 0 || strcmp(optarg, "posix") == 0 ||
                 strcmp(optarg, "fd") == 0)
            way = optarg;
        else
            errx(USAGE_ERROR, "-m %s: not alarm, posix or fd", quoted(optarg, strlen(optarg)));
    check_operands(argc, argv, 0, 0);
    if (miss && *way != '\0')
        errx(USAGE_ERROR, "-m does not go with -x");
    if (miss)
        miss_the_alarm();
    if (*way == '\0' || *way == 'a')
        use_alarm();
    if (*way == '\0' || *way == 'p')
        use_posix_timer();
    if (*way == '\0' || *way == 'f')
        use_timerfd();
    lesson("SIGALRMs that nobody takes merge into one; a POSIX timer and a timerfd count");
    return EXIT_SUCCESS;
}
