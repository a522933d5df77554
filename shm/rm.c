/* rm - removes the blackboard
 *
 * The key is free at once: nobody finds the segment by it any more, and the next writer makes a new
 * one. The memory stays as long as anybody is attached to it; until then ipcs -m shows the segment
 * with the key 0 and the status dest.
 *
 * IPC_RMID in shmctl(2), ipcrm(1)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

static const char usage[] = "usage: rm [-k KEY]\n"
                            "  -k KEY  the key of the segment (ftok of /tmp/ipc-UID and 'm')\n";

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('m', key_option);

    pair_lane("rm");
    const int id = shmget(key, 0, 0); /* whatever its size */
    if (id == -1 && errno == ENOENT)
        errx(EXIT_FAILURE, "key 0x%08x has no segment", (unsigned)key);
    if (id == -1)
        get_failed("shmget", key);
    int result = shmctl(id, IPC_RMID, NULL);
    if (result == -1)
        err(EXIT_FAILURE, "shmctl IPC_RMID %d: %s (its owner: ipcs -m)", id, errno_name(errno));
    say("shmctl(%d, IPC_RMID) = %d: the key is free", id, result);

    struct shmid_ds segment;
    result = shmctl(id, IPC_STAT, &segment);
    if (result == 0)
        say("still attached: nattch %lu, mode %o, dest", (unsigned long)segment.shm_nattch,
            (unsigned)segment.shm_perm.mode);
    else if (errno == EINVAL || errno == EIDRM)
        say("shmctl(%d, IPC_STAT) = %d %s: gone", id, result, errno_name(errno));
    else
        err(EXIT_FAILURE, "shmctl IPC_STAT");
    return EXIT_SUCCESS;
}
