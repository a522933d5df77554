/* race - many processes count in one variable in shared memory; all of it counts only if guarded
 *
 * An increment is a load, an addition and a store. Two processes that load the same number store
 * the same number: one increment is lost. A semaphore or a mutex lets one process at a time do all
 * three steps; an atomic variable makes them one step.
 *
 * All workers start at once; still, the window is small, and two of them seldom meet in it. With -x
 * there is no guard, and one worker is held up in the window for certain: it has loaded, and sleeps
 * until all others have counted; then it stores. `volatile` is no guard: it makes the compiler load
 * and store each time, that is all.
 *
 * semop(2), pthread_mutexattr_setpshared(3), shmat(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORKERS = 64, MOST_COUNT = 100000000 };
enum guard { SEM, MUTEX, ATOMIC, NONE };

static const char *const guard_names[] = {"sem", "mutex", "atomic"};

static const char usage[] =
    "usage: race [-x] [-w WORKERS] [-c COUNT] [-m sem|mutex|atomic]\n"
    "  -c COUNT    increments that each worker makes (2500)\n"
    "  -m GUARD    sem: a System V semaphore (the default); mutex: a process-shared mutex;\n"
    "              atomic: an atomic variable\n"
    "  -w WORKERS  processes that count (4)\n"
    "  -x          no guard at all: updates are lost\n"
    "  prints how many increments there should be, and how many were counted\n";


static struct shared {
    volatile long counter;
    atomic_long atomic_counter; /* in its place for -m atomic */
    pthread_mutex_t mutex;
} * shared;
static int set;

/* Without SEM_UNDO: if a worker is killed, all of them end. See sem/undo. */
static void change_semaphore(short amount)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = amount, .sem_flg = 0};
    while (semop(set, &operation, 1) == -1)
        if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop");
}

static void add_one(enum guard guard)
{
    switch (guard) {
    case SEM:
        change_semaphore(-1);
        shared->counter = shared->counter + 1;
        change_semaphore(+1);
        break;
    case MUTEX:
        if ((errno = pthread_mutex_lock(&shared->mutex)) != 0)
            err(EXIT_FAILURE, "pthread_mutex_lock");
        shared->counter = shared->counter + 1;
        if ((errno = pthread_mutex_unlock(&shared->mutex)) != 0)
            err(EXIT_FAILURE, "pthread_mutex_unlock");
        break;
    case ATOMIC:
        atomic_fetch_add(&shared->atomic_counter, 1);
        break;
    case NONE:
        shared->counter = shared->counter + 1;
        break;
    }
}

/* Nobody writes into this pipe: a read() from it sleeps until the parent closes its write end. */
static int gate[2];

static void wait_at_gate(void)
{
    char byte;
    if (close(gate[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (read(gate[READ_END], &byte, 1) == -1)
        err(EXIT_FAILURE, "read");
}

static void count_up(enum guard guard, long count)
{
    for (long i = 0; i < count; i++)
        add_one(guard);
    _exit(EXIT_SUCCESS);
}

static void count_up_late(long count)
{
    lane(1, "worker 1");
    const long loaded = shared->counter;
    say("load: %ld; held up before the store", loaded);
    wait_at_gate();
    shared->counter = loaded + 1;
    say("store: %ld; what was counted since is lost", loaded + 1);
    count_up(NONE, count - 1);
}

static pid_t start_worker(void)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0)
        die_with_parent();
    return pid;
}

static void open_gate(void)
{
    if (close(gate[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
}

/* In the order in which they end: if one fails we end, and the others with us. */
static void reap_workers(long workers)
{
    for (int status; workers > 0; workers--) {
        while (wait(&status) == -1)
            if (errno != EINTR)
                err(EXIT_FAILURE, "wait");
        if (status != 0)
            errx(EXIT_FAILURE, "a worker failed");
    }
}

static void count_together(enum guard guard, long workers, long count)
{
    for (long i = 0; i < workers; i++) {
        const pid_t worker = start_worker();
        if (worker == 0) {
            wait_at_gate();
            count_up(guard, count);
        }
        wait_asleep(worker);
    }
    open_gate();
    reap_workers(workers);
}

static void hold_up_the_first(long workers, long count)
{
    const pid_t late = start_worker();
    if (late == 0)
        count_up_late(count);
    wait_asleep(late);
    say("worker 1 sleeps between load and store");
    for (long i = 1; i < workers; i++)
        if (start_worker() == 0)
            count_up(NONE, count);
    reap_workers(workers - 1);
    say("the other workers have ended: the counter is at %ld", shared->counter);
    open_gate();
    reap_workers(1);
}

static void make_shared(void)
{
    const int id = shmget(IPC_PRIVATE, sizeof *shared, S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "shmget");
    shared = shmat(id, NULL, 0);
    const int reason = errno;
    if (shmctl(id, IPC_RMID, NULL) == -1) /* it lives until its last process ends */
        err(EXIT_FAILURE, "shmctl IPC_RMID");
    errno = reason;
    if (shared == (void *)-1)
        err(EXIT_FAILURE, "shmat");
}

static void make_semaphore(void)
{
    set = semget(IPC_PRIVATE, 1, S_IRUSR | S_IWUSR);
    if (set == -1)
        err(EXIT_FAILURE, "semget");
    remove_set_at_exit(set);
    if (semctl(set, 0, SETVAL, (union semun){.val = 1}) == -1)
        err(EXIT_FAILURE, "semctl SETVAL");
}

static void make_mutex(void)
{
    pthread_mutexattr_t attributes;
    if ((errno = pthread_mutexattr_init(&attributes)) != 0 ||
        (errno = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED)) != 0 ||
        (errno = pthread_mutex_init(&shared->mutex, &attributes)) != 0)
        err(EXIT_FAILURE, "pthread_mutex_init");
    pthread_mutexattr_destroy(&attributes);
}

static enum guard parse_guard(const char *text)
{
    for (enum guard guard = SEM; guard < NONE; guard++)
        if (strcmp(text, guard_names[guard]) == 0)
            return guard;
    errx(USAGE_ERROR, "-m '%s': not sem, mutex or atomic", text);
}

int main(int argc, char *argv[])
{
    enum guard guard = SEM;
    bool guarded = true;
    long workers = 4, count = 2500;
    for (int letter; (letter = next_option(argc, argv, "c:m:w:x", usage)) != -1;)
        switch (letter) {
        case 'c':
            count = parse_long("-c", optarg, 1, MOST_COUNT);
            break;
        case 'm':
            guard = parse_guard(optarg);
            break;
        case 'w':
            workers = parse_long("-w", optarg, 1, MOST_WORKERS);
            break;
        case 'x':
            guarded = false;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (!guarded && workers < 2)
        errx(USAGE_ERROR, "-x needs two workers");

    lane(0, "parent");
    hold_endings();
    make_shared();
    if (guarded && guard == SEM)
        make_semaphore();
    release_endings();
    if (guarded && guard == MUTEX)
        make_mutex();
    if (pipe(gate) == -1)
        err(EXIT_FAILURE, "pipe");
    say("%ld workers, %ld increments each, guard: %s", workers, count,
        guarded ? guard_names[guard] : "none");
    if (guarded)
        count_together(guard, workers, count);
    else
        hold_up_the_first(workers, count);

    const bool atomic = guarded && guard == ATOMIC;
    const long expected = workers * count;
    const long counted = atomic ? atomic_load(&shared->atomic_counter) : shared->counter;
    printf("expected %ld counted %ld\n", expected, counted);
    flush_stdout();
    if ((counted == expected) != guarded)
        errx(EXIT_FAILURE, "unexpected: %ld of %ld", counted, expected);
    lesson(guarded ? "x = x + 1 in shared memory must be guarded, or be atomic"
                   : "x = x + 1 is a load and a store: it overwrites what is stored in between");
    return EXIT_SUCCESS;
}
