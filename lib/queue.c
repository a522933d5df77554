/* queue.c - why a message cannot be sent or a queue not be opened, and which limit is to blame */
#define _GNU_SOURCE /* RLIMIT_MSGQUEUE */
#include "demo.h"

#include <err.h>
#include <errno.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <unistd.h>

void check_fits(int id, size_t length)
{
    struct msqid_ds queue;
    if (msgctl(id, IPC_STAT, &queue) == 0 && length > queue.msg_qbytes)
        errx(EXIT_FAILURE, "msgsnd: %zu bytes, but msg_qbytes is %lu (/proc/sys/kernel/msgmnb)",
             length, (unsigned long)queue.msg_qbytes);
}

_Noreturn void msgsnd_failed(int id, size_t length)
{
    const int error = errno;
    struct msqid_ds queue;
    const bool removed = msgctl(id, IPC_STAT, &queue) == -1 && (errno == EINVAL || errno == EIDRM);
    if (error == EIDRM || removed)
        errx(EXIT_FAILURE, "msgsnd: %s: the queue was removed", errno_name(error));
    if (error == EINVAL)
        errx(EXIT_FAILURE, "msgsnd: EINVAL: %zu bytes, more than /proc/sys/kernel/msgmax", length);
    if (error == EAGAIN) {
        check_fits(id, length);
        errx(EXIT_FAILURE, "msgsnd: EAGAIN: the queue is full");
    }
    errno = error;
    err(EXIT_FAILURE, "msgsnd: %s", errno_name(error));
}

long system_limit(const char *name)
{
    char path[64];
    long limit = 0;
    snprintf(path, sizeof path, "/proc/sys/%s", name);
    FILE *const file = fopen(path, "re");
    if (file == NULL && errno == ENOENT)
        return 0;
    if (file == NULL || fscanf(file, "%ld", &limit) != 1)
        err(EXIT_FAILURE, "%s", path);
    fclose(file);
    return limit;
}

static void check_limit(const char *what, long wanted, const char *name, long limit)
{
    if (wanted > limit)
        errx(EXIT_FAILURE, "mq_open: EINVAL: %ld %s, %s is %ld", wanted, what, name, limit);
}

/* mq_open() says EINVAL for two numbers and two limits each: first those of the kernel; those in
 * /proc/sys/fs/mqueue do not hold for a process with CAP_SYS_RESOURCE. */
static void check_attributes(const struct mq_attr *wanted)
{
    enum { MOST_MESSAGES = 65536, LONGEST_MESSAGE = 16 * 1024 * 1024 };
    check_limit("messages", wanted->mq_maxmsg, "the kernel's limit", MOST_MESSAGES);
    check_limit("bytes", wanted->mq_msgsize, "the kernel's limit", LONGEST_MESSAGE);
    check_limit("messages", wanted->mq_maxmsg, "but /proc/sys/fs/mqueue/msg_max",
                system_limit("fs/mqueue/msg_max"));
    check_limit("bytes", wanted->mq_msgsize, "but /proc/sys/fs/mqueue/msgsize_max",
                system_limit("fs/mqueue/msgsize_max"));
}

_Noreturn void mq_open_failed(const char *name, const struct mq_attr *attributes)
{
    struct rlimit limit;
    const int error = errno;
    if (error == EINVAL && attributes != NULL)
        check_attributes(attributes);
    if (error == EMFILE && dup(STDERR_FILENO) != -1 && /* so it is not the number of descriptors */
        getrlimit(RLIMIT_MSGQUEUE, &limit) == 0)
        errx(EXIT_FAILURE, "mq_open: EMFILE: RLIMIT_MSGQUEUE is %llu bytes (ulimit -q)",
             (unsigned long long)limit.rlim_cur);
    if (error == ENOSPC)
        errx(EXIT_FAILURE, "mq_open: ENOSPC: /proc/sys/fs/mqueue/queues_max is %ld",
             system_limit("fs/mqueue/queues_max"));
    if (error == ENOSYS)
        errx(EXIT_FAILURE, "mq_open: ENOSYS: this kernel has no POSIX queues");
    if (error == EACCES)
        errx(EXIT_FAILURE, "mq_open: EACCES: no permission for %s (ls -l /dev/mqueue)", name);
    errno = error;
    err(EXIT_FAILURE, "mq_open %s: %s", name, errno_name(error));
}
