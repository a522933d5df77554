/* sigbus - memory of an object that is too short can be mapped, but not touched
 *
 * shm_open() makes an object of no bytes. mmap() does not mind; the first access does, and there is
 * nobody to return an error: the process gets SIGBUS. ftruncate() gives the object its size.
 *
 * What is past the end of the object, but in its last page, can be touched. It is no part of the
 * object, and may be lost.
 *
 * shm_open(3), ftruncate(2), SIGBUS in mmap(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: sigbus [-x]\n"
                            "  -x  the mistake: no ftruncate(), or to less than what is touched\n";

enum { PAGES = 2 };
static size_t page_size;

/* An object without a name: it goes with us. */
static int make_object(void)
{
    char what[32];
    snprintf(what, sizeof what, "sigbus.%d", (int)getpid());
    const char *const name = demo_name(what, NULL);
    hold_endings();
    const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (fd == -1)
        err(EXIT_FAILURE, "shm_open %s", name);
    if (shm_unlink(name) == -1)
        err(EXIT_FAILURE, "shm_unlink %s", name);
    release_endings();
    say("shm_open() = %d", fd);
    return fd;
}

static char *map(int fd)
{
    struct stat status;
    if (fstat(fd, &status) == -1)
        err(EXIT_FAILURE, "fstat");
    char *const memory = mmap(NULL, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    say("fstat(): %lld bytes; mmap(%zu) works", (long long)status.st_size, PAGES * page_size);
    return memory;
}

static void set_size(int fd, size_t size)
{
    if (ftruncate(fd, (off_t)size) == -1)
        err(EXIT_FAILURE, "ftruncate");
    say("ftruncate(%zu) = 0", size);
}

static void touch(volatile char *memory, size_t place)
{
    lane(1, "child");
    die_with_parent();
    if (signal(SIGBUS, SIG_DFL) == SIG_ERR)
        err(EXIT_FAILURE, "signal");
    if (prctl(PR_SET_DUMPABLE, 0) == -1) /* no core file */
        err(EXIT_FAILURE, "prctl");
    say("stores a byte at %zu", place);
    memory[place] = 'x';
    say("it is there");
    _exit(EXIT_SUCCESS);
}

/* Returns whether a child that stores a byte there is killed by SIGBUS. */
static bool kills(char *memory, size_t place)
{
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        touch(memory, place);
    const int status = reap(child);
    if (status != EXIT_SUCCESS && status != 128 + SIGBUS)
        errx(EXIT_FAILURE, "the child has ended with status %d", status);
    if (status != EXIT_SUCCESS)
        say("the child was killed by SIGBUS");
    printf("byte %zu: %s\n", place, status == EXIT_SUCCESS ? "stored" : "SIGBUS");
    flush_stdout();
    return status != EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    bool mistake = false;
    while (next_option(argc, argv, "x", usage) != -1)
        mistake = true;
    check_operands(argc, argv, 0, 0);
    page_size = (size_t)sysconf(_SC_PAGESIZE);

    lane(0, "parent");
    const int fd = make_object();
    if (!mistake) {
        set_size(fd, PAGES * page_size);
        char *const memory = map(fd);
        if (kills(memory, 0) || kills(memory, PAGES * page_size - 1))
            errx(EXIT_FAILURE, "SIGBUS within the object");
        lesson("shm_open, ftruncate, mmap: the size comes before the first access");
        return EXIT_SUCCESS;
    }
    char *const memory = map(fd);
    if (!kills(memory, 0))
        errx(EXIT_FAILURE, "no SIGBUS");
    set_size(fd, 1); /* the mapping that is there sees it */
    if (kills(memory, 0) || kills(memory, page_size - 1) || !kills(memory, page_size))
        errx(EXIT_FAILURE, "SIGBUS is not where the last page ends");
    lesson("mmap() does not look at the size of the object: whoever touches what is not there gets "
           "SIGBUS");
    return EXIT_SUCCESS;
}
