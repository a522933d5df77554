/* write - writes a text on a blackboard in shared memory; shm/read reads it
 *
 * The segment is made by whoever comes first, and outlives all who use it: it stays until somebody
 * removes it, or the machine stops. Writing is a memcpy(), no system call; so nobody is told of it,
 * and a reader that looks in the middle of it sees half of each text (see race for guards).
 *
 * The text begins at offset 0 and ends at the first NUL, or with the segment. Nothing else is in
 * it, so any program that finds the key can read it.
 *
 * shmget(2), shmat(2), ftok(3), sysvipc(7)
 */
#include "../lib/demo.h"
#include "text.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USUAL_SIZE = 4096, ANY_SIZE = 0 };

static const char usage[] =
    "usage: write [-k KEY] [-s SIZE] [TEXT]\n"
    "  -k KEY   the key of the segment (ftok of /tmp/ipc-UID and 'm')\n"
    "  -s SIZE  bytes that the segment must have (any; 4096 if it is made)\n"
    "  without TEXT: stdin, but for its last newline\n"
    "  other terminal: ./shm/read; then ./shm/stat, ./shm/rm\n";

/* shmget() says EINVAL. */
static void explain_size(key_t key, size_t size)
{
    const int id = shmget(key, ANY_SIZE, S_IRUSR);
    struct shmid_ds segment;
    if (id == -1 || shmctl(id, IPC_STAT, &segment) == -1)
        errx(EXIT_FAILURE, "shmget: EINVAL: %zu bytes are more than /proc/sys/kernel/shmmax", size);
    errx(EXIT_FAILURE,
         "shmget: EINVAL: the segment exists and has %zu bytes, not %zu (ipcrm -m %d)",
         segment.shm_segsz, size, id);
}

/* Finds the segment, or makes it. IPC_EXCL: of two programs that want to make it, one succeeds, and
 * the other one finds it. */
static int open_segment(key_t key, size_t size)
{
    int id;
    while ((id = shmget(key, size, S_IRUSR | S_IWUSR)) == -1 && errno == ENOENT) {
        const size_t new_size = size == ANY_SIZE ? USUAL_SIZE : size;
        id = shmget(key, new_size, IPC_CREAT | IPC_EXCL | S_IRUSR | S_IWUSR);
        if (id != -1) {
            say("shmget(0x%08x, %zu) = %d, made", (unsigned)key, new_size, id);
            return id;
        }
        if (errno != EEXIST)
            break;
    }
    if (id == -1 && errno == EINVAL)
        explain_size(key, size);
    if (id == -1)
        err(EXIT_FAILURE, "shmget 0x%08x (whose it is: ipcs -m)", (unsigned)key);
    say("shmget(0x%08x, %zu) = %d, found", (unsigned)key, size, id);
    return id;
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    size_t size = ANY_SIZE;
    for (int letter; (letter = next_option(argc, argv, "k:s:", usage)) != -1;)
        switch (letter) {
        case 'k':
            key_option = optarg;
            break;
        case 's':
            size = (size_t)parse_long("-s", optarg, 1, LONG_MAX);
            break;
        }
    check_operands(argc, argv, 0, 1);
    const key_t key = demo_key('m', key_option);

    pair_lane("writer");
    const int id = open_segment(key, size);
    char *const segment = shmat(id, NULL, 0);
    if (segment == (void *)-1) /* not NULL: that could be an address */
        err(EXIT_FAILURE, "shmat");
    say("shmat(%d) = %p", id, (void *)segment);
    struct shmid_ds status;
    if (shmctl(id, IPC_STAT, &status) == -1)
        err(EXIT_FAILURE, "shmctl IPC_STAT");
    size = status.shm_segsz;

    size_t length;
    char *const text = take_text(argv[optind], "segment", size, &length);
    memcpy(segment, text, length);
    if (length < size)
        segment[length] = '\0';
    say("%zu bytes %s", length, quoted(text, length));
    free(text);

    if (shmdt(segment) == -1)
        err(EXIT_FAILURE, "shmdt");
    say("it stays: ipcs -m -i %d", id);
    say("to remove it: ipcrm -m %d", id);
    return EXIT_SUCCESS;
}
