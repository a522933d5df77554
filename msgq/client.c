/* client - asks msgq/server, and takes only its own answers: those whose type is its pid
 *
 * With -x it takes type 0, whatever comes first. That works until a request comes while the server
 * is busy: the request waits in the queue, and the client takes it back.
 *
 * msgrcv(2), msgsnd(2), EINTR in signal(7)
 */
#include "../lib/demo.h"
#include "server.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANY = 0, MOST_TRIES = 100000 };

static const char usage[] =
    "usage: client [-x] [-k KEY] [TEXT...]\n"
    "  -k KEY  the key of the queue (default: ftok of /tmp/ipc-UID and 'Q')\n"
    "  -x      ask for type 0, until that goes wrong\n"
    "  each TEXT is a request; without TEXT, each line of stdin\n"
    "  prints the answers; other terminal: ./msgq/server\n";

static char server_name[32];

static int connect_to_server(key_t key)
{
    int id;
    bool waiting = false;
    while ((id = msgget(key, S_IRUSR | S_IWUSR)) == -1 || !has_server(server_name)) {
        if (id == -1 && errno != ENOENT)
            get_failed("msgget", key);
        if (!waiting)
            say("waiting for a server");
        waiting = true;
        poll(NULL, 0, 20);
    }
    say("msgget(0x%08x) = %d", (unsigned)key, id);
    return id;
}

/* A queue cannot be watched with poll(2), and nothing happens in it when its server is killed. So
 * once a second a signal makes msgsnd() or msgrcv() fail with EINTR, and the client looks. */
static void on_alarm(int signal_number)
{
    (void)signal_number;
    alarm(1);
}

static void look_after_server(void)
{
    if (!has_server(server_name))
        errx(EXIT_FAILURE, "the server is gone");
}

/* Sends a request and takes a message of this type. Returns whether it is our answer. */
static bool ask(int id, const char *text, size_t length, long type, bool show)
{
    struct message message = {.type = REQUEST};
    const size_t before = (size_t)sprintf(message.text, "%d ", (int)getpid());
    if (before + length >= sizeof message.text)
        errx(EXIT_FAILURE, "a request of %zu bytes is too long, at most %zu", length,
             sizeof message.text - before - 1);
    memcpy(message.text + before, text, length);
    length += before;
    check_fits(id, length);
    int result;
    while ((result = msgsnd(id, &message, length, 0)) == -1) {
        if (errno != EINTR)
            msgsnd_failed(id, length);
        look_after_server();
    }
    if (show)
        say("msgsnd(%d, type %d, %s, %zu) = %d", id, REQUEST, quoted(message.text, length), length,
            result);

    ssize_t count;
    while ((count = msgrcv(id, &message, sizeof message.text, type, 0)) == -1) {
        if (errno != EINTR)
            errx(EXIT_FAILURE, "msgrcv: %s%s", errno_name(errno),
                 errno == EIDRM || errno == EINVAL ? ": the queue was removed" : "");
        look_after_server();
    }
    const bool ours = message.type == getpid();
    if (show || !ours) {
        say("msgrcv(%d, type %ld) = %zd %s, type %ld", id, type, count,
            quoted(message.text, (size_t)count), message.type);
        print_received(message.text, (size_t)count);
    }
    if (type != ANY && !ours)
        errx(EXIT_FAILURE, "msgrcv: a message for another process");
    return ours;
}

static void ask_until_wrong(int id)
{
    int answers = 0;
    while (ask(id, "hello", strlen("hello"), ANY, answers == 0))
        if (++answers == MOST_TRIES)
            errx(EXIT_FAILURE, "%d answers have been the right ones", answers);
    say("right answers before this one: %d", answers);
    lesson("type 0 takes whatever comes first, even the client's own request");
    exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    bool take_any = false;
    for (int letter; (letter = next_option(argc, argv, "xk:", usage)) != -1;)
        if (letter == 'k')
            key_option = optarg;
        else
            take_any = true;
    check_operands(argc, argv, 0, take_any ? 0 : argc);
    if (getpid() == REQUEST)
        errx(EXIT_FAILURE, "our pid is 1: our answers would have the type of requests");
    const key_t key = demo_key('Q', key_option);
    snprintf(server_name, sizeof server_name, SERVER_NAME, (unsigned)key);

    pair_lane("client");
    const int id = connect_to_server(key);
    if (sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART},
                  NULL) == -1) /* SA_RESTART: for reading stdin; msgrcv() is never restarted */
        err(EXIT_FAILURE, "sigaction");
    alarm(1);
    struct message old; /* for a killed client that had our pid */
    while (msgrcv(id, &old, sizeof old.text, getpid(), IPC_NOWAIT | MSG_NOERROR) != -1)
        say("an old answer, passed over");
    if (take_any)
        ask_until_wrong(id);
    int answers = 0;
    for (int i = optind; i < argc; i++)
        answers += ask(id, argv[i], strlen(argv[i]), getpid(), true);
    char *line = NULL;
    for (ssize_t length; optind == argc && (length = read_line(&line)) != -1;)
        answers += ask(id, line, (size_t)length, getpid(), true);
    free(line);
    if (answers > 0)
        lesson("a client that asks for the type of its own pid gets its own answers");
    return EXIT_SUCCESS;
}
