/* stat - what the kernel knows about the semaphore: its value, who waits, who changed it last
 *
 * The names are those of ipcs -s -i. The value and the numbers of waiting processes are kept
 * separately: a value of 0 with ncount 2 is what some textbooks call -2. Each number is asked for
 * by itself, so a busy semaphore may change from one line to the next.
 *
 * semctl(2), ipcs(1), /proc/sysvipc in proc(5)
 */
#include "ask.h"
#include "set.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: stat [-k KEY]\n"
    "  -k KEY  the key of the set (ftok of /tmp/ipc-UID and 's')\n"
    "  prints a name and a value in each line:\n"
    "    key, id    as in ipcs -s\n"
    "    mode, uid  permissions in octal, and the owner\n"
    "    value      of the semaphore\n"
    "    ncount     processes that wait for a greater value\n"
    "    zcount     processes that wait for the value 0\n"
    "    pid        the process of the last operation on it\n"
    "    otime      the last semop, in seconds since 1970; 0: there was none\n"
    "    ctime      when the set was created, or last changed by semctl\n";

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('s', key_option);

    const int id = find_set(key, S_IRUSR);
    struct semid_ds set = {.sem_nsems = 0};
    if (semctl(id, 0, IPC_STAT, (union semun){.buf = &set}) == -1)
        err(EXIT_FAILURE, "semctl IPC_STAT: %s", errno_name(errno));

    printf("key 0x%08x\n", (unsigned)key);
    printf("id %d\n", id);
    printf("mode %o\n", (unsigned)set.sem_perm.mode);
    printf("uid %u\n", (unsigned)set.sem_perm.uid);
    printf("value %d\n", ask(id, 0, GETVAL));
    printf("ncount %d\n", ask(id, 0, GETNCNT));
    printf("zcount %d\n", ask(id, 0, GETZCNT));
    printf("pid %d\n", ask(id, 0, GETPID));
    printf("otime %lld\n", (long long)set.sem_otime);
    printf("ctime %lld\n", (long long)set.sem_ctime);
    flush_stdout();
    return EXIT_SUCCESS;
}
