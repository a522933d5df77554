/* posix-rm - removes the blackboard in POSIX shared memory
 *
 * Only the name is removed, as with any file: nobody finds the object by it any more, and the next
 * writer makes a new one. The memory stays as long as anybody has it mapped, or has a descriptor
 * for it.
 *
 * shm_unlink(3), shm_overview(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char usage[] = "usage: posix-rm [-n NAME]\n"
                            "  -n NAME  of the object, with a slash (/ipc-UID-memory)\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("memory", name_option);

    pair_lane("rm");
    const int result = shm_unlink(name);
    if (result == -1 && errno == ENOENT)
        errx(EXIT_FAILURE, "there is no object %s", name);
    if (result == -1)
        errx(EXIT_FAILURE, "shm_unlink %s: %s (its owner: ls -l /dev/shm)", name,
             errno_name(errno));
    say("shm_unlink(%s) = %d: the name is free", name, result);
    return EXIT_SUCCESS;
}
