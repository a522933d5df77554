/* restart - which calls go on after a handler has run, with SA_RESTART, and which fail with EINTR
 *
 * For each entry of the table a child makes the call, and gets the signal when the kernel says that
 * it sleeps. Its handler runs. Then it either comes back from the call with EINTR, or sleeps again.
 *
 * signal(7), SA_RESTART in sigaction(2)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { INTERRUPTED = 3, HOUR = 3600, SETTLED_MS = 5 };
enum call { READ, WAIT, ACCEPT, LOCK, SEM_WAIT, SEM_TIMEDWAIT, MSGRCV, SEMOP, POLL, SLEEP, CALLS };

static const char *const names[CALLS] = {
    "read",   "wait",  "accept", "pthread_mutex_lock", "sem_wait", "sem_timedwait",
    "msgrcv", "semop", "poll",   "nanosleep"};

static const char usage[] = "usage: restart\n"
                            "  prints for each call what a signal does to it\n";

/* What the calls wait for, and nobody gives. */
static int pipe_ends[2], listener, queue, semaphore_set;
static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int *handled; /* signals for which the handler has run; in shared memory */

static void make_objects(void)
{
    const struct sockaddr no_name = {.sa_family = AF_UNIX}; /* the kernel finds one, see unix(7) */
    if (pipe(pipe_ends) == -1)
        err(EXIT_FAILURE, "pipe");
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener == -1 || bind(listener, &no_name, sizeof no_name.sa_family) == -1 ||
        listen(listener, 1) == -1)
        err(EXIT_FAILURE, "socket, bind, listen");
    sem_init(&semaphore, 0, 0);
    check_error(pthread_mutex_lock(&mutex), "pthread_mutex_lock");
    queue = private_queue();
    semaphore_set = private_set(1); /* Linux makes it 0 */
    handled = share_memory(sizeof *handled);
}

static void handle(int signal_number)
{
    (void)signal_number;
    (*handled)++;
}

/* The child sleeps until its parent ends. */
static pid_t wait_for_child(void)
{
    const pid_t self = getpid(), child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == self)
            pause();
        _exit(EXIT_SUCCESS);
    }
    return wait(NULL);
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
        return pthread_mutex_lock(&mutex); /* the child's copy is locked, too */
    case SEM_WAIT:
        return sem_wait(&semaphore);
    case SEM_TIMEDWAIT:
        return sem_timedwait(&semaphore, &then);
    case MSGRCV:
        return msgrcv(queue, &type, 0, 0, 0);
    case SEMOP:
        return semop(semaphore_set, &(struct sembuf){.sem_op = -1}, 1);
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
    handle_by(handle, SIGUSR1, flags);
    say("flags %s; %s() ...", flags == 0 ? "0" : "SA_RESTART", names[call]);
    const ssize_t result = make(call);
    say("... = %zd %s", result, error_of(result));
    if (result != -1)
        errx(EXIT_FAILURE, "%s: returned %zd", names[call], result);
    if (errno != EINTR)
        err(EXIT_FAILURE, "%s", names[call]);
    _exit(INTERRUPTED);
}

/* "EINTR" if the call failed with it. Otherwise the child sleeps again, and we end it. */
static const char *interrupt(enum call call, int flags)
{
    *handled = 0;
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        sleep_in(call, flags);
    user_of_objects = child;
    const bool in_futex = call >= LOCK && call <= SEM_TIMEDWAIT;
    const char *const name = in_futex ? "futex" : call == SLEEP ? "clock_nanosleep" : names[call];
    say_asleep_in("the child", child, name, ANY_ARGUMENT);
    say_kill(child, SIGUSR1);
    bool asleep = false;
    while (!asleep && !has_ended(child))
        asleep = still_asleep(child, SETTLED_MS) && !is_printing(child);
    if (*handled != 1)
        errx(EXIT_FAILURE, "%s: the handler ran %d times", names[call], *handled);
    if (asleep)
        say("its handler has run, and it sleeps again: %s() goes on", names[call]);
    if (kill(child, SIGKILL) == -1)
        err(EXIT_FAILURE, "kill");
    user_of_objects = 0;
    if (reap(child) != (asleep ? 128 + SIGKILL : INTERRUPTED))
        errx(EXIT_FAILURE, "%s: the child failed", names[call]);
    return asleep ? "goes on" : "EINTR";
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    make_objects();
    printf("%-20s%-10s%s\n", "call", "without", "SA_RESTART");
    flush_stdout();
    for (enum call call = READ; call < CALLS; call++) {
        const char *const without = interrupt(call, 0), *const with = interrupt(call, SA_RESTART);
        printf("%-20s%-10s%s\n", names[call], without, with);
        flush_stdout();
        if (call <= ACCEPT && (*without != 'E' || *with == 'E')) /* POSIX leaves no choice */
            errx(EXIT_FAILURE, "unexpected: %s()", names[call]);
        limit_story(0); /* it is the same for the other calls */
    }
    lesson("SA_RESTART lets some calls go on; others fail with EINTR all the same");
    return EXIT_SUCCESS;
}
