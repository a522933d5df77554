/* read - reads the blackboard in shared memory that shm/write writes on
 *
 * Reading does not take the text away: read again, from as many terminals as you like. A segment
 * that nobody has written to is full of zeros, which reads as an empty text. It is attached
 * SHM_RDONLY: a store into it would be a SIGSEGV.
 *
 * shmget(2), shmat(2), ftok(3), sysvipc(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USUAL_SIZE = 4096, ANY_SIZE = 0 };

static const char usage[] = "usage: read [-k KEY]\n"
                            "  -k KEY  the key of the segment (ftok of /tmp/ipc-UID and 'm')\n"
                            "  prints the text; a segment is made if there is none yet\n"
                            "  other terminal: ./shm/write hello; then ./shm/stat, ./shm/rm\n";

/* Finds the segment, or makes it. IPC_EXCL: of two programs that want to make it, one succeeds, and
 * the other one finds it. */
static int open_segment(key_t key)
{
    int id;
    while ((id = shmget(key, ANY_SIZE, S_IRUSR)) == -1 && errno == ENOENT) {
        id = shmget(key, USUAL_SIZE, IPC_CREAT | IPC_EXCL | S_IRUSR | S_IWUSR);
        if (id != -1) {
            say("shmget(0x%08x, %d) = %d, made", (unsigned)key, USUAL_SIZE, id);
            return id;
        }
        if (errno != EEXIST)
            break;
    }
    if (id == -1)
        err(EXIT_FAILURE, "shmget 0x%08x (whose it is: ipcs -m)", (unsigned)key);
    say("shmget(0x%08x, %d) = %d, found", (unsigned)key, ANY_SIZE, id);
    return id;
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('m', key_option);

    pair_lane("reader");
    const int id = open_segment(key);
    const char *const segment = shmat(id, NULL, SHM_RDONLY);
    if (segment == (void *)-1)
        err(EXIT_FAILURE, "shmat");
    say("shmat(%d, SHM_RDONLY) = %p", id, (const void *)segment);
    struct shmid_ds status;
    if (shmctl(id, IPC_STAT, &status) == -1)
        err(EXIT_FAILURE, "shmctl IPC_STAT");

    const size_t length = strnlen(segment, status.shm_segsz);
    say("%zu bytes %s", length, quoted(segment, length));
    fwrite(segment, 1, length, stdout);
    putchar('\n');
    flush_stdout();
    if (shmdt(segment) == -1)
        err(EXIT_FAILURE, "shmdt");
    say("it stays: ipcs -m -i %d", id);
    say("to remove it: ipcrm -m %d", id);
    return EXIT_SUCCESS;
}
