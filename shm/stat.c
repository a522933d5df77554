/* stat - what the kernel knows about the blackboard: its size, its creator, its attachments
 *
 * The names are those of ipcs -m -i, the times those of /proc/sysvipc/shm. The kernel counts the
 * attachments, not the processes: one process may attach a segment twice (see attach).
 *
 * IPC_STAT in shmctl(2), ipcs(1), /proc/sysvipc in proc(5)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: stat [-k KEY]\n"
    "  -k KEY  the key of the segment (ftok of /tmp/ipc-UID and 'm')\n"
    "  prints a name and a value in each line:\n"
    "    key, id      as in ipcs -m\n"
    "    uid, gid     its owner\n"
    "    cuid, cgid   its creator\n"
    "    mode         who may attach it, in octal\n"
    "    bytes        the size that was asked for; the kernel gives whole pages\n"
    "    nattch       attachments now\n"
    "    cpid, lpid   the process that created it; the last to attach or detach\n"
    "    atime, dtime last attached, detached: in seconds since 1970; 0: never\n"
    "    ctime        when it was created, or its owner or mode last changed\n";

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('m', key_option);

    const int id = shmget(key, 0, S_IRUSR); /* whatever its size */
    if (id == -1 && errno == ENOENT)
        errx(EXIT_FAILURE, "key 0x%08x has no segment; ./shm/write makes one", (unsigned)key);
    if (id == -1)
        get_failed("shmget", key);
    struct shmid_ds segment;
    if (shmctl(id, IPC_STAT, &segment) == -1)
        err(EXIT_FAILURE, "shmctl IPC_STAT");

    printf("key 0x%08x\n", (unsigned)key);
    printf("id %d\n", id);
    printf("uid %u\n", (unsigned)segment.shm_perm.uid);
    printf("gid %u\n", (unsigned)segment.shm_perm.gid);
    printf("cuid %u\n", (unsigned)segment.shm_perm.cuid);
    printf("cgid %u\n", (unsigned)segment.shm_perm.cgid);
    printf("mode %04o\n", (unsigned)segment.shm_perm.mode);
    printf("bytes %zu\n", segment.shm_segsz);
    printf("nattch %lu\n", (unsigned long)segment.shm_nattch);
    printf("cpid %d\n", (int)segment.shm_cpid);
    printf("lpid %d\n", (int)segment.shm_lpid);
    printf("atime %lld\n", (long long)segment.shm_atime);
    printf("dtime %lld\n", (long long)segment.shm_dtime);
    printf("ctime %lld\n", (long long)segment.shm_ctime);
    flush_stdout();
    return EXIT_SUCCESS;
}
