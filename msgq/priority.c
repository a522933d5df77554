/* priority - a negative type takes the lowest type first: types as priorities
 *
 * Five messages are sent, in this order, and taken out with msgrcv() of type -6: each time the
 * first of those with the lowest type up to 6. Within a type the order stays as sent. The message
 * of type 9 is not meant by it, and waits for another receiver.
 *
 * msgrcv(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>

enum { ANY = 0, HIGHEST = 6, TEXT_SIZE = 32 };

static const char usage[] = "usage: priority\n"
                            "  prints the texts in the order in which they are received\n";

struct message {
    long type;
    char text[TEXT_SIZE];
};

static void send_text(int id, long type, const char *text)
{
    struct message message = {.type = type};
    const size_t length = strlen(text);
    memcpy(message.text, text, length);
    if (msgsnd(id, &message, length, 0) == -1)
        err(EXIT_FAILURE, "msgsnd");
    say("msgsnd(type %ld, \"%s\")", type, text);
}

/* Returns false if there is no such message. */
static bool receive_text(int id, long type)
{
    struct message message;
    const ssize_t length = msgrcv(id, &message, sizeof message.text, type, IPC_NOWAIT);
    if (length == -1 && errno == ENOMSG) {
        say("msgrcv(type %ld) = -1 ENOMSG", type);
        return false;
    }
    if (length == -1)
        err(EXIT_FAILURE, "msgrcv");
    say("msgrcv(type %ld) = %s, of type %ld", type, quoted(message.text, (size_t)length),
        message.type);
    printf("%.*s\n", (int)length, message.text);
    return true;
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "both ends");
    hold_endings();
    const int id = msgget(IPC_PRIVATE, S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "msgget");
    remove_queue_at_exit(id);
    release_endings();
    say("msgget(IPC_PRIVATE): id %d", id);

    send_text(id, 5, "a letter");
    send_text(id, 9, "a newspaper");
    send_text(id, 2, "a telegram");
    send_text(id, 5, "another letter");
    send_text(id, 2, "another telegram");
    while (receive_text(id, -HIGHEST))
        continue;

    struct msqid_ds queue;
    if (msgctl(id, IPC_STAT, &queue) == -1)
        err(EXIT_FAILURE, "msgctl IPC_STAT");
    say("msg_qnum %lu: one message is left", (unsigned long)queue.msg_qnum);
    if (!receive_text(id, ANY))
        errx(EXIT_FAILURE, "the message of type 9 is missing");
    flush_stdout();
    lesson(
        "type -N takes the lowest type from 1 to N first, and first come first served within it");
    return EXIT_SUCCESS;
}
