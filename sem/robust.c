/* robust - a process dies while holding a mutex: the next one learns of it, and repairs the data
 *
 * The mutex guards two accounts that hold 100 together. A clerk moves 30 from one to the other and
 * is killed with SIGKILL in the middle. With a robust mutex, the next clerk's lock returns
 * EOWNERDEAD: it owns the mutex, and must repair the data, then call pthread_mutex_consistent().
 * Then another clerk dies the same way, and the next one unlocks without that call: from then on
 * nobody can lock the mutex.
 *
 * With -x the mutex is not robust: the next clerk sleeps on. A POSIX semaphore records no holder,
 * so it cannot be robust at all; for System V semaphores see undo.
 *
 * pthread_mutexattr_setrobust(3), pthread_mutex_consistent(3), set_robust_list(2)
 */
#include "shared.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SUM = 100, AMOUNT = 30 };

static const char usage[] =
    "usage: robust [-x]\n"
    "  -x  the mutex is not robust: the next one waits for ever\n"
    "  prints the sum of both accounts: 100, or less if nobody repaired them\n";

/* In shared memory: the mutex, too, or each process would lock its own copy. */
static struct bank {
    pthread_mutex_t mutex;
    int left, right;
} * bank;

static void die_in_the_middle(void)
{
    lock(&bank->mutex);
    bank->left -= AMOUNT;
    say("left %d, right %d: not yet done", bank->left, bank->right);
    for (;;)
        pause();
}

static void lock_after_a_death(void)
{
    say("pthread_mutex_lock() ...");
    const int error = pthread_mutex_lock(&bank->mutex);
    say("... = %s", errno_name(error));
    if (error != EOWNERDEAD)
        errx(EXIT_FAILURE, "unexpected: pthread_mutex_lock() = %s", errno_name(error));
}

static void repair(void)
{
    lock_after_a_death();
    bank->right = SUM - bank->left;
    say("left %d, right %d", bank->left, bank->right);
    const int error = pthread_mutex_consistent(&bank->mutex);
    say("pthread_mutex_consistent() = %s", errno_name(error));
    check_error(error, "pthread_mutex_consistent");
    unlock(&bank->mutex);
    _exit(EXIT_SUCCESS);
}

static void only_unlock(void)
{
    lock_after_a_death();
    unlock(&bank->mutex);
    _exit(EXIT_SUCCESS);
}

/* A clerk dies with the mutex, while the next one already waits for it. */
static pid_t let_one_die(void (*what_the_next_does)(void))
{
    telling = true;
    const pid_t clerk = fork_role(1, "clerk");
    if (clerk == 0)
        die_in_the_middle();
    wait_asleep_in(clerk, "pause", ANY_ARGUMENT);
    const pid_t next = fork_role(2, "next");
    if (next == 0)
        what_the_next_does();
    say_asleep_in("the next one", next, "futex", ANY_ARGUMENT);
    if (kill(clerk, SIGKILL) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGKILL): the clerk", (int)clerk);
    if (reap(clerk) != 128 + SIGKILL)
        errx(EXIT_FAILURE, "the clerk did not end by SIGKILL");
    return next;
}

static void try_lock(int expected, const char *meaning)
{
    const int error = pthread_mutex_trylock(&bank->mutex);
    if (error != expected)
        errx(EXIT_FAILURE, "unexpected: pthread_mutex_trylock() = %s", errno_name(error));
    say("pthread_mutex_trylock() = %s: %s", errno_name(error), meaning);
}

static void print_sum(void)
{
    printf("sum %d\n", bank->left + bank->right);
    flush_stdout();
}

static void show_repair(void)
{
    if (reap(let_one_die(repair)) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the next one failed");
    try_lock(0, "as good as new");
    check_error(pthread_mutex_unlock(&bank->mutex), "pthread_mutex_unlock");
    print_sum();
    if (bank->left + bank->right != SUM)
        errx(EXIT_FAILURE, "unexpected: not repaired");
    if (reap(let_one_die(only_unlock)) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the next one failed");
    try_lock(ENOTRECOVERABLE, "lost");
    lesson("EOWNERDEAD: you own the mutex; repair the data, then declare it consistent");
}

/* The next one will never wake: show why, and end it. */
static void show_the_hang(void)
{
    const pid_t next = let_one_die(only_unlock);
    if (!still_asleep(next, WATCHED_MS))
        errx(EXIT_FAILURE, "the next one woke up");
    say_asleep_in("the next one still", next, "futex", ANY_ARGUMENT);
    try_lock(EBUSY, "and its owner is dead");
    if (kill(next, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM): the next one", (int)next);
    if (reap(next) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "the next one did not end by SIGTERM");
    print_sum();
    lesson("a mutex that is not robust stays locked when its owner dies: others hang");
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
        show_repair();
    else
        show_the_hang();
    return EXIT_SUCCESS;
}
