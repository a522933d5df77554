/* posix-rm - removes a POSIX queue
 *
 * Only the name goes at once. The queue itself lives until every process has closed it, and a
 * process that sleeps in mq_receive() sleeps on. The next mq_open() with O_CREAT makes another
 * queue of that name. (A System V queue is gone at once, and its sleepers wake with EIDRM.)
 *
 * mq_unlink(3), mq_overview(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <mqueue.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: posix-rm [-n NAME]\n"
                            "  -n NAME  of the queue, with a slash (default: /ipc-UID-queue)\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("queue", name_option);

    pair_lane("rm");
    const int result = mq_unlink(name);
    if (result == -1)
        err(EXIT_FAILURE, "mq_unlink %s: %s%s", name, errno_name(errno),
            errno == EACCES ? ": ls -l /dev/mqueue" : "");
    say("mq_unlink(%s) = %d: the name is free", name, result);
    return EXIT_SUCCESS;
}
