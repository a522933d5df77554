/* unsafe - a handler must not call what it may be interrupting: localtime() waits for its own lock
 *
 * A worker calls localtime() again and again, as a program that writes a log does, and signals come
 * meanwhile. The handler notes the time with time(), which is async-signal-safe.
 *
 * With -x the handler calls localtime() itself, which holds a lock while it works. If the signal
 * comes just then, the handler waits for the lock, and the worker waits for the end of its handler.
 * A signal may miss that moment, so more are sent until one hits it.
 *
 * signal-safety(7), localtime(3), futex(2)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SIGNALS = 50, MOST_SIGNALS = 5000, SETTLED_MS = 5, PATIENCE_MS = 8000 };

static const char usage[] =
    "usage: unsafe [-x]\n"
    "  -x  the handler calls localtime(): a deadlock with what it interrupts\n"
    "  prints whether there was a deadlock\n";

static volatile sig_atomic_t noted; /* too small for a time_t, but the low bits will do here */
static atomic_int *handled;         /* how often the handler has run; in shared memory */
static bool unsafe;                 /* does not change while signals come */

static void note_time(int number)
{
    (void)number;
    const time_t now = time(NULL);
    noted = (sig_atomic_t)now;
    if (unsafe)
        (void)localtime(&now); /* wrong: not in signal-safety(7) */
    atomic_fetch_add(handled, 1);
}

static void *sleep_on(void *unused)
{
    while (pause() == -1)
        continue;
    return unused;
}

/* The thread is there for C libraries that do without locks as long as there is only one (musl all
 * of them, glibc some). It inherits that the signal is blocked. */
static void work(const sigset_t *set)
{
    lane(1, "worker");
    die_with_parent();
    handle_by(note_time, SIGUSR1, SA_RESTART);
    pthread_t thread;
    check_error(pthread_create(&thread, NULL, sleep_on, NULL), "pthread_create");
    say("calls localtime() again and again");
    check_error(pthread_sigmask(SIG_UNBLOCK, set, NULL), "pthread_sigmask");
    for (;;)
        (void)localtime(&(time_t){noted});
}

/* Sends SIGUSR1 until the worker sleeps, or its handler has run `most` times. Returns whether it
 * sleeps. */
static bool send_signals(pid_t worker, int most)
{
    bool asleep = false;
    const double start = now_in_ms();
    say_kill(worker, SIGUSR1);
    while (!asleep && atomic_load(handled) < most && !has_ended(worker)) {
        asleep = still_asleep(worker, SETTLED_MS) && !is_printing(worker);
        kill(worker, SIGUSR1);
        if (now_in_ms() - start > PATIENCE_MS)
            errx(EXIT_FAILURE, "unexpected: its handler has run %d times", atomic_load(handled));
    }
    if (asleep)
        say_still_asleep_in("the worker", worker, "futex", ANY_ARGUMENT);
    else
        say("its handler has run %d times", atomic_load(handled));
    return asleep;
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "x", usage) != -1)
        unsafe = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    const sigset_t set = set_of(SIGUSR1);
    block(&set); /* until the worker has its handler */
    handled = share_memory(sizeof *handled);
    const pid_t worker = fork();
    if (worker == -1)
        err(EXIT_FAILURE, "fork");
    if (worker == 0)
        work(&set);
    const bool deadlock = send_signals(worker, unsafe ? MOST_SIGNALS : SIGNALS);
    say_kill(worker, SIGKILL);
    if (reap(worker) != 128 + SIGKILL || deadlock != unsafe)
        errx(EXIT_FAILURE, "unexpected: %s", deadlock ? "a deadlock" : "no deadlock");
    puts(deadlock ? "deadlock" : "no deadlock");
    lesson(deadlock ? "the handler waits for a lock that the code it has interrupted holds"
                    : "a handler may call what signal-safety(7) lists, time() for instance");
    return EXIT_SUCCESS;
}
