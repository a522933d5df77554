/* p - takes a semaphore: lowers its value by one, and waits while it is 0
 *
 * The value never goes below 0: whoever would lower it further sleeps, and is counted (see stat).
 * Without -u nothing ties the semaphore to this process; it has ended, and still the value is
 * lower. With -u, SEM_UNDO, the kernel adds the one again when the process ends, however it ends.
 * So that this can be watched, it then holds the semaphore until you end it.
 *
 * semop(2), semget(2); EINTR in signal(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: p [-nu] [-k KEY]\n"
                            "  -k KEY  the key of the set (ftok of /tmp/ipc-UID and 's')\n"
                            "  -n      IPC_NOWAIT: where it would wait, fail with EAGAIN\n"
                            "  -u      SEM_UNDO, and hold it until Enter, Ctrl-C or kill -9\n"
                            "  first: ./sem/create; other terminals: ./sem/v, ./sem/stat\n";


static int find_set(key_t key)
{
    const int id = semget(key, 1, S_IRUSR | S_IWUSR);
    if (id == -1 && errno == ENOENT)
        errx(EXIT_FAILURE, "key 0x%08x has no set; make it first: ./sem/create", (unsigned)key);
    if (id == -1)
        err(EXIT_FAILURE, "semget 0x%08x (whose it is: ipcs -s)", (unsigned)key);

    struct semid_ds set = {.sem_nsems = 0}; /* semget() is content with a larger set, too */
    if (semctl(id, 0, IPC_STAT, (union semun){.buf = &set}) == -1)
        err(EXIT_FAILURE, "semctl IPC_STAT");
    if (set.sem_nsems != 1)
        errx(EXIT_FAILURE, "key 0x%08x has a set of %lu semaphores, not of one", (unsigned)key,
             (unsigned long)set.sem_nsems);
    say("semget(0x%08x) = %d", (unsigned)key, id);
    return id;
}

static void take(int id, int flags)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = -1, .sem_flg = (short)flags};
    say("semop(%d, -1) %s", id, flags & IPC_NOWAIT ? "does not wait" : "waits for a value above 0");
    while (semop(id, &operation, 1) == -1) {
        if (errno == EAGAIN)
            err(EXIT_FAILURE, "semop: the value is 0");
        if (errno == EIDRM)
            err(EXIT_FAILURE, "semop: the set was removed meanwhile");
        if (errno != EINTR)
            err(EXIT_FAILURE, "semop");
        /* By Ctrl-Z and fg, for instance. The kernel never goes on with a semop() by itself. */
        say("semop() = -1 EINTR: interrupted, so again");
    }
    say("semop() = 0: taken");
}

static void hold_until_end(void)
{
    say("SEM_UNDO: the kernel takes note of the -1");
    say("held until Enter, Ctrl-C or kill -9 %d", (int)getpid());
    char line[64];
    while (read(STDIN_FILENO, line, sizeof line) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "stdin");
    say("ends, and the kernel adds 1");
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    int flags = 0;
    for (int letter; (letter = next_option(argc, argv, "k:nu", usage)) != -1;)
        switch (letter) {
        case 'k':
            key_option = optarg;
            break;
        case 'n':
            flags |= IPC_NOWAIT;
            break;
        case 'u':
            flags |= SEM_UNDO;
            break;
        }
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('s', key_option);

    pair_lane("p");
    take(find_set(key), flags);
    if ((flags & SEM_UNDO) != 0)
        hold_until_end();
    return EXIT_SUCCESS;
}
