/* posix-create - makes a named POSIX semaphore, for posix-wait, posix-post, posix-stat, posix-rm
 *
 * It has a name with a slash, by which every program of this user finds it, and it outlives them
 * all. Creating it and giving it its first value is one step: nobody finds it without a value (see
 * init for two steps). With O_CREAT alone, sem_open() would silently open an existing semaphore,
 * whatever its value: perhaps that of an earlier run, which was killed. With O_EXCL it fails, and
 * the user decides.
 *
 * sem_open(3), sem_overview(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: posix-create [-n NAME] [-v VALUE]\n"
    "  -n NAME   of the new semaphore, with a slash (/ipc-UID-sem)\n"
    "  -v VALUE  its first value (1)\n"
    "  then, in any terminal: ./sem/posix-wait, posix-post, posix-stat, posix-rm\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    unsigned value = 1;
    for (int letter; (letter = next_option(argc, argv, "n:v:", usage)) != -1;)
        switch (letter) {
        case 'n':
            name_option = optarg;
            break;
        case 'v':
            value = (unsigned)parse_long("-v", optarg, 0, INT_MAX);
            break;
        }
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("sem", name_option);

    pair_lane("create");
    sem_t *const semaphore = sem_open(name, O_CREAT | O_EXCL, S_IRUSR | S_IWUSR, value);
    if (semaphore == SEM_FAILED && errno == EEXIST)
        errx(EXIT_FAILURE, "sem_open: EEXIST: %s (posix-rm removes it)", name);
    if (semaphore == SEM_FAILED)
        err(EXIT_FAILURE, "sem_open: %s: %s in /dev/shm", errno_name(errno), name);
    say("sem_open(%s, O_CREAT|O_EXCL, %u) = %p", name, value, (void *)semaphore);
    if (sem_close(semaphore) == -1)
        err(EXIT_FAILURE, "sem_close");
    say("to see it: ls -l /dev/shm");
    say("to remove it: ./sem/posix-rm%s%s", name_option == NULL ? "" : " -n ",
        name_option == NULL ? "" : name);
    return EXIT_SUCCESS;
}
