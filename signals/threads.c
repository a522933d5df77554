/* threads - a signal for a process goes to any thread that does not block it: let one wait for all
 *
 * The first thread, the worker, blocks the signals before it makes another one, the waiter, which
 * inherits the mask and takes them with sigwait(): no handler interrupts the worker. With -x the
 * waiter alone blocks them. The worker gets them: its read() fails with EINTR.
 *
 * pthreads(7), sigwait(3), pthread_sigmask(3), signal(7)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TIMES = 4096, MOST = 1000000, INTERRUPTED = 3 };

static const char usage[] = "usage: threads [-x] [-c COUNT]\n"
                            "  -c COUNT  SIGUSR1 comes COUNT times before SIGTERM (4096)\n"
                            "  -x        the worker does not block the signals: it is interrupted\n"
                            "  prints which thread has got the signals\n";

static int input[2]; /* the pipe that the worker reads */

static void *wait_for_signals(void *set)
{
    int number, count = 0;
    check_error(pthread_sigmask(SIG_BLOCK, set, NULL), "pthread_sigmask");
    do {
        check_error(sigwait(set, &number), "sigwait");
        if (number == SIGUSR1 && count++ == 0)
            say("waiter: sigwait() = SIGUSR1");
    } while (number != SIGTERM);
    say("waiter: SIGUSR1 has come %d time%s in all", count, plural((unsigned)count));
    say("waiter: sigwait() = SIGTERM");
    if (count == 0)
        errx(EXIT_FAILURE, "unexpected: SIGUSR1 has not come");
    if (write(input[WRITE_END], "", 1) == -1)
        err(EXIT_FAILURE, "write");
    return NULL;
}

static void run_threads(bool forgets)
{
    lane(1, "program");
    die_with_parent();
    handle_by(do_nothing, SIGUSR1, 0);
    sigset_t set = set_of_two(SIGUSR1, SIGTERM);
    if (!forgets) {
        check_error(pthread_sigmask(SIG_BLOCK, &set, NULL), "pthread_sigmask");
        say("worker: pthread_sigmask(SIG_BLOCK)");
    }
    pthread_t waiter;
    check_error(pthread_create(&waiter, NULL, wait_for_signals, &set), "pthread_create");
    const ssize_t count = read(input[READ_END], &(char){0}, 1);
    say("worker: read(%d) = %zd %s", input[READ_END], count, error_of(count));
    if (count != -1)
        check_error(pthread_join(waiter, NULL), "pthread_join");
    _exit(count == -1 ? INTERRUPTED : EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    bool forgets = false;
    long times = TIMES;
    for (int letter; (letter = next_option(argc, argv, "xc:", usage)) != -1;)
        if (letter == 'x')
            forgets = true;
        else
            times = parse_long("-c", optarg, 1, MOST);
    check_operands(argc, argv, 0, 0);

    lane(0, "sender");
    if (pipe(input) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t program = fork();
    if (program == -1)
        err(EXIT_FAILURE, "fork");
    if (program == 0)
        run_threads(forgets);
    say_asleep_in("the worker", program, "read", input[READ_END]);
    if (say_set(program, "SigBlk", SIGUSR1) == forgets)
        errx(EXIT_FAILURE, "unexpected: the mask after pthread_sigmask()");
    say_kill(program, SIGUSR1);
    for (long sent = 1; forgets ? !has_ended(program) : sent < times; sent++)
        kill(program, SIGUSR1); /* with -x, until the worker has got one */
    if (!forgets) {
        say("SIGUSR1 was sent %ld time%s in all", times, plural((unsigned long)times));
        say_kill(program, SIGTERM);
    }
    if (reap(program) != (forgets ? INTERRUPTED : EXIT_SUCCESS))
        errx(EXIT_FAILURE, "unexpected: the worker was %sinterrupted", forgets ? "not " : "");
    puts(forgets ? "worker: SIGUSR1" : "waiter: SIGUSR1, SIGTERM");
    lesson(forgets ? "a thread that does not block a signal may get it: block it in all of them"
                   : "block the signals in all threads, and let one take them with sigwait()");
    return EXIT_SUCCESS;
}
