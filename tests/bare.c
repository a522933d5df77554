/* bare - hand-written loops of the calls that the bench programs time, for tests/bench-check
 *
 * usage: bare MECHANISM latency|throughput SIZE SECONDS
 * prints ns for each one-way message; both processes are on one CPU, but for "line". Nothing is
 * looked at and nothing is checked but the results of the calls.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THERE, BACK };
enum { SLICE_NS = 25000000, WARM_UP_NS = 5000000 };

typedef void step(int way);
#define INLINE static inline __attribute__((always_inline))

static struct {
    _Alignas(64) atomic_ulong line;
    _Alignas(64) sem_t start, ready, done;
    sem_t semaphores[2];
    long messages;
    long long received;
    atomic_uint words[2];
} * shared;

static size_t size;
static char *message; /* with room for a long in front */
static int fds[2][2], ids[2], events[2], sockets[2], set;
static mqd_t posix_queues[2];
static pid_t peer;
static sigset_t wanted;

static void must(bool right, const char *call)
{
    if (!right)
        err(EXIT_FAILURE, "%s", call);
}

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* ---- The calls ---- */

INLINE void pipe_send(int way)
{
    must(write(fds[way][1], message, size) == (ssize_t)size, "write");
}

INLINE void receive_from(int fd)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t count = read(fd, message + done, size - done);
        must(count > 0, "read");
        done += (size_t)count;
    }
}

INLINE void pipe_receive(int way)
{
    receive_from(fds[way][0]);
}

INLINE void socket_send(int way)
{
    must(write(sockets[!way], message, size) == (ssize_t)size, "write");
}

INLINE void socket_receive(int way)
{
    receive_from(sockets[way]);
}

INLINE void queue_send(int way)
{
    must(msgsnd(ids[way], message - sizeof(long), size, 0) == 0, "msgsnd");
}

INLINE void queue_receive(int way)
{
    must(msgrcv(ids[way], message - sizeof(long), size, 0, 0) == (ssize_t)size, "msgrcv");
    *((long *)message - 1) = 1;
}

INLINE void posix_send(int way)
{
    must(mq_send(posix_queues[way], message, size, 0) == 0, "mq_send");
}

INLINE void posix_receive(int way)
{
    must(mq_receive(posix_queues[way], message, size, NULL) == (ssize_t)size, "mq_receive");
}

INLINE void set_send(int way)
{
    struct sembuf up = {.sem_num = (unsigned short)way, .sem_op = 1};
    must(semop(set, &up, 1) == 0, "semop");
}

INLINE void set_receive(int way)
{
    struct sembuf down = {.sem_num = (unsigned short)way, .sem_op = -1};
    must(semop(set, &down, 1) == 0, "semop");
}

INLINE void semaphore_send(int way)
{
    must(sem_post(&shared->semaphores[way]) == 0, "sem_post");
}

INLINE void semaphore_receive(int way)
{
    must(sem_wait(&shared->semaphores[way]) == 0, "sem_wait");
}

INLINE void event_send(int way)
{
    const uint64_t one = 1;
    must(write(events[way], &one, sizeof one) == sizeof one, "write");
}

INLINE void event_receive(int way)
{
    uint64_t one;
    must(read(events[way], &one, sizeof one) == sizeof one, "read");
}

INLINE void futex_send(int way)
{
    atomic_fetch_add(&shared->words[way], 1);
    must(syscall(SYS_futex, &shared->words[way], 1, 1, NULL, NULL, 0) != -1, "futex");
}

INLINE void futex_receive(int way)
{
    while (atomic_load(&shared->words[way]) == 0)
        (void)syscall(SYS_futex, &shared->words[way], 0, 0, NULL, NULL, 0);
    atomic_fetch_sub(&shared->words[way], 1);
}

INLINE void kill_send(int way)
{
    (void)way;
    must(kill(peer, SIGUSR1) == 0, "kill");
}

INLINE void sigqueue_send(int way)
{
    (void)way;
    must(sigqueue(peer, SIGRTMIN, (union sigval){.sival_int = 0}) == 0, "sigqueue");
}

INLINE void signal_receive(int way)
{
    (void)way;
    siginfo_t info;
    must(sigwaitinfo(&wanted, &info) != -1, "sigwaitinfo");
}

INLINE void line_send(int way)
{
    const unsigned long old = atomic_load_explicit(&shared->line, memory_order_relaxed);
    (void)way;
    atomic_store_explicit(&shared->line, old + 1, memory_order_release);
}

INLINE void line_receive(int way)
{
    const unsigned long odd = way == THERE;
    while (atomic_load_explicit(&shared->line, memory_order_acquire) % 2 != odd)
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#else
        continue;
#endif
}

/* ---- The loops, one for each mechanism after inlining ---- */

INLINE void ping(step *send, step *receive, long messages)
{
    for (long i = 0; i < messages; i++) {
        send(THERE);
        receive(BACK);
    }
    shared->received = now();
}

INLINE void pong(step *send, step *receive, long messages)
{
    for (long i = 0; i < messages; i++) {
        receive(THERE);
        send(BACK);
    }
}

INLINE void stream(step *send, step *receive, long messages, long window)
{
    for (long i = 0, under_way = 0; i < messages; i++) {
        send(THERE);
        if (++under_way == window) {
            receive(BACK);
            under_way = 0;
        }
    }
}

INLINE void take(step *send, step *receive, long messages, long window)
{
    for (long i = 0, under_way = 0; i < messages; i++) {
        receive(THERE);
        if (++under_way == window) {
            send(BACK);
            under_way = 0;
        }
    }
    shared->received = now();
}

INLINE void run(bool latency, bool parent, step *send, step *receive, long window)
{
    const long messages = shared->messages;
    if (latency && parent)
        ping(send, receive, messages);
    else if (latency)
        pong(send, receive, messages);
    else if (parent)
        stream(send, receive, messages, window);
    else
        take(send, receive, messages, window);
}

static void run_mechanism(const char *name, bool latency, bool parent)
{
    if (strcmp(name, "pipe") == 0 || strcmp(name, "fifo") == 0)
        run(latency, parent, pipe_send, pipe_receive, 0);
    else if (strcmp(name, "unix-stream") == 0)
        run(latency, parent, socket_send, socket_receive, 0);
    else if (strcmp(name, "msgq-sysv") == 0)
        run(latency, parent, queue_send, queue_receive, 0);
    else if (strcmp(name, "msgq-posix") == 0)
        run(latency, parent, posix_send, posix_receive, 0);
    else if (strcmp(name, "sem-sysv") == 0)
        run(latency, parent, set_send, set_receive, 1000);
    else if (strcmp(name, "sem-posix") == 0)
        run(latency, parent, semaphore_send, semaphore_receive, 0);
    else if (strcmp(name, "eventfd") == 0)
        run(latency, parent, event_send, event_receive, 0);
    else if (strcmp(name, "futex") == 0)
        run(latency, parent, futex_send, futex_receive, 0);
    else if (strcmp(name, "kill") == 0)
        run(latency, parent, kill_send, signal_receive, 1);
    else if (strcmp(name, "sigqueue") == 0)
        run(latency, parent, sigqueue_send, signal_receive, 100);
    else if (strcmp(name, "line") == 0)
        run(true, parent, line_send, line_receive, 0);
    else
        errx(2, "no mechanism '%s'", name);
}

static void open_all(void)
{
    char path[64];
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED, "mmap");
    sem_init(&shared->start, 1, 0);
    sem_init(&shared->ready, 1, 0);
    sem_init(&shared->done, 1, 0);
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, "socketpair");
    set = semget(IPC_PRIVATE, 2, 0600);
    for (int way = THERE; way <= BACK; way++) {
        sem_init(&shared->semaphores[way], 1, 0);
        ids[way] = msgget(IPC_PRIVATE, 0600);
        events[way] = eventfd(0, EFD_SEMAPHORE);
        snprintf(path, sizeof path, "/bare.%d", (int)getpid());
        struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = (long)size};
        posix_queues[way] = mq_open(path, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
        mq_unlink(path);
    }
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    sigaddset(&wanted, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
}

static void open_fds(bool fifo)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/bare.%d", (int)getpid());
    for (int way = THERE; way <= BACK; way++) {
        if (!fifo) {
            must(pipe(fds[way]) == 0, "pipe");
            continue;
        }
        must(mkfifo(path, 0600) == 0, "mkfifo");
        fds[way][0] = open(path, O_RDONLY | O_NONBLOCK);
        fds[way][1] = open(path, O_WRONLY);
        fcntl(fds[way][0], F_SETFL, 0);
        unlink(path);
    }
}

static void remove_all(void)
{
    semctl(set, 0, IPC_RMID);
    msgctl(ids[THERE], IPC_RMID, NULL);
    msgctl(ids[BACK], IPC_RMID, NULL);
}

static void end(int signal_number)
{
    remove_all();
    _exit(128 + signal_number);
}

static void pin(size_t nth)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    sched_getaffinity(0, sizeof all, &all);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all) && nth-- == 0)
            CPU_SET(cpu, &one);
    must(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
}

static long long slice(const char *name, bool latency, long messages)
{
    shared->messages = messages;
    sem_post(&shared->start);
    sem_wait(&shared->ready);
    const long long start = now();
    run_mechanism(name, latency, true);
    sem_wait(&shared->done);
    return shared->received - start;
}

int main(int argc, char *argv[])
{
    if (argc != 5)
        errx(2, "usage: bare MECHANISM latency|throughput SIZE SECONDS");
    const char *const name = argv[1];
    const bool latency = strcmp(argv[2], "latency") == 0;
    size = strtoul(argv[3], NULL, 10);
    const double seconds = strtod(argv[4], NULL);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    message = (char *)aligned_alloc(page, page + (size / page + 1) * page) + page;
    *((long *)message - 1) = 1;
    memset(message, 'x', size);
    if (size == 0)
        size = 1;
    open_all();
    open_fds(strcmp(name, "fifo") == 0);

    peer = fork();
    must(peer != -1, "fork");
    if (peer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(strcmp(name, "line") == 0 ? 1 : 0);
        peer = getppid();
        for (;;) {
            sem_wait(&shared->start);
            if (shared->messages == 0)
                _exit(EXIT_SUCCESS);
            sem_post(&shared->ready);
            run_mechanism(name, latency, false);
            sem_post(&shared->done);
        }
    }
    atexit(remove_all);
    const struct sigaction action = {.sa_handler = end};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    pin(0);
    long messages = 1;
    long long took;
    while ((took = slice(name, latency, messages)) < WARM_UP_NS)
        messages *= 2;
    messages = messages * SLICE_NS / took + 1;
    double total = 0;
    const int slices = (int)(seconds * 1e9 / SLICE_NS + 0.5);
    for (int i = 0; i < slices; i++)
        total += (double)slice(name, latency, messages);
    const bool both_ways = latency || strcmp(name, "line") == 0;
    printf("%.3f\n", total / slices / (double)messages / (both_ways ? 2 : 1));
    shared->messages = 0;
    sem_post(&shared->start);
    wait(NULL);
    return EXIT_SUCCESS;
}
