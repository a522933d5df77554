/* stat - what the kernel knows about a System V queue: how full it is, who used it last, and when
 *
 * Compare with `ipcs -q -i ID` and /proc/sysvipc/msg. The bytes are those of the texts alone; the
 * limit is the queue's own, copied from /proc/sys/kernel/msgmnb when it was made.
 *
 * msgctl(2), ipcs(1), /proc/sysvipc in proc(5)
 */
#define _DEFAULT_SOURCE /* msg_cbytes, which is not in POSIX */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

static const char usage[] =
    "usage: stat [-k KEY]\n"
    "  -k KEY  the key of the queue (default: ftok of /tmp/ipc-UID and 'q')\n"
    "  prints a name and a value in each line:\n"
    "    key, id              as in ipcs -q\n"
    "    mode, uid            permissions in octal, and the owner\n"
    "    messages             in the queue now: msg_qnum\n"
    "    bytes                of their texts: msg_cbytes\n"
    "    limit                of the bytes, and of the messages: msg_qbytes\n"
    "    lspid, lrpid         the last sender and receiver; 0: none that we see\n"
    "    stime, rtime, ctime  last msgsnd, msgrcv, change: in seconds since 1970\n"
    "                         (date -d @SECONDS); 0: none\n";

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('q', key_option);

    const int id = msgget(key, 0);
    if (id == -1)
        get_failed("msgget", key);
    struct msqid_ds queue;
    if (msgctl(id, IPC_STAT, &queue) == -1)
        err(EXIT_FAILURE, "msgctl(%d, IPC_STAT): %s%s", id, errno_name(errno),
            errno == EACCES ? ": ipcs -q shows the owner" : "");

    printf("key 0x%08x\n", (unsigned)key);
    printf("id %d\n", id);
    printf("mode %o\n", (unsigned)queue.msg_perm.mode);
    printf("uid %u\n", (unsigned)queue.msg_perm.uid);
    printf("messages %lu\n", (unsigned long)queue.msg_qnum);
    printf("bytes %lu\n", (unsigned long)queue.msg_cbytes);
    printf("limit %lu\n", (unsigned long)queue.msg_qbytes);
    printf("lspid %d\n", (int)queue.msg_lspid);
    printf("lrpid %d\n", (int)queue.msg_lrpid);
    printf("stime %lld\n", (long long)queue.msg_stime);
    printf("rtime %lld\n", (long long)queue.msg_rtime);
    printf("ctime %lld\n", (long long)queue.msg_ctime);
    flush_stdout();
    return EXIT_SUCCESS;
}
