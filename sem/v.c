/* v - releases a semaphore: raises its value by one, and wakes a process that waits for it
 *
 * Any process may give, not only the one that took: that is what makes a semaphore more than a
 * lock. With -u, SEM_UNDO, the kernel subtracts 1 when this process ends. That is right for a
 * process that gives back what it has taken with SEM_UNDO, and wrong for one that counts. So that
 * you can watch this, the program then stays until you end it.
 *
 * semop(2), semget(2)
 */
#include "set.h"

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

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    short flags = 0;
    for (int letter; (letter = next_option(argc, argv, "k:u", usage)) != -1;)
        if (letter == 'k')
            key_option = optarg;
        else
            flags = SEM_UNDO;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('s', key_option);

    pair_lane("v");
    const int id = find_set(key, S_IRUSR | S_IWUSR);
    say("semget(0x%08x) = %d", (unsigned)key, id);
    struct sembuf operation = {.sem_num = 0, .sem_op = +1, .sem_flg = flags};
    const int result = semop(id, &operation, 1);
    if (result == -1)
        err(EXIT_FAILURE, "semop: %s%s", errno_name(errno),
            errno == ERANGE ? ": the value would pass SEMVMX, 32767" : "");
    say("semop(%d, +1%s) = %d: given", id, flags == SEM_UNDO ? ", SEM_UNDO" : "", result);
    if (flags == SEM_UNDO) {
        hold_until_enter();
        say("_exit(): see ./sem/stat for the effect of SEM_UNDO"); /* BUGS in semop(2) */
    }
    return EXIT_SUCCESS;
}
