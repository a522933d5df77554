/* philosophers - processes around a table; each needs the fork on its left and the one on its right
 *
 * Each way of -m is one function, eat_...(). If each takes the left fork and then waits for the
 * right one, all may hold one fork and wait for ever: that is -x.
 *
 * order: the fork with the lower number first. In a circle, the holder of its highest fork would be
 * waiting for a higher one; so there is no circle.
 * both: one semop() takes both forks or none. But a philosopher may starve: if its neighbours eat
 * alternately, its two forks are never free at the same time. The program shows that, too.
 * footman: lets all but one of the philosophers sit down, so one of them gets a second fork.
 * state: no forks; eat if neither neighbour eats, nor has been hungry for longer.
 *
 * semop(2), SETALL, GETPID and GETNCNT in semctl(2)
 */
#include "state.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_ROUNDS = 10000 };

static const char usage[] =
    "usage: philosophers [-x | -m order|both|footman|state] [-n COUNT] [-r ROUNDS]\n"
    "  -m order    the fork with the lower number first\n"
    "  -m both     both forks in one semop()\n"
    "  -m footman  all but one may sit down\n"
    "  -m state    eat only while neither neighbour eats (the default)\n"
    "  -n COUNT    philosophers, 2 to 64 (5)\n"
    "  -r ROUNDS   meals of each (10)\n"
    "  -x          each takes the left fork first: deadlock; prints who waits\n"
    "              for whom\n"
    "  prints how often each has eaten, and its longest wait\n";

enum way { STATE, BOTH, ORDER, FOOTMAN, LEFT_FIRST, UNCHOSEN };
static const char *const names[] = {"state", "both", "order", "footman"};
static int rounds = 10;
static const char starving[] =
    "no deadlock; but while its neighbours eat alternately, philosopher 2 starves";
static const char *const lessons[] = {
    "eat when no neighbour eats or has been hungry for longer: so nobody starves",
    "both forks at once or none: no deadlock",
    "all take the forks in the same order: there is no circle, so no deadlock",
    "one fewer at the table than forks: somebody always gets two",
    "each holds the fork its neighbour is waiting for, all the way round"};

/* A barrier (see barrier.c) makes the deadlock certain: nobody reaches for the right fork before
 * all have the left one. */
static void eat_left_first(int i)
{
    P(i);
    P(extra);
    operate(&(struct sembuf){.sem_num = (unsigned short)extra, .sem_op = 0}, 1);
    P(right_of(i));
    eat(i);
    V(right_of(i));
    V(i);
}

static void eat_in_order(int i)
{
    const int right = right_of(i);
    const int lower = i < right ? i : right, higher = i < right ? right : i;
    P(lower);
    hesitate(i, higher);
    P(higher);
    eat(i);
    V(higher);
    V(lower);
}

static void eat_with_footman(int i)
{
    P(extra); /* a seat: there is one fewer than philosophers */
    P(i);
    hesitate(i, right_of(i));
    P(right_of(i));
    eat(i);
    V(right_of(i));
    V(i);
    V(extra);
}

static void change_both(int i, short amount, short flags)
{
    struct sembuf forks[] = {
        {.sem_num = (unsigned short)i, .sem_op = amount, .sem_flg = flags},
        {.sem_num = (unsigned short)right_of(i), .sem_op = amount, .sem_flg = flags},
    };
    operate(forks, 2);
}

static void eat_with_both(int i)
{
    change_both(i, -1, 0);
    eat(i);
    change_both(i, +1, 0);
}

static void live(int i, enum way way)
{
    telling = way == LEFT_FIRST || (telling && way != STATE); /* there it depends on the others */
    for (int round = 0; round < rounds; round++) {
        table->hungry_since[i] = now_in_ms();
        if (way == STATE)
            eat_by_state(i);
        else if (way == BOTH)
            eat_with_both(i);
        else if (way == ORDER)
            eat_in_order(i);
        else if (way == FOOTMAN)
            eat_with_footman(i);
        else
            eat_left_first(i);
        telling = false;
    }
    _exit(EXIT_SUCCESS);
}

/* The neighbours of philosopher 2 eat alternately: the watcher takes and puts their forks, and
 * never has to wait for one. (Of three philosophers, the two would share a fork.) */
static void starve_one(void)
{
    enum { MEALS = 200 };
    change_both(0, -1, IPC_NOWAIT);
    const pid_t hungry = fork_member("philosopher", 2);
    if (hungry == 0) {
        eat_with_both(1);
        _exit(EXIT_SUCCESS);
    }
    say_asleep_in("philosopher 2", hungry, "semop", set);
    int meals = 0, waiting = 0;
    for (; meals < MEALS; meals += 2) {
        change_both(2, -1, IPC_NOWAIT);
        change_both(0, +1, 0);
        change_both(0, -1, IPC_NOWAIT);
        change_both(2, +1, 0);
        waiting = ask(set, 1, GETNCNT) + ask(set, 2, GETNCNT);
    }
    say("the forks of 1 or 3, %d times: GETNCNT of 2's forks = %d", meals, waiting);
    if (waiting != 1)
        errx(EXIT_FAILURE, "unexpected: philosopher 2 does not wait");
    say_asleep_in("philosopher 2", hungry, "semop", set);
    change_both(0, +1, 0);
    reap_team();
}

int main(int argc, char *argv[])
{
    enum way way = UNCHOSEN;
    bool wrong = false;
    for (int letter; (letter = next_option(argc, argv, "m:n:r:x", usage)) != -1;)
        switch (letter) {
        case 'm':
            way = (enum way)parse_choice(optarg, names, LEFT_FIRST);
            break;
        case 'n':
            philosophers = (int)parse_long("-n", optarg, 2, MOST_PHILOSOPHERS);
            break;
        case 'r':
            rounds = (int)parse_long("-r", optarg, 1, MOST_ROUNDS);
            break;
        case 'x':
            wrong = true;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (wrong && way != UNCHOSEN)
        errx(USAGE_ERROR, "-x is a way of its own: it goes without -m");
    if (way == UNCHOSEN)
        way = wrong ? LEFT_FIRST : STATE;

    lane(0, "watcher");
    state = share_memory(sizeof *state);
    if (way == STATE)
        lay_table(0, 1);
    else
        lay_table(1, way == FOOTMAN ? philosophers - 1 : philosophers);
    for (int i = 0; i < philosophers; i++)
        if (fork_member("philosopher", i + 1) == 0)
            live(i, way);
    if (way == LEFT_FIRST) {
        show_circle();
    } else {
        reap_team();
        const int meals = print_meals();
        say("%d meals, and two neighbours never ate at once", meals);
        if (meals != philosophers * rounds)
            errx(EXIT_FAILURE, "unexpected: not %d meals", philosophers * rounds);
    }
    flush_stdout();
    if (way == BOTH && philosophers > 3)
        starve_one();
    lesson("%s", way == BOTH && philosophers > 3 ? starving : lessons[way]);
    return EXIT_SUCCESS;
}
