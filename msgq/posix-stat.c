/* posix-stat - what the system knows about a POSIX queue, and the limits for queues
 *
 * The attributes are in POSIX. The rest is Linux: there a queue is a file in a file system of its
 * own, and its descriptor a file descriptor. So fstat() gives the owner, and read() the line that
 * `cat /dev/mqueue/NAME` would show, even where /dev/mqueue is not mounted.
 *
 * mq_getattr(3), mq_overview(7), RLIMIT_MSGQUEUE in getrlimit(2)
 */
#define _GNU_SOURCE /* RLIMIT_MSGQUEUE */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: posix-stat [-n NAME]\n"
    "  -n NAME  of the queue, with a slash (default: /ipc-UID-queue)\n"
    "  prints a name and a value in each line:\n"
    "    name, mode, uid   permissions in octal, the owner (ls -l /dev/mqueue)\n"
    "    mq_maxmsg         messages that it can hold\n"
    "    mq_msgsize        bytes that a message can have\n"
    "    mq_curmsgs        messages in it now\n"
    "    QSIZE             bytes of their texts\n"
    "    NOTIFY_PID        the process to be notified; 0: none that we see\n"
    "    NOTIFY, SIGNO     if there is one: 0 signal SIGNO, 1 nothing, 2 a thread\n"
    "  and the limits, the first three without CAP_SYS_RESOURCE:\n"
    "    msg_max           for mq_maxmsg\n"
    "    msgsize_max       for mq_msgsize\n"
    "    queues_max        for the number of queues\n"
    "    RLIMIT_MSGQUEUE   for the bytes of all queues of a user, overhead included\n";

static void print_file(mqd_t queue)
{
    struct stat status;
    if (fstat((int)queue, &status) == -1)
        err(EXIT_FAILURE, "fstat");
    printf("mode %o\n", (unsigned)(status.st_mode & 0777));
    printf("uid %u\n", (unsigned)status.st_uid);
}

static void print_status_line(mqd_t queue)
{
    char line[128] = "";
    unsigned long bytes;
    int notify, signal_number, pid;
    if (read((int)queue, line, sizeof line - 1) == -1)
        err(EXIT_FAILURE, "read");
    if (sscanf(line, "QSIZE:%lu NOTIFY:%d SIGNO:%d NOTIFY_PID:%d", &bytes, &notify, &signal_number,
               &pid) != 4)
        errx(EXIT_FAILURE, "read: unknown line %s", line);
    printf("QSIZE %lu\n", bytes);
    printf("NOTIFY_PID %d\n", pid);
    printf("NOTIFY %d\n", notify);
    printf("SIGNO %d\n", signal_number);
}

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    while (next_option(argc, argv, "n:", usage) != -1)
        name_option = optarg;
    check_operands(argc, argv, 0, 0);
    const char *const name = demo_name("queue", name_option);

    const mqd_t queue = mq_open(name, O_RDONLY);
    if (queue == (mqd_t)-1)
        mq_open_failed(name, NULL);
    struct mq_attr attributes;
    if (mq_getattr(queue, &attributes) == -1)
        err(EXIT_FAILURE, "mq_getattr");
    struct rlimit limit;
    if (getrlimit(RLIMIT_MSGQUEUE, &limit) == -1)
        err(EXIT_FAILURE, "getrlimit");

    printf("name %s\n", name);
    print_file(queue);
    printf("mq_maxmsg %ld\n", attributes.mq_maxmsg);
    printf("mq_msgsize %ld\n", attributes.mq_msgsize);
    printf("mq_curmsgs %ld\n", attributes.mq_curmsgs);
    print_status_line(queue);
    printf("msg_max %ld\n", system_limit("fs/mqueue/msg_max"));
    printf("msgsize_max %ld\n", system_limit("fs/mqueue/msgsize_max"));
    printf("queues_max %ld\n", system_limit("fs/mqueue/queues_max"));
    printf("RLIMIT_MSGQUEUE %llu\n", (unsigned long long)limit.rlim_cur);
    flush_stdout();
    mq_close(queue);
    return EXIT_SUCCESS;
}
