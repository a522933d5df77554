/* litmus - store buffers: both processes store, then load, and neither sees the other's store
 *
 * One process does x = 1; r0 = y, the other y = 1; r1 = x. However these four steps are
 * interleaved, one of the loads comes last and reads 1. But a CPU keeps a store in a buffer of its
 * own for a while, and may do the load before the others can see it: then both may read 0. A full
 * fence between the store and the load forbids that. With -x there is none.
 *
 * C lets the compiler swap the two as well; a signal fence, which is no instruction, prevents that.
 * What remains is the CPU's doing.
 */
#define _GNU_SOURCE /* sched_setaffinity */
#include "../lib/demo.h"

#include <err.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char usage[] = "usage: litmus [-x]\n"
                            "  -x  the mistake: no fence between the store and the load\n"
                            "  prints whether both have ever read 0; needs two CPUs\n";

enum { ROUNDS = 300000, LINE = 64, USUAL_MS = 1000, MOST_MS = 30000, SPINS = 10000 };

static struct shared { /* each in a cache line of its own */
    _Alignas(LINE) atomic_int x;
    _Alignas(LINE) atomic_int y;
    _Alignas(LINE) atomic_int place[2]; /* how far each process is */
    int r0, r1;
    bool stop;
} * shared;

static bool fenced = true;
static pid_t second;

static void give_up_cpu(int me, int place)
{
    nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    if (me == 0 && has_ended(second) && atomic_load(&shared->place[1]) < place) /* in this order */
        errx(EXIT_FAILURE, "the second process has ended");
}

/* Waits until both are at the same place. It spins, because sleeping takes too long; but if the
 * other one has no CPU just now, it gives up its own for a while, so that both will have one. */
static void meet(int me, int place)
{
    atomic_store(&shared->place[me], place);
    for (unsigned spins = 1; atomic_load(&shared->place[!me]) < place; spins++)
        if (spins % SPINS == 0)
            give_up_cpu(me, place);
}

static int store_and_load(atomic_int *mine, atomic_int *other)
{
    atomic_store_explicit(mine, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* for the compiler alone */
    if (fenced)
        atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(other, memory_order_relaxed);
}

static void play_second(void)
{
    die_with_parent();
    for (int round = 0;; round++) {
        meet(1, 2 * round + 1);
        if (shared->stop)
            _exit(EXIT_SUCCESS);
        shared->r1 = store_and_load(&shared->y, &shared->x);
        meet(1, 2 * round + 2);
    }
}

/* Returns in how many rounds both have read 0. */
static int play_first(int *rounds)
{
    int both = 0;
    double ms = 0;
    const double start = now_in_ms();
    /* On a busy machine it takes longer until both run at the same time. */
    for (*rounds = 0; *rounds < ROUNDS && ms < (both > 0 || fenced ? USUAL_MS : MOST_MS);
         ++*rounds, ms = now_in_ms() - start) {
        shared->x = shared->y = 0;
        meet(0, 2 * *rounds + 1);
        shared->r0 = store_and_load(&shared->x, &shared->y);
        meet(0, 2 * *rounds + 2);
        both += shared->r0 == 0 && shared->r1 == 0;
    }
    shared->stop = true;
    meet(0, 2 * *rounds + 1);
    return both;
}

/* The first two CPUs that this process may use. Returns false if there is only one. */
static bool find_cpus(int cpus[2])
{
    cpu_set_t allowed;
    int found = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == -1)
        err(EXIT_FAILURE, "sched_getaffinity");
    for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
        if (CPU_ISSET((size_t)cpu, &allowed))
            cpus[found++] = cpu;
    return found == 2;
}

static void use_cpu(int cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) == -1)
        err(EXIT_FAILURE, "sched_setaffinity");
}

int main(int argc, char *argv[])
{
    int cpus[2], rounds;
    while (next_option(argc, argv, "x", usage) != -1)
        fenced = false;
    check_operands(argc, argv, 0, 0);

    lane(0, "first");
    if (!find_cpus(cpus)) {
        say("one CPU sees its own stores in order: nothing to show");
        return EXIT_SUCCESS;
    }
    shared = share_memory(sizeof *shared);
    second = fork();
    if (second == -1)
        err(EXIT_FAILURE, "fork");
    if (second == 0) {
        lane(1, "second");
        use_cpu(cpus[1]);
        say("on CPU %d: y = 1; r1 = x, again and again", cpus[1]);
        play_second();
    }
    use_cpu(cpus[0]);
    say("on CPU %d: x = 1; r0 = y, again and again", cpus[0]);
    const int both = play_first(&rounds);
    if (reap(second) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the second process failed");
    say("%d rounds, in %d of them r0 == 0 and r1 == 0", rounds, both);
    printf("both 0: %s\n", both > 0 ? "yes" : "never");
    if ((both > 0) == fenced)
        errx(EXIT_FAILURE, "unexpected: %d of %d rounds", both, rounds);
    lesson(fenced ? "a full fence: no load before the CPU's own store can be seen by the others"
                  : "both have read 0: a load has overtaken the store before it");
    return EXIT_SUCCESS;
}
