/* rm - removes a System V queue, with all that is in it
 *
 * It is gone at once, whoever uses it (a shared memory segment would wait for its last user). Each
 * process that sleeps in msgsnd() or msgrcv() is woken with the error EIDRM.
 *
 * IPC_RMID in msgctl(2), ipcrm(1)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

static const char usage[] = "usage: rm [-k KEY]\n"
                            "  -k KEY  the key of the queue (ftok of /tmp/ipc-UID and 'q')\n";

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('q', key_option);

    pair_lane("rm");
    const int id = msgget(key, 0);
    if (id == -1 && errno == ENOENT)
        errx(EXIT_FAILURE, "key 0x%08x has no queue", (unsigned)key);
    if (id == -1)
        err(EXIT_FAILURE, "msgget 0x%08x", (unsigned)key);
    if (msgctl(id, IPC_RMID, NULL) == -1)
        err(EXIT_FAILURE, "msgctl IPC_RMID %d (whose it is: ipcs -q)", id);
    say("msgctl(IPC_RMID): removed id %d", id);
    return EXIT_SUCCESS;
}
