/* full - a sender fills a queue and sleeps; then the queue is removed under it
 *
 * Sender and receiver need not be there at the same time, but a sender can still be blocked: by a
 * full queue. One message taken out lets it go on, until the queue is full again. Then the queue is
 * removed, and the sleeper's msgsnd() fails with EIDRM. From then on the id means nothing: EINVAL.
 *
 * With -n the sender does not sleep: IPC_NOWAIT makes the full queue an error, EAGAIN.
 *
 * msgsnd(2), msg_qbytes in msgctl(2)
 */
#define _DEFAULT_SOURCE /* msg_cbytes */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

static const char usage[] =
    "usage: full [-n]\n"
    "  -n  IPC_NOWAIT: msgsnd() to the full queue fails with EAGAIN\n"
    "  prints how many messages of 1024 bytes the queue held, and the error\n";

static struct message {
    long type;
    char text[1024];
} message = {.type = 1};

static void send_until_it_fails(int id, int flags)
{
    while (msgsnd(id, &message, sizeof message.text, flags) == 0)
        continue;
    say("msgsnd(%d, 1024 bytes%s) = -1 %s", id, flags == IPC_NOWAIT ? ", IPC_NOWAIT" : "",
        errno_name(errno));
}

static void send_messages(int id, int flags)
{
    lane(1, "sender");
    die_with_parent();
    send_until_it_fails(id, flags);
    const int expected = flags == IPC_NOWAIT ? EAGAIN : EIDRM;
    if (errno != expected)
        msgsnd_failed(id, sizeof message.text);
    if (expected == EIDRM)
        send_until_it_fails(id, flags); /* there is no such queue any more */
    _exit(EXIT_SUCCESS);
}

/* Returns how many messages are in the queue. */
static unsigned long look(int id)
{
    struct msqid_ds queue;
    const int result = msgctl(id, IPC_STAT, &queue);
    if (result == -1)
        err(EXIT_FAILURE, "msgctl IPC_STAT");
    say("msgctl(%d, IPC_STAT) = %d: %lu messages, %lu of %lu bytes", id, result,
        (unsigned long)queue.msg_qnum, (unsigned long)queue.msg_cbytes,
        (unsigned long)queue.msg_qbytes);
    return (unsigned long)queue.msg_qnum;
}

static void take_one(int id)
{
    const ssize_t length = msgrcv(id, &message, sizeof message.text, 0, IPC_NOWAIT);
    if (length == -1)
        err(EXIT_FAILURE, "msgrcv: %s", errno_name(errno));
    say("msgrcv(%d) = %zd: one message fewer", id, length);
}

int main(int argc, char *argv[])
{
    int flags = 0;
    while (next_option(argc, argv, "n", usage) != -1)
        flags = IPC_NOWAIT;
    check_operands(argc, argv, 0, 0);

    lane(0, "receiver");
    const int id = private_queue();
    say("msgget(IPC_PRIVATE) = %d", id);
    if (msgsnd(id, &message, sizeof message.text, IPC_NOWAIT) == -1) /* is this size allowed? */
        msgsnd_failed(id, sizeof message.text);
    const pid_t sender = fork();
    if (sender == -1)
        err(EXIT_FAILURE, "fork");
    if (sender == 0)
        send_messages(id, flags);

    if (flags != IPC_NOWAIT) {
        say_asleep_in("the sender", sender, "msgsnd", id);
        printf("messages %lu\nEIDRM\n", look(id));
        take_one(id);
        say_asleep_in("the sender", sender, "msgsnd", id);
        look(id);
        const int result = msgctl(id, IPC_RMID, NULL);
        say("msgctl(%d, IPC_RMID) = %d", id, result);
    }
    if (reap(sender) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the sender failed");
    if (flags == IPC_NOWAIT)
        printf("messages %lu\nEAGAIN\n", look(id));
    flush_stdout();
    lesson(flags == IPC_NOWAIT
               ? "with IPC_NOWAIT msgsnd() does not wait for room: it fails with EAGAIN"
               : "a full queue puts its sender to sleep; removing the queue gives it EIDRM");
    return EXIT_SUCCESS;
}
