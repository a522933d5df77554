/* full - a sender fills a queue and sleeps; then the queue is removed under it
 *
 * When the queue is removed, the sleeper's msgsnd() fails with EIDRM; later calls fail with EINVAL.
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

static const char usage[] = "usage: full [-n]\n"
                            "  -n  IPC_NOWAIT: msgsnd() to the full queue fails with EAGAIN\n"
                            "  prints how many messages the queue held, and the error\n";

static struct message {
    long type;
    char text[1024];
} message = {.type = 1};

static void send_until(int error, int id, int flags)
{
    int result;
    while ((result = msgsnd(id, &message, sizeof message.text, flags)) == 0)
        continue;
    say("msgsnd(%d, %zu%s) = %d %s", id, sizeof message.text, flags == 0 ? "" : ", IPC_NOWAIT",
        result, errno_name(errno));
    if (errno != error)
        msgsnd_failed(id, sizeof message.text);
}

static void send_messages(int id, int flags)
{
    lane(1, "sender");
    die_with_parent();
    send_until(flags == IPC_NOWAIT ? EAGAIN : EIDRM, id, flags);
    if (flags != IPC_NOWAIT)
        send_until(EINVAL, id, flags);
    _exit(EXIT_SUCCESS);
}

static void print_messages(int id)
{
    struct msqid_ds queue;
    const int result = msgctl(id, IPC_STAT, &queue);
    if (result == -1)
        err(EXIT_FAILURE, "msgctl IPC_STAT");
    say("msgctl(%d, IPC_STAT) = %d: %lu of %lu bytes", id, result, (unsigned long)queue.msg_cbytes,
        (unsigned long)queue.msg_qbytes);
    printf("messages %lu\n", (unsigned long)queue.msg_qnum);
}

static void remove_under_sender(int id, pid_t sender)
{
    say_asleep_in("the sender", sender, "msgsnd", id);
    print_messages(id);
    const ssize_t length = msgrcv(id, &message, sizeof message.text, 0, IPC_NOWAIT);
    if (length == -1)
        err(EXIT_FAILURE, "msgrcv: %s", errno_name(errno));
    say("msgrcv(%d) = %zd: one message fewer", id, length);
    say_asleep_in("the sender", sender, "msgsnd", id);
    const int result = msgctl(id, IPC_RMID, NULL);
    if (result == -1)
        err(EXIT_FAILURE, "msgctl IPC_RMID");
    say("msgctl(%d, IPC_RMID) = %d", id, result);
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
    if (flags != IPC_NOWAIT)
        remove_under_sender(id, sender);
    if (reap(sender) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the sender failed");
    if (flags == IPC_NOWAIT)
        print_messages(id);
    puts(flags == IPC_NOWAIT ? "EAGAIN" : "EIDRM");
    lesson(flags == IPC_NOWAIT ? "with IPC_NOWAIT msgsnd() does not wait for room: EAGAIN"
                               : "a full queue puts its sender to sleep; removing it gives EIDRM");
    return EXIT_SUCCESS;
}
