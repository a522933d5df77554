/* posix-rm - removes a named POSIX semaphore
 *
 * Only the name is removed at once. A process that has the semaphore open can go on using it, and
 * one that sleeps in sem_wait() keeps sleeping. A semaphore made under the name now is another one.
 * (A System V set is gone at once, and its sleepers wake with EIDRM.)
 *
 * sem_unlink(3), sem_overview(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: posix-rm [-n NAME]\n"
                            "  -n NAME  of the semaphore, with a slash (/ipc-UID-sem)\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("sem", name_option);

    pair_lane("rm");
    const int result = sem_unlink(name);
    if (result == -1 && errno == ENOENT)
        errx(EXIT_FAILURE, "sem_unlink: ENOENT: there is no semaphore %s", name);
    if (result == -1)
        err(EXIT_FAILURE, "sem_unlink: %s: %s (its owner: ls -l /dev/shm)", errno_name(errno),
            name);
    say("sem_unlink(%s) = %d: the name is free", name, result);
    return EXIT_SUCCESS;
}
