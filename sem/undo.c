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
#include "team.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

static const char usage[] = "usage: undo [-x [-m none|p]]\n"
                            "  -m none  no SEM_UNDO: the next one waits for ever (the default)\n"
                            "  -m p     SEM_UNDO on P alone: afterwards the lock lets two in\n"
                            "  -x       the mistake that -m names\n";

static int change(int set, short amount, short flags)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = amount, .sem_flg = flags};
    int result;
    while ((result = semop(set, &operation, 1)) == -1)
        if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop: %s", errno_name(errno));
    return result;
}

static void hold(int set, short flags)
{
    const int result = change(set, -1, flags);
    say("semop(%d, -1%s) = %d", set, flags == SEM_UNDO ? ", SEM_UNDO" : "", result);
    for (;;)
        pause();
}

static void take(int set)
{
    say("semop(%d, -1) ...", set);
    const int result = change(set, -1, 0);
    say("... = %d", result);
    _exit(EXIT_SUCCESS);
}

static void take_and_give(int set)
{
    int result = change(set, -1, SEM_UNDO);
    say("semop(%d, -1, SEM_UNDO) = %d", set, result);
    result = change(set, +1, 0);
    say("semop(%d, +1) = %d", set, result);
    _exit(EXIT_SUCCESS);
}

/* The holder dies while the waiter sleeps. Returns the waiter. */
static pid_t kill_the_holder(int set, short flags)
{
    const pid_t holder = fork_role(1, "holder");
    if (holder == 0)
        hold(set, flags);
    wait_asleep_in(holder, "pause", ANY_ARGUMENT);
    const pid_t waiter = fork_role(2, "waiter");
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

static void show_the_undo(int set)
{
    if (reap(kill_the_holder(set, SEM_UNDO)) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the waiter failed");
    lesson("SEM_UNDO: the kernel gives back what a process holds when it ends");
}

/* The waiter will never wake: show why, and end it. */
static void show_the_loss(int set)
{
    const pid_t waiter = kill_the_holder(set, 0);
    if (!still_asleep(waiter, WATCHED_MS))
        errx(EXIT_FAILURE, "the waiter woke up");
    say_asleep_in("the waiter still", waiter, "semop", set);
    const int last = ask(set, 0, GETPID);
    say("GETVAL = %d, GETNCNT = %d", ask(set, 0, GETVAL), ask(set, 0, GETNCNT));
    const int result = kill(last, 0);
    if (result == -1 && errno == ESRCH)
        say("GETPID = %d, kill(%d, 0) = %d %s: it is dead", last, last, result, errno_name(errno));
    if (kill(waiter, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM): the waiter", (int)waiter);
    if (reap(waiter) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "the waiter did not end by SIGTERM");
    lesson("without SEM_UNDO nobody gives back what a dead process held");
}

static void show_one_too_many(int set)
{
    const pid_t worker = fork_role(1, "worker");
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
    static const char *const names[] = {"none", "p"};
    enum { NO_UNDO, P_ALONE, UNCHOSEN };
    int mistake = UNCHOSEN;
    bool wrong = false;
    for (int letter; (letter = next_option(argc, argv, "m:x", usage)) != -1;)
        if (letter == 'x')
            wrong = true;
        else
            mistake = parse_choice(optarg, names, UNCHOSEN);
    check_operands(argc, argv, 0, 0);
    if (mistake != UNCHOSEN && !wrong)
        errx(USAGE_ERROR, "-m names a mistake, and goes with -x");

    lane(0, "watcher");
    const int set = private_semaphore(1);
    if (!wrong)
        show_the_undo(set);
    else if (mistake == P_ALONE)
        show_one_too_many(set);
    else
        show_the_loss(set);
    return EXIT_SUCCESS;
}
