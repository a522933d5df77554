/* barrier - nobody goes on before all have arrived: semop() with 0 sleeps until the value is 0
 *
 * First comes a rendezvous, a barrier for two; then a barrier for any number. A turnstile begins
 * with the number of workers; each lowers it by 1, and waits until it is 0. (Only System V can do
 * that.)
 *
 * To be used again, the turnstile has to be raised, but not before the last one has passed it. So
 * there are two: when all are at the second, all have passed the first. With -x there is one,
 * raised by worker 1 as soon as it has passed. A worker between its two calls finds it raised.
 *
 * semop(2), GETVAL and GETZCNT in semctl(2)
 */
#include "ask.h"
#include "team.h"

#include <err.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_ROUNDS = 1000000 };

static const char usage[] = "usage: barrier [-x] [-r ROUNDS] [-w WORKERS]\n"
                            "  -r ROUNDS   how often the workers use the barrier (1000)\n"
                            "  -w WORKERS  number of workers, 2 to 64 (3)\n"
                            "  -x          one turnstile, used again and again: soon all sleep\n"
                            "  prints how many rounds all workers have finished\n";

enum { HERE_1, HERE_2, FIRST, SECOND, SEMAPHORES };
static const char *const names[] = {"here1", "here2", "first", "second"};

static int set, workers = 3, rounds;
static atomic_int *round_of; /* each worker; in shared memory */

static void change(int semaphore, int amount)
{
    struct sembuf operation = {.sem_num = (unsigned short)semaphore, .sem_op = (short)amount};
    int result;
    while ((result = semop(set, &operation, 1)) == -1)
        if (errno == EIDRM || errno == EINVAL)
            _exit(EXIT_FAILURE); /* the parent has ended, and removed the set */
        else if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop: %s", errno_name(errno));
    if (telling)
        say(amount == 0 ? "semop(%s, %d) = %d: it was 0" : "semop(%s, %+d) = %d", names[semaphore],
            amount, result);
}

static void meet(int mine, int other)
{
    telling = true;
    change(mine, +1);  /* I have come */
    change(other, -1); /* have you? */
    _exit(EXIT_SUCCESS);
}

static void pass(int turnstile)
{
    change(turnstile, -1); /* one fewer to come */
    change(turnstile, 0);  /* sleep until all have come */
}

static void wait_for_all(int number)
{
    pass(FIRST);
    if (number == 1)
        change(SECOND, +workers); /* nobody can have passed it */
    pass(SECOND);
    if (number == 1)
        change(FIRST, +workers); /* all have passed it */
}

static void wait_with_one_turnstile(int number)
{
    pass(FIRST);
    if (number == 1)
        change(FIRST, +workers); /* the mistake: another may be in the middle of pass() */
}

static void work(int number, bool one_turnstile)
{
    telling = true;
    for (int round = 1; round <= rounds; round++) {
        round_of[number - 1] = round;
        if (one_turnstile)
            wait_with_one_turnstile(number);
        else
            wait_for_all(number);
        for (int i = 0; i < workers; i++)
            if (round_of[i] < round)
                errx(EXIT_FAILURE, "unexpected: in round %d worker %d did not wait for worker %d",
                     round, number, i + 1);
        telling = false; /* after the first round */
    }
    round_of[number - 1] = rounds + 1;
    _exit(EXIT_SUCCESS);
}

static void show_rendezvous(void)
{
    const pid_t early = fork_member("side", 1);
    if (early == 0)
        meet(HERE_1, HERE_2);
    say_asleep_in("side 1", early, "semop", set);
    if (fork_member("side", 2) == 0)
        meet(HERE_2, HERE_1);
    reap_team();
}

/* The last one finds the others asleep. */
static void start_workers(bool one_turnstile)
{
    for (int i = 1; i <= workers; i++) {
        const pid_t pid = fork_member("worker", i);
        if (pid == 0)
            work(i, one_turnstile);
        if (i < workers)
            wait_asleep_in(pid, "semop", set);
        if (i == workers - 1)
            say("first: GETVAL = %d, GETZCNT = %d", ask(set, FIRST, GETVAL),
                ask(set, FIRST, GETZCNT));
    }
}

static void show_deadlock(void)
{
    if (next_to_end(WATCHED_MS) != NOBODY)
        errx(EXIT_FAILURE, "unexpected: no deadlock");
    const int value = ask(set, FIRST, GETVAL), waiting = ask(set, FIRST, GETZCNT);
    say("first, later: GETVAL = %d, GETZCNT = %d", value, waiting);
    if (value == 0 || waiting != workers)
        errx(EXIT_FAILURE, "unexpected: they do not all wait for 0");
    kill_team();
}

static void print_finished_rounds(void)
{
    int finished = rounds;
    for (int i = 0; i < workers; i++)
        if (round_of[i] - 1 < finished)
            finished = round_of[i] - 1;
    printf("workers %d rounds %d\n", workers, finished);
}

int main(int argc, char *argv[])
{
    bool one_turnstile = false;
    for (int letter; (letter = next_option(argc, argv, "r:w:x", usage)) != -1;)
        if (letter == 'r')
            rounds = (int)parse_long("-r", optarg, 1, MOST_ROUNDS);
        else if (letter == 'w')
            workers = (int)parse_long("-w", optarg, 2, MOST_MEMBERS);
        else
            one_turnstile = true;
    check_operands(argc, argv, 0, 0);
    if (one_turnstile && rounds != 0)
        errx(USAGE_ERROR, "-x goes without -r: until all sleep");
    if (rounds == 0)
        rounds = one_turnstile ? MOST_ROUNDS : 1000;

    lane(0, "watcher");
    round_of = share_memory(MOST_MEMBERS * sizeof *round_of);
    set = private_set(SEMAPHORES);
    unsigned short values[] = {[FIRST] = (unsigned short)workers, [SECOND] = 0};
    const int result = semctl(set, 0, SETALL, (union semun){.array = values});
    if (result == -1)
        err(EXIT_FAILURE, "semctl SETALL");
    say("semget(IPC_PRIVATE) = %d", set);
    say("semctl(%d, SETALL) = %d: first %d, all others 0", set, result, workers);
    if (!one_turnstile)
        show_rendezvous();
    start_workers(one_turnstile);
    if (one_turnstile)
        show_deadlock();
    else
        reap_team();

    print_finished_rounds();
    if (rounds > 1)
        lesson(one_turnstile ? "one turnstile: it was raised again before everybody had passed it"
                             : "two turnstiles: one is raised again when all are at the other");
    return EXIT_SUCCESS;
}
