/* recv - takes messages out of a System V queue; msgq/send puts them in
 *
 * The receiver chooses by type: any (0), one type (above 0), or the lowest type up to a limit
 * (below 0, see priority). The kernel keeps the messages apart: one msgrcv() is one whole message,
 * never a piece or two. One that is longer than the receiver's buffer stays in the queue (E2BIG),
 * unless MSG_NOERROR says to cut it; then nobody is told that there was more.
 *
 * msgrcv(2), msgget(2), ftok(3), sysvipc(7), ipcs(1)
 */
#define _GNU_SOURCE /* MSG_EXCEPT */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: recv [-env] [-k KEY] [-t TYPE] [-c COUNT] [-s SIZE]\n"
    "  -c COUNT  how many messages (1); 0: until the queue is empty\n"
    "  -e        MSG_NOERROR: cut a message that is longer than SIZE\n"
    "  -k KEY    the key of the queue (ftok of /tmp/ipc-UID and 'q')\n"
    "  -n        IPC_NOWAIT: a queue without such a message is ENOMSG\n"
    "  -s SIZE   of the buffer for the text; a longer message is E2BIG (as large as needed)\n"
    "  -t TYPE   0 any, 3 of type 3, -3 the lowest of 1 to 3 (0)\n"
    "  -v        MSG_EXCEPT: any type but that of -t\n"
    "  prints each text as a line; makes the queue if it is missing\n"
    "  other terminal: ./msgq/send hello\n";

struct message {
    long type;
    char text[]; /* the bytes alone: no length, no NUL at the end */
};

static struct message *message;
static size_t size; /* of its text */

static void allocate(size_t new_size)
{
    message = realloc(message, sizeof *message + new_size);
    if (message == NULL)
        err(EXIT_FAILURE, "realloc");
    size = new_size;
}

/* Returns the length of the text, or -1 and ENOMSG. A message that is too long for a buffer that
 * may grow has stayed in the queue: nothing is lost by asking again. */
static ssize_t receive(int id, long type, int flags, bool may_grow)
{
    ssize_t length;
    while ((length = msgrcv(id, message, size, type, flags)) == -1 && errno == E2BIG && may_grow) {
        say("E2BIG: longer than %zu bytes", size);
        allocate(2 * size);
    }
    if (length == -1 && errno == E2BIG)
        err(EXIT_FAILURE, "msgrcv: longer than %zu bytes, it stays in the queue", size);
    if (length == -1 && errno == EIDRM)
        err(EXIT_FAILURE, "msgrcv: the queue was removed");
    if (length == -1 && errno != ENOMSG)
        err(EXIT_FAILURE, "msgrcv");
    return length;
}

static void print_text(ssize_t length)
{
    fwrite(message->text, 1, (size_t)length, stdout);
    putchar('\n');
    flush_stdout();
}

static void receive_all(int id, long type, int flags, long count, bool may_grow)
{
    const bool until_empty = count == 0;
    say("msgrcv(type %ld%s) %s", type, (flags & MSG_EXCEPT) != 0 ? ", MSG_EXCEPT" : "",
        (flags & IPC_NOWAIT) != 0 ? "does not wait" : "waits for a message");
    for (long taken = 0; until_empty || taken < count; taken++) {
        const ssize_t length = receive(id, type, flags, may_grow);
        if (length == -1 && !until_empty)
            err(EXIT_FAILURE, "msgrcv");
        if (length == -1) {
            say("msgrcv() = -1 ENOMSG: no more of them");
            return;
        }
        say("msgrcv() = %zd %s, type %ld", length, quoted(message->text, (size_t)length),
            message->type);
        if ((flags & MSG_NOERROR) != 0 && (size_t)length == size)
            say("the buffer is full: any more was cut off");
        print_text(length);
    }
}

int main(int argc, char *argv[])
{
    enum { FIRST_SIZE = 8192 }; /* msgmax, where nobody has changed it */
    const char *key_option = NULL;
    long type = 0, count = 1, wanted_size = -1;
    int flags = 0;
    for (int letter; (letter = next_option(argc, argv, "envk:t:c:s:", usage)) != -1;)
        switch (letter) {
        case 'c':
            count = parse_long("-c", optarg, 0, LONG_MAX);
            break;
        case 'e':
            flags |= MSG_NOERROR;
            break;
        case 'k':
            key_option = optarg;
            break;
        case 'n':
            flags |= IPC_NOWAIT;
            break;
        case 's':
            wanted_size = parse_long("-s", optarg, 0, INT_MAX);
            break;
        case 't':
            type = parse_long("-t TYPE", optarg, LONG_MIN, LONG_MAX);
            break;
        case 'v':
            flags |= MSG_EXCEPT;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if ((flags & MSG_EXCEPT) != 0 && type < 1)
        errx(USAGE_ERROR, "-v needs -t with a type above 0");
    if (count == 0)
        flags |= IPC_NOWAIT;
    const bool may_grow = wanted_size == -1;
    if (may_grow)
        flags &= ~MSG_NOERROR; /* nothing will be too long */
    allocate(may_grow ? FIRST_SIZE : (size_t)wanted_size);
    const key_t key = demo_key('q', key_option);

    pair_lane("receiver");
    const int id = msgget(key, IPC_CREAT | S_IRUSR | S_IWUSR);
    if (id == -1 && errno == EACCES)
        err(EXIT_FAILURE, "no right to use queue 0x%08x (whose it is: ipcs -q)", (unsigned)key);
    if (id == -1)
        err(EXIT_FAILURE, "msgget 0x%08x", (unsigned)key);
    say("msgget(0x%08x, IPC_CREAT): id %d", (unsigned)key, id);
    receive_all(id, type, flags, count, may_grow);
    say("it stays: ipcs -q -i %d", id);
    say("to remove it: ipcrm -q %d", id);
    free(message);
    return EXIT_SUCCESS;
}
