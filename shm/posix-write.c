/* posix-write - writes a text on a blackboard in POSIX shared memory; shm/posix-read reads it
 *
 * The blackboard is a file without a disk. shm_open() makes it or finds it, ftruncate() gives it a
 * size, mmap() puts it into the address space; from then on it is memory. It outlives the processes
 * that use it, and stays until it is removed.
 *
 * A new object has the size 0. A process that finds it like that has come between another's
 * shm_open() and ftruncate(), and must wait: there is no memory behind it, and a store would be a
 * SIGBUS (see sigbus).
 *
 * The text begins at offset 0 and ends at the first NUL, or with the object. Nothing else is in it,
 * so any program can read it: it is the file /dev/shm/NAME.
 *
 * shm_open(3), ftruncate(2), mmap(2), posix_fallocate(3), shm_overview(7)
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "../lib/demo.h"
#include "object.h"
#include "text.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char usage[] =
    "usage: posix-write [-n NAME] [-s SIZE] [TEXT]\n"
    "  -n NAME  of the object, with a slash (/ipc-UID-memory)\n"
    "  -s SIZE  bytes that it must have (any; 4096 if it is made)\n"
    "  without TEXT: reads stdin and drops a final newline\n"
    "  other terminal: ./shm/posix-read; then ls -l /dev/shm, ./shm/posix-rm\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    size_t wanted = 0, length;
    for (int letter; (letter = next_option(argc, argv, "n:s:", usage)) != -1;)
        if (letter == 'n')
            name_option = optarg;
        else
            wanted = (size_t)parse_long("-s", optarg, 1, INT_MAX);
    check_operands(argc, argv, 0, 1);
    const char *const name = demo_name("memory", name_option);

    pair_lane("writer");
    const int fd = open_object(name, O_RDWR, wanted == 0 ? USUAL_SIZE : wanted);
    const size_t size = size_of(fd);
    if (size < wanted)
        errx(EXIT_FAILURE, "%s exists and has %zu bytes, not %zu (./shm/posix-rm)", name, size,
             wanted);
    const char *const text = take_text(argv[optind], "object", size, &length);
    const size_t stored = length < size ? length + 1 : length; /* with a NUL if there is room */
    check_error(posix_fallocate(fd, 0, (off_t)stored), "posix_fallocate"); /* if another made it */
    char *const memory = map_object(fd, size, PROT_READ | PROT_WRITE);
    memcpy(memory, text, length);
    if (length < size)
        memory[length] = '\0';
    say("%zu byte%s %s", length, plural(length), quoted(text, length));
    if (munmap(memory, size) == -1)
        err(EXIT_FAILURE, "munmap");
    say("to see it: ls -l /dev/shm%s", name);
    say("to remove it: rm /dev/shm%s", name);
    return EXIT_SUCCESS;
}
