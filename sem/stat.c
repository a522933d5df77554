/* stat - what the kernel knows of the semaphore: its value, who waits, who changed it last
 *
 * The names are those of ipcs -s -i. The value and the numbers of waiting processes stand apart: a
 * value of 0 with ncount 2 is what textbooks call -2. Each number is asked for by itself, so a busy
 * semaphore may change from one line to the next.
 *
 * semctl(2), ipcs(1), /proc/sysvipc in proc(5)
 */
#include "../lib/demo.h"

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
    "    ctime      the making of the set, or the last semctl that changed it\n";


static int number(int id, int command)
{
    const int result = semctl(id, 0, command);
    if (result == -1)
        err(EXIT_FAILURE, "semctl");
    return result;
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('s', key_option);

    const int id = semget(key, 1, S_IRUSR);
    if (id == -1 && errno == ENOENT)
        errx(EXIT_FAILURE, "key 0x%08x has no set; make it first: ./sem/create", (unsigned)key);
    if (id == -1)
        err(EXIT_FAILURE, "semget 0x%08x (whose it is: ipcs -s)", (unsigned)key);
    struct semid_ds set = {.sem_nsems = 0};
    if (semctl(id, 0, IPC_STAT, (union semun){.buf = &set}) == -1)
        err(EXIT_FAILURE, "semctl IPC_STAT");
    if (set.sem_nsems != 1)
        errx(EXIT_FAILURE, "key 0x%08x has a set of %lu semaphores, not of one", (unsigned)key,
             (unsigned long)set.sem_nsems);

    printf("key 0x%08x\n", (unsigned)key);
    printf("id %d\n", id);
    printf("mode %o\n", (unsigned)set.sem_perm.mode);
    printf("uid %u\n", (unsigned)set.sem_perm.uid);
    printf("value %d\n", number(id, GETVAL));
    printf("ncount %d\n", number(id, GETNCNT));
    printf("zcount %d\n", number(id, GETZCNT));
    printf("pid %d\n", number(id, GETPID));
    printf("otime %lld\n", (long long)set.sem_otime);
    printf("ctime %lld\n", (long long)set.sem_ctime);
    flush_stdout();
    return EXIT_SUCCESS;
}
