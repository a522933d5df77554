/* posix-send - puts messages into a POSIX queue; msgq/posix-recv takes them out
 *
 * A message is a priority, from 0 up, and bytes. The queue has a name with a slash, and a size that
 * is fixed when it is made: so many messages of so many bytes at most. It stays, with all that is
 * in it, until it is removed or the machine stops. A full one puts its sender to sleep, for ever or
 * until a certain time. (A time, not a duration: see deadline().)
 *
 * mq_open(3), mq_send(3), mq_overview(7)
 */
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
#include <time.h>
#include <unistd.h>

enum { USUAL_MOST = 10, USUAL_SIZE = 8192, FOR_EVER = -1 };

static const char usage[] =
    "usage: posix-send [-m MOST] [-n NAME] [-p PRIORITY] [-s SIZE] [-w MS] [TEXT...]\n"
    "  -m MOST      messages that a new queue can hold (10)\n"
    "  -n NAME      of the queue, with a slash (/ipc-UID-queue)\n"
    "  -p PRIORITY  of the messages, from 0, the lowest (0)\n"
    "  -s SIZE      bytes that a message of a new queue can have (8192)\n"
    "  -w MS        wait at most MS milliseconds for room; 0: not at all\n"
    "  sends each TEXT as a message; without one, each line of stdin\n"
    "  makes the queue if it is missing; other terminal: ./msgq/posix-recv\n";

static mqd_t queue;
static struct mq_attr attributes; /* of the queue */

static void open_queue(const char *name, struct mq_attr *wanted)
{
    queue = mq_open(name, O_WRONLY | O_CREAT, S_IRUSR | S_IWUSR, wanted);
    if (queue == (mqd_t)-1)
        open_failed(name, wanted);
    say("mq_open(%s, O_CREAT) = %d", name, (int)queue);
    if (mq_getattr(queue, &attributes) == -1)
        err(EXIT_FAILURE, "mq_getattr");
    say("for %ld messages of %ld bytes", attributes.mq_maxmsg, attributes.mq_msgsize);
    /* mq_open() does not look at `wanted` if there is such a queue. */
    if (wanted != NULL &&
        (wanted->mq_maxmsg != attributes.mq_maxmsg || wanted->mq_msgsize != attributes.mq_msgsize))
        errx(EXIT_FAILURE, "%s exists already: -m and -s are for a new queue (posix-rm)", name);
}

/* The time in so many milliseconds. mq_timedsend() wants it in full seconds since 1970 and
 * nanoseconds below 1000000000. */
static struct timespec deadline(long milliseconds)
{
    enum { MS = 1000, MS_IN_NS = 1000000, SECOND_IN_NS = 1000000000 };
    struct timespec time;
    if (clock_gettime(CLOCK_REALTIME, &time) == -1)
        err(EXIT_FAILURE, "clock_gettime");
    time.tv_sec += milliseconds / MS;
    time.tv_nsec += milliseconds % MS * MS_IN_NS;
    if (time.tv_nsec >= SECOND_IN_NS) {
        time.tv_sec++;
        time.tv_nsec -= SECOND_IN_NS;
    }
    return time;
}

static void send_text(const char *text, size_t length, unsigned priority, long wait_ms)
{
    int result;
    if (wait_ms == FOR_EVER) {
        result = mq_send(queue, text, length, priority);
    } else {
        const struct timespec time = deadline(wait_ms);
        result = mq_timedsend(queue, text, length, priority, &time);
    }
    if (result == -1 && errno == EMSGSIZE)
        errx(EXIT_FAILURE, "mq_send: EMSGSIZE: %zu bytes, but mq_msgsize of this queue is %ld",
             length, attributes.mq_msgsize);
    if (result == -1 && errno == EINVAL)
        errx(EXIT_FAILURE, "mq_send: EINVAL: priority %u is not below MQ_PRIO_MAX, %ld", priority,
             sysconf(_SC_MQ_PRIO_MAX));
    if (result == -1 && errno == ETIMEDOUT)
        errx(EXIT_FAILURE, "mq_timedsend: ETIMEDOUT: the queue is full");
    if (result == -1)
        err(EXIT_FAILURE, "mq_send");
    say("mq_send(%s, priority %u) = 0", quoted(text, length), priority);
}

static void send_each_line(FILE *file, unsigned priority, long wait_ms)
{
    char *line = NULL;
    size_t size = 0;
    for (ssize_t length; (length = getline(&line, &size, file)) != -1;) {
        const bool complete = line[length - 1] == '\n';
        send_text(line, (size_t)length - complete, priority, wait_ms);
    }
    if (ferror(file))
        err(EXIT_FAILURE, "stdin");
    free(line);
}

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    struct mq_attr wanted = {.mq_maxmsg = USUAL_MOST, .mq_msgsize = USUAL_SIZE};
    bool wanted_given = false;
    unsigned priority = 0;
    long wait_ms = FOR_EVER;
    for (int letter; (letter = next_option(argc, argv, "m:n:p:s:w:", usage)) != -1;)
        switch (letter) {
        case 'm':
            wanted.mq_maxmsg = parse_long("-m", optarg, 1, INT_MAX);
            wanted_given = true;
            break;
        case 'n':
            name_option = optarg;
            break;
        case 'p':
            priority = (unsigned)parse_long("-p", optarg, 0, INT_MAX); /* mq_send() will judge it */
            break;
        case 's':
            wanted.mq_msgsize = parse_long("-s", optarg, 1, INT_MAX);
            wanted_given = true;
            break;
        case 'w':
            wait_ms = parse_long("-w", optarg, 0, INT_MAX);
            break;
        }
    const char *const name = demo_name("queue", name_option);

    pair_lane("sender");
    open_queue(name, wanted_given ? &wanted : NULL);
    if (wait_ms == FOR_EVER)
        say("mq_send() waits if the queue is full");
    else
        say("mq_timedsend() waits at most %ld ms", wait_ms);
    for (int i = optind; i < argc; i++)
        send_text(argv[i], strlen(argv[i]), priority, wait_ms);
    if (optind == argc)
        send_each_line(stdin, priority, wait_ms);
    if (mq_close(queue) == -1)
        err(EXIT_FAILURE, "mq_close");
    const char *const option = name_option == NULL ? "" : " -n ";
    say("it stays: ./msgq/posix-stat%s%s", option, name_option == NULL ? "" : name);
    say("to remove it: ./msgq/posix-rm%s%s", option, name_option == NULL ? "" : name);
    return EXIT_SUCCESS;
}
