/* posix-post - gives a named POSIX semaphore: raises its value by one, and wakes one who waits
 *
 * Anybody may give, not only who took: that is what makes a semaphore more than a lock. sem_post()
 * is one of the few such calls that a signal handler may make. When nobody waits, it is one atomic
 * instruction and no system call.
 *
 * sem_post(3), sem_overview(7), signal-safety(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: posix-post [-n NAME]\n"
    "  -n NAME  of the semaphore, with a slash (/ipc-UID-sem)\n"
    "  first: ./sem/posix-create; other terminals: ./sem/posix-wait, ./sem/posix-stat\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("sem", name_option);

    pair_lane("post");
    sem_t *const semaphore = sem_open(name, 0);
    if (semaphore == SEM_FAILED && errno == ENOENT)
        errx(EXIT_FAILURE, "there is no semaphore %s; make it first: ./sem/posix-create", name);
    if (semaphore == SEM_FAILED)
        err(EXIT_FAILURE, "sem_open %s (whose it is: ls -l /dev/shm)", name);
    say("sem_open(%s)", name);
    if (sem_post(semaphore) == -1) {
        if (errno == EOVERFLOW)
            errx(EXIT_FAILURE, "sem_post: EOVERFLOW: the value would pass SEM_VALUE_MAX");
        err(EXIT_FAILURE, "sem_post");
    }
    say("sem_post() = 0: given");
    if (sem_close(semaphore) == -1)
        err(EXIT_FAILURE, "sem_close");
    return EXIT_SUCCESS;
}
