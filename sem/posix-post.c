/* posix-post - releases a named POSIX semaphore: raises its value by one, and wakes a sleeper
 *
 * Any process may give, not only the one that took: that is what makes a semaphore more than a
 * lock. sem_post() is one of the few synchronisation calls that a signal handler may make. It is an
 * atomic operation on the value, and a system call only if the number of waiters is not 0.
 *
 * sem_post(3), sem_overview(7), signal-safety(7)
 */
#include "posix.h"

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
    sem_t *const semaphore = open_semaphore(name);
    say("sem_open(%s) = %p", name, (void *)semaphore);
    const int result = sem_post(semaphore);
    if (result == -1)
        err(EXIT_FAILURE, "sem_post: %s%s", errno_name(errno),
            errno == EOVERFLOW ? ": the value would pass SEM_VALUE_MAX" : "");
    say("sem_post() = %d: given", result);
    close_semaphore(semaphore);
    return EXIT_SUCCESS;
}
