/* server - many clients, one queue both ways: requests have one type, answers the client's pid
 *
 * Requests and answers share the room in one queue, and that is a trap. If the queue is full of
 * answers that nobody takes, and the server sleeps in msgsnd() to add one more, no request can
 * reach it. So this server never sleeps in msgsnd(): it keeps what does not fit, and takes answers
 * back to make room. If it has to keep more than MOST_KEPT, it throws away the oldest.
 *
 * msgrcv(2), msgsnd(2), kill(2); EINTR in signal(7)
 */
#define _GNU_SOURCE /* MSG_EXCEPT, msg_cbytes */
#include "server.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { MOST_KEPT = 256, TICK_US = 100000 };

static const char usage[] =
    "usage: server [-k KEY]\n"
    "  -k KEY  the key of the queue (default: ftok of /tmp/ipc-UID and 'Q')\n"
    "  ends on SIGINT or SIGTERM; other terminal: ./msgq/client hello\n";

static struct answer {
    struct message message;
    size_t length;
    bool taken_back; /* from the queue: its client did not take it */
} kept[MOST_KEPT];
static int kept_count;

static void keep(const struct message *message, size_t length, bool taken_back)
{
    if (kept_count == MOST_KEPT) /* then the oldest is thrown away */
        memmove(kept, kept + 1, sizeof *kept * (size_t)--kept_count);
    kept[kept_count++] = (struct answer){*message, length, taken_back};
}

/* A client that asks again has given up on earlier answers, or has the pid of a dead client. */
static void forget_answers_taken_back(long client)
{
    int left = 0;
    for (int i = 0; i < kept_count; i++)
        if (!kept[i].taken_back || kept[i].message.type != client)
            kept[left++] = kept[i];
    kept_count = left;
}

/* EAGAIN: the queue is full. EIDRM, EINVAL: it was removed, and msgrcv() will fail as well. */
static int send_now(int id, const struct message *message, size_t length)
{
    const int result = msgsnd(id, message, length, IPC_NOWAIT);
    if (result == -1 && errno != EAGAIN && errno != EIDRM && errno != EINVAL)
        err(EXIT_FAILURE, "msgsnd: %s", errno_name(errno));
    return result;
}

static void send_answer(int id, const struct message *message, size_t length)
{
    const int result = send_now(id, message, length);
    if (result == -1 && errno == EAGAIN)
        keep(message, length, false);
    say("msgsnd(%d, type %ld, %s) = %d %s", id, message->type, quoted(message->text, length),
        result, error_of(result));
}

static void offer_kept_answers(int id)
{
    int left = 0;
    for (int i = 0; i < kept_count; i++) {
        const struct message *const message = &kept[i].message;
        if (message->type > INT_MAX || (kill((pid_t)message->type, 0) == -1 && errno == ESRCH))
            say("no process %ld found: its answer is thrown away", message->type);
        else if (send_now(id, message, kept[i].length) == -1)
            kept[left++] = kept[i];
    }
    kept_count = left;
}

static bool has_room_for_a_request(int id)
{
    struct msqid_ds queue;
    if (msgctl(id, IPC_STAT, &queue) == -1)
        return true; /* it was removed: msgrcv() will say so */
    const unsigned long most = queue.msg_qbytes < MOST_BYTES ? queue.msg_qbytes : MOST_BYTES;
    return queue.msg_cbytes + most <= queue.msg_qbytes && queue.msg_qnum < queue.msg_qbytes;
}

static void take_back_answers(int id)
{
    struct message message;
    ssize_t length;
    static int times;
    if (times++ == 0)
        say("no room for a request: answers are taken back");
    while ((length = msgrcv(id, &message, sizeof message.text, REQUEST,
                            IPC_NOWAIT | MSG_EXCEPT | MSG_NOERROR)) != -1)
        keep(&message, (size_t)length, true);
}

/* Pid 1 cannot be a client: its answers would have the type of requests. */
static void answer_request(int id, struct message *request, size_t length)
{
    say("msgrcv(%d, type %d) = %zu %s", id, REQUEST, length, quoted(request->text, length));
    if (length == sizeof request->text) { /* or longer: MSG_NOERROR */
        say("a request of %zu bytes or more, passed over", length);
        return;
    }
    request->text[length] = '\0';
    char *text = request->text;
    const long long client = isdigit((unsigned char)*text) ? strtoll(text, &text, 10) : 0;
    if (client <= REQUEST || client > INT_MAX || *text++ != ' ') {
        say("not a request: %s", quoted(request->text, length));
        return;
    }
    length -= (size_t)(text - request->text);
    struct message answer = {.type = (pid_t)client};
    for (size_t i = 0; i < length; i++)
        answer.text[i] = (char)toupper((unsigned char)text[i]);
    forget_answers_taken_back(answer.type);
    send_answer(id, &answer, length);
}

static volatile sig_atomic_t ending; /* the signal that ends the server */

static void on_signal(int signal_number)
{
    if (signal_number != SIGALRM)
        ending = signal_number;
}

static void handle(int signal_number)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct sigaction old;
    if (sigaction(signal_number, NULL, &old) == -1 ||
        (old.sa_handler != SIG_IGN && sigaction(signal_number, &action, NULL) == -1))
        err(EXIT_FAILURE, "sigaction");
}

/* Until a signal ends the server, or its queue is removed. Each signal ends msgrcv(): EINTR. */
static void serve(int id)
{
    struct message request;
    while (ending == 0) {
        const ssize_t length = msgrcv(id, &request, sizeof request.text, REQUEST, MSG_NOERROR);
        if (length == -1 && (errno == EIDRM || errno == EINVAL)) {
            say("msgrcv(%d) = %zd %s: the queue was removed", id, length, errno_name(errno));
            return;
        }
        if (length != -1)
            answer_request(id, &request, (size_t)length);
        offer_kept_answers(id);
        if (length == -1 && !has_room_for_a_request(id))
            take_back_answers(id);
    }
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('Q', key_option);
    char name[32];
    snprintf(name, sizeof name, SERVER_NAME, (unsigned)key);

    pair_lane("server");
    hold_endings();
    become_server(name);
    const int id = msgget(key, IPC_CREAT | S_IRUSR | S_IWUSR);
    if (id == -1)
        get_failed("msgget", key);
    remove_at_exit(A_QUEUE, id);
    handle(SIGALRM);
    handle(SIGINT);
    handle(SIGTERM);
    release_endings();
    say("msgget(0x%08x, IPC_CREAT) = %d", (unsigned)key, id);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, TICK_US}, {0, TICK_US}}, NULL);
    serve(id);
    if (ending == 0)
        return EXIT_SUCCESS;
    const int result = msgctl(id, IPC_RMID, NULL);
    say("msgctl(%d, IPC_RMID) = %d: signal %d", id, result, (int)ending);
    remove_now();
    signal(ending, SIG_DFL);
    raise(ending);
}
