/* full - a sender fills a queue and sleeps; then the queue is removed under it
 *
 * A queue spares its users the meeting that open() of a FIFO is, but not the waiting: one that is
 * full puts its sender to sleep. One message taken out lets it go on, until the next one too many.
 * Then the queue is removed, and the sleeper's msgsnd() fails with EIDRM. To whoever comes later,
 * the id says nothing any more: EINVAL.
 *
 * With -n nobody sleeps: IPC_NOWAIT makes the full queue an error, EAGAIN.
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
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_SIZE = 1024 };

static const char usage[] =
    "usage: full [-n]\n"
    "  -n  IPC_NOWAIT: msgsnd() to the full queue fails with EAGAIN\n"
    "  prints how many messages of 1024 bytes the queue held, and the error\n";

static struct message {
    long type;
    char text[TEXT_SIZE];
} message = {.type = 1};

static int make_queue(void)
{
    hold_endings();
    const int id = msgget(IPC_PRIVATE, S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "msgget");
    remove_queue_at_exit(id);
    release_endings();
    say("msgget(IPC_PRIVATE): id %d", id);
    return id;
}

/* Returns how many messages are in the queue. */
static long look(int id)
{
    struct msqid_ds queue;
    if (msgctl(id, IPC_STAT, &queue) == -1)
        err(EXIT_FAILURE, "msgctl IPC_STAT");
    say("%lu messages, %lu bytes of at most %lu", (unsigned long)queue.msg_qnum,
        (unsigned long)queue.msg_cbytes, (unsigned long)queue.msg_qbytes);
    return (long)queue.msg_qnum;
}

static void take_one(int id)
{
    const ssize_t length = msgrcv(id, &message, sizeof message.text, 0, IPC_NOWAIT);
    if (length == -1)
        err(EXIT_FAILURE, "msgrcv");
    say("msgrcv() = %zd: one message less", length);
}

static void remove_queue(int id)
{
    say("msgctl(IPC_RMID)");
    if (msgctl(id, IPC_RMID, NULL) == -1)
        err(EXIT_FAILURE, "msgctl IPC_RMID");
}

/* Sends until it fails. That must be with this error. */
static long send_until(int id, int flags, int error, const char *error_name)
{
    long sent = 0;
    while (msgsnd(id, &message, sizeof message.text, flags) == 0)
        sent++;
    if (errno != error)
        err(EXIT_FAILURE, "msgsnd, instead of %s", error_name);
    say("msgsnd() = -1 %s", error_name);
    return sent;
}

static void send_for_ever(int id)
{
    lane(1, "sender");
    die_with_parent();
    say("msgsnd(%zu bytes), again and again", sizeof message.text);
    send_until(id, 0, EIDRM, "EIDRM: removed meanwhile");
    send_until(id, 0, EINVAL, "EINVAL: there is no such queue");
    _exit(EXIT_SUCCESS);
}

static void watch_sleeping_sender(int id)
{
    const pid_t sender = fork();
    if (sender == -1)
        err(EXIT_FAILURE, "fork");
    if (sender == 0)
        send_for_ever(id);
    wait_asleep(sender);
    say("the sender sleeps in msgsnd():");
    const long held = look(id);
    take_one(id);
    wait_asleep(sender);
    say("the sender has sent one more, and sleeps again:");
    if (look(id) != held)
        errx(EXIT_FAILURE, "the sender did not go on");
    remove_queue(id);
    if (reap(sender) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the sender failed");
    printf("messages %ld\nEIDRM\n", held);
}

static void send_without_waiting(int id)
{
    const long held = send_until(id, IPC_NOWAIT, EAGAIN, "EAGAIN");
    look(id);
    take_one(id);
    if (send_until(id, IPC_NOWAIT, EAGAIN, "EAGAIN, after one more") != 1)
        errx(EXIT_FAILURE, "one message less did not make room for one");
    remove_queue(id);
    send_until(id, IPC_NOWAIT, EINVAL, "EINVAL: there is no such queue");
    printf("messages %ld\nEAGAIN\n", held);
}

int main(int argc, char *argv[])
{
    bool nowait = false;
    while (next_option(argc, argv, "n", usage) != -1)
        nowait = true;
    check_operands(argc, argv, 0, 0);

    lane(0, nowait ? "both ends" : "receiver");
    const int id = make_queue();
    if (nowait)
        send_without_waiting(id);
    else
        watch_sleeping_sender(id);
    flush_stdout();
    lesson(
        nowait
            ? "with IPC_NOWAIT a full queue puts nobody to sleep: msgsnd() fails with EAGAIN"
            : "a full queue puts its sender to sleep; when it is removed, the sleeper gets EIDRM");
    return EXIT_SUCCESS;
}
