/* send - puts messages into a System V queue; msgq/recv takes them out
 *
 * A message is a type, a number above 0, and bytes; the queue keeps each one whole. Nobody has to
 * wait for it: the queue stays in the kernel, with all that is in it, until it is removed or the
 * machine stops. Only a full queue puts its sender to sleep.
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

static const char usage[] = "usage: send [-n] [-k KEY] [-t TYPE] [TEXT...]\n"
                            "  -k KEY   the key of the queue (ftok of /tmp/ipc-UID and 'q')\n"
                            "  -n       IPC_NOWAIT: a full queue is EAGAIN\n"
                            "  -t TYPE  of the messages, above 0 (1)\n"
                            "  sends each TEXT as a message; without one, each line of stdin\n"
                            "  makes the queue if it is missing; other terminal: ./msgq/recv\n";

struct message {
    long type;
    char text[]; /* the bytes alone: no length, no NUL at the end */
};

static struct message *message;

static void send_text(int id, long type, const char *text, size_t length, int flags)
{
    message = realloc(message, sizeof *message + length);
    if (message == NULL)
        err(EXIT_FAILURE, "realloc");
    message->type = type;
    memcpy(message->text, text, length);
    if (msgsnd(id, message, length, flags) == -1) { /* the length does not count the type */
        if (errno == EAGAIN)
            err(EXIT_FAILURE, "msgsnd: the queue is full");
        if (errno == EIDRM)
            err(EXIT_FAILURE, "msgsnd: the queue was removed");
        if (errno == EINVAL && type < 1)
            err(EXIT_FAILURE, "msgsnd: type %ld is not above 0", type);
        if (errno == EINVAL)
            err(EXIT_FAILURE, "msgsnd: %zu bytes; /proc/sys/kernel/msgmax is the most", length);
        err(EXIT_FAILURE, "msgsnd");
    }
    say("msgsnd(type %ld, %s) = 0", type, quoted(text, length));
}

static void send_each_line(int id, long type, FILE *file, int flags)
{
    char *line = NULL;
    size_t size = 0;
    for (ssize_t length; (length = getline(&line, &size, file)) != -1;) {
        const bool complete = line[length - 1] == '\n';
        send_text(id, type, line, (size_t)length - complete, flags);
    }
    if (ferror(file))
        err(EXIT_FAILURE, "stdin");
    free(line);
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
    if (id == -1 && errno == EACCES)
        err(EXIT_FAILURE, "no right to use queue 0x%08x (whose it is: ipcs -q)", (unsigned)key);
    if (id == -1)
        err(EXIT_FAILURE, "msgget 0x%08x", (unsigned)key);
    say("msgget(0x%08x, IPC_CREAT): id %d", (unsigned)key, id);

    say("msgsnd() %s", flags == IPC_NOWAIT ? "does not wait" : "waits if the queue is full");
    for (int i = optind; i < argc; i++)
        send_text(id, type, argv[i], strlen(argv[i]), flags);
    if (optind == argc)
        send_each_line(id, type, stdin, flags);
    say("it stays: ipcs -q -i %d", id);
    say("to remove it: ipcrm -q %d", id);
    free(message);
    return EXIT_SUCCESS;
}
