/* robust - a process dies with a mutex in its hands: the next one is told, and repairs
 *
 * The mutex guards two accounts that hold 100 together. A clerk moves 30 from one to the other and
 * is killed with SIGKILL in the middle. A robust mutex tells the next clerk so: EOWNERDEAD. That
 * one has the mutex now, and a duty: set the data right, then pthread_mutex_consistent(). Another
 * dies the same way, and the next one unlocks without that call: the mutex is lost to all, for
 * ever.
 *
 * With -x the mutex is not robust: the next clerk sleeps on. A POSIX semaphore has no holder that
 * anybody knows of, so it cannot be robust at all; of System V's see undo.
 *
 * pthread_mutexattr_setrobust(3), pthread_mutex_consistent(3), set_robust_list(2)
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SUM = 100, AMOUNT = 30, WATCHED_MS = 200 };

static const char usage[] =
    "usage: robust [-x]\n"
    "  -x  the mutex is not robust: the next one waits for ever\n"
    "  prints what both accounts hold together: 100, or less if unrepaired\n";

/* In shared memory: the mutex itself too, or each process would lock its own copy. */
static struct bank {
    pthread_mutex_t mutex;
    int left, right;
} * bank;

static void die_in_the_middle(void)
{
    lane(1, "clerk");
    check_error(pthread_mutex_lock(&bank->mutex), "pthread_mutex_lock");
    say("pthread_mutex_lock() = 0");
    bank->left -= AMOUNT;
    say("left %d, right %d, and not yet done", bank->left, bank->right);
    for (;;)
        pause();
}

static void lock_after_a_death(void)
{
    lane(2, "next");
    say("lock() ...");
    const int error = pthread_mutex_lock(&bank->mutex);
    if (error != EOWNERDEAD)
        errx(EXIT_FAILURE, "pthread_mutex_lock = %d, not EOWNERDEAD", error);
    say("... = EOWNERDEAD");
}

static void repair(void)
{
    lock_after_a_death();
    bank->right = SUM - bank->left;
    say("left %d, right %d", bank->left, bank->right);
    check_error(pthread_mutex_consistent(&bank->mutex), "pthread_mutex_consistent");
    say("consistent() = 0");
    check_error(pthread_mutex_unlock(&bank->mutex), "pthread_mutex_unlock");
    _exit(EXIT_SUCCESS);
}

static void only_unlock(void)
{
    lock_after_a_death();
    check_error(pthread_mutex_unlock(&bank->mutex), "pthread_mutex_unlock");
    say("unlock() = 0");
    _exit(EXIT_SUCCESS);
}

static pid_t start(void (*role)(void))
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        die_with_parent();
        role();
    }
    wait_asleep(pid);
    return pid;
}

/* One dies with the mutex, while the next one already waits for it. */
static pid_t let_one_die(void (*next_role)(void))
{
    const pid_t clerk = start(die_in_the_middle);
    const pid_t next = start(next_role);
    say("kill(%d, SIGKILL): the clerk dies", (int)clerk);
    if (kill(clerk, SIGKILL) == -1)
        err(EXIT_FAILURE, "kill");
    if (reap(clerk) != 128 + SIGKILL)
        errx(EXIT_FAILURE, "the clerk was not killed");
    return next;
}

static void expect_lock(int expected, const char *meaning)
{
    const int error = pthread_mutex_trylock(&bank->mutex);
    if (error != expected)
        errx(EXIT_FAILURE, "unexpected: pthread_mutex_trylock() = %d, not %s", error, meaning);
    say("pthread_mutex_trylock() = %s", meaning);
}

static void expect_end(pid_t pid, int status)
{
    if (reap(pid) != status)
        errx(EXIT_FAILURE, "the next one failed");
}

static void show_both_ends(void)
{
    expect_end(let_one_die(repair), EXIT_SUCCESS);
    expect_lock(0, "0: as good as new");
    check_error(pthread_mutex_unlock(&bank->mutex), "pthread_mutex_unlock");
    printf("sum %d\n", bank->left + bank->right);
    flush_stdout();
    expect_end(let_one_die(only_unlock), EXIT_SUCCESS);
    expect_lock(ENOTRECOVERABLE, "ENOTRECOVERABLE: lost to all");
}

/* The next one will never wake: show why, and end it. */
static void show_the_hang(void)
{
    const pid_t next = let_one_die(only_unlock);
    if (!still_asleep(next, WATCHED_MS))
        errx(EXIT_FAILURE, "the next one woke up");
    say("%d ms later the next one still sleeps", WATCHED_MS);
    expect_lock(EBUSY, "EBUSY: locked by nobody alive");
    say("kill(%d, SIGTERM)", (int)next);
    if (kill(next, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    expect_end(next, 128 + SIGTERM);
    printf("sum %d\n", bank->left + bank->right);
    flush_stdout();
}

static void make_bank(bool robust)
{
    bank = share_memory(sizeof *bank);
    bank->left = SUM;
    pthread_mutexattr_t attributes;
    check_error(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    check_error(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED),
                "pthread_mutexattr_setpshared");
    if (robust)
        check_error(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST),
                    "pthread_mutexattr_setrobust");
    check_error(pthread_mutex_init(&bank->mutex, &attributes), "pthread_mutex_init");
    check_error(pthread_mutexattr_destroy(&attributes), "pthread_mutexattr_destroy");
}

int main(int argc, char *argv[])
{
    bool robust = true;
    while (next_option(argc, argv, "x", usage) != -1)
        robust = false;
    check_operands(argc, argv, 0, 0);

    lane(0, "watcher");
    make_bank(robust);
    if (robust)
        show_both_ends();
    else
        show_the_hang();
    lesson(robust ? "EOWNERDEAD: the mutex is yours, and so is the repair; then say that it is done"
                  : "a mutex that is not robust stays locked by the dead: who waits for it hangs");
    return EXIT_SUCCESS;
}
