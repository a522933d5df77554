/* undo - a process is killed while it holds a semaphore: SEM_UNDO gives it back
 *
 * The holder is killed with SIGKILL, so that no handler and no atexit() can help, when the kernel
 * says that the waiter sleeps in semop(). The kernel itself keeps a list, for each process, of what
 * is to be undone at its end. With -x the holder did not ask for that, and the waiter sleeps on.
 *
 * SEM_UNDO in semop(2), GETNCNT and GETPID in semctl(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WATCHED_MS = 200 };

static const char usage[] = "usage: undo [-x]\n"
                            "  -x  without SEM_UNDO: the next one waits for ever\n";


static int number(int id, int command)
{
    const int result = semctl(id, 0, command);
    if (result == -1)
        err(EXIT_FAILURE, "semctl");
    return result;
}

static void take(int id, int flags)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = -1, .sem_flg = (short)flags};
    while (semop(id, &operation, 1) == -1)
        if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop");
}

static void hold(int id, int flags)
{
    lane(1, "holder");
    die_with_parent();
    take(id, flags);
    say("semop(-1%s) = 0: mine", flags == SEM_UNDO ? ", SEM_UNDO" : "");
    for (;;)
        pause();
}

static void wait_for_it(int id, int flags)
{
    lane(2, "waiter");
    die_with_parent();
    say("semop(-1) ...");
    take(id, flags);
    say("... = 0: mine");
    _exit(EXIT_SUCCESS);
}

static pid_t start(void (*role)(int, int), int id, int flags)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0)
        role(id, flags);
    wait_asleep(pid);
    return pid;
}

/* The waiter will never wake: show why, and end it. */
static void show_the_loss(int id, pid_t holder, pid_t waiter)
{
    if (!still_asleep(waiter, WATCHED_MS) || number(id, GETNCNT) != 1)
        errx(EXIT_FAILURE, "the waiter woke up");
    say("%d ms later: GETVAL = %d, GETNCNT = 1", WATCHED_MS, number(id, GETVAL));
    if (number(id, GETPID) != holder)
        errx(EXIT_FAILURE, "somebody else has changed the semaphore");
    say("GETPID = %d changed it last: the dead one", (int)holder);
    if (kill(waiter, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM)", (int)waiter);
}

int main(int argc, char *argv[])
{
    int flags = SEM_UNDO;
    while (next_option(argc, argv, "x", usage) != -1)
        flags = 0;
    check_operands(argc, argv, 0, 0);

    lane(0, "watcher");
    hold_endings();
    const int id = semget(IPC_PRIVATE, 1, S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "semget");
    remove_set_at_exit(id);
    release_endings();
    if (semctl(id, 0, SETVAL, (union semun){.val = 1}) == -1)
        err(EXIT_FAILURE, "semctl SETVAL");
    say("semget(IPC_PRIVATE) = %d, with the value 1", id);

    const pid_t holder = start(hold, id, flags);
    const pid_t waiter = start(wait_for_it, id, flags);
    if (number(id, GETVAL) != 0 || number(id, GETNCNT) != 1)
        errx(EXIT_FAILURE, "the waiter does not wait");
    say("GETVAL = 0, GETNCNT = 1: one sleeps in semop()");
    say("kill(%d, SIGKILL): the holder dies", (int)holder);
    if (kill(holder, SIGKILL) == -1)
        err(EXIT_FAILURE, "kill");
    if (reap(holder) != 128 + SIGKILL)
        errx(EXIT_FAILURE, "the holder was not killed");

    if (flags == 0)
        show_the_loss(id, holder, waiter);
    else if (number(id, GETNCNT) != 0) /* what the kernel undoes, it undoes before reap() returns */
        errx(EXIT_FAILURE, "the waiter still waits");
    if (reap(waiter) != (flags == 0 ? 128 + SIGTERM : EXIT_SUCCESS))
        errx(EXIT_FAILURE, "the waiter failed");
    if (flags == 0)
        lesson("without SEM_UNDO nobody gives back what a dead process holds: the next one hangs");
    else
        lesson("SEM_UNDO: what a process holds at its end, the kernel gives back");
    return EXIT_SUCCESS;
}
