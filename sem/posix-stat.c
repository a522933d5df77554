/* posix-stat - the value of a named POSIX semaphore, which is all that can be asked
 *
 * Who waits, how many they are, who took it last: only the C library could know, and it has no call
 * for that. (On Linux the value is 0 while others wait. POSIX would also allow it to be minus their
 * number.) By the time it is printed the value may be another one already.
 *
 * sem_getvalue(3), sem_overview(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: posix-stat [-n NAME]\n"
                            "  -n NAME  of the semaphore, with a slash (/ipc-UID-sem)\n"
                            "  prints a name and a value in each line:\n"
                            "    name   of the semaphore\n"
                            "    value  how often it could be taken now without a wait\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("sem", name_option);

    sem_t *const semaphore = sem_open(name, 0);
    if (semaphore == SEM_FAILED && errno == ENOENT)
        errx(EXIT_FAILURE, "there is no semaphore %s; make it first: ./sem/posix-create", name);
    if (semaphore == SEM_FAILED)
        err(EXIT_FAILURE, "sem_open %s (whose it is: ls -l /dev/shm)", name);
    int value;
    if (sem_getvalue(semaphore, &value) == -1)
        err(EXIT_FAILURE, "sem_getvalue");
    printf("name %s\n", name);
    printf("value %d\n", value);
    flush_stdout();
    if (sem_close(semaphore) == -1)
        err(EXIT_FAILURE, "sem_close");
    return EXIT_SUCCESS;
}
