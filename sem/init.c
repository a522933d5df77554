/* init - creating a System V semaphore and setting its value are two steps, with a race in between
 *
 * Two processes each add 1 to a semaphore that should start at 0. IPC_EXCL decides which of them
 * creates the set. The other finds it before it has its value: the creator keeps that window open
 * until then. So the other waits until sem_otime, the time of the last semop(), is not 0 any more:
 * the creator does its own semop() after SETVAL, never before.
 *
 * With -x each process calls semget() with IPC_CREAT, and then SETVAL: the second one wipes out
 * what the first one has done.
 *
 * "Semaphore initialization" in semget(2); SETVAL and IPC_STAT in semctl(2)
 */
#include "ask.h"
#include "team.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: init [-x]\n"
                            "  -x  every process creates and sets the semaphore\n"
                            "  prints the value expected, and the value\n";

static void set_to_zero(int set)
{
    const int result = semctl(set, 0, SETVAL, (union semun){.val = 0});
    if (result == -1)
        err(EXIT_FAILURE, "semctl SETVAL: %s", errno_name(errno));
    say("semctl(%d, SETVAL, 0) = %d", set, result);
}

static void add_one(int set)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = +1};
    const int result = semop(set, &operation, 1);
    if (result == -1)
        err(EXIT_FAILURE, "semop: %s", errno_name(errno));
    say("semop(%d, +1) = %d", set, result);
}

static long long otime_of(int set)
{
    struct semid_ds status = {.sem_otime = 0};
    if (semctl(set, 0, IPC_STAT, (union semun){.buf = &status}) == -1)
        err(EXIT_FAILURE, "semctl IPC_STAT: %s", errno_name(errno));
    return (long long)status.sem_otime;
}

/* Nothing wakes us when the set is ready. Give up after two seconds: the creator may have died
 * between its two steps. */
static void wait_until_ready(int set)
{
    enum { RETRY_MS = 20, TRIES = 100 };
    for (int i = 0; otime_of(set) == 0; i++) {
        if (i == TRIES)
            errx(EXIT_FAILURE, "set %d never gets a value: has its creator died?", set);
        poll(NULL, 0, RETRY_MS);
    }
    say("semctl(%d, IPC_STAT): sem_otime is set", set);
}

static void come_second(key_t key)
{
    int set = semget(key, 1, IPC_CREAT | IPC_EXCL | S_IRUSR | S_IWUSR);
    if (set != -1 || errno != EEXIST)
        errx(EXIT_FAILURE, "unexpected: the set is not there");
    say("semget(IPC_CREAT|IPC_EXCL) = %d %s", set, errno_name(errno));
    set = semget(key, 1, S_IRUSR | S_IWUSR);
    if (set == -1)
        get_failed("semget", key);
    say("semget() = %d, sem_otime = %lld", set, otime_of(set));
    wait_until_ready(set);
    add_one(set);
    _exit(EXIT_SUCCESS);
}

static void come_second_and_set(key_t key)
{
    const int set = semget(key, 1, IPC_CREAT | S_IRUSR | S_IWUSR);
    if (set == -1)
        get_failed("semget", key);
    say("semget(IPC_CREAT) = %d", set);
    set_to_zero(set); /* the mistake: it is in use */
    add_one(set);
    _exit(EXIT_SUCCESS);
}

/* The first one finds no set, and creates it. */
static int create_set(key_t key, int flags)
{
    hold_endings();
    const int set = semget(key, 1, flags | S_IRUSR | S_IWUSR);
    if (set == -1)
        get_failed("semget", key);
    remove_at_exit(A_SET, set);
    release_endings();
    say("semget(%s) = %d", flags == IPC_CREAT ? "IPC_CREAT" : "IPC_CREAT|IPC_EXCL", set);
    return set;
}

static pid_t start_second(void (*role)(key_t), key_t key)
{
    hold_endings();
    const pid_t pid = fork_role(1, "second");
    if (pid == 0) {
        release_endings();
        role(key);
    }
    user_of_objects = pid; /* killed before the set is removed: it could make another one */
    release_endings();
    return pid;
}

int main(int argc, char *argv[])
{
    bool wrong = false;
    while (next_option(argc, argv, "x", usage) != -1)
        wrong = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "first");
    /* A key that nobody else uses: with our pid in it, as ftok(3) has an inode. */
    const key_t key = (key_t)((unsigned)'i' << 24 | (unsigned)getpid());
    const int set = create_set(key, wrong ? IPC_CREAT : IPC_CREAT | IPC_EXCL);
    pid_t second = 0;
    if (!wrong) {
        second = start_second(come_second, key);
        say_asleep_in("the second one", second, "poll", ANY_ARGUMENT);
    }
    set_to_zero(set);
    add_one(set);
    if (wrong)
        second = start_second(come_second_and_set, key);
    if (reap(second) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the second process failed");

    const int expected = 2, value = ask(set, 0, GETVAL);
    printf("expected %d value %d\n", expected, value);
    if ((value == expected) == wrong)
        errx(EXIT_FAILURE, "unexpected: %d", value);
    lesson(wrong ? "SETVAL by each process wipes out what others have done"
                 : "a new set is not ready until sem_otime shows its creator's first semop()");
    return EXIT_SUCCESS;
}
