/* threads - a signal for a process goes to any thread that does not block it: let one wait for all
 *
 * The program blocks the signals before it makes its threads, which inherit that. The waiter takes
 * them by sigwait(), one after the other. There is no handler: it may call any function, and the
 * worker is never interrupted. The sender sends SIGUSR1 to the process 4096 times, then SIGTERM.
 *
 * With -x the program makes the worker first and blocks the signals afterwards: too late for the
 * worker, whose read() fails with EINTR, while the thread that is there for signals sleeps on.
 *
 * pthreads(7), sigwait(3), pthread_sigmask(3), signal(7)
 */
#define _GNU_SOURCE /* gettid */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TIMES = 4096, MOST = 1000000 };

static const char usage[] =
    "usage: threads [-x] [-c COUNT]\n"
    "  -c COUNT  SIGUSR1 comes COUNT times before SIGTERM (4096)\n"
    "  -x        the worker is made before the signals are blocked: it is interrupted\n"
    "  prints which thread has got the signals\n";

static int input[2], ids[2]; /* the pipe that the worker reads; the pipe for the threads' ids */

static void do_nothing(int signal_number)
{
    (void)signal_number;
}

static void report_id(void)
{
    const pid_t id = gettid();
    if (write(ids[WRITE_END], &id, sizeof id) == -1)
        err(EXIT_FAILURE, "write");
}

static void *work(void *unused)
{
    char byte;
    report_id();
    if (read(input[READ_END], &byte, 1) == -1) {
        say("worker: read(%d) = -1 %s", input[READ_END], errno_name(errno));
        puts("worker: SIGUSR1");
        flush_stdout();
        _exit(EXIT_FAILURE);
    }
    say("worker: read(%d) = 1", input[READ_END]);
    return unused;
}

static void *wait_for_signals(void *set)
{
    int number, count = 0;
    report_id();
    for (;;) {
        check_error(sigwait(set, &number), "sigwait");
        if (number == SIGTERM)
            break;
        if (count++ == 0)
            say("waiter: sigwait() = SIGUSR1");
    }
    say("waiter: %d times SIGUSR1 in all", count);
    say("waiter: sigwait() = SIGTERM");
    puts("waiter: SIGUSR1, SIGTERM");
    return NULL;
}

static void run_threads(bool too_late)
{
    lane(1, "program");
    die_with_parent();
    sigset_t set = set_of(SIGUSR1);
    sigaddset(&set, SIGTERM);
    const struct sigaction action = {.sa_handler = do_nothing};
    if (sigaction(SIGUSR1, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    pthread_t worker, waiter;
    if (too_late)
        check_error(pthread_create(&worker, NULL, work, NULL), "pthread_create");
    check_error(pthread_sigmask(SIG_BLOCK, &set, NULL), "pthread_sigmask");
    say("pthread_sigmask(SIG_BLOCK, the two) = 0");
    if (!too_late)
        check_error(pthread_create(&worker, NULL, work, NULL), "pthread_create");
    check_error(pthread_create(&waiter, NULL, wait_for_signals, &set), "pthread_create");
    check_error(pthread_join(waiter, NULL), "pthread_join");
    if (write(input[WRITE_END], "", 1) == -1)
        err(EXIT_FAILURE, "write");
    check_error(pthread_join(worker, NULL), "pthread_join");
    flush_stdout();
    _exit(EXIT_SUCCESS);
}

static void wait_for_thread(void)
{
    pid_t id;
    if (read_full(ids[READ_END], &id, sizeof id) != sizeof id)
        errx(EXIT_FAILURE, "read: no thread");
    wait_asleep(id); /* /proc/ID is there for each thread, too */
}

int main(int argc, char *argv[])
{
    bool too_late = false;
    long times = TIMES, sent = 1;
    for (int letter; (letter = next_option(argc, argv, "xc:", usage)) != -1;)
        if (letter == 'x')
            too_late = true;
        else
            times = parse_long("-c", optarg, 1, MOST);
    check_operands(argc, argv, 0, 0);

    lane(0, "sender");
    if (pipe(input) == -1 || pipe(ids) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t program = fork();
    if (program == -1)
        err(EXIT_FAILURE, "fork");
    if (program == 0)
        run_threads(too_late);
    close(ids[WRITE_END]);
    wait_for_thread();
    wait_for_thread();
    say("the worker and the waiter sleep");
    say_kill(program, SIGUSR1);
    for (; (too_late || sent < times) && !has_ended(program); sent++)
        kill(program, SIGUSR1);
    say("SIGUSR1 was sent %ld times in all", sent);
    if (!too_late)
        say_kill(program, SIGTERM);
    const int status = reap(program);
    if (status != (too_late ? EXIT_FAILURE : EXIT_SUCCESS))
        errx(EXIT_FAILURE, "unexpected: the program ended with status %d", status);
    lesson(too_late ? "a thread keeps the mask with which it was made: block first"
                    : "block the signals in all threads, and let one take them by sigwait()");
    return EXIT_SUCCESS;
}
