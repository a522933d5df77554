/* send - puts messages into a System V queue; msgq/recv takes them out
 *
 * A message is a type, a number above 0, and bytes; the queue keeps each one whole. The sender need
 * not wait for a receiver: the queue stays in the kernel, with all that is in it, until it is
 * removed. Only a full queue puts its sender to sleep.
 *
 * msgsnd(2), msgget(2), ftok(3), sysvipc(7), ipcs(1)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: send [-n] [-k KEY] [-t TYPE] [TEXT...]\n"
    "  -k KEY   the key of the queue (default: ftok of /tmp/ipc-UID and 'q')\n"
    "  -n       IPC_NOWAIT: fail with EAGAIN if the queue is full\n"
    "  -t TYPE  of the messages, above 0 (default: 1)\n"
    "  sends each TEXT as a message; without TEXT, each line of stdin\n"
    "  makes the queue if it is missing; other terminal: ./msgq/recv\n";

struct message {
    long type;
    char text[]; /* the bytes alone: no length, no NUL at the end */
};

static int sent; /* messages so far */

static void send_text(int id, long type, const char *text, size_t length, int flags)
{
    struct message *const message = malloc(sizeof *message + length);
    if (message == NULL)
        err(EXIT_FAILURE, "malloc");
    message->type = type;
    memcpy(message->text, text, length);
    if (flags != IPC_NOWAIT) {
        check_fits(id, length);
        say("msgsnd(%d, type %ld, %s, %zu) ...", id, type, quoted(text, length), length);
    }
    const int result = msgsnd(id, message, length, flags); /* the length is that of the text */
    if (result == -1 && errno == EINVAL && type < 1)
        errx(EXIT_FAILURE, "msgsnd: EINVAL: type %ld is not above 0", type);
    if (result == -1)
        msgsnd_failed(id, length);
    if (flags == IPC_NOWAIT)
        say("msgsnd(%d, type %ld, %s, %zu, IPC_NOWAIT) = %d", id, type, quoted(text, length),
            length, result);
    else
        say("... = %d", result);
    sent++;
    free(message);
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    long type = 1;
    int flags = 0;
    for (int letter; (letter = next_option(argc, argv, "nk:t:", usage)) != -1;)
        switch (letter) {
        case 'k':
            key_option = optarg;
            break;
        case 'n':
            flags = IPC_NOWAIT;
            break;
        case 't':
            type = parse_long("-t TYPE", optarg, LONG_MIN, LONG_MAX); /* msgsnd() will judge it */
            break;
        }
    const key_t key = demo_key('q', key_option);

    pair_lane("sender");
    const int id = msgget(key, IPC_CREAT | S_IRUSR | S_IWUSR);
    if (id == -1)
        get_failed("msgget", key);
    say("msgget(0x%08x, IPC_CREAT) = %d", (unsigned)key, id);

    for (int i = optind; i < argc; i++)
        send_text(id, type, argv[i], strlen(argv[i]), flags);
    if (optind == argc) {
        char *line = NULL;
        for (ssize_t length; (length = read_line(&line)) != -1;)
            send_text(id, type, line, (size_t)length, flags);
        free(line);
    }
    say("to remove it: ipcrm -q %d", id);
    if (sent > 0)
        lesson(flags == IPC_NOWAIT ? "with IPC_NOWAIT msgsnd() waits for nothing, not even for room"
                                   : "msgsnd() waits for room in the queue, not for a receiver");
    return EXIT_SUCCESS;
}
