/* unsafe - a handler must not call what it may be interrupting: localtime() waits for its own lock
 *
 * A worker calls localtime() again and again, as a program does that writes a log, and signals come
 * meanwhile. The handler notes the time by time(), which is async-signal-safe; the worker turns it
 * into hours and minutes later.
 *
 * With -x the handler calls localtime() itself, which holds a lock while it works. If the signal
 * comes just then, the handler waits for the lock, and the worker waits for the end of its handler.
 * A signal may miss that moment, so more are sent until one hits it.
 *
 * signal-safety(7), localtime(3), futex(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SIGNALS = 200, MOST_SIGNALS = 5000, SETTLED_MS = 5, WATCHED_MS = 200 };

static const char usage[] =
    "usage: unsafe [-x]\n"
    "  -x  the handler calls localtime(): a deadlock with what it interrupts\n"
    "  prints whether there was a deadlock\n";

static volatile sig_atomic_t noted, ending; /* a time_t is no sig_atomic_t; the low bits will do */

static void note_time(int signal_number)
{
    (void)signal_number;
    noted = (sig_atomic_t)time(NULL);
}

static void end(int signal_number)
{
    ending = signal_number;
}

static void ask_localtime(int signal_number)
{
    (void)signal_number;
    const time_t now = time(NULL);
    (void)localtime(&now); /* wrong: not in signal-safety(7) */
}

static void *do_nothing(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* The thread is there for C libraries that do without locks as long as there is only one (musl all
 * of them, glibc some). It inherits that the signals are blocked. */
static void work(void (*handler)(int), const sigset_t *set)
{
    lane(1, "worker");
    die_with_parent();
    const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    const struct sigaction at_end = {.sa_handler = end, .sa_flags = SA_RESTART};
    if (sigaction(SIGUSR1, &action, NULL) == -1 || sigaction(SIGTERM, &at_end, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    pthread_t thread;
    check_error(pthread_create(&thread, NULL, do_nothing, NULL), "pthread_create");
    check_error(pthread_sigmask(SIG_UNBLOCK, set, NULL), "pthread_sigmask");
    say("calls localtime() again and again");
    while (!ending)
        (void)localtime(&(time_t){noted});
    say("ends");
    _exit(EXIT_SUCCESS);
}

/* Sends SIGUSR1 until the worker sleeps. Returns whether it does. */
static bool disturb(pid_t worker, int most)
{
    for (int sent = 0; sent < most; sent++) {
        if (still_asleep(worker, SETTLED_MS))
            return true;
        if (has_ended(worker))
            errx(EXIT_FAILURE, "the worker has ended");
        if (kill(worker, SIGUSR1) == -1)
            err(EXIT_FAILURE, "kill");
        if (sent == 0)
            say("kill(%d, SIGUSR1) = 0, and again ...", (int)worker);
    }
    say("... after %d of them it still runs", most);
    return false;
}

static void show_deadlock(pid_t worker)
{
    while (!still_asleep(worker, WATCHED_MS)) /* stopped and continued? */
        wait_asleep(worker);
    say_asleep_in("200 ms later: the worker", worker, "futex", ANY_ARGUMENT);
    if (kill(worker, SIGKILL) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGKILL) = 0", (int)worker);
    if (reap(worker) != 128 + SIGKILL)
        errx(EXIT_FAILURE, "the worker failed");
}

int main(int argc, char *argv[])
{
    bool unsafe = false;
    while (next_option(argc, argv, "x", usage) != -1)
        unsafe = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    sigset_t set; /* blocked until the worker has its handlers */
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    const pid_t worker = fork();
    if (worker == -1)
        err(EXIT_FAILURE, "fork");
    if (worker == 0)
        work(unsafe ? ask_localtime : note_time, &set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    const bool deadlock = disturb(worker, unsafe ? MOST_SIGNALS : SIGNALS);
    if (deadlock != unsafe)
        errx(EXIT_FAILURE, "unexpected: %s", deadlock ? "a deadlock" : "no deadlock");
    if (deadlock) {
        show_deadlock(worker);
    } else {
        kill(worker, SIGTERM);
        say("kill(%d, SIGTERM) = 0", (int)worker);
        if (reap(worker) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "the worker failed");
    }
    puts(deadlock ? "deadlock" : "no deadlock");
    flush_stdout();
    lesson(deadlock ? "the handler waits for the lock that the program holds below it"
                    : "a handler may call what signal-safety(7) lists, time() for instance");
    return EXIT_SUCCESS;
}
