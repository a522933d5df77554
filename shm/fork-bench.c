/* fork-bench - what it costs to create a process, and to switch from one to another
 *
 * fork() copies the tables that lead to the memory: the more memory, the longer it takes. vfork()
 * copies nothing: the child borrows the memory of the parent, which waits. posix_spawn() does the
 * same, and then an exec. The methods alternate.
 *
 * A switch is measured with two processes, or two threads, that wake each other in turn on one CPU.
 *
 * fork(2), vfork(2), posix_spawn(3), sem_post(3)
 */
#define _GNU_SOURCE /* madvise, sched_setaffinity, vfork */
#include "../lib/bench/bench.h"
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, MOST_SIZES = 16, ROUNDS = 15, LARGEST = 4096, SWITCHES = 500 };

static const char usage[] =
    "usage: fork-bench [-s MIB,...]\n"
    "  -s MIB,...  memory of the parent, 1 to 4096 MiB (1,16,256)\n"
    "  prints the median time in microseconds, and the ratio to fork's, or a thread's\n";

static char true_path[] = "/bin/true";
static char *const true_arguments[] = {true_path, NULL};
extern char **environ;

static pid_t checked(const char *call, pid_t pid)
{
    if (pid == -1)
        err(EXIT_FAILURE, "%s", call);
    return pid;
}

static pid_t by_fork(void)
{
    const pid_t pid = checked("fork", fork());
    if (pid == 0)
        _exit(EXIT_SUCCESS);
    return pid;
}

static pid_t by_vfork(void)
{
    const pid_t pid = vfork();
    if (pid == 0)
        _exit(EXIT_SUCCESS); /* until here the child has run in our memory, and we have waited */
    if (pid == -1)
        err(EXIT_FAILURE, "vfork");
    return pid;
}

static pid_t by_fork_and_exec(void)
{
    const pid_t pid = checked("fork", fork());
    if (pid == 0) {
        execv(true_path, true_arguments);
        _exit(EXIT_FAILURE);
    }
    return pid;
}

static pid_t by_posix_spawn(void)
{
    pid_t pid;
    const int error = posix_spawn(&pid, true_path, NULL, NULL, true_arguments, environ);
    if (error != 0) {
        errno = error;
        err(EXIT_FAILURE, "posix_spawn %s", true_path);
    }
    return pid;
}

static const struct {
    const char *name;
    pid_t (*start)(void);
} ways[] = {{"fork", by_fork},
            {"vfork", by_vfork},
            {"fork+exec", by_fork_and_exec},
            {"posix_spawn", by_posix_spawn}};
enum { WAYS = sizeof ways / sizeof *ways };

/* Memory that has been written, in small pages: a table entry for each. */
static void *touched_memory(size_t size)
{
    char *const memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, size, MADV_NOHUGEPAGE); /* it fails where the kernel has none */
    memset(memory, 1, size);
    return memory;
}

static bool can_fork(void)
{
    const pid_t pid = fork();
    if (pid == 0)
        _exit(EXIT_SUCCESS);
    return pid != -1 && reap(pid) == EXIT_SUCCESS;
}

/* Returns false if there is not that much memory. */
static bool measure_starts(long mib)
{
    const size_t size = (size_t)mib * MIB;
    if (sysconf(_SC_AVPHYS_PAGES) < (long)(size / (size_t)sysconf(_SC_PAGESIZE)) * 5 / 4) {
        warnx("%ld MiB: more than this machine has free", mib);
        return false;
    }
    void *const memory = touched_memory(size);
    if (memory == NULL) {
        warn("%ld MiB: mmap", mib);
        return false;
    }
    if (!can_fork()) {
        warn("%ld MiB: fork", mib); /* ENOMEM: see overcommit_memory in proc(5) */
        munmap(memory, size);
        return false;
    }
    static double us[WAYS][ROUNDS], ratios[WAYS][ROUNDS];
    for (int round = -1; round < ROUNDS; round++) { /* the first one is the warm-up */
        for (int turn = 0; turn < WAYS; turn++) {
            const int i = round % 2 == 0 ? turn : WAYS - 1 - turn;
            const long long start = clock_ns();
            if (reap(ways[i].start()) != EXIT_SUCCESS)
                errx(EXIT_FAILURE, "%s: the child has failed", ways[i].name);
            if (round >= 0)
                us[i][round] = (double)(clock_ns() - start) / 1e3;
        }
        for (int i = 0; round >= 0 && i < WAYS; i++)
            ratios[i][round] = us[i][round] / us[0][round];
    }
    for (int i = 0; i < WAYS; i++)
        printf("%s\t%ld\t%.2f\t%.3f\n", ways[i].name, mib, median(us[i], ROUNDS),
               median(ratios[i], ROUNDS));
    flush_stdout();
    munmap(memory, size);
    return true;
}

/* ---- Switches ---- */

static sem_t *turns; /* two, in shared memory */

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "sem_wait");
}

static void wake(sem_t *semaphore)
{
    if (sem_post(semaphore) == -1)
        err(EXIT_FAILURE, "sem_post");
}

static void *answer(void *unused)
{
    for (int i = 0; i < SWITCHES; i++) {
        wait_for(&turns[0]);
        wake(&turns[1]);
    }
    return unused;
}

static double us_for_a_switch(void)
{
    const long long start = clock_ns();
    for (int i = 0; i < SWITCHES; i++) {
        wake(&turns[0]);
        wait_for(&turns[1]);
    }
    return (double)(clock_ns() - start) / 1e3 / (2 * SWITCHES);
}

static double switch_threads(void)
{
    pthread_t thread;
    const int error = pthread_create(&thread, NULL, answer, NULL);
    if (error != 0) {
        errno = error;
        err(EXIT_FAILURE, "pthread_create");
    }
    const double us = us_for_a_switch();
    pthread_join(thread, NULL);
    return us;
}

static volatile pid_t partner;

/* We may sleep until it wakes us. */
static void partner_was_killed(int signal_number, siginfo_t *info, void *context)
{
    static const char text[] = "fork-bench: the other process was killed\n";
    (void)signal_number;
    (void)context;
    if (info->si_pid != partner) /* a child from before exec */
        return;
    if (info->si_code == CLD_EXITED && info->si_status == EXIT_SUCCESS)
        return;
    if (info->si_code != CLD_EXITED) /* otherwise it has said why */
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(EXIT_FAILURE);
}

static double switch_processes(void)
{
    const struct sigaction action = {.sa_sigaction = partner_was_killed,
                                     .sa_flags = SA_SIGINFO | SA_NOCLDSTOP | SA_RESTART};
    if (sigaction(SIGCHLD, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    sigset_t child_ends, old_mask;
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    /* Blocked until `partner` is known, for it may end at once. */
    if (sigprocmask(SIG_BLOCK, &child_ends, &old_mask) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    partner = checked("fork", fork());
    if (sigprocmask(SIG_SETMASK, &old_mask, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    if (partner == 0) {
        die_with_parent();
        answer(NULL);
        _exit(EXIT_SUCCESS);
    }
    const double us = us_for_a_switch();
    if (reap(partner) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the other process has failed");
    return us;
}

static void measure_switches(void)
{
    static double threads[ROUNDS], processes[ROUNDS], ratios[ROUNDS];
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) == -1)
        err(EXIT_FAILURE, "sched_setaffinity");
    turns = share_memory(2 * sizeof *turns);
    if (sem_init(&turns[0], 1, 0) == -1 || sem_init(&turns[1], 1, 0) == -1)
        err(EXIT_FAILURE, "sem_init");
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 2 == 0)
            threads[round] = switch_threads();
        processes[round] = switch_processes();
        if (round % 2 == 1)
            threads[round] = switch_threads();
        ratios[round] = processes[round] / threads[round];
    }
    printf("switch of threads\t-\t%.2f\t1.000\n", median(threads, ROUNDS));
    printf("switch of processes\t-\t%.2f\t%.3f\n", median(processes, ROUNDS),
           median(ratios, ROUNDS));
    flush_stdout();
}

int main(int argc, char *argv[])
{
    long sizes[MOST_SIZES] = {1, 16, 256};
    int size_count = 3;
    while (next_option(argc, argv, "s:", usage) != -1)
        size_count = parse_list("-s", optarg, 1, LARGEST, sizes, MOST_SIZES);
    check_operands(argc, argv, 0, 0);
    printf("what\tMiB\tmicroseconds\tratio\n");
    flush_stdout();
    bool complete = true;
    for (int i = 0; i < size_count; i++)
        complete &= measure_starts(sizes[i]);
    measure_switches();
    return complete ? EXIT_SUCCESS : EXIT_FAILURE;
}
