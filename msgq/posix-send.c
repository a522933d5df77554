/* posix-send - puts messages into a POSIX queue; msgq/posix-recv takes them out
 *
 * A message is a priority, from 0 up, and bytes. The queue has a name with a slash, and a size that
 * is fixed when it is made: how many messages, and how many bytes in each. It stays, with all that
 * is in it, until it is removed. A full queue puts its sender to sleep; with -w it sleeps only
 * until a certain time (see posix.h).
 *
 * mq_open(3), mq_send(3), mq_overview(7)
 */
#include "../lib/demo.h"
#include "posix.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOR_EVER = -1, NOT_GIVEN = 0 };

static const char usage[] =
    "usage: posix-send [-m MOST] [-n NAME] [-p PRIORITY] [-s SIZE] [-w MS] [TEXT...]\n"
    "  -m MOST      messages that a new queue can hold (default: 10)\n"
    "  -n NAME      of the queue, with a slash (default: /ipc-UID-queue)\n"
    "  -p PRIORITY  of the messages, from 0, the lowest (default: 0)\n"
    "  -s SIZE      the longest message of a new queue, in bytes (default: 8192)\n"
    "  -w MS        wait at most MS milliseconds for room; 0: not at all\n"
    "  sends each TEXT as a message; without TEXT, each line of stdin\n"
    "  makes the queue if it is missing; other terminal: ./msgq/posix-recv\n";

static mqd_t queue;
static struct mq_attr attributes; /* of the queue */

/* Where only one of -m and -s is given, the other is what mq_open() takes without attributes. */
static void use_default(long *number, const char *usual, const char *limit)
{
    if (*number != NOT_GIVEN)
        return;
    *number = system_limit(usual);
    if (*number > system_limit(limit))
        *number = system_limit(limit);
}

static void open_queue(const char *name, struct mq_attr *wanted)
{
    queue = mq_open(name, O_WRONLY | O_CREAT, S_IRUSR | S_IWUSR, wanted);
    if (queue == (mqd_t)-1)
        mq_open_failed(name, wanted);
    say("mq_open(%s, O_CREAT) = %d", name, (int)queue);
    const int result = mq_getattr(queue, &attributes);
    if (result == -1)
        err(EXIT_FAILURE, "mq_getattr");
    const long most = attributes.mq_maxmsg, size = attributes.mq_msgsize;
    say("mq_getattr(%d) = %d: mq_maxmsg is %ld, mq_msgsize is %ld", (int)queue, result, most, size);
    /* mq_open() does not look at `wanted` if there is such a queue. */
    if (wanted != NULL && (wanted->mq_maxmsg != most || wanted->mq_msgsize != size))
        errx(EXIT_FAILURE, "%s exists already: -m and -s are for a new queue (posix-rm)", name);
}

static int sent; /* messages so far */

static void send_text(const char *text, size_t length, unsigned priority, long wait_ms)
{
    const char *const call = wait_ms == FOR_EVER ? "mq_send" : "mq_timedsend";
    int result;
    if (wait_ms == FOR_EVER) {
        say("mq_send(%d, %s, priority %u) ...", (int)queue, quoted(text, length), priority);
        result = mq_send(queue, text, length, priority);
    } else {
        const struct timespec time = deadline(wait_ms);
        say("mq_timedsend(%d, %s, priority %u) ...", (int)queue, quoted(text, length), priority);
        result = mq_timedsend(queue, text, length, priority, &time);
    }
    if (result != -1) {
        say("... = %d", result);
        sent++;
        return;
    }
    say("... = %d %s", result, errno_name(errno));
    if (errno == EMSGSIZE)
        errx(EXIT_FAILURE, "%s: EMSGSIZE: %zu bytes, but mq_msgsize of this queue is %ld", call,
             length, attributes.mq_msgsize);
    if (errno == EINVAL)
        errx(EXIT_FAILURE, "%s: EINVAL: priority %u is not below MQ_PRIO_MAX, %ld", call, priority,
             sysconf(_SC_MQ_PRIO_MAX));
    if (errno == ETIMEDOUT)
        errx(EXIT_FAILURE, "%s: ETIMEDOUT: the queue is full", call);
    err(EXIT_FAILURE, "%s: %s", call, errno_name(errno));
}

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    struct mq_attr wanted = {.mq_maxmsg = NOT_GIVEN, .mq_msgsize = NOT_GIVEN};
    unsigned priority = 0;
    long wait_ms = FOR_EVER;
    for (int letter; (letter = next_option(argc, argv, "m:n:p:s:w:", usage)) != -1;)
        switch (letter) {
        case 'm':
            wanted.mq_maxmsg = parse_long("-m", optarg, 1, INT_MAX);
            break;
        case 'n':
            name_option = optarg;
            break;
        case 'p':
            priority = (unsigned)parse_long("-p", optarg, 0, INT_MAX); /* mq_send() will judge it */
            break;
        case 's':
            wanted.mq_msgsize = parse_long("-s", optarg, 1, INT_MAX);
            break;
        case 'w':
            wait_ms = parse_long("-w", optarg, 0, INT_MAX);
            break;
        }
    const char *const name = demo_name("queue", name_option);

    pair_lane("sender");
    if (wanted.mq_maxmsg == NOT_GIVEN && wanted.mq_msgsize == NOT_GIVEN) {
        open_queue(name, NULL);
    } else {
        use_default(&wanted.mq_maxmsg, "fs/mqueue/msg_default", "fs/mqueue/msg_max");
        use_default(&wanted.mq_msgsize, "fs/mqueue/msgsize_default", "fs/mqueue/msgsize_max");
        open_queue(name, &wanted);
    }
    for (int i = optind; i < argc; i++)
        send_text(argv[i], strlen(argv[i]), priority, wait_ms);
    char *line = NULL;
    for (ssize_t length; optind == argc && (length = read_line(&line)) != -1;)
        send_text(line, (size_t)length, priority, wait_ms);
    free(line);
    mq_close(queue);
    say("to remove it: ./msgq/posix-rm%s%s", name_option == NULL ? "" : " -n ",
        name_option == NULL ? "" : name);
    if (sent > 0)
        lesson(wait_ms == FOR_EVER
                   ? "mq_send() waits for room in the queue, not for a receiver"
                   : "mq_timedsend() waits for room, but only until a certain time");
    return EXIT_SUCCESS;
}
