/* read - reads the blackboard in shared memory that shm/write writes on
 *
 * Reading does not take the text away: read again, from as many terminals as you like. A segment
 * that nobody has written to is full of zeros, which reads as an empty text. It is attached
 * SHM_RDONLY: a store into it would be a SIGSEGV.
 *
 * shmget(2), shmat(2), ftok(3), sysvipc(7)
 */
#include "../lib/demo.h"
#include "segment.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: read [-k KEY]\n"
                            "  -k KEY  the key of the segment (ftok of /tmp/ipc-UID and 'm')\n"
                            "  prints the text; a segment is made if there is none yet\n"
                            "  other terminal: ./shm/write hello; then ./shm/stat, ./shm/rm\n";

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('m', key_option);

    pair_lane("reader");
    const int id = open_segment(key, ANY_SIZE, S_IRUSR);
    const char *const segment = shmat(id, NULL, SHM_RDONLY);
    if (segment == (void *)-1)
        err(EXIT_FAILURE, "shmat");
    say("shmat(%d, SHM_RDONLY) = %p", id, (const void *)segment);

    /* A copy, because a writer may change the segment at any moment. */
    char *const text = strndup(segment, size_of(id));
    if (text == NULL)
        err(EXIT_FAILURE, "strndup");
    say("%zu byte%s %s", strlen(text), plural(strlen(text)), quoted(text, strlen(text)));
    puts(text);
    free(text);
    flush_stdout();
    if (shmdt(segment) == -1)
        err(EXIT_FAILURE, "shmdt");
    say_what_stays(id);
    return EXIT_SUCCESS;
}
