/* posix-rm - removes a POSIX queue
 *
 * What goes at once is the name. The queue lives on as long as anybody has it open, and nobody is
 * told: who sleeps in mq_receive() sleeps on, and the next mq_open() with O_CREAT makes another
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
                            "  -n NAME  of the queue, with a slash (/ipc-UID-queue)\n";

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("queue", name_option);

    pair_lane("rm");
    if (mq_unlink(name) == -1) {
        if (errno == ENOENT)
            errx(EXIT_FAILURE, "there is no queue %s", name);
        err(EXIT_FAILURE, "mq_unlink %s%s", name,
            errno == EACCES ? " (whose it is: ls -l /dev/mqueue)" : "");
    }
    say("mq_unlink(%s) = 0: the name is free", name);
    return EXIT_SUCCESS;
}
