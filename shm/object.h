/* object.h - what posix-write and posix-read share: the object of the blackboard */
#ifndef OBJECT_H
#define OBJECT_H

#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USUAL_SIZE = 4096, TRIES = 50, RETRY_MS = 20 };

/* O_EXCL: of two programs that want to make it, one succeeds, and that one gives it its size.
 * Returns -1 to the other one. ftruncate() only promises the memory, posix_fallocate() takes it:
 * without that, the first access would be a SIGBUS when /dev/shm is full. */
static int make_object(const char *name, size_t size)
{
    hold_endings(); /* Ctrl-C leaves it with its size, or not at all */
    const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (fd == -1 && errno != EEXIST)
        err(EXIT_FAILURE, "shm_open %s in /dev/shm: %s", name, errno_name(errno));
    if (fd == -1) {
        release_endings();
        return -1;
    }
    const int result = ftruncate(fd, (off_t)size);
    const int error = result == -1 ? errno : posix_fallocate(fd, 0, (off_t)size);
    if (error != 0)
        shm_unlink(name);
    release_endings();
    errno = error;
    if (error != 0)
        err(EXIT_FAILURE, "/dev/shm: %s: %s", result == -1 ? "ftruncate" : "posix_fallocate",
            errno_name(error));
    say("shm_open(%s, O_CREAT|O_EXCL) = %d: made", name, fd);
    say("ftruncate(%d, %zu) = %d", fd, size, result);
    say("posix_fallocate(%d, 0, %zu) = %d", fd, size, error);
    return fd;
}

static int open_object(const char *name, int flags, size_t size)
{
    int fd;
    while ((fd = shm_open(name, flags, 0)) == -1 && errno == ENOENT)
        if ((fd = make_object(name, size)) != -1)
            return fd;
    if (fd == -1)
        errx(EXIT_FAILURE, "shm_open %s: %s (its owner: ls -l /dev/shm)", name, errno_name(errno));
    say("shm_open(%s) = %d: found", name, fd);
    return fd;
}

/* Somebody may have created it just now: they have a second to set its size. */
static size_t size_of(int fd)
{
    struct stat status;
    for (int i = 0; i < TRIES; i++) {
        if (fstat(fd, &status) == -1)
            err(EXIT_FAILURE, "fstat");
        if (status.st_size > 0)
            return (size_t)status.st_size;
        if (i == 0)
            say("fstat(%d): 0 bytes, waiting for ftruncate()", fd);
        poll(NULL, 0, RETRY_MS);
    }
    errx(EXIT_FAILURE, "the object still has size 0; has its creator died? (posix-rm)");
}

static char message[128]; /* a handler may call write(2), but not printf(3) */

static void report_and_end(int signal_number)
{
    (void)signal_number;
    (void)!write(STDERR_FILENO, message, strlen(message));
    _exit(EXIT_FAILURE);
}

/* The object in memory. An access beyond its end, if somebody shortens it now, or to a page that
 * was only promised, ends the program with a message. */
static char *map_object(int fd, size_t size, int protection)
{
    const struct sigaction action = {.sa_handler = report_and_end};
    snprintf(message, sizeof message, "%s: SIGBUS: the object was shortened, or /dev/shm is full\n",
             program_invocation_short_name);
    if (sigaction(SIGBUS, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    char *const memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) /* not NULL: that could be an address */
        err(EXIT_FAILURE, "mmap");
    say("mmap(%zu, %d) = %p", size, fd, (void *)memory);
    if (close(fd) == -1) /* the mapping holds the object by itself */
        err(EXIT_FAILURE, "close");
    return memory;
}

#endif
