/* priority - a negative type takes the lowest type first: types as priorities
 *
 * Five messages are sent, in this order, and taken out with msgrcv() of type -6: each time the
 * first of those with the lowest type up to 6. Within a type they come in the order in which they
 * were sent. The message of type 9 is left for another receiver.
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
#include <unistd.h>

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
    const int result = msgsnd(id, &message, length, IPC_NOWAIT);
    if (result == -1)
        msgsnd_failed(id, length);
    say("msgsnd(%d, type %ld, \"%s\", %zu) = %d", id, type, text, length, result);
}

/* Returns the type of the message; 0 if there is no such message. */
static long receive_text(int id, long type)
{
    struct message message;
    const ssize_t length = msgrcv(id, &message, sizeof message.text, type, IPC_NOWAIT);
    if (length == -1 && errno != ENOMSG)
        err(EXIT_FAILURE, "msgrcv: %s", errno_name(errno));
    if (length == -1) {
        say("msgrcv(%d, type %ld) = %zd %s", id, type, length, errno_name(errno));
        return 0;
    }
    say("msgrcv(%d, type %ld) = %zd %s, type %ld", id, type, length,
        quoted(message.text, (size_t)length), message.type);
    printf("%.*s\n", (int)length, message.text);
    return message.type;
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "both");
    const int id = private_queue();
    say("msgget(IPC_PRIVATE) = %d", id);
    send_text(id, 5, "a letter");
    send_text(id, 9, "a newspaper");
    send_text(id, 2, "a telegram");
    send_text(id, 5, "another letter");
    send_text(id, 2, "another telegram");

    long type, last = 0;
    for (; (type = receive_text(id, -HIGHEST)) != 0; last = type)
        if (type < last)
            errx(EXIT_FAILURE, "type %ld came after type %ld", type, last);
    const long left = receive_text(id, ANY), more = receive_text(id, ANY);
    if (left != 9 || more != 0)
        errx(EXIT_FAILURE, "not one message of type 9 was left");
    lesson("type -N takes the lowest type from 1 to N; of one type, the oldest message");
    return EXIT_SUCCESS;
}
