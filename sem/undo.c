/* undo - a process is killed while it holds a semaphore: SEM_UNDO gives it back
 *
 * As soon as the kernel says that the waiter sleeps in semop(), the holder is killed with SIGKILL,
 * so that no handler and no atexit() can help. The kernel itself keeps a list, for each process, of
 * what is to be undone when it ends.
 *
 * With -x the holder did not ask for that, and the waiter sleeps on. With -x -m p a process takes
 * the semaphore with SEM_UNDO and gives it back without: the kernel gives it back again.
 *
 * SEM_UNDO in semop(2), GETNCNT and GETPID in semctl(2)
 */
#include "ask.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

static const char usage[] = "usage: undo [-x [-m none|p]]\n"
                            "  -m none  no SEM_UNDO: the next one waits for ever (the default)\n"
                            "  -m p     SEM_UNDO on P alone: afterwards the lock lets two in\n"
                            "  -x       the mistake of -m\n";

static void change(int set, short amount, short flags)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = amount, .sem_flg = flags};
    while (semop(set, &operation, 1) == -1)
        if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop: %s", errno_name(errno));
}

static void hold(int set, short flags)
{
    lane(1, "holder");
    die_with_parent();
    change(set, -1, flags);
    say("semop(%d, -1%s) = 0", set, flags == SEM_UNDO ? ", SEM_UNDO" : "");
    for (;;)
        pause();
}

static void take(int set)
{
    lane(2, "waiter");
    die_with_parent();
    say("semop(%d, -1) ...", set);
    change(set, -1, 0);
    say("... = 0");
    _exit(EXIT_SUCCESS);
}

static void take_and_give(int set)
{
    lane(1, "worker");
    die_with_parent();
    change(set, -1, SEM_UNDO);
    say("semop(%d, -1, SEM_UNDO) = 0", set);
    change(set, +1, 0);
    say("semop(%d, +1) = 0", set);
    _exit(EXIT_SUCCESS);
}

static pid_t checked_fork(void)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    return pid;
}

/* The holder dies while the waiter sleeps. Returns the waiter. */
static pid_t kill_the_holder(int set, short flags)
{
    const pid_t holder = checked_fork();
    if (holder == 0)
        hold(set, flags);
    wait_asleep_in(holder, "pause", ANY_ARGUMENT);
    const pid_t waiter = checked_fork();
    if (waiter == 0)
        take(set);
    say_asleep_in("the waiter", waiter, "semop", set);
    say("GETVAL = %d, GETNCNT = %d", ask(set, 0, GETVAL), ask(set, 0, GETNCNT));
    if (kill(holder, SIGKILL) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGKILL): the holder", (int)holder);
    if (reap(holder) != 128 + SIGKILL)
        errx(EXIT_FAILURE, "the holder did not end by SIGKILL");
    return waiter;
}

/* The waiter will never wake: show why, and end it. */
static void show_the_loss(int set, pid_t waiter)
{
    enum { WATCHED_MS = 200 };
    if (!still_asleep(waiter, WATCHED_MS))
        errx(EXIT_FAILURE, "the waiter woke up");
    say_asleep_in("200 ms later: the waiter", waiter, "semop", set);
    const int last = ask(set, 0, GETPID);
    say("GETVAL = %d, GETNCNT = %d", ask(set, 0, GETVAL), ask(set, 0, GETNCNT));
    if (kill(last, 0) == -1)
        say("GETPID = %d, kill(%d, 0) = -1 %s: it is dead", last, last, errno_name(errno));
    if (kill(waiter, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM): the waiter", (int)waiter);
    if (reap(waiter) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "the waiter did not end by SIGTERM");
    lesson("without SEM_UNDO nobody gives back what a dead process held");
}

static void show_one_too_many(int set)
{
    const pid_t worker = checked_fork();
    if (worker == 0)
        take_and_give(set);
    if (reap(worker) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the worker failed");
    const int value = ask(set, 0, GETVAL);
    say("the worker has ended: GETVAL = %d", value);
    if (value != 2)
        errx(EXIT_FAILURE, "unexpected: not 2");
    lesson("SEM_UNDO on P and not on V: given back twice, and now the lock lets two in");
}

int main(int argc, char *argv[])
{
    bool wrong = false, p_alone = false, chosen = false;
    for (int letter; (letter = next_option(argc, argv, "m:x", usage)) != -1;)
        if (letter == 'x') {
            wrong = true;
        } else {
            chosen = true;
            p_alone = strcmp(optarg, "p") == 0;
            if (!p_alone && strcmp(optarg, "none") != 0)
                errx(USAGE_ERROR, "-m '%s': not none or p", optarg);
        }
    check_operands(argc, argv, 0, 0);
    if (chosen && !wrong)
        errx(USAGE_ERROR, "-m names a mistake, and goes with -x");

    lane(0, "watcher");
    const int set = private_semaphore(1);
    if (p_alone) {
        show_one_too_many(set);
        return EXIT_SUCCESS;
    }
    const pid_t waiter = kill_the_holder(set, wrong ? 0 : SEM_UNDO);
    if (wrong) {
        show_the_loss(set, waiter);
        return EXIT_SUCCESS;
    }
    if (reap(waiter) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the waiter failed");
    lesson("SEM_UNDO: what a process holds when it ends, the kernel gives back");
    return EXIT_SUCCESS;
}
