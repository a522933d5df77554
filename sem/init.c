/* init - a semaphore is made and set in two steps, and others can come in between
 *
 * Two processes each add 1 to a semaphore that begins with 0. The creator makes the set; before it
 * goes on, it waits until the other process has found the set, unset. That one then waits until
 * sem_otime, the time of the last semop(), is not 0 any more: the creator does its own semop()
 * after SETVAL, never before. With -x the other does not look: what it adds, SETVAL wipes out.
 *
 * "Semaphore initialization" in semget(2); SETVAL and IPC_STAT in semctl(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETRY_MS = 1, TRIES = 2000 };

static const char usage[] = "usage: init [-x]\n"
                            "  -x  use the set as soon as it is there: an operation is lost\n"
                            "  prints the value expected, and the value\n";

static int value_of(int id)
{
    const int value = semctl(id, 0, GETVAL);
    if (value == -1)
        err(EXIT_FAILURE, "semctl GETVAL");
    return value;
}

static bool is_set(int id)
{
    struct semid_ds set = {.sem_otime = 0};
    if (semctl(id, 0, IPC_STAT, (union semun){.buf = &set}) == -1)
        err(EXIT_FAILURE, "semctl IPC_STAT");
    return set.sem_otime != 0;
}

static void add_one(int id)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = +1};
    if (semop(id, &operation, 1) == -1)
        err(EXIT_FAILURE, "semop");
    say("semop(+1) = 0");
}

/* Nothing wakes us when the set is ready: ask again and again, but not for ever, since the creator
 * may have died between its two steps. */
static void wait_until_set(int id)
{
    for (int i = 0; !is_set(id); i++) {
        if (i == TRIES)
            errx(EXIT_FAILURE, "the set %d is never set: has its creator died?", id);
        poll(NULL, 0, RETRY_MS);
    }
    say("sem_otime is not 0: it is set");
}

static void use(key_t key, bool look, int found_fd)
{
    lane(1, "other");
    die_with_parent();
    const int made = semget(key, 1, IPC_CREAT | IPC_EXCL | S_IRUSR | S_IWUSR);
    if (made != -1) { /* the first process has been ended, and has removed its set */
        if (semctl(made, 0, IPC_RMID) == -1)
            err(EXIT_FAILURE, "semctl IPC_RMID");
        errx(EXIT_FAILURE, "semget 0x%08x: there is no set any more", (unsigned)key);
    }
    if (errno != EEXIST)
        err(EXIT_FAILURE, "semget 0x%08x", (unsigned)key);
    const int id = semget(key, 1, S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "semget 0x%08x", (unsigned)key);
    say("semget(IPC_EXCL) = -1 EEXIST, semget() = %d", id);
    if (is_set(id))
        errx(EXIT_FAILURE, "the set is set too early");
    say("sem_otime = 0: made, but not yet set");
    if (!look)
        add_one(id);
    if (write(found_fd, "", 1) == -1)
        err(EXIT_FAILURE, "write");
    if (look) {
        wait_until_set(id);
        add_one(id);
    }
    _exit(EXIT_SUCCESS);
}

/* Keep the window open until the other has been in it. */
static void wait_until_found(const int fds[2])
{
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    char byte;
    const ssize_t count = read_full(fds[READ_END], &byte, 1);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    if (count == 0)
        errx(EXIT_FAILURE, "the other has ended too early");
}

int main(int argc, char *argv[])
{
    bool look = true;
    while (next_option(argc, argv, "x", usage) != -1)
        look = false;
    check_operands(argc, argv, 0, 0);

    lane(0, "creator");
    /* Both need a key, one that nobody else uses: with our pid in it, as ftok(3) has an inode. */
    const key_t key = (key_t)((unsigned)'i' << 24 | (unsigned)getpid());
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    hold_endings();
    const int id = semget(key, 1, IPC_CREAT | IPC_EXCL | S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "semget 0x%08x", (unsigned)key);
    remove_set_at_exit(id);
    release_endings();
    say("semget(0x%08x, IPC_CREAT|IPC_EXCL) = %d", (unsigned)key, id);

    const pid_t other = fork();
    if (other == -1)
        err(EXIT_FAILURE, "fork");
    if (other == 0)
        use(key, look, fds[WRITE_END]);
    wait_until_found(fds);
    /* A new value is 0 on Linux; POSIX does not promise it, so it has to be set. */
    say("GETVAL = %d before SETVAL", value_of(id));
    if (semctl(id, 0, SETVAL, (union semun){.val = 0}) == -1)
        err(EXIT_FAILURE, "semctl SETVAL");
    say("semctl(SETVAL, 0)");
    add_one(id);
    if (reap(other) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the other failed");

    const int expected = 2, value = value_of(id);
    printf("expected %d value %d\n", expected, value);
    flush_stdout();
    if ((value == expected) != look)
        errx(EXIT_FAILURE, "unexpected: %d", value);
    lesson(look ? "a new set is not ready before sem_otime says so: its creator's first semop()"
                : "what was done before the set was set is lost: wait until sem_otime is not 0");
    return EXIT_SUCCESS;
}
