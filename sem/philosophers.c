/* philosophers - a ring of processes; each needs the forks of both sides to eat
 *
 * Philosopher i has fork i at the left and fork i + 1 at the right, the last one the first fork.
 * All are always hungry. Nobody may eat beside a neighbour who eats: each meal checks that. If each
 * takes the left fork and then waits for the right one, nobody ever eats: that is -x. Three cures:
 *
 * order: the fork with the lower number first. In a circle, who holds the highest fork would wait
 * for a higher one still: so there is none. Nobody starves: semop() hands a fork that is given back
 * to whoever sleeps for it, and that can only be the one neighbour.
 *
 * both: one semop() takes both forks or none, so nobody holds one and waits. But to starve is
 * possible: the neighbours may eat in turns, so that never both forks are free at once.
 *
 * state: no forks at all. Under one lock, a philosopher may eat when neither neighbour eats, nor
 * has been hungry for longer. Whoever has been hungry for longest waits until those two have eaten,
 * no longer, and everybody's turn comes; without the second condition it would be as with both.
 *
 * semop(2), SETALL, GETPID and GETNCNT in semctl(2)
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, MOST_ROUNDS = 10000, MEAL_MS = 1, WATCHED_MS = 200, MILLISECOND = 1000000 };

static const char usage[] =
    "usage: philosophers [-x] [-m state|both|order] [-n COUNT] [-r ROUNDS]\n"
    "  -m WAY     state: nobody eats beside one who does (the default); both: two forks in one\n"
    "             semop(); order: the fork with the lower number first\n"
    "  -n COUNT   philosophers, 2 to 64 (5)\n"
    "  -r ROUNDS  meals of each (10)\n"
    "  -x         each takes the left fork first: deadlock; prints who waits for whom\n"
    "  prints the meals of each, and the longest time that it was hungry\n";


static struct shared {
    enum { THINKING, HUNGRY, EATING } state[MOST];
    long ticket[MOST], next_ticket;
    atomic_bool eating[MOST]; /* to see whether all that is good */
    int meals[MOST];
    double longest_wait[MOST];
} * shared;
static int count = 5;

/* One semaphore for each fork, or for each philosopher to sleep at; and number `count`, which is
 * the lock of the state, or the barrier. */
static int set;

static int right_of(int i)
{
    return (i + 1) % count;
}

static int left_of(int i)
{
    return (i + count - 1) % count;
}

/* Without SEM_UNDO: if one is killed, all end. */
static void operate(struct sembuf *operations, size_t number)
{
    while (semop(set, operations, number) == -1) {
        if (errno == EIDRM || errno == EINVAL)
            _exit(EXIT_FAILURE); /* the watcher ends, it has removed the set and says why */
        if (errno != EINTR)      /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop");
    }
}

static void change(int semaphore, int amount)
{
    struct sembuf operation = {.sem_num = (unsigned short)semaphore, .sem_op = (short)amount};
    operate(&operation, 1);
}

static bool goes_before(int i, int other)
{
    return shared->state[other] == EATING ||
           (shared->state[other] == HUNGRY && shared->ticket[other] < shared->ticket[i]);
}

/* Called for a neighbour too, by one who has just stopped eating. */
static void let_eat_if_possible(int i)
{
    if (shared->state[i] != HUNGRY || goes_before(i, left_of(i)) || goes_before(i, right_of(i)))
        return;
    shared->state[i] = EATING;
    change(i, +1);
}

static void take_by_state(int i)
{
    change(count, -1);
    shared->state[i] = HUNGRY;
    shared->ticket[i] = shared->next_ticket++;
    let_eat_if_possible(i);
    change(count, +1);
    change(i, -1); /* until somebody lets me */
}

static void put_by_state(int i)
{
    change(count, -1);
    shared->state[i] = THINKING;
    let_eat_if_possible(left_of(i));
    let_eat_if_possible(right_of(i));
    change(count, +1);
}

static void change_both(int i, int amount)
{
    struct sembuf operations[] = {
        {.sem_num = (unsigned short)i, .sem_op = (short)amount},
        {.sem_num = (unsigned short)right_of(i), .sem_op = (short)amount},
    };
    operate(operations, 2);
}

static void take_both(int i)
{
    change_both(i, -1);
}

static void take_in_order(int i)
{
    const int right = right_of(i);
    change(i < right ? i : right, -1);
    change(i < right ? right : i, -1);
}

/* The barrier begins with the number of philosophers, and lets all go at 0: nobody reaches for the
 * right fork before all have the left. */
static void take_left_first(int i)
{
    change(i, -1);
    say("has fork %d", i + 1);
    change(count, -1);
    change(count, 0);
    say("semop(): wants fork %d", right_of(i) + 1);
    change(right_of(i), -1);
}

static void put_forks(int i)
{
    change_both(i, +1);
}

enum { STATE, BOTH, ORDER, WAYS };

static const struct way {
    const char *name;
    void (*take)(int), (*put)(int);
    const char *lesson;
} ways[WAYS] = {
    {"state", take_by_state, put_by_state,
     "eat when no neighbour eats, nor has been hungry for longer: nobody starves"},
    {"both", take_both, put_forks,
     "both forks at once or none: no deadlock; but neighbours in turns could starve one"},
    {"order", take_in_order, put_forks,
     "all take the forks in the same order: there is no circle, so no deadlock"},
};

static const struct way mistake = {
    "left fork first", take_left_first, put_forks,
    "each holds what its neighbour waits for, all around: nobody will ever eat"};

/* First say that I eat, then look at the others: of two that eat, one at least sees the other. */
static void eat(int i)
{
    atomic_store(&shared->eating[i], true);
    struct timespec left = {.tv_nsec = MEAL_MS * MILLISECOND};
    if (atomic_load(&shared->eating[left_of(i)]) || atomic_load(&shared->eating[right_of(i)]))
        errx(EXIT_FAILURE, "philosopher %d eats beside another", i + 1);
    while (nanosleep(&left, &left) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "nanosleep");
    atomic_store(&shared->eating[i], false);
    shared->meals[i]++;
}

static void live(int i, const struct way *way, int rounds)
{
    char role[32];
    snprintf(role, sizeof role, "phil %d", i + 1);
    lane(1, role);
    die_with_parent();
    for (int round = 0; round < rounds; round++) {
        const double start = now_in_ms();
        way->take(i);
        const double waited = now_in_ms() - start;
        if (waited > shared->longest_wait[i])
            shared->longest_wait[i] = waited;
        eat(i);
        way->put(i);
    }
    _exit(EXIT_SUCCESS);
}

static void make_semaphores(const struct way *way)
{
    hold_endings();
    set = semget(IPC_PRIVATE, count + 1, S_IRUSR | S_IWUSR);
    if (set == -1)
        err(EXIT_FAILURE, "semget");
    remove_set_at_exit(set);
    release_endings();
    const bool forks = way != &ways[STATE];
    unsigned short values[MOST + 1] = {0};
    for (int i = 0; i < count; i++)
        values[i] = forks ? 1 : 0;
    values[count] = (unsigned short)(forks ? count : 1);
    if (semctl(set, 0, SETALL, (union semun){.array = values}) == -1)
        err(EXIT_FAILURE, "semctl SETALL");
}

static int ask(int fork_number, int command)
{
    const int result = semctl(set, fork_number, command);
    if (result == -1)
        err(EXIT_FAILURE, "semctl");
    return result;
}

static int number_of(pid_t pid, const pid_t pids[])
{
    for (int i = 0; i < count; i++)
        if (pids[i] == pid)
            return i;
    return count; /* a child of whoever was this process before exec */
}

/* In the order in which they end: if one is killed we end, and the others with us. */
static void reap_all(const pid_t pids[])
{
    for (int left = count; left > 0;) {
        const pid_t pid = wait_for_any();
        const int number = number_of(pid, pids) + 1, status = reap(pid);
        if (number > count)
            continue;
        left--;
        if (status > 128)
            errx(EXIT_FAILURE, "philosopher %d was killed, signal %d: ending all", number,
                 status - 128);
        if (status != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "philosopher %d failed: ending all", number);
    }
}

/* Each fork has been taken by one (GETPID), and one sleeps because of it (GETNCNT): that is the one
 * whose right fork it is. From one to the next, until it is the first again. */
static void show_circle(const pid_t pids[])
{
    for (int waiting = 0; waiting < count;) {
        waiting = 0;
        for (int i = 0; i < count; i++) {
            wait_asleep(pids[i]);
            waiting += ask(i, GETNCNT);
        }
    }
    if (!still_asleep(pids[0], WATCHED_MS))
        errx(EXIT_FAILURE, "philosopher 1 does not sleep any more");
    say("%d ms later all sleep in semop()", WATCHED_MS);
    int steps = 0, i = 0;
    do {
        const int wanted = right_of(i), value = ask(wanted, GETVAL), pid = ask(wanted, GETPID);
        say("fork %d: GETVAL = %d, GETPID = %d, GETNCNT = %d", wanted + 1, value, pid,
            ask(wanted, GETNCNT));
        const int holder = number_of(pid, pids);
        printf("philosopher %d waits for philosopher %d\n", i + 1, holder + 1);
        i = holder;
        steps++;
    } while (i != 0 && steps < count);
    if (i != 0 || steps != count)
        errx(EXIT_FAILURE, "unexpected: that is no circle");
    say("kill() all, with SIGTERM");
    for (i = 0; i < count; i++) {
        if (kill(pids[i], SIGTERM) == -1)
            err(EXIT_FAILURE, "kill");
        if (reap(pids[i]) != 128 + SIGTERM)
            errx(EXIT_FAILURE, "philosopher %d has ended too early", i + 1);
    }
}

static const struct way *parse_way(const char *text)
{
    for (int i = 0; i < WAYS; i++)
        if (strcmp(text, ways[i].name) == 0)
            return &ways[i];
    errx(USAGE_ERROR, "-m '%s': not state, both or order", text);
}

int main(int argc, char *argv[])
{
    const struct way *way = &ways[STATE];
    bool left_first = false;
    int rounds = 10;
    for (int letter; (letter = next_option(argc, argv, "m:n:r:x", usage)) != -1;)
        switch (letter) {
        case 'm':
            way = parse_way(optarg);
            break;
        case 'n':
            count = (int)parse_long("-n", optarg, 2, MOST);
            break;
        case 'r':
            rounds = (int)parse_long("-r", optarg, 1, MOST_ROUNDS);
            break;
        case 'x':
            left_first = true;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (left_first)
        way = &mistake;

    lane(0, "watcher");
    shared = share_memory(sizeof *shared);
    make_semaphores(way);
    say("%d philosophers, always hungry; the way: %s", count, way->name);
    pid_t pids[MOST];
    for (int i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (pids[i] == 0)
            live(i, way, rounds);
    }
    if (left_first) {
        show_circle(pids);
    } else {
        reap_all(pids);
        say("%d meals, and never did two neighbours eat at once", count * rounds);
        for (int i = 0; i < count; i++)
            printf("philosopher %d meals %d longest wait %.1f ms\n", i + 1, shared->meals[i],
                   shared->longest_wait[i]);
    }
    flush_stdout();
    lesson("%s", way->lesson);
    return EXIT_SUCCESS;
}
