/* client - asks msgq/server, and takes only the answers to itself: those whose type is its pid
 *
 * With -x two clients ask for type 0, whatever comes first. So that this goes wrong each time, the
 * second client is answered first: a message goes to the one that has waited longest of those who
 * want it.
 *
 * msgrcv(2), msgsnd(2), F_GETLK in fcntl(2); EINTR in signal(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANY = 0, REQUEST = 1, MOST_BYTES = 4096, RETRY_MS = 20, TICK_US = 200000, NOBODY = -1 };

static const char usage[] = "usage: client [-x] [-k KEY] [TEXT...]\n"
                            "  -k KEY  the key of the queue (ftok of /tmp/ipc-UID and 'Q')\n"
                            "  -x      two clients ask for type 0: they get each other's answers\n"
                            "  each TEXT is a request; without one, each line of stdin\n"
                            "  prints the answers; other terminal: ./msgq/server\n";

struct message {
    long type;
    char text[MOST_BYTES];
};

/* The process that holds the lock on this file is the server. */
static pid_t find_server(const char *path)
{
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 && errno == ENOENT)
        return NOBODY;
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_GETLK, &lock) == -1)
        err(EXIT_FAILURE, "fcntl F_GETLK %s", path);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    return lock.l_type == F_UNLCK ? NOBODY : lock.l_pid;
}

static const char *lock_path;
static pid_t server;

static int connect_to_server(key_t key)
{
    int id;
    for (bool told = false;; told = true) {
        server = find_server(lock_path);
        id = msgget(key, S_IRUSR | S_IWUSR);
        if (id == -1 && errno == EACCES)
            err(EXIT_FAILURE, "no right to use queue 0x%08x (whose it is: ipcs -q)", (unsigned)key);
        if (id == -1 && errno != ENOENT)
            err(EXIT_FAILURE, "msgget 0x%08x", (unsigned)key);
        if (server != NOBODY && id != -1)
            break;
        if (!told)
            say("waiting for a server");
        poll(NULL, 0, RETRY_MS);
    }
    say("msgget(0x%08x): id %d", (unsigned)key, id);
    return id;
}

static void tick(int signal_number)
{
    (void)signal_number; /* msgsnd() and msgrcv() fail with EINTR: that is all */
}

static void start_ticking(void)
{
    /* With or without SA_RESTART, msgsnd() and msgrcv() are never restarted; reading stdin is. */
    const struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    const struct itimerval each = {.it_interval.tv_usec = TICK_US, .it_value.tv_usec = TICK_US};
    if (sigaction(SIGALRM, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    if (setitimer(ITIMER_REAL, &each, NULL) == -1)
        err(EXIT_FAILURE, "setitimer");
}

/* After a call that failed. A queue cannot be watched with poll(2), nor does it notice that a
 * server was killed; so each tick, EINTR, is the time to look. */
static void look_after_server(const char *call)
{
    if (errno == EIDRM || errno == EINVAL)
        err(EXIT_FAILURE, "%s: the queue was removed", call);
    if (errno != EINTR)
        err(EXIT_FAILURE, "%s", call);
    if (find_server(lock_path) != server)
        errx(EXIT_FAILURE, "the server has gone");
}

/* A killed client may have had our pid, and never have taken its answer. */
static void pass_over_old_answers(int id)
{
    struct message old;
    while (msgrcv(id, &old, sizeof old.text, getpid(), IPC_NOWAIT | MSG_NOERROR) != -1)
        say("an old answer, passed over");
    if (errno != ENOMSG)
        look_after_server("msgrcv");
}

static void print_answer(const struct message *answer, size_t length)
{
    fwrite(answer->text, 1, length, stdout);
    putchar('\n');
    flush_stdout();
}

static void ask(int id, const char *text, size_t length)
{
    struct message message = {.type = REQUEST};
    const int before = snprintf(message.text, sizeof message.text, "%d ", (int)getpid());
    const size_t most = sizeof message.text - (size_t)before - 1;
    if (length > most)
        errx(EXIT_FAILURE, "a request of %zu bytes is too long, at most %zu", length, most);
    memcpy(message.text + before, text, length);
    length += (size_t)before;
    while (msgsnd(id, &message, length, 0) == -1)
        look_after_server("msgsnd");
    say("request %s", quoted(message.text, length));

    ssize_t count;
    while ((count = msgrcv(id, &message, sizeof message.text, getpid(), 0)) == -1)
        look_after_server("msgrcv");
    say("answer %s, type = pid %ld", quoted(message.text, (size_t)count), message.type);
    print_answer(&message, (size_t)count);
}

static void ask_each_line(int id, FILE *file)
{
    char *line = NULL;
    size_t size = 0;
    for (ssize_t length; (length = getline(&line, &size, file)) != -1;) {
        const bool complete = line[length - 1] == '\n';
        ask(id, line, (size_t)length - complete);
    }
    if (ferror(file))
        err(EXIT_FAILURE, "stdin");
    free(line);
}

/* -x: takes whatever comes first. */
static void ask_and_take_any(int id, const char *role, const char *question)
{
    lane(1, role);
    die_with_parent();
    struct message message = {.type = REQUEST};
    const int length =
        snprintf(message.text, sizeof message.text, "%d %s", (int)getpid(), question);
    if (msgsnd(id, &message, (size_t)length, 0) == -1)
        err(EXIT_FAILURE, "msgsnd");
    say("request %s", quoted(message.text, (size_t)length));
    raise(SIGSTOP); /* or type 0 would bring back our own request, or the other's */

    const ssize_t count = msgrcv(id, &message, sizeof message.text, ANY, 0);
    if (count == -1)
        err(EXIT_FAILURE, "msgrcv");
    if (message.type == getpid())
        errx(EXIT_FAILURE, "%s got its own answer", role);
    say("answer %s, type = pid %ld, another's", quoted(message.text, (size_t)count), message.type);
    printf("asked %s, got %.*s\n", question, (int)count, message.text);
    flush_stdout();
    _exit(EXIT_SUCCESS);
}

static pid_t start_client(int id, const char *role, const char *question)
{
    const pid_t client = fork();
    if (client == -1)
        err(EXIT_FAILURE, "fork");
    if (client == 0)
        ask_and_take_any(id, role, question);
    int status;
    if (waitpid(client, &status, WUNTRACED) == -1)
        err(EXIT_FAILURE, "waitpid");
    if (!WIFSTOPPED(status))
        errx(EXIT_FAILURE, "%s failed", role);
    struct message request;
    if (msgrcv(id, &request, sizeof request.text, REQUEST, IPC_NOWAIT) == -1)
        err(EXIT_FAILURE, "msgrcv");
    say("%s has asked, and is stopped for now", role);
    return client;
}

static void let_it_wait(pid_t client)
{
    if (kill(client, SIGCONT) == -1)
        err(EXIT_FAILURE, "kill");
    wait_asleep(client);
    say("pid %d goes on, and sleeps in msgrcv(type 0)", (int)client);
}

static void send_answer(int id, pid_t client, const char *text)
{
    struct message answer = {.type = client};
    const size_t length = strlen(text);
    memcpy(answer.text, text, length);
    say("answer \"%s\", type = pid %d", text, (int)client);
    if (msgsnd(id, &answer, length, IPC_NOWAIT) == -1)
        err(EXIT_FAILURE, "msgsnd");
    if (reap(-1) != EXIT_SUCCESS) /* whoever has got it */
        errx(EXIT_FAILURE, "a client failed");
}

static void mix_up_two_clients(void)
{
    lane(0, "server");
    hold_endings();
    const int id = msgget(IPC_PRIVATE, S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "msgget");
    remove_queue_at_exit(id);
    release_endings();
    say("msgget(IPC_PRIVATE): id %d", id);
    const pid_t first = start_client(id, "client 1", "one");
    const pid_t second = start_client(id, "client 2", "two");
    let_it_wait(first);
    let_it_wait(second);
    send_answer(id, second, "TWO");
    send_answer(id, first, "ONE");
    lesson("with type 0 a client takes whatever comes; with its pid for the type, what is its own");
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    bool mix_up = false;
    for (int letter; (letter = next_option(argc, argv, "xk:", usage)) != -1;)
        switch (letter) {
        case 'k':
            key_option = optarg;
            break;
        case 'x':
            mix_up = true;
            break;
        }
    if (mix_up && optind < argc)
        errx(USAGE_ERROR, "-x has questions of its own: '%s' is one too many", argv[optind]);
    if (mix_up) {
        mix_up_two_clients();
        return EXIT_SUCCESS;
    }
    if (getpid() == REQUEST)
        errx(EXIT_FAILURE, "the type of the answers would be that of requests: our pid is 1");
    const key_t key = demo_key('Q', key_option);
    char name[32];
    snprintf(name, sizeof name, "msgq-%08x", (unsigned)key);
    lock_path = demo_path(name);

    pair_lane("client");
    const int id = connect_to_server(key);
    start_ticking();
    pass_over_old_answers(id);
    for (int i = optind; i < argc; i++)
        ask(id, argv[i], strlen(argv[i]));
    if (optind == argc)
        ask_each_line(id, stdin);
    return EXIT_SUCCESS;
}
