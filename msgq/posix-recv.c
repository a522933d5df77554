/* posix-recv - takes messages out of a POSIX queue; msgq/posix-send puts them in
 *
 * The message with the highest priority comes first, and of those with the same priority the
 * oldest. The buffer must have room for the longest message that the queue can hold (mq_msgsize),
 * however short this one is; otherwise mq_receive() fails with EMSGSIZE. An empty queue puts the
 * receiver to sleep; with -w it sleeps only until a certain time (see posix.h).
 *
 * mq_open(3), mq_receive(3), mq_getattr(3), mq_overview(7)
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
#include <sys/stat.h>
#include <unistd.h>

enum { FOR_EVER = -1, NOT_GIVEN = -1 };

static const char usage[] =
    "usage: posix-recv [-c COUNT] [-n NAME] [-s SIZE] [-w MS]\n"
    "  -c COUNT  how many messages (default: 1); 0: until the queue is empty\n"
    "  -n NAME   of the queue, with a slash (default: /ipc-UID-queue)\n"
    "  -s SIZE   buffer size; one below mq_msgsize fails with EMSGSIZE\n"
    "            (default: as large as needed)\n"
    "  -w MS     wait at most MS milliseconds for each message; 0: not at all\n"
    "  prints each text as a line; makes the queue if it is missing\n"
    "  other terminal: ./msgq/posix-send hello\n";

static mqd_t queue;
static struct mq_attr attributes; /* of the queue */

static void open_queue(const char *name)
{
    queue = mq_open(name, O_RDONLY | O_CREAT, S_IRUSR | S_IWUSR, NULL);
    if (queue == (mqd_t)-1)
        mq_open_failed(name, NULL);
    say("mq_open(%s, O_CREAT) = %d", name, (int)queue);
    const int result = mq_getattr(queue, &attributes);
    if (result == -1)
        err(EXIT_FAILURE, "mq_getattr");
    say("mq_getattr(%d) = %d: mq_msgsize is %ld", (int)queue, result, attributes.mq_msgsize);
}

/* Returns false if there was no message in time. */
static bool receive(char *text, size_t size, long wait_ms)
{
    const char *const call = wait_ms == FOR_EVER ? "mq_receive" : "mq_timedreceive";
    ssize_t length;
    unsigned priority;
    if (wait_ms == FOR_EVER) {
        say("mq_receive(%d, %zu) ...", (int)queue, size);
        length = mq_receive(queue, text, size, &priority);
    } else {
        const struct timespec time = deadline(wait_ms);
        say("mq_timedreceive(%d, until %lld.%09ld) ...", (int)queue, (long long)time.tv_sec,
            time.tv_nsec);
        length = mq_timedreceive(queue, text, size, &priority, &time);
    }
    if (length != -1) {
        say("... = %zd %s, priority %u", length, quoted(text, (size_t)length), priority);
        print_received(text, (size_t)length);
        return true;
    }
    say("... = %zd %s", length, errno_name(errno));
    if (errno == EMSGSIZE)
        errx(EXIT_FAILURE, "%s: EMSGSIZE: %zu %s below mq_msgsize, %ld", call, size,
             size == 1 ? "byte is" : "bytes are", attributes.mq_msgsize);
    if (errno != ETIMEDOUT)
        err(EXIT_FAILURE, "%s: %s", call, errno_name(errno));
    return false;
}

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    long count = 1, size = NOT_GIVEN, wait_ms = FOR_EVER;
    for (int letter; (letter = next_option(argc, argv, "c:n:s:w:", usage)) != -1;)
        switch (letter) {
        case 'c':
            count = parse_long("-c", optarg, 0, LONG_MAX);
            break;
        case 'n':
            name_option = optarg;
            break;
        case 's':
            size = parse_long("-s", optarg, 0, INT_MAX);
            break;
        case 'w':
            wait_ms = parse_long("-w", optarg, 0, INT_MAX);
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (count == 0 && wait_ms == FOR_EVER)
        wait_ms = 0;
    const char *const name = demo_name("queue", name_option);

    pair_lane("receiver");
    open_queue(name);
    if (size == NOT_GIVEN)
        size = attributes.mq_msgsize;
    char *const text = malloc((size_t)size + 1); /* not 0 bytes */
    if (text == NULL)
        err(EXIT_FAILURE, "malloc");
    long taken = 0;
    while ((count == 0 || taken < count) && receive(text, (size_t)size, wait_ms))
        taken++;
    if (taken < count)
        errx(EXIT_FAILURE, "mq_timedreceive: ETIMEDOUT: no message");
    free(text);
    mq_close(queue);
    say("to remove it: ./msgq/posix-rm%s%s", name_option == NULL ? "" : " -n ",
        name_option == NULL ? "" : name);
    if (taken > 0)
        lesson("the buffer must hold the longest message that the queue allows");
    return EXIT_SUCCESS;
}
