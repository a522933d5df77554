/* rm - removes the semaphore
 *
 * A set is gone at once, even while processes use it (a shared memory segment would stay until its
 * last user has detached it). Each process that sleeps in semop() wakes with the error EIDRM.
 *
 * IPC_RMID in semctl(2), ipcrm(1)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

static const char usage[] = "usage: rm [-k KEY]\n"
                            "  -k KEY  the key of the set (ftok of /tmp/ipc-UID and 's')\n";

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('s', key_option);

    pair_lane("rm");
    const int id = semget(key, 0, 0); /* of any size, and asking for no access */
    if (id == -1)
        get_failed("semget", key);
    say("semget(0x%08x) = %d", (unsigned)key, id);
    const int result = semctl(id, 0, IPC_RMID);
    if (result == -1)
        err(EXIT_FAILURE, "semctl IPC_RMID %d: %s (its owner: ipcs -s)", id, errno_name(errno));
    say("semctl(%d, IPC_RMID) = %d: removed", id, result);
    return EXIT_SUCCESS;
}
