/* server - many clients, one queue both ways: requests have one type, answers the client's pid
 *
 * A request has type 1 and the text "PID TEXT". The answer, TEXT in capitals, has the PID for its
 * type, so that each client finds its own.
 *
 * Both ways share the room in one queue, and that is a trap: when it is full of answers that nobody
 * takes (their clients were killed, or are stopped) and the server sleeps in msgsnd() to add one
 * more, no request can reach it any more. So this server never sleeps in msgsnd(). An answer that
 * does not fit waits in the server's own memory. And when there is no room for a request, the
 * server takes back the answers that nobody has taken, and offers them again later, unless their
 * clients have ended.
 *
 * msgrcv(2), msgsnd(2), kill(2), F_SETLK in fcntl(2); EINTR in signal(7)
 */
#define _GNU_SOURCE /* MSG_EXCEPT, msg_cbytes */
#include "../lib/demo.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { REQUEST = 1, MOST_BYTES = 4096, MOST_ANSWERS = 256, TICK_US = 100000 };

static const char usage[] = "usage: server [-k KEY]\n"
                            "  -k KEY  the key of the queue (ftok of /tmp/ipc-UID and 'Q')\n"
                            "  ends on SIGINT or SIGTERM; other terminal: ./msgq/client hello\n";

struct message {
    long type;
    char text[MOST_BYTES];
};

/* Those that are not in the queue, and one more place. */
static struct answer {
    struct message message;
    size_t length;
    bool again; /* it has been in the queue, and nobody took it */
} answers[MOST_ANSWERS + 1];
static int answer_count;

/* A removed queue is a way to end the server. Who sleeps in it gets EIDRM, later calls EINVAL. */
_Noreturn static void end_or_fail(const char *call)
{
    if (errno != EIDRM && errno != EINVAL)
        err(EXIT_FAILURE, "%s", call);
    say("%s() = -1 %s: the queue was removed", call, errno == EIDRM ? "EIDRM" : "EINVAL");
    exit(EXIT_SUCCESS);
}

/* The server is who holds the lock on this file. The kernel takes it back from a process that ends,
 * however it ends, so the clients can tell. */
static void become_the_only_server(key_t key)
{
    char name[32];
    snprintf(name, sizeof name, "msgq-%08x", (unsigned)key);
    const char *const path = demo_path(name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &lock) == -1) {
        if (errno == EACCES || errno == EAGAIN)
            errx(EXIT_FAILURE, "key 0x%08x has a server already", (unsigned)key);
        err(EXIT_FAILURE, "fcntl F_SETLK %s", path);
    }
    struct stat status;
    if (fstat(fd, &status) == -1)
        err(EXIT_FAILURE, "fstat %s", path);
    if (status.st_nlink == 0)
        errx(EXIT_FAILURE, "a server was just about to end; try again");
    unlink_at_exit(path);
}

static void tick(int signal_number)
{
    (void)signal_number; /* msgrcv() fails with EINTR: that is all */
}

static void start_ticking(void)
{
    const struct sigaction action = {.sa_handler = tick};
    const struct itimerval each = {.it_interval.tv_usec = TICK_US, .it_value.tv_usec = TICK_US};
    if (sigaction(SIGALRM, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    if (setitimer(ITIMER_REAL, &each, NULL) == -1)
        err(EXIT_FAILURE, "setitimer");
}

/* Returns whether the answer is done with; if not, the queue is full. */
static bool send_answer(int id, const struct answer *answer)
{
    const struct message *const message = &answer->message;
    if (message->type > INT_MAX || (kill((pid_t)message->type, 0) == -1 && errno == ESRCH)) {
        say("pid %ld has ended: no answer", message->type);
        return true;
    }
    if (msgsnd(id, message, answer->length, IPC_NOWAIT) == -1) {
        if (errno == EAGAIN)
            return false;
        end_or_fail("msgsnd");
    }
    if (!answer->again)
        say("answer %s, type = pid %ld", quoted(message->text, answer->length), message->type);
    return true;
}

static void send_answers(int id)
{
    int kept = 0;
    for (int i = 0; i < answer_count; i++)
        if (!send_answer(id, &answers[i]))
            answers[kept++] = answers[i];
    answer_count = kept;
}

/* Counts in the answer in the place after the last one. */
static void keep_answer(size_t length, bool again)
{
    answers[answer_count].length = length;
    answers[answer_count].again = again;
    answer_count++;
    if (answer_count > MOST_ANSWERS) {
        say("too many answers: that to pid %ld is thrown away", answers[0].message.type);
        answer_count--;
        memmove(answers, answers + 1, sizeof *answers * (size_t)answer_count);
    }
}

static bool has_room_for_a_request(int id)
{
    struct msqid_ds queue;
    if (msgctl(id, IPC_STAT, &queue) == -1)
        end_or_fail("msgctl");
    return queue.msg_cbytes + MOST_BYTES <= queue.msg_qbytes && queue.msg_qnum < queue.msg_qbytes;
}

/* Their next turn comes after those that did not fit. */
static void take_back_answers(int id)
{
    for (ssize_t length;;) {
        struct message *const message = &answers[answer_count].message;
        length = msgrcv(id, message, MOST_BYTES, REQUEST, IPC_NOWAIT | MSG_EXCEPT | MSG_NOERROR);
        if (length == -1 && errno == ENOMSG)
            return;
        if (length == -1)
            end_or_fail("msgrcv");
        keep_answer((size_t)length, true);
    }
}

/* One that asks anew has given up what it has not taken, or has the pid of one that was killed. */
static void forget_answers(long client)
{
    int kept = 0;
    for (int i = 0; i < answer_count; i++)
        if (!answers[i].again || answers[i].message.type != client)
            answers[kept++] = answers[i];
    answer_count = kept;
}

/* A client with the pid 1 is none: the type of its answers would be that of requests. */
static void answer_request(struct message *request, size_t length)
{
    if (length == MOST_BYTES) { /* or longer: MSG_NOERROR */
        say("a request of %d bytes or more, passed over", MOST_BYTES);
        return;
    }
    request->text[length] = '\0';
    char *text = request->text;
    const long client = isdigit((unsigned char)*text) ? strtol(text, &text, 10) : 0;
    if (client <= REQUEST || *text != ' ') {
        say("not a request: %s", quoted(request->text, length));
        return;
    }
    say("request %s", quoted(request->text, length));
    forget_answers(client);
    text++;
    length -= (size_t)(text - request->text);
    struct message *const answer = &answers[answer_count].message;
    answer->type = client;
    for (size_t i = 0; i < length; i++)
        answer->text[i] = (char)toupper((unsigned char)text[i]);
    keep_answer(length, false);
}

/* A tick is the time to look whether requests can come through. */
static void look_for_room(int id)
{
    static bool told;
    const bool full = !has_room_for_a_request(id);
    if (full && !told)
        say("the queue is full: answers are taken back");
    told = full;
    if (full)
        take_back_answers(id);
}

static void serve(int id)
{
    struct message request;
    for (;;) {
        const ssize_t length = msgrcv(id, &request, MOST_BYTES, REQUEST, MSG_NOERROR);
        if (length == -1 && errno != EINTR)
            end_or_fail("msgrcv");
        hold_endings(); /* a request that has come is answered */
        if (length != -1)
            answer_request(&request, (size_t)length);
        send_answers(id);
        if (length == -1)
            look_for_room(id);
        release_endings();
    }
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('Q', key_option);

    pair_lane("server");
    hold_endings();
    become_the_only_server(key);
    const int id = msgget(key, IPC_CREAT | S_IRUSR | S_IWUSR);
    if (id == -1 && errno == EACCES)
        err(EXIT_FAILURE, "no right to use queue 0x%08x (whose it is: ipcs -q)", (unsigned)key);
    if (id == -1)
        err(EXIT_FAILURE, "msgget 0x%08x", (unsigned)key);
    remove_queue_at_exit(id);
    release_endings();
    say("msgget(0x%08x, IPC_CREAT): id %d", (unsigned)key, id);

    start_ticking();
    serve(id);
}
