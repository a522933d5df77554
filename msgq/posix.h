/* posix.h - what the posix programs share: why mq_open() failed, and which limit is to blame
 *
 * mq_open(3), mq_overview(7), RLIMIT_MSGQUEUE in getrlimit(2)
 */
#ifndef POSIX_H
#define POSIX_H

#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* The number in a file of /proc/sys/fs/mqueue. */
static long limit_of(const char *name)
{
    char path[64], text[32] = "";
    snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    if (read_full(fd, text, sizeof text - 1) == -1)
        err(EXIT_FAILURE, "read %s", path);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close %s", path);
    return strtol(text, NULL, 10);
}

/* RLIMIT_MSGQUEUE: for all queues of the user together. What the kernel itself needs for a message
 * counts too. */
static unsigned long long bytes_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MSGQUEUE, &limit) == -1)
        err(EXIT_FAILURE, "getrlimit RLIMIT_MSGQUEUE");
    return (unsigned long long)limit.rlim_cur;
}

/* mq_open() said EINVAL. To a process with CAP_SYS_RESOURCE the limits in /proc do not apply, but
 * there are others. */
__attribute__((noreturn)) static void attributes_refused(const struct mq_attr *attributes)
{
    enum { ROOT_MOST = 65536, ROOT_LONGEST = 16 * 1024 * 1024 };
    const long most = limit_of("msg_max"), longest = limit_of("msgsize_max");
    if (attributes->mq_maxmsg > ROOT_MOST ||
        (attributes->mq_maxmsg > most && attributes->mq_msgsize <= ROOT_LONGEST))
        errx(EXIT_FAILURE, "mq_open: EINVAL: %ld messages, but msg_max is %ld (root: %d)",
             attributes->mq_maxmsg, most, ROOT_MOST);
    errx(EXIT_FAILURE, "mq_open: EINVAL: %ld bytes, but msgsize_max is %ld (root: %d)",
         attributes->mq_msgsize, longest, ROOT_LONGEST);
}

/* Ends the program after mq_open() has failed. `attributes` are those that it was called with. */
__attribute__((noreturn)) static void open_failed(const char *name,
                                                  const struct mq_attr *attributes)
{
    const int reason = errno;
    if (reason == EACCES)
        err(EXIT_FAILURE, "mq_open %s (whose it is: ls -l /dev/mqueue)", name);
    if (reason == EINVAL && attributes != NULL)
        attributes_refused(attributes);
    if (reason == EMFILE && dup(STDERR_FILENO) != -1) /* so it is not the number of descriptors */
        errx(EXIT_FAILURE, "mq_open %s: EMFILE: RLIMIT_MSGQUEUE is %llu bytes for all your queues",
             name, bytes_limit());
    if (reason == ENOSPC)
        errx(EXIT_FAILURE, "mq_open %s: ENOSPC: queues_max is %ld", name, limit_of("queues_max"));
    errno = reason;
    err(EXIT_FAILURE, "mq_open %s", name);
}

#endif
