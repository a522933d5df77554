/* write - writes a text on a blackboard in shared memory; shm/read reads it
 *
 * Whichever program comes first creates the segment, and it outlives them all: it stays until it is
 * removed. Writing is a memcpy(), no system call; so nobody is notified, and a reader that looks in
 * the middle of it sees part of the old text and part of the new (see torn).
 *
 * The text begins at offset 0 and ends at the first NUL, or with the segment. Nothing else is in
 * it, so any program that finds the key can read it.
 *
 * shmget(2), shmat(2), ftok(3), sysvipc(7)
 */
#include "../lib/demo.h"
#include "segment.h"
#include "text.h"

#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: write [-k KEY] [-s SIZE] [TEXT]\n"
    "  -k KEY   the key of the segment (ftok of /tmp/ipc-UID and 'm')\n"
    "  -s SIZE  bytes that the segment must have (any; 4096 if it is made)\n"
    "  without TEXT: reads stdin and drops a final newline\n"
    "  other terminal: ./shm/read; then ./shm/stat, ./shm/rm\n";

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    size_t size = ANY_SIZE, length;
    for (int letter; (letter = next_option(argc, argv, "k:s:", usage)) != -1;)
        if (letter == 'k')
            key_option = optarg;
        else
            size = (size_t)parse_long("-s", optarg, 1, LONG_MAX);
    check_operands(argc, argv, 0, 1);
    const key_t key = demo_key('m', key_option);

    pair_lane("writer");
    const int id = open_segment(key, size, S_IRUSR | S_IWUSR);
    char *const segment = shmat(id, NULL, 0);
    if (segment == (void *)-1) /* not NULL: that could be an address */
        err(EXIT_FAILURE, "shmat");
    say("shmat(%d) = %p", id, (void *)segment);

    size = size_of(id);
    const char *const text = take_text(argv[optind], "segment", size, &length);
    memcpy(segment, text, length);
    if (length < size)
        segment[length] = '\0';
    say("%zu byte%s %s", length, plural(length), quoted(text, length));

    if (shmdt(segment) == -1)
        err(EXIT_FAILURE, "shmdt");
    say_what_stays(id);
    return EXIT_SUCCESS;
}
