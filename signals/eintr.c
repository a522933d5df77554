/* eintr - a signal interrupts a sleeping call: it fails with EINTR, or it goes on
 *
 * The handler runs in any case. Without SA_RESTART the call then fails with EINTR; with it, some
 * calls go on as if nothing had happened, and some fail all the same. The table is not copied from
 * a manual. For each entry a child makes the call, and the signal is sent when the kernel says that
 * the child sleeps in it. Then the child either comes back from the call, or sleeps again.
 *
 * With -x a reader takes EINTR for a failure, as many programs do, and gives up.
 *
 * signal(7), SA_RESTART in sigaction(2), /proc/PID/syscall in proc(5)
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { INTERRUPTED = 3, HOUR = 3600, SETTLED_MS = 5 };
enum call { READ, WAIT, ACCEPT, LOCK, SEM_WAIT, SEM_TIMEDWAIT, MSGRCV, SEMOP, POLL, SLEEP, CALLS };

static const char *const names[CALLS] = {
    "read",   "wait",  "accept", "pthread_mutex_lock", "sem_wait", "sem_timedwait",
    "msgrcv", "semop", "poll",   "nanosleep"};

static const char usage[] =
    "usage: eintr [-x]\n"
    "  -x  the reader takes EINTR for a failure: what is sent to it later is lost\n"
    "  prints for each call what a signal does to it, without and with SA_RESTART;\n"
    "  with -x, what the sender gets\n";

/* What the calls wait for, and nobody gives. */
static int pipe_ends[2], listener, queue, set;
static sem_t semaphore;
static struct shared {
    pthread_mutex_t locked; /* by the parent */
    atomic_int handled;     /* signals for which the handler has run */
    pid_t below;            /* the child of the child that was in wait() */
} * shared;

static void make_shared(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    pthread_mutexattr_t attributes;
    if ((errno = pthread_mutexattr_init(&attributes)) != 0 ||
        (errno = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED)) != 0 ||
        (errno = pthread_mutex_init(&shared->locked, &attributes)) != 0 ||
        (errno = pthread_mutex_lock(&shared->locked)) != 0)
        err(EXIT_FAILURE, "pthread_mutex_init");
}

static void make_objects(void)
{
    const struct sockaddr no_name = {.sa_family = AF_UNIX}; /* the kernel finds one, see unix(7) */
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener == -1)
        err(EXIT_FAILURE, "socket");
    if (bind(listener, &no_name, sizeof no_name.sa_family) == -1)
        err(EXIT_FAILURE, "bind");
    if (listen(listener, 1) == -1)
        err(EXIT_FAILURE, "listen");
    if (sem_init(&semaphore, 0, 0) == -1)
        err(EXIT_FAILURE, "sem_init");
    hold_endings();
    queue = msgget(IPC_PRIVATE, S_IRUSR | S_IWUSR);
    if (queue == -1)
        err(EXIT_FAILURE, "msgget");
    remove_queue_at_exit(queue);
    set = semget(IPC_PRIVATE, 1, S_IRUSR | S_IWUSR); /* Linux makes it 0 */
    if (set == -1)
        err(EXIT_FAILURE, "semget");
    remove_set_at_exit(set);
    release_endings();
}

static void handle(int signal_number)
{
    (void)signal_number;
    shared->handled++;
}

static int wait_for_child(void)
{
    const pid_t self = getpid();
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child != 0) {
        shared->below = child;
        return wait(NULL);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
        err(EXIT_FAILURE, "prctl");
    while (getppid() == self)
        pause();
    _exit(EXIT_SUCCESS);
}

static ssize_t make(enum call call)
{
    char byte;
    long type;
    const struct timespec hour = {.tv_sec = HOUR}, then = {.tv_sec = time(NULL) + HOUR};
    switch (call) {
    case READ:
        return read(pipe_ends[READ_END], &byte, 1);
    case WAIT:
        return wait_for_child();
    case ACCEPT:
        return accept(listener, NULL, NULL);
    case LOCK:
        errno = pthread_mutex_lock(&shared->locked);
        return errno == 0 ? 0 : -1;
    case SEM_WAIT:
        return sem_wait(&semaphore);
    case SEM_TIMEDWAIT:
        return sem_timedwait(&semaphore, &then);
    case MSGRCV:
        return msgrcv(queue, &type, 0, 0, 0);
    case SEMOP:
        return semop(set, &(struct sembuf){.sem_op = -1}, 1);
    case POLL:
        return poll(NULL, 0, -1);
    default:
        return nanosleep(&hour, NULL);
    }
}

static void sleep_in(enum call call, int flags)
{
    lane(1, "child");
    die_with_parent();
    const struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
    if (sigaction(SIGUSR1, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    if (call == READ)
        say("flags %s; read(%d) ...", flags == 0 ? "0" : "SA_RESTART", pipe_ends[READ_END]);
    const ssize_t result = make(call);
    if (result != -1 || errno != EINTR || shared->handled == 0)
        err(EXIT_FAILURE, "%s() = %zd", names[call], result);
    if (call == READ)
        say("... = -1 EINTR: %s", strerror(errno));
    _exit(INTERRUPTED);
}

/* The proof that the signal does not come too early. */
static void tell_of_sleep(pid_t child)
{
    say_asleep_in("the child", child, "read", pipe_ends[READ_END]);
    say("kill(%d, SIGUSR1)", (int)child);
}

/* Whether the call failed with EINTR; it goes on otherwise, and we end it. */
static bool interrupts(enum call call, int flags)
{
    shared->handled = 0;
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        sleep_in(call, flags);
    user_of_objects = child;
    wait_asleep(child);
    if (call == READ)
        tell_of_sleep(child);
    if (kill(child, SIGUSR1) == -1)
        err(EXIT_FAILURE, "kill");

    bool asleep = false;
    while (!asleep && !has_ended(child))
        asleep = still_asleep(child, SETTLED_MS);
    if (shared->handled != 1)
        errx(EXIT_FAILURE, "%s: the handler ran %d times", names[call], shared->handled);
    if (asleep && call == READ)
        say("its handler has run, and it sleeps again: read() goes on");
    if (asleep && kill(child, SIGKILL) == -1)
        err(EXIT_FAILURE, "kill");
    user_of_objects = 0;
    if (reap(child) != (asleep ? 128 + SIGKILL : INTERRUPTED))
        errx(EXIT_FAILURE, "%s: the child failed", names[call]);
    if (call == WAIT && reap(shared->below) == EXIT_FAILURE) /* we have adopted it */
        errx(EXIT_FAILURE, "wait: the child of the child failed");
    return !asleep;
}

static void print_table(void)
{
    make_objects();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1) /* see wait_for_child(), and signals/orphan */
        err(EXIT_FAILURE, "prctl");
    printf("%-20s%-10s%s\n", "call", "without", "SA_RESTART");
    for (enum call call = READ; call < CALLS; call++) {
        flush_stdout();
        const bool without = interrupts(call, 0), with = interrupts(call, SA_RESTART);
        printf("%-20s%-10s%s\n", names[call], without ? "EINTR" : "goes on",
               with ? "EINTR" : "goes on");
        if (call <= ACCEPT && (!without || with)) /* POSIX leaves no choice */
            errx(EXIT_FAILURE, "unexpected: %s()", names[call]);
        if (call == READ)
            say("the same with other calls, see the table");
    }
}

static void lose_a_word(void)
{
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        err(EXIT_FAILURE, "signal");
    if (!interrupts(READ, 0))
        errx(EXIT_FAILURE, "the reader goes on");
    say("the reader took it for a failure, and has ended");
    if (close(pipe_ends[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    const ssize_t count = write(pipe_ends[WRITE_END], "hello", strlen("hello"));
    if (count != -1 || errno != EPIPE)
        err(EXIT_FAILURE, "write = %zd, instead of EPIPE", count);
    say("write(%d, \"hello\") = -1 EPIPE: lost", pipe_ends[WRITE_END]);
    puts("EPIPE");
}

int main(int argc, char *argv[])
{
    bool give_up = false;
    while (next_option(argc, argv, "x", usage) != -1)
        give_up = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    if (pipe(pipe_ends) == -1)
        err(EXIT_FAILURE, "pipe");
    make_shared();
    if (give_up)
        lose_a_word();
    else
        print_table();
    flush_stdout();
    lesson(give_up ? "EINTR is no failure: what was interrupted must be called again"
                   : "SA_RESTART lets some calls go on; others fail with EINTR, so call again");
    return EXIT_SUCCESS;
}
