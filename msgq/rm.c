/* rm - removes a System V queue, with all that is in it
 *
 * It is gone at once, even while others use it (a shared memory segment would wait for its last
 * user). Each process that sleeps in msgsnd() or msgrcv() wakes with the error EIDRM.
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

static const char usage[] =
    "usage: rm [-k KEY]\n"
    "  -k KEY  the key of the queue (default: ftok of /tmp/ipc-UID and 'q')\n";

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('q', key_option);

    pair_lane("rm");
    const int id = msgget(key, 0);
    if (id == -1)
        get_failed("msgget", key);
    say("msgget(0x%08x) = %d", (unsigned)key, id);
    const int result = msgctl(id, IPC_RMID, NULL);
    if (result == -1)
        err(EXIT_FAILURE, "msgctl(%d, IPC_RMID): %s%s", id, errno_name(errno),
            errno == EPERM ? ": ipcs -q shows the owner" : "");
    say("msgctl(%d, IPC_RMID) = %d", id, result);
    return EXIT_SUCCESS;
}
