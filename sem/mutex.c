/* mutex - a semaphore of value 1: one process at a time in the critical section
 *
 * Each worker takes the semaphore, stays inside until a byte comes from the pipe, and gives the
 * semaphore back. The boss writes no byte until every worker sleeps, inside or in semop(), so all
 * of them want to be inside at once. With -x there is no semaphore, and they are.
 *
 * semop(2), GETNCNT in semctl(2), mmap(2)
 */
#include "ask.h"
#include "team.h"

#include <err.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sem.h>
#include <unistd.h>

static const char usage[] = "usage: mutex [-x] [-w WORKERS]\n"
                            "  -w WORKERS  number of workers (3)\n"
                            "  -x          no semaphore: all are inside at once\n"
                            "  prints the largest number of workers inside at the same time\n";

static struct section {     /* in shared memory */
    atomic_int inside;      /* atomic, so that it is right even where nothing guards it */
    int seen[MOST_MEMBERS]; /* by each worker when it came in, with itself */
} * section;

static int set;

/* SEM_UNDO: a worker that is killed inside would give it back, see undo. */
static void change(short amount)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = amount, .sem_flg = SEM_UNDO};
    int result;
    while ((result = semop(set, &operation, 1)) == -1)
        if (errno == EIDRM || errno == EINVAL)
            _exit(EXIT_FAILURE); /* the parent has ended, and removed the set */
        else if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop: %s", errno_name(errno));
    say("semop(%d, %+d%s) = %d", set, amount, operation.sem_flg == SEM_UNDO ? ", SEM_UNDO" : "",
        result);
}

static void work(int number, bool guarded, int fd)
{
    if (guarded)
        change(-1);
    section->seen[number] = atomic_fetch_add(&section->inside, 1) + 1;
    say("inside: %d now", section->seen[number]);
    char byte;
    if (read(fd, &byte, 1) != 1)
        err(EXIT_FAILURE, "read");
    atomic_fetch_sub(&section->inside, 1);
    if (guarded)
        change(+1);
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    bool guarded = true;
    int workers = 3;
    for (int letter; (letter = next_option(argc, argv, "w:x", usage)) != -1;)
        if (letter == 'w')
            workers = (int)parse_long("-w", optarg, 1, MOST_MEMBERS);
        else
            guarded = false;
    check_operands(argc, argv, 0, 0);
    if (!guarded && workers < 2)
        errx(USAGE_ERROR, "-x needs two workers");

    lane(0, "boss");
    section = share_memory(sizeof *section);
    set = private_semaphore(1);
    int pipe_fds[2];
    if (pipe(pipe_fds) == -1)
        err(EXIT_FAILURE, "pipe");
    for (int i = 0; i < workers; i++) {
        const pid_t pid = fork_member("worker", i + 1);
        if (pid == 0)
            work(i, guarded, pipe_fds[READ_END]);
        wait_asleep(pid); /* inside, or in semop(): the next one finds it there */
    }

    say("all sleep: %d inside, GETNCNT = %d", atomic_load(&section->inside), ask(set, 0, GETNCNT));
    for (int i = 0; i < workers; i++)
        if (write(pipe_fds[WRITE_END], "", 1) == -1)
            err(EXIT_FAILURE, "write");
    reap_team();

    int most = 0;
    for (int i = 0; i < workers; i++)
        most = section->seen[i] > most ? section->seen[i] : most;
    printf("most at once %d\n", most);
    if (most != (guarded ? 1 : workers))
        errx(EXIT_FAILURE, "unexpected: %d of %d workers", most, workers);
    if (workers > 1)
        lesson(guarded
                   ? "a semaphore of value 1 lets one in; the others sleep until it leaves"
                   : "without a semaphore nothing keeps the others out: all are inside at once");
    return EXIT_SUCCESS;
}
