/* order - B's second step waits for A's first, whoever starts first
 *
 * The semaphore begins with 0. A does its step and raises the value, B lowers it and then does its
 * step. Once B starts first, and sleeps in semop() before A begins; once A starts first, and has
 * ended before B begins. A semaphore remembers: what A has given is still there, although nobody
 * was waiting.
 *
 * semop(2), GETVAL and GETNCNT in semctl(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: order\n"
                            "  prints the steps, as they happen, for either start\n";


/* Without SEM_UNDO: it would take back, when A ends, what A has given. */
static void change(int id, short amount)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = amount};
    while (semop(id, &operation, 1) == -1)
        if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop");
}

static void do_step(const char *step)
{
    puts(step);
    flush_stdout();
}

static pid_t start_a(int id)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        lane(1, "A");
        die_with_parent();
        do_step("A: step 1");
        change(id, +1);
        say("semop(+1) = 0");
        _exit(EXIT_SUCCESS);
    }
    return pid;
}

static pid_t start_b(int id)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        lane(2, "B");
        die_with_parent();
        say("semop(-1) ...");
        change(id, -1);
        say("... = 0");
        do_step("B: step 2");
        _exit(EXIT_SUCCESS);
    }
    return pid;
}

static void expect(int id, int command, int expected)
{
    const int number = semctl(id, 0, command);
    if (number == -1)
        err(EXIT_FAILURE, "semctl");
    if (number != expected)
        errx(EXIT_FAILURE, "unexpected: %d, not %d", number, expected);
}

static void expect_success(pid_t pid)
{
    if (reap(pid) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "process %d failed", (int)pid);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "watcher");
    hold_endings();
    const int id = semget(IPC_PRIVATE, 1, S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "semget");
    remove_set_at_exit(id);
    release_endings();
    if (semctl(id, 0, SETVAL, (union semun){.val = 0}) == -1)
        err(EXIT_FAILURE, "semctl SETVAL");
    say("semget(IPC_PRIVATE) = %d, with the value 0", id);

    say("B starts first");
    pid_t b = start_b(id);
    wait_asleep(b);
    expect(id, GETNCNT, 1);
    say("GETNCNT = 1: B sleeps in semop()");
    pid_t a = start_a(id);
    expect_success(a);
    expect_success(b);

    say("A starts first");
    a = start_a(id);
    expect_success(a);
    expect(id, GETVAL, 1);
    say("A has ended, GETVAL = 1: kept for B");
    b = start_b(id);
    expect_success(b);
    lesson("a semaphore of 0 makes the second step wait for the first, and forgets no step");
    return EXIT_SUCCESS;
}
