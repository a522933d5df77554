/* sigbus - an object that is too short can be mapped, but not accessed
 *
 * shm_open() makes an object of no bytes. mmap() does not check the size. The first access does,
 * and a load or a store has no way to return an error: the process gets SIGBUS. ftruncate() gives
 * the object its size, and even repairs an existing mapping.
 *
 * shm_open(3), ftruncate(2), SIGBUS in mmap(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: sigbus [-x]\n"
                            "  -x  the mistake: no ftruncate(), or one that is too short\n"
                            "  prints which bytes could be stored, and which were a SIGBUS\n";

/* Nobody else needs its name: it goes with us. */
static int make_object(void)
{
    char what[32];
    snprintf(what, sizeof what, "sigbus.%d", (int)getpid());
    const char *const name = demo_name(what, NULL);
    hold_endings();
    const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (fd == -1)
        err(EXIT_FAILURE, "shm_open %s in /dev/shm", name);
    const int result = shm_unlink(name);
    if (result == -1)
        err(EXIT_FAILURE, "shm_unlink %s", name);
    release_endings();
    say("shm_open(%s) = %d", name, fd);
    say("shm_unlink(%s) = %d", name, result);
    return fd;
}

static void set_size(int fd, size_t size)
{
    const int result = ftruncate(fd, (off_t)size);
    if (result == -1)
        err(EXIT_FAILURE, "ftruncate: %s", errno_name(errno));
    say("ftruncate(%d, %zu) = %d", fd, size, result);
}

static void store(volatile char *memory, size_t place)
{
    lane(1, "child");
    die_with_parent();
    signal(SIGBUS, SIG_DFL);
    if (prctl(PR_SET_DUMPABLE, 0) == -1) /* no core file */
        err(EXIT_FAILURE, "prctl");
    say("stores a byte at %zu", place);
    memory[place] = 'x';
    say("it is there: '%c'", memory[place]);
    _exit(EXIT_SUCCESS);
}

/* Returns whether a child that stores a byte there lives on; if not, it was killed by SIGBUS. */
static bool survives_store(char *memory, size_t place)
{
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        store(memory, place);
    const int status = reap(child);
    if (status == 128 + SIGBUS)
        say("the child was killed by SIGBUS");
    else if (status != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the child has ended with status %d", status);
    printf("byte %zu: %s\n", place, status == EXIT_SUCCESS ? "stored" : "SIGBUS");
    flush_stdout();
    return status == EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    bool mistake = false;
    while (next_option(argc, argv, "x", usage) != -1)
        mistake = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 2 * page;
    const int fd = make_object();
    if (!mistake)
        set_size(fd, size);
    char *const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    say("mmap(%zu, %d) = %p", size, fd, (void *)memory);

    bool right;
    if (mistake) {
        right = !survives_store(memory, 0);
        set_size(fd, 1); /* the mapping that is there sees it */
        right = right && survives_store(memory, 0) && survives_store(memory, page - 1) &&
                !survives_store(memory, page);
    } else {
        right = survives_store(memory, 0) && survives_store(memory, size - 1);
    }
    if (!right)
        errx(EXIT_FAILURE, "unexpected: SIGBUS at the wrong byte, or none (is /dev/shm full?)");
    lesson(mistake ? "mmap() does not check the size: accessing what is not there is a SIGBUS"
                   : "shm_open(), ftruncate(), mmap(): the size comes before the first access");
    return EXIT_SUCCESS;
}
