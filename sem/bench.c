/* bench - what it costs to wake another process: semaphores, mutex and condition, eventfd, futex
 *
 * No data is passed; one process just lets the other go on. In a stream the receiver is often
 * awake, and then the mechanisms differ: those in shared memory can do without a system call, but
 * not every library knows at once that nobody sleeps any more.
 *
 * semop(2), sem_post(3), pthread_cond_signal(3p), eventfd(2), futex(2)
 */
#define _GNU_SOURCE /* syscall */
#include "../lib/bench/bench.h"
#include "../lib/demo.h"
#include "shared.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FUTEX_WAIT, FUTEX_WAKE }; /* as in <linux/futex.h>, which musl does not bring along */

/* What the two processes have in common, but for the System V set and the eventfds. */
static struct {
    sem_t semaphore;
    pthread_mutex_t mutex;
    pthread_cond_t not_zero;
    long count; /* guarded by the mutex */
    atomic_uint posts, sleeps;
} * shared; /* an array: one for each way */

static void open_memory(void)
{
    shared = share_memory(2 * sizeof *shared);
}

static void close_memory(void)
{
    munmap(shared, 2 * sizeof *shared);
}

/* ---- System V semaphores ---- */

static int set; /* two of them, one for each way */

static void open_set(size_t size)
{
    (void)size;
    set = private_set(2);
}

static void v(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    struct sembuf up = {.sem_num = (unsigned short)way, .sem_op = 1};
    while (semop(set, &up, 1) == -1)
        if (errno != EINTR) /* stopped and continued */
            err(EXIT_FAILURE, "semop");
}

static void p(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    struct sembuf down = {.sem_num = (unsigned short)way, .sem_op = -1};
    while (semop(set, &down, 1) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "semop");
}

/* ---- POSIX semaphores ---- */

static void open_semaphores(size_t size)
{
    (void)size;
    open_memory();
    for (int way = WAY_THERE; way <= WAY_BACK; way++)
        if (sem_init(&shared[way].semaphore, 1, 0) == -1)
            err(EXIT_FAILURE, "sem_init");
}

static void post(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    if (sem_post(&shared[way].semaphore) == -1)
        err(EXIT_FAILURE, "sem_post");
}

static void wait_for_post(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    if (sem_wait(&shared[way].semaphore) == -1)
        err(EXIT_FAILURE, "sem_wait");
}

/* ---- A mutex and a condition ---- */

static void open_monitors(size_t size)
{
    (void)size;
    open_memory();
    for (int way = WAY_THERE; way <= WAY_BACK; way++) {
        init_shared_mutex(&shared[way].mutex);
        init_shared_condition(&shared[way].not_zero);
    }
}

static void raise_count(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    check_error(pthread_mutex_lock(&shared[way].mutex), "pthread_mutex_lock");
    shared[way].count++;
    check_error(pthread_cond_signal(&shared[way].not_zero), "pthread_cond_signal");
    check_error(pthread_mutex_unlock(&shared[way].mutex), "pthread_mutex_unlock");
}

static void wait_for_count(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    check_error(pthread_mutex_lock(&shared[way].mutex), "pthread_mutex_lock");
    while (shared[way].count == 0)
        check_error(pthread_cond_wait(&shared[way].not_zero, &shared[way].mutex),
                    "pthread_cond_wait");
    shared[way].count--;
    check_error(pthread_mutex_unlock(&shared[way].mutex), "pthread_mutex_unlock");
}

/* ---- eventfd ---- */

static int events[2];

static void open_events(size_t size)
{
    (void)size;
    for (int way = WAY_THERE; way <= WAY_BACK; way++) {
        events[way] = eventfd(0, EFD_SEMAPHORE); /* a read takes one, not all */
        if (events[way] == -1)
            err(EXIT_FAILURE, "eventfd");
    }
}

static void add_event(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    const uint64_t one = 1;
    if (write(events[way], &one, sizeof one) != sizeof one)
        err(EXIT_FAILURE, "write");
}

static void take_event(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    uint64_t one;
    if (read(events[way], &one, sizeof one) != sizeof one)
        err(EXIT_FAILURE, "read");
}

static void close_events(void)
{
    close(events[WAY_THERE]);
    close(events[WAY_BACK]);
}

/* ---- futex: what most of the above are made of ---- */

static void open_words(size_t size)
{
    (void)size;
    open_memory(); /* full of zeros */
}

/* The sleeper is woken once: `sleeps` goes back to 0 at once, not when it runs. */
static void wake(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    atomic_fetch_add(&shared[way].posts, 1);
    if (atomic_exchange(&shared[way].sleeps, 0) == 1 &&
        syscall(SYS_futex, &shared[way].sleeps, FUTEX_WAKE, 1, NULL, NULL, 0) == -1)
        err(EXIT_FAILURE, "futex FUTEX_WAKE");
}

/* Say that we sleep, and only then look once more. If `sleeps` is 0 again before we are asleep,
 * FUTEX_WAIT does not sleep. */
static void sleep_until_woken(enum way way, void *message, size_t size)
{
    (void)message;
    (void)size;
    while (atomic_load(&shared[way].posts) == 0) {
        atomic_store(&shared[way].sleeps, 1);
        if (atomic_load(&shared[way].posts) == 0 &&
            syscall(SYS_futex, &shared[way].sleeps, FUTEX_WAIT, 1, NULL, NULL, 0) == -1 &&
            errno != EAGAIN && errno != EINTR)
            err(EXIT_FAILURE, "futex FUTEX_WAIT");
    }
    atomic_fetch_sub(&shared[way].posts, 1);
}

int main(int argc, char *argv[])
{
    enum { WINDOW = 1000 }; /* SEMVMX is 32767 */
    static const struct mechanism sysv = {.variant = "sysv",
                                          .window = WINDOW,
                                          .open = open_set,
                                          .send = v,
                                          .receive = p,
                                          .close = remove_now};
    static const struct mechanism posix = {.variant = "posix",
                                           .open = open_semaphores,
                                           .send = post,
                                           .receive = wait_for_post,
                                           .close = close_memory};
    static const struct mechanism mutex = {.variant = "mutex",
                                           .open = open_monitors,
                                           .send = raise_count,
                                           .receive = wait_for_count,
                                           .close = close_memory};
    static const struct mechanism eventfd_ = {.variant = "eventfd",
                                              .open = open_events,
                                              .send = add_event,
                                              .receive = take_event,
                                              .close = close_events};
    static const struct mechanism futex = {.variant = "futex",
                                           .open = open_words,
                                           .send = wake,
                                           .receive = sleep_until_woken,
                                           .close = close_memory};
    static const struct mechanism *const mechanisms[] = {&sysv,     &posix, &mutex,
                                                         &eventfd_, &futex, NULL};
    return run_bench(argc, argv, &(struct bench){.name = "sem", .mechanisms = mechanisms});
}
