/* posix-stat - the value of a named POSIX semaphore, which is all that sem_getvalue() reports
 *
 * No call reports who waits, how many wait, or who took it last. (On Linux the value is 0 while
 * others wait. POSIX would also allow it to be minus their number.) By the time it is printed the
 * value may have changed.
 *
 * sem_getvalue(3), sem_overview(7)
 */
#include "posix.h"

#include <err.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: posix-stat [-n NAME]\n"
                            "  -n NAME  of the semaphore, with a slash (/ipc-UID-sem)\n"
                            "  prints a name and a value in each line:\n"
                            "    name   of the semaphore\n"
                            "    value  how many sem_wait() would succeed now without sleeping\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("sem", name_option);

    sem_t *const semaphore = open_semaphore(name);
    int value;
    if (sem_getvalue(semaphore, &value) == -1)
        err(EXIT_FAILURE, "sem_getvalue");
    printf("name %s\n", name);
    printf("value %d\n", value);
    flush_stdout();
    close_semaphore(semaphore);
    return EXIT_SUCCESS;
}
