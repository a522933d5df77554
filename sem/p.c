/* p - takes a semaphore: lowers its value by one, and sleeps while it is 0
 *
 * The value is never below 0: a process that would lower it further sleeps, and is counted (see
 * stat). Without -u nothing ties the semaphore to this process: when it has ended, the value is
 * still lower. With -u, SEM_UNDO, the kernel adds 1 when the process ends, however it ends. So that
 * you can watch this, the program holds the semaphore until you end it.
 *
 * semop(2), semget(2); EINTR in signal(7)
 */
#include "set.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: p [-nu] [-k KEY]\n"
                            "  -k KEY  the key of the set (ftok of /tmp/ipc-UID and 's')\n"
                            "  -n      IPC_NOWAIT: where it would sleep, fail with EAGAIN\n"
                            "  -u      SEM_UNDO, and hold it until Enter, Ctrl-C or kill -9\n"
                            "  first: ./sem/create; other terminals: ./sem/v, ./sem/stat\n";

static void take(int id, short flags)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = -1, .sem_flg = flags};
    int result;
    do { /* again after EINTR: the kernel never restarts it, after Ctrl-Z and fg, for instance */
        say("semop(%d, -1%s%s) ...", id, flags & IPC_NOWAIT ? ", IPC_NOWAIT" : "",
            flags & SEM_UNDO ? ", SEM_UNDO" : "");
        result = semop(id, &operation, 1);
        if (result == -1)
            say("... = %d %s", result, errno_name(errno));
    } while (result == -1 && errno == EINTR);
    if (result == -1)
        err(EXIT_FAILURE, "semop: %s%s", errno_name(errno),
            errno == EAGAIN  ? ": the value is 0"
            : errno == EIDRM ? ": the set was removed"
                             : "");
    say("... = %d: taken", result);
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    short flags = 0;
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
    const int id = find_set(key, S_IRUSR | S_IWUSR);
    say("semget(0x%08x) = %d", (unsigned)key, id);
    take(id, flags);
    if ((flags & SEM_UNDO) != 0) {
        hold_until_enter();
        say("_exit(): see ./sem/stat for the effect of SEM_UNDO");
    }
    return EXIT_SUCCESS;
}
