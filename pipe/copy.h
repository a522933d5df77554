/* copy.h - a file into a descriptor in four ways: what zerocopy shows and copy-bench times
 *
 * read and write copy every byte into the program and out again. mmap saves the first of the two
 * copies. sendfile and splice leave the bytes in the kernel; splice wants a pipe at one end, so if
 * `out` is not a pipe, there is one in between.
 */
#ifndef COPY_H
#define COPY_H

#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

static long calls;                 /* the system calls of a copy */
static unsigned long long crossed; /* bytes copied into the program or out of it */
static unsigned long long moved;   /* bytes that have reached `out` */

/* Counts a call, and ends the program if it failed. Returns its result. */
static size_t counted(const char *call, ssize_t result)
{
    calls++;
    if (result == -1)
        err(EXIT_FAILURE, "%s", call);
    return (size_t)result;
}

static void write_all(int out, const char *bytes, size_t length)
{
    while (length > 0) {
        const size_t count = counted("write", write(out, bytes, length));
        crossed += count;
        moved += count;
        bytes += count;
        length -= count;
    }
}

static void by_read_and_write(int file, int out, size_t size)
{
    static char buffer[CHUNK];
    for (size_t count; size > 0; size -= count) {
        count = counted("read", read(file, buffer, size < CHUNK ? size : CHUNK));
        if (count == 0)
            errx(EXIT_FAILURE, "the file has become shorter");
        crossed += count;
        write_all(out, buffer, count);
    }
}

static void by_mmap(int file, int out, size_t size)
{
    char *const bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    counted("mmap", bytes == MAP_FAILED ? -1 : 0);
    write_all(out, bytes, size);
    counted("munmap", munmap(bytes, size));
}

static void by_sendfile(int file, int out, size_t size)
{
    for (size_t count; size > 0; size -= count) {
        count = counted("sendfile", sendfile(out, file, NULL, size));
        if (count == 0)
            errx(EXIT_FAILURE, "the file has become shorter");
        moved += count;
    }
}

static void splice_out(int pipe_end, int out, size_t length)
{
    for (size_t count; length > 0; length -= count) {
        count = counted("splice", splice(pipe_end, NULL, out, NULL, length, 0));
        if (count == 0)
            errx(EXIT_FAILURE, "splice: nothing moved");
        moved += count;
    }
}

static void by_splice(int file, int out, size_t size)
{
    struct stat status;
    int fds[2] = {-1, out};
    counted("fstat", fstat(out, &status));
    const bool in_between = !S_ISFIFO(status.st_mode);
    if (in_between)
        counted("pipe", pipe(fds));
    for (size_t count; size > 0; size -= count) {
        const size_t most = size < CHUNK ? size : CHUNK;
        count = counted("splice", splice(file, NULL, fds[WRITE_END], NULL, most, 0));
        if (count == 0)
            errx(EXIT_FAILURE, "the file has become shorter");
        if (in_between)
            splice_out(fds[READ_END], out, count);
        else
            moved += count;
    }
    if (in_between)
        for (int end = READ_END; end <= WRITE_END; end++)
            counted("close", close(fds[end]));
}

static const struct copy_way {
    const char *name;
    void (*copy)(int file, int out, size_t size);
} ways[] = {
    {"rw", by_read_and_write}, {"mmap", by_mmap}, {"sendfile", by_sendfile}, {"splice", by_splice}};
enum { WAYS = sizeof ways / sizeof *ways };

#endif
