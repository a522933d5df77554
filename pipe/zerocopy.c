/* zerocopy - a file to stdout in four ways, and how many bytes each carries through user space
 *
 * read and write copy every byte into the program and out again. mmap saves the first of the two
 * copies. sendfile and splice leave the bytes in the kernel; splice wants a pipe at one end, so if
 * stdout is not a pipe, the program puts one of its own in between.
 *
 * read(2), mmap(2), sendfile(2), splice(2)
 */
#define _GNU_SOURCE /* splice */
#include "copy.h"

#include <string.h>

static const char usage[] = "usage: zerocopy [-m rw|mmap|sendfile|splice] FILE\n"
                            "  -m WAY  how to copy (default: sendfile)\n"
                            "  prints FILE\n";

int main(int argc, char *argv[])
{
    const char *name = "sendfile";
    while (next_option(argc, argv, "m:", usage) != -1)
        name = optarg;
    check_operands(argc, argv, 1, 1);
    int way = 0;
    while (way < WAYS && strcmp(ways[way].name, name) != 0)
        way++;
    if (way == WAYS)
        errx(USAGE_ERROR, "-m '%s': not one of rw, mmap, sendfile, splice", name);

    lane(0, name);
    const char *const path = argv[optind];
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file == -1 || fstat(file, &status) == -1)
        err(EXIT_FAILURE, "%s", path);
    if (!S_ISREG(status.st_mode))
        errx(EXIT_FAILURE, "%s: not a regular file", path);
    if ((off_t)(size_t)status.st_size != status.st_size)
        errx(EXIT_FAILURE, "%s: too large for a 32-bit program", path);
    char byte;
    if (status.st_size == 0 && read(file, &byte, 1) != 0)
        errx(EXIT_FAILURE, "%s: has bytes but no size, like the files in /proc", path);
    if (status.st_size > 0)
        ways[way].copy(file, STDOUT_FILENO, (size_t)status.st_size);
    say("%llu byte%s, %ld system call%s, %llu byte%s crossed user space", moved, plural(moved),
        calls, plural((unsigned long)calls), crossed, plural(crossed));
    if (moved != (unsigned long long)status.st_size)
        errx(EXIT_FAILURE, "the file has %lld bytes", (long long)status.st_size);
    if (status.st_size == 0)
        return EXIT_SUCCESS;
    if (way > 1)
        lesson("%s moves a file without showing its bytes to the program", name);
    else
        lesson("%s carries each byte through the program %s", name,
               way == 0 ? "twice: in and out" : "once: out");
    return EXIT_SUCCESS;
}
