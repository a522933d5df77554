/* posix-read - reads the blackboard in POSIX shared memory that shm/posix-write writes on
 *
 * Reading does not take the text away: read again, from as many terminals as you like. An object
 * that nobody has written to is full of zeros, which reads as an empty text. The reader asks the
 * object itself for its size, with fstat(). It is mapped PROT_READ: a store would be a SIGSEGV.
 *
 * shm_open(3), fstat(2), mmap(2), shm_overview(7)
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "../lib/demo.h"
#include "object.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char usage[] =
    "usage: posix-read [-n NAME]\n"
    "  -n NAME  of the object, with a slash (/ipc-UID-memory)\n"
    "  prints the text; an object is made if there is none yet\n"
    "  other terminal: ./shm/posix-write hello; then ls -l /dev/shm, ./shm/posix-rm\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("memory", name_option);

    pair_lane("reader");
    const int fd = open_object(name, O_RDONLY, USUAL_SIZE);
    const size_t size = size_of(fd);
    char *const memory = map_object(fd, size, PROT_READ);
    /* A copy, because a writer may change the object at any moment. */
    char *const text = strndup(memory, size);
    if (text == NULL)
        err(EXIT_FAILURE, "strndup");
    say("%zu byte%s %s", strlen(text), plural(strlen(text)), quoted(text, strlen(text)));
    puts(text);
    free(text);
    flush_stdout();
    if (munmap(memory, size) == -1)
        err(EXIT_FAILURE, "munmap");
    say("to see it: ls -l /dev/shm%s", name);
    say("to remove it: rm /dev/shm%s", name);
    return EXIT_SUCCESS;
}
