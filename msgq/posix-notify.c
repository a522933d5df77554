/* posix-notify - a signal instead of a wait, when an empty POSIX queue gets a message
 *
 * mq_notify() asks for one signal, at the next message into the empty queue. So: first ask again,
 * then empty the queue without waiting, then wait for the signal. With -x it empties first. It
 * sends itself a message in between, and no signal announces that one, nor any later one.
 *
 * mq_notify(3), mq_overview(7), sigtimedwait(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: posix-notify [-x] [-c COUNT] [-n NAME]\n"
    "  -c COUNT  end after COUNT messages (default: 0, never: end it with Ctrl-C)\n"
    "  -n NAME   of the queue, with a slash (default: /ipc-UID-queue)\n"
    "  -x        (in its own queue) empty it, then ask: a message comes in between\n"
    "  prints each text as a line; other terminal: ./msgq/posix-send hello\n";

static mqd_t queue;
static struct mq_attr attributes;
static char text[16 * 1024 * 1024]; /* the longest message of any queue */
static long left;                   /* messages until the end */
static sigset_t set;

static void open_queue(const char *name, int flags, struct mq_attr *wanted)
{
    queue = mq_open(name, flags | O_CREAT | O_NONBLOCK, S_IRUSR | S_IWUSR, wanted);
    if (queue == (mqd_t)-1)
        mq_open_failed(name, wanted);
    say("mq_open(%s, O_NONBLOCK) = %d", name, (int)queue);
}

static void ask_for_signal(void)
{
    const struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    const int result = mq_notify(queue, &event); /* EBUSY: another process has asked */
    if (result == -1)
        err(EXIT_FAILURE, "mq_notify: %s", errno_name(errno));
    say("mq_notify(%d, SIGRTMIN) = %d: one signal, please", (int)queue, result);
}

static void take_all(void)
{
    ssize_t length;
    while ((length = mq_receive(queue, text, sizeof text, NULL)) != -1) {
        say("mq_receive(%d) = %zd %s", (int)queue, length, quoted(text, (size_t)length));
        print_received(text, (size_t)length);
        if (--left == 0) {
            lesson("one request, one signal: first ask again, then empty the queue, then wait");
            exit(EXIT_SUCCESS);
        }
    }
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "mq_receive: %s", errno_name(errno));
    say("mq_receive(%d) = -1 %s: empty", (int)queue, errno_name(errno));
}

static bool has_unannounced_message(void)
{
    sigset_t pending;
    if (mq_getattr(queue, &attributes) == -1 || sigpending(&pending) == -1)
        err(EXIT_FAILURE, "mq_getattr, sigpending");
    return attributes.mq_curmsgs > 0 && sigismember(&pending, SIGRTMIN) == 0;
}

/* Looks into the queue once a second. Returns false if a message is there, and no signal. */
static bool wait_for_signal(void)
{
    const struct timespec second = {.tv_sec = 1};
    siginfo_t info;
    int number;
    say("sigtimedwait(SIGRTMIN) ...");
    while ((number = sigtimedwait(&set, &info, &second)) == -1 || info.si_code != SI_MESGQ)
        if (number != -1) {
            say("SIGRTMIN, but not from the queue: passed over");
        } else if (errno == EAGAIN && has_unannounced_message()) {
            say("... = -1 EAGAIN: no signal, and mq_curmsgs is %ld", attributes.mq_curmsgs);
            return false;
        } else if (errno != EAGAIN && errno != EINTR) {
            err(EXIT_FAILURE, "sigtimedwait");
        }
    say("... = SIGRTMIN, SI_MESGQ: process %d has sent", (int)info.si_pid);
    return true;
}

static void send_text(const char *words)
{
    const int result = mq_send(queue, words, strlen(words), 0);
    if (result == -1)
        err(EXIT_FAILURE, "mq_send: %s", errno_name(errno));
    say("mq_send(%d, \"%s\") = %d", (int)queue, words, result);
}

static void ask_too_late(void)
{
    send_text("one");
    take_all();
    send_text("two"); /* the queue is empty, but there is no request */
    ask_for_signal();
    send_text("three"); /* there is a request, but the queue is not empty */
    if (wait_for_signal())
        errx(EXIT_FAILURE, "there was a signal");
    lesson("a message that comes between emptying and asking is not announced");
}

int main(int argc, char *argv[])
{
    const char *name = NULL;
    bool late = false;
    for (int letter; (letter = next_option(argc, argv, "c:n:x", usage)) != -1;)
        if (letter == 'c')
            left = parse_long("-c", optarg, 0, LONG_MAX);
        else if (letter == 'n')
            name = optarg;
        else
            late = true;
    check_operands(argc, argv, 0, 0);
    if (late && (name != NULL || left != 0))
        errx(USAGE_ERROR, "-x has a queue of its own, and takes neither -c nor -n");
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1) /* or the signal would end the process */
        err(EXIT_FAILURE, "sigprocmask");
    pair_lane("notify");
    if (!late)
        open_queue(demo_name("queue", name), O_RDONLY, NULL);
    while (!late) {
        ask_for_signal(); /* first */
        take_all();
        if (!wait_for_signal())
            errx(EXIT_FAILURE, "a message and no signal: is the limit of ulimit -i reached?");
    }
    hold_endings();
    name = demo_name("gap", NULL);
    open_queue(name, O_RDWR | O_EXCL, &(struct mq_attr){.mq_maxmsg = 2, .mq_msgsize = 16});
    mq_unlink(name); /* the queue lives until it is closed */
    release_endings();
    ask_too_late();
    return EXIT_SUCCESS;
}
