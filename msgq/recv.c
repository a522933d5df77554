/* recv - takes messages out of a System V queue; msgq/send puts them in
 *
 * The receiver chooses by type: any (0), one type (above 0), or the lowest type up to a limit
 * (below 0, see priority). The kernel keeps the messages apart: one msgrcv() takes one whole
 * message. One that is longer than the receiver's buffer stays in the queue (E2BIG), unless
 * MSG_NOERROR says to cut it; then nothing shows that there was more.
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

enum { NOT_GIVEN = -1, FIRST_SIZE = 8192 /* msgmax, where nobody has changed it */ };

static const char usage[] =
    "usage: recv [-env] [-k KEY] [-t TYPE] [-c COUNT] [-s SIZE]\n"
    "  -c COUNT  how many messages (default: 1); 0: until the queue is empty\n"
    "  -e        MSG_NOERROR: cut a message that is longer than SIZE (needs -s)\n"
    "  -k KEY    the key of the queue (default: ftok of /tmp/ipc-UID and 'q')\n"
    "  -n        IPC_NOWAIT: fail with ENOMSG instead of waiting\n"
    "  -s SIZE   buffer size; a longer message fails with E2BIG\n"
    "            (default: as large as needed)\n"
    "  -t TYPE   0: any; 3: type 3; -3: the lowest from 1 to 3 (default: 0)\n"
    "  -v        MSG_EXCEPT: any type but TYPE\n"
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

static bool is_wanted(long type, int flags, long got)
{
    if ((flags & MSG_EXCEPT) != 0)
        return got != type;
    return type == 0 || got == type || (type < 0 && -got >= type);
}

/* Returns the length of the text, or -1 and errno. */
static ssize_t receive(int id, long type, int flags)
{
    say("msgrcv(%d, type %ld, %zu%s%s%s) ...", id, type, size,
        (flags & MSG_EXCEPT) != 0 ? ", MSG_EXCEPT" : "",
        (flags & MSG_NOERROR) != 0 ? ", MSG_NOERROR" : "",
        (flags & IPC_NOWAIT) != 0 ? ", IPC_NOWAIT" : "");
    const ssize_t length = msgrcv(id, message, size, type, flags);
    if (length == -1)
        say("... = %zd %s", length, errno_name(errno));
    else
        say("... = %zd %s, type %ld", length, quoted(message->text, (size_t)length), message->type);
    if (length != -1 && !is_wanted(type, flags, message->type))
        errx(EXIT_FAILURE, "msgrcv: type %ld is not what was asked for", message->type);
    return length;
}

static long taken; /* messages so far */

static void receive_all(int id, long type, int flags, long count, bool may_grow)
{
    const bool until_empty = count == 0;
    for (; until_empty || taken < count; taken++) {
        ssize_t length;
        while ((length = receive(id, type, flags)) == -1 && errno == E2BIG && may_grow)
            allocate(2 * size); /* the message has stayed in the queue */
        if (length == -1 && errno == ENOMSG && until_empty)
            return;
        if (length == -1 && errno == E2BIG)
            errx(EXIT_FAILURE, "msgrcv: E2BIG: longer than %zu bytes, it stays in the queue", size);
        if (length == -1)
            err(EXIT_FAILURE, "msgrcv: %s", errno_name(errno));
        if ((flags & MSG_NOERROR) != 0 && (size_t)length == size)
            say("the buffer is full: the rest, if there was any, is lost");
        print_received(message->text, (size_t)length);
    }
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    long type = 0, count = 1, wanted_size = NOT_GIVEN;
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
    const bool may_grow = wanted_size == NOT_GIVEN;
    if ((flags & MSG_EXCEPT) != 0 && type < 1)
        errx(USAGE_ERROR, "-v needs -t with a type above 0");
    if ((flags & MSG_NOERROR) != 0 && may_grow)
        errx(USAGE_ERROR, "-e needs -s");
    if (count == 0)
        flags |= IPC_NOWAIT;
    allocate(may_grow ? FIRST_SIZE : (size_t)wanted_size);
    const key_t key = demo_key('q', key_option);

    pair_lane("receiver");
    const int id = msgget(key, IPC_CREAT | S_IRUSR | S_IWUSR);
    if (id == -1)
        get_failed("msgget", key);
    say("msgget(0x%08x, IPC_CREAT) = %d", (unsigned)key, id);
    receive_all(id, type, flags, count, may_grow);
    say("to remove it: ipcrm -q %d", id);
    if (may_grow && taken > 0)
        lesson("one msgrcv() takes one whole message: no less, and no more");
    return EXIT_SUCCESS;
}
