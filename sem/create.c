/* create - makes a System V semaphore by hand, for p, v, stat and rm
 *
 * System V semaphores come in sets; this is a set of one. It has a key, by which every program of
 * this user finds it, and it outlives them all: look at it with ipcs(1). An existing set is left
 * alone: somebody may be holding it or waiting for it.
 *
 * semget(2), semctl(2), ftok(3), sysvipc(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: create [-k KEY] [-v VALUE]\n"
                            "  -k KEY    the key of the new set (ftok of /tmp/ipc-UID and 's')\n"
                            "  -v VALUE  the first value of the semaphore (1)\n"
                            "  then, in any terminal: ./sem/p, ./sem/v, ./sem/stat, ./sem/rm\n";

/* Creating the set and setting its value are two steps; others can find it in between (see init).
 * Ctrl-C waits, so that the set is complete or not there at all. */
static int create_set(key_t key, int value)
{
    hold_endings();
    const int id = semget(key, 1, IPC_CREAT | IPC_EXCL | S_IRUSR | S_IWUSR);
    if (id == -1 && errno == EEXIST)
        errx(EXIT_FAILURE, "semget: EEXIST: key 0x%08x has a set; to remove it: ipcrm -S 0x%08x",
             (unsigned)key, (unsigned)key);
    if (id == -1)
        get_failed("semget", key);
    const int result = semctl(id, 0, SETVAL, (union semun){.val = value});
    if (result == -1) {
        const int reason = errno;
        semctl(id, 0, IPC_RMID);
        errno = reason;
        err(EXIT_FAILURE, "semctl SETVAL %d: %s%s", value, errno_name(errno),
            errno == ERANGE ? ": above SEMVMX, 32767" : "");
    }
    release_endings();
    say("semget(0x%08x, IPC_CREAT|IPC_EXCL) = %d", (unsigned)key, id);
    say("semctl(%d, SETVAL, %d) = %d", id, value, result);
    return id;
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    int value = 1;
    for (int letter; (letter = next_option(argc, argv, "k:v:", usage)) != -1;)
        if (letter == 'k')
            key_option = optarg;
        else
            value = (int)parse_long("-v", optarg, 0, INT_MAX);
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('s', key_option);

    pair_lane("create");
    const int id = create_set(key, value);
    say("to see it: ipcs -s -i %d", id);
    say("to remove it: ipcrm -s %d", id);
    return EXIT_SUCCESS;
}
