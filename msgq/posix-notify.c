/* posix-notify - a signal instead of a wait, when an empty POSIX queue gets a message
 *
 * mq_notify() asks for one signal: at the next message into the empty queue. After it, ask again.
 * In this order: first ask, then take out all that is in the queue without waiting, then wait for
 * the signal. Whatever comes after the request is either taken out, or has found the queue empty
 * and is announced. So the queue must also be emptied before the first wait.
 *
 * With -x the process asks only when it has emptied the queue, and a message comes in between (for
 * certain: it sends that itself). Nobody is told of it; and as the queue is now never empty, nobody
 * is told of what comes later either.
 *
 * mq_notify(3), mq_overview(7), sigwaitinfo(2)
 */
#include "posix.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FOR_EVER = 0, WATCHED_MS = 200 };

static const char usage[] =
    "usage: posix-notify [-x] [-c COUNT] [-n NAME]\n"
    "  -c COUNT  end after so many messages; 0: never, so end it with Ctrl-C (0)\n"
    "  -n NAME   of the queue, with a slash (/ipc-UID-queue)\n"
    "  -x        empty the queue, then ask again: what comes in between is told to nobody\n"
    "            (in a queue of its own, to which it sends itself)\n"
    "  prints each text as a line; makes the queue if it is missing\n"
    "  other terminal: ./msgq/posix-send hello\n";

static mqd_t queue;

static void open_queue(const char *name, int flags)
{
    queue = mq_open(name, flags | O_CREAT | O_NONBLOCK, S_IRUSR | S_IWUSR, NULL);
    if (queue == (mqd_t)-1)
        open_failed(name, NULL);
}

/* A signal that is waited for must be blocked, or it would kill us: its default. It is a real-time
 * signal, so that another one of the same number cannot take its place. */
static sigset_t block_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    return set;
}

static void ask_for_signal(void)
{
    const struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    if (mq_notify(queue, &event) == -1)
        err(EXIT_FAILURE, "mq_notify%s", errno == EBUSY ? ": another process has asked" : "");
    say("mq_notify(SIGRTMIN) = 0: one signal, please");
}

static void wait_for_signal(const sigset_t *set)
{
    siginfo_t info;
    say("sigwaitinfo() waits for SIGRTMIN");
    for (;;) {
        const int signal_number = sigwaitinfo(set, &info);
        if (signal_number == -1 && errno != EINTR) /* after Ctrl-Z and fg, see signal(7) */
            err(EXIT_FAILURE, "sigwaitinfo");
        if (signal_number != -1 && info.si_code == SI_MESGQ)
            break;
        if (signal_number != -1)
            say("SIGRTMIN, but not from the queue: passed over");
    }
    say("SIGRTMIN, SI_MESGQ: process %d has sent", (int)info.si_pid);
}

/* Takes out what is in the queue, `most` messages at the most, and returns how many. */
static long take_all(long most)
{
    struct mq_attr attributes;
    if (mq_getattr(queue, &attributes) == -1)
        err(EXIT_FAILURE, "mq_getattr");
    char *const text = malloc((size_t)attributes.mq_msgsize);
    if (text == NULL)
        err(EXIT_FAILURE, "malloc");
    long taken = 0;
    while (taken < most) {
        const ssize_t length = mq_receive(queue, text, (size_t)attributes.mq_msgsize, NULL);
        if (length == -1 && errno != EAGAIN)
            err(EXIT_FAILURE, "mq_receive");
        if (length == -1) {
            say("mq_receive() = -1 EAGAIN: empty");
            break;
        }
        say("mq_receive() = %zd %s", length, quoted(text, (size_t)length));
        fwrite(text, 1, (size_t)length, stdout);
        putchar('\n');
        flush_stdout();
        taken++;
    }
    free(text);
    return taken;
}

static void receive_by_signal(long count)
{
    long left = count == FOR_EVER ? LONG_MAX : count;
    const sigset_t set = block_signal();
    for (;;) {
        ask_for_signal(); /* first */
        left -= take_all(left);
        if (left == 0)
            break;
        wait_for_signal(&set);
    }
    lesson("one request, one signal: ask again first, then empty the queue, then wait");
}

static void send_text(const char *text)
{
    say("mq_send(\"%s\")", text);
    if (mq_send(queue, text, strlen(text), 0) == -1)
        err(EXIT_FAILURE, "mq_send");
}

static void check_silence(const sigset_t *set, long messages)
{
    struct mq_attr attributes;
    const struct timespec watched = {.tv_nsec = WATCHED_MS * 1000000L};
    while (sigtimedwait(set, NULL, &watched) != -1 || errno != EAGAIN)
        if (errno != EINTR)
            errx(EXIT_FAILURE, "sigtimedwait: not the silence that was to be shown");
    say("sigtimedwait() = -1 EAGAIN: %d ms, no signal", WATCHED_MS);
    if (mq_getattr(queue, &attributes) == -1)
        err(EXIT_FAILURE, "mq_getattr");
    if (attributes.mq_curmsgs != messages)
        errx(EXIT_FAILURE, "mq_curmsgs is %ld, not %ld", attributes.mq_curmsgs, messages);
    say("mq_curmsgs %ld: they lie there, and nobody is told", messages);
}

static void ask_too_late(void)
{
    const sigset_t set = block_signal();
    ask_for_signal();
    send_text("one");
    wait_for_signal(&set);
    take_all(LONG_MAX);
    send_text("two"); /* the queue is empty, but no request stands */
    ask_for_signal();
    check_silence(&set, 1);
    send_text("three"); /* a request stands, but the queue is not empty */
    check_silence(&set, 2);
    lesson("asked after emptying: what comes in between is never told, nor what comes after");
}

int main(int argc, char *argv[])
{
    const char *name_option = NULL;
    long count = FOR_EVER;
    bool late = false;
    for (int letter; (letter = next_option(argc, argv, "c:n:x", usage)) != -1;)
        switch (letter) {
        case 'c':
            count = parse_long("-c", optarg, 0, LONG_MAX);
            break;
        case 'n':
            name_option = optarg;
            break;
        case 'x':
            late = true;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (!late) {
        const char *const name = demo_name("queue", name_option);
        pair_lane("notify");
        open_queue(name, O_RDONLY);
        say("mq_open(%s, O_NONBLOCK) = %d", name, (int)queue);
        receive_by_signal(count);
        return EXIT_SUCCESS;
    }

    char own_name[64];
    snprintf(own_name, sizeof own_name, "/ipc-%u-gap.%d", (unsigned)geteuid(), (int)getpid());
    lane(0, "both ends");
    hold_endings();
    open_queue(own_name, O_RDWR | O_EXCL);
    if (mq_unlink(own_name) == -1) /* it lives until the last process has closed it */
        err(EXIT_FAILURE, "mq_unlink");
    release_endings();
    say("mq_open(O_NONBLOCK), mq_unlink(): a queue without a name");
    ask_too_late();
    return EXIT_SUCCESS;
}
