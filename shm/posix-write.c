/* posix-write - writes a text on a blackboard in POSIX shared memory; shm/posix-read reads it
 *
 * The blackboard is a file without a disk. shm_open() makes it or finds it, ftruncate() gives it a
 * size, mmap() puts it into the address space; from then on it is memory. It outlives all who use
 * it, until somebody removes it or the machine stops.
 *
 * A new object has the size 0. Whoever finds it so has come between shm_open() and ftruncate(), and
 * must wait: there is no memory behind it, and a store would be a SIGBUS (see sigbus). So would the
 * first store be when /dev/shm is full, for ftruncate() only promises: hence posix_fallocate().
 *
 * The text begins at offset 0 and ends at the first NUL, or with the object. Nothing else is in it,
 * so any program can read it: it is the file /dev/shm/NAME.
 *
 * shm_open(3), ftruncate(2), mmap(2), posix_fallocate(3), shm_overview(7)
 */
#include "../lib/demo.h"
#include "text.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USUAL_SIZE = 4096, ANY_SIZE = 0, TRIES = 50, RETRY_MS = 20 };

static const char usage[] =
    "usage: posix-write [-n NAME] [-s SIZE] [TEXT]\n"
    "  -n NAME  of the object, with a slash (/ipc-UID-memory)\n"
    "  -s SIZE  bytes that it must have (any; 4096 if it is made)\n"
    "  without TEXT: stdin, but for its last newline\n"
    "  other terminal: ./shm/posix-read; then ls -l /dev/shm, ./shm/posix-rm\n";

static void give_size(int fd, const char *name, size_t size)
{
    if (ftruncate(fd, (off_t)size) == -1) {
        const int reason = errno;
        shm_unlink(name);
        errno = reason;
        err(EXIT_FAILURE, "ftruncate to %zu bytes", size);
    }
}

/* O_EXCL: of two programs that want to make it, one succeeds, and that one gives it its size.
 * Returns -1 to the other one. */
static int make_object(const char *name, size_t size)
{
    hold_endings(); /* Ctrl-C leaves it with its size, or not at all */
    const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (fd == -1 && errno != EEXIST)
        err(EXIT_FAILURE, "shm_open %s", name);
    if (fd != -1) {
        give_size(fd, name, size);
        say("shm_open(%s, O_CREAT) = %d, made", name, fd);
        say("ftruncate(%d, %zu)", fd, size);
    }
    release_endings();
    return fd;
}

static int open_object(const char *name, size_t size)
{
    int fd;
    while ((fd = shm_open(name, O_RDWR, 0)) == -1 && errno == ENOENT) {
        fd = make_object(name, size == ANY_SIZE ? USUAL_SIZE : size);
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

static void write_text(int fd, size_t size, const char *text, size_t length)
{
    const size_t stored = length < size ? length + 1 : length; /* with a NUL if there is room */
    if ((errno = posix_fallocate(fd, 0, (off_t)stored)) != 0)
        err(EXIT_FAILURE, "posix_fallocate: %zu bytes in /dev/shm", stored);
    char *const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) /* not NULL: that could be an address */
        err(EXIT_FAILURE, "mmap");
    say("mmap(%zu bytes, %d) = %p", size, fd, (void *)memory);
    if (close(fd) == -1) /* the mapping holds the object by itself */
        err(EXIT_FAILURE, "close");
    memcpy(memory, text, length);
    if (length < size)
        memory[length] = '\0';
    say("%zu bytes %s", length, quoted(text, length));
    if (munmap(memory, size) == -1)
        err(EXIT_FAILURE, "munmap");
}

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    size_t wanted = ANY_SIZE;
    for (int letter; (letter = next_option(argc, argv, "n:s:", usage)) != -1;)
        switch (letter) {
        case 'n':
            name_option = optarg;
            break;
        case 's':
            wanted = (size_t)parse_long("-s", optarg, 1, INT_MAX);
            break;
        }
    check_operands(argc, argv, 0, 1);
    const char *const name = demo_name("memory", name_option);

    pair_lane("writer");
    const int fd = open_object(name, wanted);
    const size_t size = size_of(fd);
    if (size < wanted)
        errx(EXIT_FAILURE, "%s exists and has %zu bytes, not %zu (./shm/posix-rm)", name, size,
             wanted);
    size_t length;
    char *const text = take_text(argv[optind], "object", size, &length);
    write_text(fd, size, text, length);
    free(text);
    say("it stays: ls -l /dev/shm%s", name);
    say("to remove it: rm /dev/shm%s", name);
    return EXIT_SUCCESS;
}
