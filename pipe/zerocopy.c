/* zerocopy - a file to stdout in four ways, and how many bytes each carries through user space
 *
 * read and write carry every byte into the program and out again. mmap leaves the first half of
 * that to the page tables. sendfile and splice leave the bytes in the kernel; splice wants a pipe
 * at one end, so without one at stdout the program puts a pipe of its own in between.
 *
 * read(2), mmap(2), sendfile(2), splice(2)
 */
#define _GNU_SOURCE /* splice */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

static const char usage[] = "usage: zerocopy [-m rw|mmap|sendfile|splice] FILE\n"
                            "  -m WAY  how to copy (sendfile)\n";

static long calls;                 /* system calls that moved the bytes */
static unsigned long long crossed; /* bytes copied into the program or out of it */

/* Counts a call, and ends the program if it failed. Returns its result. */
static size_t counted(const char *call, ssize_t result)
{
    calls++;
    if (result == -1)
        err(EXIT_FAILURE, "%s", call);
    return (size_t)result;
}

static void write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        const size_t count = counted("write", write(STDOUT_FILENO, bytes, length));
        crossed += count;
        bytes += count;
        length -= count;
    }
}

static void by_read_and_write(int file, size_t size)
{
    static char buffer[CHUNK];
    for (size_t count; size > 0; size -= count) {
        count = counted("read", read(file, buffer, size < CHUNK ? size : CHUNK));
        if (count == 0)
            errx(EXIT_FAILURE, "the file has become shorter");
        crossed += count;
        write_all(buffer, count);
    }
}

static void by_mmap(int file, size_t size)
{
    char *const bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    counted("mmap", bytes == MAP_FAILED ? -1 : 0);
    write_all(bytes, size);
    counted("munmap", munmap(bytes, size));
}

static void by_sendfile(int file, size_t size)
{
    for (size_t count; size > 0; size -= count) {
        count = counted("sendfile", sendfile(STDOUT_FILENO, file, NULL, size));
        if (count == 0)
            errx(EXIT_FAILURE, "the file has become shorter");
    }
}

static void splice_to_stdout(int pipe_end, size_t length)
{
    for (size_t count; length > 0; length -= count) {
        count =
            counted("splice", splice(pipe_end, NULL, STDOUT_FILENO, NULL, length, SPLICE_F_MOVE));
        if (count == 0)
            errx(EXIT_FAILURE, "splice: nothing moved");
    }
}

static void by_splice(int file, size_t size)
{
    struct stat status;
    int fds[2] = {-1, STDOUT_FILENO};
    if (fstat(STDOUT_FILENO, &status) == -1)
        err(EXIT_FAILURE, "fstat");
    const bool in_between = !S_ISFIFO(status.st_mode);
    if (in_between && pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    for (size_t count; size > 0; size -= count) {
        const size_t most = size < CHUNK ? size : CHUNK;
        count = counted("splice", splice(file, NULL, fds[WRITE_END], NULL, most, SPLICE_F_MOVE));
        if (count == 0)
            errx(EXIT_FAILURE, "the file has become shorter");
        if (in_between)
            splice_to_stdout(fds[READ_END], count);
    }
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        void (*copy)(int file, size_t size);
    } ways[] = {{"rw", by_read_and_write},
                {"mmap", by_mmap},
                {"sendfile", by_sendfile},
                {"splice", by_splice}};
    enum { WAYS = sizeof ways / sizeof *ways };

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
    char byte;
    if (status.st_size == 0 && read(file, &byte, 1) != 0)
        errx(EXIT_FAILURE, "%s: has bytes but no size, as files in /proc", path);
    if (status.st_size > 0)
        ways[way].copy(file, (size_t)status.st_size);
    say("%lld bytes, %ld system call%s, %llu bytes crossed user space", (long long)status.st_size,
        calls, calls == 1 ? "" : "s", crossed);
    if (way > 1)
        lesson("%s moves a file without showing its bytes to the program", name);
    else
        lesson("%s carries each byte through the program %s", name,
               way == 0 ? "twice: in and out" : "once: out");
    return EXIT_SUCCESS;
}
