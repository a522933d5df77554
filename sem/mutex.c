/* mutex - a semaphore of value 1: one process at a time in the critical section
 *
 * Each worker takes the semaphore, counts itself in, stays until it is told to leave, counts itself
 * out and gives the semaphore back. The boss tells nobody to leave before every worker sleeps,
 * inside or in semop(): all of them want to be inside at once. With -x there is no semaphore, and
 * they are.
 *
 * semop(2), GETNCNT in semctl(2), shmget(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_WORKERS = 64 };

static const char usage[] = "usage: mutex [-x] [-w WORKERS]\n"
                            "  -w WORKERS  processes that want to be inside (3)\n"
                            "  -x          no semaphore: all are inside at once\n"
                            "  prints how many were inside at once, at the most\n";


/* In shared memory. Atomic, so that the count is right even where nothing guards it. */
struct section {
    atomic_int inside;
    int seen[MOST_WORKERS]; /* how many each worker found inside when it came in, itself included */
};

/* SEM_UNDO: a worker killed inside would give it back, see undo. */
static void change(int id, short amount)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = amount, .sem_flg = SEM_UNDO};
    while (semop(id, &operation, 1) == -1)
        if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop");
    say("semop(%+d) = 0", amount);
}

static void work(int number, int id, bool guarded, struct section *section, int leave_fd)
{
    char role[32];
    snprintf(role, sizeof role, "worker %d", number + 1);
    lane(1, role);
    die_with_parent();
    if (guarded)
        change(id, -1);
    section->seen[number] = atomic_fetch_add(&section->inside, 1) + 1;
    say("inside, as number %d", section->seen[number]);
    char byte;
    if (read(leave_fd, &byte, 1) != 1)
        err(EXIT_FAILURE, "read");
    atomic_fetch_sub(&section->inside, 1);
    say("leaves");
    if (guarded)
        change(id, +1);
    _exit(EXIT_SUCCESS);
}

static struct section *make_section(void)
{
    hold_endings();
    const int id = shmget(IPC_PRIVATE, sizeof(struct section), S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "shmget");
    struct section *const section = shmat(id, NULL, 0);
    const int reason = errno;
    if (shmctl(id, IPC_RMID, NULL) == -1) /* it lives until its last process ends */
        err(EXIT_FAILURE, "shmctl IPC_RMID");
    errno = reason;
    if (section == (void *)-1)
        err(EXIT_FAILURE, "shmat");
    release_endings();
    return section;
}

static int make_mutex(void)
{
    hold_endings();
    const int id = semget(IPC_PRIVATE, 1, S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "semget");
    remove_set_at_exit(id);
    release_endings();
    if (semctl(id, 0, SETVAL, (union semun){.val = 1}) == -1)
        err(EXIT_FAILURE, "semctl SETVAL");
    say("semget(IPC_PRIVATE) = %d, with the value 1", id);
    return id;
}

int main(int argc, char *argv[])
{
    bool guarded = true;
    int workers = 3;
    for (int letter; (letter = next_option(argc, argv, "w:x", usage)) != -1;)
        switch (letter) {
        case 'w':
            workers = (int)parse_long("-w", optarg, 1, MOST_WORKERS);
            break;
        case 'x':
            guarded = false;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (!guarded && workers < 2)
        errx(USAGE_ERROR, "-x needs two workers");

    lane(0, "boss");
    struct section *const section = make_section();
    const int id = make_mutex();
    int leave[2];
    if (pipe(leave) == -1)
        err(EXIT_FAILURE, "pipe");
    pid_t pids[MOST_WORKERS];
    for (int i = 0; i < workers; i++) {
        pids[i] = fork();
        if (pids[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (pids[i] == 0)
            work(i, id, guarded, section, leave[READ_END]);
        wait_asleep(pids[i]); /* inside, or in semop(): the next one finds it there */
    }

    const int waiting = semctl(id, 0, GETNCNT);
    if (waiting == -1)
        err(EXIT_FAILURE, "semctl GETNCNT");
    say("all sleep: %d inside, %d in semop()", atomic_load(&section->inside), waiting);
    for (int i = 0; i < workers; i++)
        if (write(leave[WRITE_END], "", 1) == -1)
            err(EXIT_FAILURE, "write");

    int most = 0;
    for (int i = 0; i < workers; i++) {
        if (reap(pids[i]) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "worker %d failed", i + 1);
        most = section->seen[i] > most ? section->seen[i] : most;
    }
    printf("most at once %d\n", most);
    flush_stdout();
    if (most != (guarded ? 1 : workers))
        errx(EXIT_FAILURE, "unexpected: %d of %d workers", most, workers);
    lesson(guarded ? "a semaphore of value 1 lets one in; the others sleep until it leaves"
                   : "without a semaphore nothing keeps the others out: all are inside at once");
    return EXIT_SUCCESS;
}
