/* posix-notify - a signal instead of a wait, when an empty POSIX queue gets a message
 *
 * mq_notify() asks for one signal, when a message enters the empty queue: ask again, empty it, then
 * wait. With -x it is emptied first: no signal announces a message that comes in between.
 *
 * mq_notify(3), mq_overview(7), sigtimedwait(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
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
    "  -x        empty a queue of its own, then ask; a message comes in between\n"
    "  prints each text as a line; other terminal: ./msgq/posix-send hello\n";

static mqd_t queue;
static char text[16 * 1024 * 1024]; /* the longest message of any queue */
static long left;                   /* messages until the end */
static bool signalled;
static sigset_t signals;

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
            if (signalled)
                lesson("one request, one signal: ask again, then empty the queue, then wait");
            exit(EXIT_SUCCESS);
        }
    }
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "mq_receive: %s", errno_name(errno));
    say("mq_receive(%d) = %zd %s: empty", (int)queue, length, errno_name(errno));
}

/* Returns false if a message has been in the queue for a second, and no signal has come. */
static bool wait_for_signal(void)
{
    struct mq_attr now;
    siginfo_t info = {.si_code = 0};
    say("sigtimedwait(SIGRTMIN) ...");
    while (info.si_code != SI_MESGQ) {
        if (mq_getattr(queue, &now) == -1)
            err(EXIT_FAILURE, "mq_getattr");
        const int number = sigtimedwait(&signals, &info, &(struct timespec){.tv_sec = 1});
        if (number != -1 && info.si_code != SI_MESGQ)
            say("SIGRTMIN, but not from the queue: passed over");
        if (number == -1 && errno != EAGAIN && errno != EINTR)
            err(EXIT_FAILURE, "sigtimedwait");
        if (number == -1 && errno == EAGAIN && now.mq_curmsgs > 0) {
            say("... = %d %s, and mq_curmsgs is %ld", number, errno_name(errno), now.mq_curmsgs);
            return false;
        }
    }
    say("... = SIGRTMIN, SI_MESGQ, si_pid %d", (int)info.si_pid);
    signalled = true;
    return true;
}

static void take_messages(const char *name)
{
    open_queue(name, O_RDONLY, NULL);
    do {
        ask_for_signal(); /* first */
        take_all();
    } while (wait_for_signal());
    errx(EXIT_FAILURE, "a message and no signal: is the limit of ulimit -i reached?");
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
    hold_endings();
    open_queue(demo_name("gap", NULL), O_RDWR | O_EXCL,
               &(struct mq_attr){.mq_maxmsg = 2, .mq_msgsize = 16});
    mq_unlink(demo_name("gap", NULL)); /* the queue lives until it is closed */
    release_endings();
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
            left = parse_long("-c", optarg, 0, 1000000000);
        else if (letter == 'n')
            name = optarg;
        else
            late = true;
    check_operands(argc, argv, 0, 0);
    if (late && (name != NULL || left != 0))
        errx(USAGE_ERROR, "-x has a queue of its own, and takes neither -c nor -n");
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) == -1) /* or the signal would end the process */
        err(EXIT_FAILURE, "sigprocmask");
    pair_lane("notify");
    if (late)
        ask_too_late();
    else
        take_messages(demo_name("queue", name));
    return EXIT_SUCCESS;
}
