/* order - step 2 (in B) waits for step 1 (in A), whichever process starts first
 *
 * The semaphore begins with 0. A does its step and raises the value; B lowers it and then does its
 * step. In the first run B starts first, and sleeps in semop() before A begins. In the second run A
 * has ended before B begins. A semaphore remembers: what A has given is still there, although
 * nobody was waiting.
 *
 * semop(2), GETVAL in semctl(2)
 */
#include "ask.h"
#include "team.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sem.h>
#include <unistd.h>

static const char usage[] =
    "usage: order\n"
    "  prints the steps in the order in which they happen, for both starting orders\n";

static int set;

static void do_step(const char *step)
{
    puts(step);
    flush_stdout();
}

/* Without SEM_UNDO, which would take back, when A ends, what A has given. */
static int change(short amount)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = amount};
    int result;
    while ((result = semop(set, &operation, 1)) == -1)
        if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop: %s", errno_name(errno));
    return result;
}

static pid_t start_a(void)
{
    const pid_t pid = fork_role(1, "A");
    if (pid > 0)
        return pid;
    do_step("A: step 1");
    const int result = change(+1);
    say("semop(%d, +1) = %d", set, result);
    _exit(EXIT_SUCCESS);
}

static pid_t start_b(void)
{
    const pid_t pid = fork_role(2, "B");
    if (pid > 0)
        return pid;
    say("semop(%d, -1) ...", set);
    const int result = change(-1);
    say("... = %d", result);
    do_step("B: step 2");
    _exit(EXIT_SUCCESS);
}

static void expect_success(pid_t pid, const char *name)
{
    if (reap(pid) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "%s failed", name);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "watcher");
    set = private_semaphore(0);

    say("B starts first");
    const pid_t waiting = start_b();
    say_asleep_in("B", waiting, "semop", set);
    expect_success(start_a(), "A");
    expect_success(waiting, "B");

    say("A starts first");
    expect_success(start_a(), "A");
    const int kept = ask(set, 0, GETVAL);
    say("A has ended, GETVAL = %d", kept);
    if (kept != 1)
        errx(EXIT_FAILURE, "unexpected: nothing was kept for B");
    expect_success(start_b(), "B");
    if (ask(set, 0, GETVAL) != 0)
        errx(EXIT_FAILURE, "unexpected: B did not take what A has given");
    lesson("a semaphore that starts at 0 makes step 2 wait for step 1, and forgets no V");
    return EXIT_SUCCESS;
}
