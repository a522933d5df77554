/* bench - what a message through a queue costs, System V and POSIX
 *
 * A message is copied twice: into the kernel by the sender, out of it by the receiver. So are the
 * bytes of a pipe; the difference is what the kernel does around the copies.
 *
 * msgsnd(2), msgrcv(2), mq_send(3), mq_receive(3)
 */
#define _GNU_SOURCE /* RLIMIT_MSGQUEUE */
#include "../lib/bench/bench.h"
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- System V ---- */

static int queues[2]; /* one for each way */

static void open_queues(size_t size)
{
    (void)size;
    for (int way = WAY_THERE; way <= WAY_BACK; way++)
        queues[way] = private_queue();
}

/* A message is a long, its type, and then the bytes. */
static void send_to_queue(enum way way, void *message, size_t size)
{
    long *const typed = (long *)message - 1;
    *typed = 1;
    if (msgsnd(queues[way], typed, size, 0) == -1)
        msgsnd_failed(queues[way], size);
}

static void receive_from_queue(enum way way, void *message, size_t size)
{
    const ssize_t length = msgrcv(queues[way], (long *)message - 1, size, 0, 0);
    if (length == -1)
        err(EXIT_FAILURE, "msgrcv: %s", errno_name(errno));
    if (length != (ssize_t)size)
        errx(EXIT_FAILURE, "msgrcv = %zd, not %zu", length, size);
}

/* ---- POSIX ---- */

static size_t most_messages; /* in a queue */
static mqd_t posix_queues[2];

static void open_posix_queues(size_t size)
{
    struct mq_attr attributes = {.mq_maxmsg = (long)most_messages, .mq_msgsize = (long)size};
    char what[32];
    snprintf(what, sizeof what, "bench.%d", (int)getpid());
    const char *const name = demo_name(what, NULL);
    for (int way = WAY_THERE; way <= WAY_BACK; way++) {
        hold_endings();
        posix_queues[way] =
            mq_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR, &attributes);
        if (posix_queues[way] == (mqd_t)-1)
            mq_open_failed(name, &attributes);
        if (mq_unlink(name) == -1)
            err(EXIT_FAILURE, "mq_unlink %s", name);
        release_endings();
    }
}

static void send_to_posix_queue(enum way way, void *message, size_t size)
{
    if (mq_send(posix_queues[way], message, size, 0) == -1)
        err(EXIT_FAILURE, "mq_send");
}

static void receive_from_posix_queue(enum way way, void *message, size_t size)
{
    const ssize_t length = mq_receive(posix_queues[way], message, size, NULL);
    if (length == -1)
        err(EXIT_FAILURE, "mq_receive: %s", errno_name(errno));
    if (length != (ssize_t)size)
        errx(EXIT_FAILURE, "mq_receive = %zd, not %zu", length, size);
}

static void close_posix_queues(void)
{
    mq_close(posix_queues[WAY_THERE]);
    mq_close(posix_queues[WAY_BACK]);
}

static size_t smaller(long a, long b)
{
    return (size_t)(a < b ? a : b);
}

/* What all POSIX queues of a user may take together must be enough for two, and for what the kernel
 * notes about each message; see RLIMIT_MSGQUEUE in getrlimit(2). */
static size_t largest_posix_message(void)
{
    enum { QUEUES = 2, NOTES = 256, USUAL = 10 };
    struct rlimit limit_of_user;
    most_messages = smaller(USUAL, system_limit("fs/mqueue/msg_max"));
    if (most_messages == 0)
        return 0;
    if (getrlimit(RLIMIT_MSGQUEUE, &limit_of_user) == -1)
        err(EXIT_FAILURE, "getrlimit");
    const size_t largest = (size_t)system_limit("fs/mqueue/msgsize_max");
    const rlim_t room = limit_of_user.rlim_cur / QUEUES / most_messages;
    if (limit_of_user.rlim_cur == RLIM_INFINITY || room > largest + NOTES)
        return largest;
    return room > NOTES ? (size_t)room - NOTES : 0;
}

int main(int argc, char *argv[])
{
    /* A message that is larger than the whole queue would wait for ever. */
    const size_t largest = smaller(system_limit("kernel/msgmax"), system_limit("kernel/msgmnb"));
    const struct mechanism sysv = {.variant = "sysv",
                                   .largest = largest,
                                   .open = open_queues,
                                   .send = send_to_queue,
                                   .receive = receive_from_queue,
                                   .close = remove_now};
    const struct mechanism posix = {.variant = "posix",
                                    .largest = largest_posix_message(),
                                    .open = open_posix_queues,
                                    .send = send_to_posix_queue,
                                    .receive = receive_from_posix_queue,
                                    .close = close_posix_queues};
    const struct mechanism *mechanisms[3] = {NULL};
    int count = 0;
    if (sysv.largest > 0)
        mechanisms[count++] = &sysv;
    else
        warnx("sysv: no /proc/sys/kernel/msgmax and msgmnb, or they are 0");
    if (posix.largest > 0)
        mechanisms[count++] = &posix;
    else
        warnx("posix: no /proc/sys/fs/mqueue, or too low an RLIMIT_MSGQUEUE (ulimit -q)");
    return run_bench(argc, argv, &(struct bench){.name = "msgq", .mechanisms = mechanisms});
}
