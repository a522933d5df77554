/* posix-read - reads the blackboard in POSIX shared memory that shm/posix-write writes on
 *
 * Reading does not take the text away: read again, from as many terminals as you like. An object
 * that nobody has written to is full of zeros, which reads as an empty text. How large it is, the
 * reader asks the object itself, with fstat(). It is mapped PROT_READ: a store would be a SIGSEGV.
 *
 * shm_open(3), fstat(2), mmap(2), shm_overview(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USUAL_SIZE = 4096, TRIES = 50, RETRY_MS = 20 };

static const char usage[] =
    "usage: posix-read [-n NAME]\n"
    "  -n NAME  of the object, with a slash (/ipc-UID-memory)\n"
    "  prints the text; an object is made if there is none yet\n"
    "  other terminal: ./shm/posix-write hello; then ls -l /dev/shm, ./shm/posix-rm\n";

static void give_size(int fd, const char *name)
{
    if (ftruncate(fd, USUAL_SIZE) == -1) {
        const int reason = errno;
        shm_unlink(name);
        errno = reason;
        err(EXIT_FAILURE, "ftruncate to %d bytes", USUAL_SIZE);
    }
}

/* O_EXCL: of two programs that want to make it, one succeeds, and that one gives it its size.
 * Returns -1 to the other one. */
static int make_object(const char *name)
{
    hold_endings(); /* Ctrl-C leaves it with its size, or not at all */
    const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (fd == -1 && errno != EEXIST)
        err(EXIT_FAILURE, "shm_open %s", name);
    if (fd != -1) {
        give_size(fd, name);
        say("shm_open(%s, O_CREAT) = %d, made", name, fd);
        say("ftruncate(%d, %d)", fd, USUAL_SIZE);
    }
    release_endings();
    return fd;
}

static int open_object(const char *name)
{
    int fd;
    while ((fd = shm_open(name, O_RDONLY, 0)) == -1 && errno == ENOENT) {
        fd = make_object(name);
        if (fd != -1)
            return fd;
    }
    if (fd == -1)
        err(EXIT_FAILURE, "shm_open %s (whose it is: ls -l /dev/shm)", name);
    say("shm_open(%s) = %d, found", name, fd);
    return fd;
}

/* Somebody else may have made it just now: he has a second to give it its size. */
static size_t size_of(int fd)
{
    struct stat status;
    for (int i = 0; i < TRIES; i++) {
        if (fstat(fd, &status) == -1)
            err(EXIT_FAILURE, "fstat");
        if (status.st_size > 0)
            return (size_t)status.st_size;
        if (i == 0)
            say("size 0: its maker has not called ftruncate()");
        poll(NULL, 0, RETRY_MS);
    }
    errx(EXIT_FAILURE, "the object has size 0: nobody gives it one (./shm/posix-rm)");
}

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("memory", name_option);

    pair_lane("reader");
    const int fd = open_object(name);
    const size_t size = size_of(fd);
    char *const memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) /* not NULL: that could be an address */
        err(EXIT_FAILURE, "mmap");
    say("mmap(%zu bytes, %d) = %p", size, fd, (void *)memory);
    if (close(fd) == -1) /* the mapping holds the object by itself */
        err(EXIT_FAILURE, "close");

    const size_t length = strnlen(memory, size);
    say("%zu bytes %s", length, quoted(memory, length));
    fwrite(memory, 1, length, stdout);
    putchar('\n');
    flush_stdout();
    if (munmap(memory, size) == -1)
        err(EXIT_FAILURE, "munmap");
    say("it stays: ls -l /dev/shm%s", name);
    say("to remove it: rm /dev/shm%s", name);
    return EXIT_SUCCESS;
}
