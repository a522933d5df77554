/* v - gives a semaphore: raises its value by one, and wakes a process that waits for that
 *
 * Anybody may give, not only who took: that is what makes a semaphore more than a lock. With -u,
 * SEM_UNDO, the kernel takes the one off again when this process ends; that is right for one who
 * holds a semaphore and gives it back, and wrong for one who counts. So that it can be watched, the
 * process then stays until you end it.
 *
 * semop(2), semget(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: v [-u] [-k KEY]\n"
                            "  -k KEY  the key of the set (ftok of /tmp/ipc-UID and 's')\n"
                            "  -u      SEM_UNDO, and stay until Enter, Ctrl-C or kill -9\n"
                            "  first: ./sem/create; other terminals: ./sem/p, ./sem/stat\n";


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

static void give(int id, int flags)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = +1, .sem_flg = (short)flags};
    if (semop(id, &operation, 1) == -1)
        err(EXIT_FAILURE, errno == ERANGE ? "semop: the value would pass SEMVMX (32767)" : "semop");
    say("semop(%d, +1) = 0: given", id);
}

static void stay_until_end(void)
{
    say("SEM_UNDO: the kernel takes note of the +1");
    say("stays until Enter, Ctrl-C or kill -9 %d", (int)getpid());
    char line[64];
    while (read(STDIN_FILENO, line, sizeof line) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "stdin");
    say("ends, and the kernel takes 1 off"); /* but never below 0: see BUGS in semop(2) */
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    int flags = 0;
    for (int letter; (letter = next_option(argc, argv, "k:u", usage)) != -1;)
        switch (letter) {
        case 'k':
            key_option = optarg;
            break;
        case 'u':
            flags |= SEM_UNDO;
            break;
        }
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('s', key_option);

    pair_lane("v");
    give(find_set(key), flags);
    if ((flags & SEM_UNDO) != 0)
        stay_until_end();
    return EXIT_SUCCESS;
}
