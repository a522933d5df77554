/* race - several processes increment one shared variable; without a guard, increments get lost
 *
 * x = x + 1 is a load and a store. Two processes that load the same number store the same number. A
 * guard keeps the others out from the load to the store. With -x there is none.
 *
 * semop(2), pthread_mutexattr_setpshared(3)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sem.h>
#include <unistd.h>

static const char usage[] =
    "usage: race [-x] [-w WORKERS] [-c COUNT] [-m sem|mutex|atomic|none]\n"
    "  -c COUNT    increments of each (2500; -m atomic: 1000000, -m none: 5000000)\n"
    "  -m GUARD    sem (System V, the default), mutex, atomic; none: only with -x\n"
    "  -w WORKERS  number of workers (4)\n"
    "  -x          the mistake: no guard; with -m atomic: x = x + 1, with x _Atomic\n"
    "  prints how many increments there should be, and how many were counted\n";

enum guard { SEM, MUTEX, ATOMIC, NONE, GUARDS };
static const char *const guard_names[] = {"sem", "mutex", "atomic", "none"};
static const long usual_counts[] = {2500, 2500, 1000000, 5000000};

static struct shared {
    volatile long x; /* loaded and stored each time, and not kept in a register; no guard */
    atomic_long atomic_x;
    pthread_mutex_t mutex;
} * shared;
static pid_t team[64];
static int set;
static bool mistake;
static enum guard guard = GUARDS;
static long workers = 4, count;

static void change_semaphore(short amount)
{
    while (semop(set, &(struct sembuf){.sem_num = 0, .sem_op = amount}, 1) == -1)
        if (errno == EIDRM || errno == EINVAL) /* the parent has ended, and the set with it */
            _exit(EXIT_FAILURE);
        else if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop");
}

static void lock(void)
{
    if (guard == SEM)
        change_semaphore(-1);
    else if (guard == MUTEX)
        check_error(pthread_mutex_lock(&shared->mutex), "pthread_mutex_lock");
}

static void unlock(void)
{
    if (guard == SEM)
        change_semaphore(+1);
    else if (guard == MUTEX)
        check_error(pthread_mutex_unlock(&shared->mutex), "pthread_mutex_unlock");
}

static void add_one(void)
{
    if (guard == ATOMIC && mistake) {
        shared->atomic_x = shared->atomic_x + 1; /* an atomic load and an atomic store */
    } else if (guard == ATOMIC) {
        atomic_fetch_add(&shared->atomic_x, 1);
    } else {
        lock();
        shared->x = shared->x + 1;
        unlock();
    }
}

static void add_one_slowly(int gate)
{
    char byte;
    lock();
    const long loaded = shared->x;
    say("load x: %ld", loaded);
    if (read(gate, &byte, 1) == -1) /* until the parent writes */
        err(EXIT_FAILURE, "read");
    shared->x = loaded + 1;
    say("store x: %ld", loaded + 1);
    unlock();
}

static pid_t start_worker(long i, int gate)
{
    team[i] = fork();
    if (team[i] == -1)
        err(EXIT_FAILURE, "fork");
    if (team[i] > 0)
        return team[i];
    lane(1, "worker 1");
    die_with_parent();
    if (gate != -1)
        add_one_slowly(gate);
    for (long done = gate != -1; done < count; done++)
        add_one();
    _exit(EXIT_SUCCESS);
}

static void reap_workers(long number)
{
    for (long i = 0; i < number; i++)
        if (reap(team[i]) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "a worker failed"); /* and the others end with us */
}

static long count_together(void)
{
    shared->x = 0;
    shared->atomic_x = 0;
    for (long i = 0; i < workers; i++)
        start_worker(i, -1);
    reap_workers(workers);
    return guard == ATOMIC ? shared->atomic_x : shared->x;
}

/* Worker 1 stops between load and store. A guard puts the others to sleep; without one they end. */
static long count_in_slow_motion(void)
{
    int gate[2];
    shared->x = 0;
    if (pipe(gate) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t first = start_worker(0, gate[READ_END]);
    say_asleep_in("worker 1", first, "read", gate[READ_END]);
    for (long i = 1; i < workers; i++) {
        const pid_t worker = start_worker(i, -1);
        if (guard == NONE && reap(worker) == EXIT_SUCCESS)
            say("another worker has ended: x is %ld", shared->x);
        else
            say_asleep_in("another worker", worker, guard == SEM ? "semop" : "futex", ANY_ARGUMENT);
    }
    if (write(gate[WRITE_END], "", 1) == -1)
        err(EXIT_FAILURE, "write");
    reap_workers(guard == NONE ? 1 : workers);
    return shared->x;
}

static void make_guards(void)
{
    pthread_mutexattr_t attributes;
    check_error(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    check_error(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED),
                "pthread_mutexattr_setpshared");
    check_error(pthread_mutex_init(&shared->mutex, &attributes), "pthread_mutex_init");
    if (guard == SEM)
        set = private_set(1);
    if (guard == SEM && semctl(set, 0, SETVAL, (union semun){.val = 1}) == -1)
        err(EXIT_FAILURE, "semctl SETVAL");
}

int main(int argc, char *argv[])
{
    for (int letter; (letter = next_option(argc, argv, "c:m:w:x", usage)) != -1;)
        if (letter == 'c')
            count = parse_long("-c", optarg, 1, 30000000);
        else if (letter == 'w')
            workers = parse_long("-w", optarg, 1, 64);
        else if (letter == 'x')
            mistake = true;
        else
            guard = (enum guard)parse_choice(optarg, guard_names, GUARDS);
    check_operands(argc, argv, 0, 0);
    guard = guard != GUARDS ? guard : mistake ? NONE : SEM;
    count = count != 0 ? count : usual_counts[guard];
    if (mistake ? guard < ATOMIC || workers < 2 : guard == NONE)
        errx(USAGE_ERROR, "-x goes with -m none or atomic, and needs two workers");
    const char *const name = guard_names[guard];
    lane(0, "parent");
    shared = share_memory(sizeof *shared);
    make_guards();
    say("%ld workers, %ld increments each, guard: %s", workers, count, name);
    for (int i = 0; mistake && i < 3; i++) {
        const long together = count_together();
        say("x = x + 1: expected %ld, counted %ld%s", workers * count, together,
            together == workers * count ? ": nothing was lost" : "");
    }
    long counted = guard == ATOMIC ? count_together() : count_in_slow_motion();
    /* The workers of a busy machine may run one after another, and lose nothing: once more. */
    for (int i = 1; guard == ATOMIC && mistake && counted == workers * count && i < 50; i++)
        counted = count_together();
    printf("expected %ld counted %ld\n", workers * count, counted);
    if ((counted == workers * count) == mistake)
        errx(EXIT_FAILURE, "unexpected: %ld", counted);
    if (workers > 1)
        lesson(guard == NONE ? "x = x + 1 is a load and a store: what is stored in between is lost"
               : mistake
                   ? "x = x + 1 on an _Atomic: an atomic load, an atomic store, and a gap between"
                   : "a guard, or one atomic operation: nothing comes between load and store");
    return EXIT_SUCCESS;
}
