/* bench - what a message through shared memory costs: rings that spin or sleep, and a single slot
 *
 * The message is copied into the memory and out again, by the processes themselves. What remains is
 * the wait for the other: `spin` looks again and again; `sleep` sleeps in a futex, and is woken by
 * a system call only if it does; `slot` has room for one message, and two semaphores.
 *
 * shm_overview(7), sysvipc(7), futex(2), sem_post(3)
 */
#define _GNU_SOURCE /* syscall */
#include "../lib/bench/bench.h"
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FUTEX_WAIT, FUTEX_WAKE }; /* as in <linux/futex.h>, which musl does not bring along */
enum { LINE = 64, FEWEST_SLOTS = 4 };

static const char *backing = "anon";
static const char *failed_call;

/* One process writes into the ring, the other reads. What each of them writes has cache lines of
 * its own: a line that both write to bounces between the CPUs. */
struct ring {
    _Alignas(LINE) atomic_ulong taken; /* messages, stored by the reader */
    _Alignas(LINE) atomic_uint reader_sleeps;
    _Alignas(LINE) atomic_uint writer_sleeps;
    sem_t full, empty; /* of the one slot */
    _Alignas(LINE) unsigned char slots[];
};

/* A slot ends with the number of its message, counted from 1; in front of it is the message. What
 * the reader looks at again and again is then the cache line that is written last. */
typedef atomic_ulong number;

/* What a process remembers of a ring. To look at the count that the other one stores is expensive:
 * it is done only when, as far as is known, there is nothing to be done. */
static struct view {
    struct ring *ring;
    unsigned long next; /* the message that it will write, or read, counted from 0 */
    unsigned long seen; /* the other one's count, when it was looked at last */
} views[2];

static size_t slot_size, slot_count /* a power of two */, ring_size;

static void *sysv_memory(size_t size)
{
    hold_endings();
    const int id = shmget(IPC_PRIVATE, size, S_IRUSR | S_IWUSR);
    void *const memory = id == -1 ? (void *)-1 : shmat(id, NULL, 0);
    const int error = errno;
    failed_call = id == -1 ? "shmget" : "shmat";
    if (id != -1 && shmctl(id, IPC_RMID, NULL) == -1) /* it goes with the last of us */
        err(EXIT_FAILURE, "shmctl");
    release_endings();
    errno = error;
    return memory == (void *)-1 ? NULL : memory;
}

static int posix_object(size_t size)
{
    char what[32];
    snprintf(what, sizeof what, "bench.%d", (int)getpid());
    const char *const name = demo_name(what, NULL);
    hold_endings();
    const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (fd == -1)
        err(EXIT_FAILURE, "shm_open %s in /dev/shm", name);
    if (shm_unlink(name) == -1)
        err(EXIT_FAILURE, "shm_unlink %s", name);
    release_endings();
    if ((errno = posix_fallocate(fd, 0, (off_t)size)) == 0) /* or a SIGBUS later */
        return fd;
    failed_call = "posix_fallocate";
    close(fd);
    return -1;
}

/* NULL: there is not that much; errno and `failed_call` say why. */
static void *shared_memory(size_t size)
{
    int fd = -1, flags = MAP_SHARED;
    if (strcmp(backing, "sysv") == 0)
        return sysv_memory(size);
    if (strcmp(backing, "anon") == 0)
        flags |= MAP_ANONYMOUS;
    else if ((fd = posix_object(size)) == -1)
        return NULL;
    void *const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (fd != -1)
        close(fd);
    failed_call = "mmap";
    return memory == MAP_FAILED ? NULL : memory;
}

/* On one CPU a process works until the ring is full, or empty: the more slots, the better. On two,
 * what counts is how fast a cache line changes hands. The lines of a few small slots, always the
 * same ones, need as little as half of the time; those of large messages are faster if there are so
 * many that they have left the cache of the CPU that wrote them for the one that both share. */
static size_t bytes_in_ring(size_t size)
{
    enum { SMALL = 4096, IN_OWN_CACHE = 64 * 1024, IN_SHARED_CACHE = 4 * 1024 * 1024 };
    if (bench_one_cpu)
        return IN_OWN_CACHE;
    return size < SMALL ? 0 : IN_SHARED_CACHE;
}

static void close_rings(void)
{
    for (int way = WAY_THERE; way <= WAY_BACK; way++) {
        if (views[way].ring != NULL && strcmp(backing, "sysv") == 0)
            shmdt(views[way].ring);
        else if (views[way].ring != NULL)
            munmap(views[way].ring, ring_size);
        views[way].ring = NULL;
    }
}

static void open_rings(size_t size)
{
    slot_size = (size + sizeof(number) + LINE - 1) / LINE * LINE;
    for (slot_count = FEWEST_SLOTS; slot_count * slot_size * 2 <= bytes_in_ring(size);)
        slot_count *= 2;
    ring_size = sizeof(struct ring) + slot_count * slot_size;
    for (int way = WAY_THERE; way <= WAY_BACK; way++) {
        views[way] = (struct view){.ring = shared_memory(ring_size)};
        if (views[way].ring == NULL) {
            warn("messages of %zu: %s: twice %zu bytes", size, failed_call, ring_size);
            bench_skips = true;
            close_rings();
            return;
        }
        if (sem_init(&views[way].ring->full, 1, 0) == -1 ||
            sem_init(&views[way].ring->empty, 1, 1) == -1)
            err(EXIT_FAILURE, "sem_init");
    }
}

static unsigned char *end_of_message(const struct view *view)
{
    const size_t slot = view->next & (slot_count - 1);
    return view->ring->slots + (slot + 1) * slot_size - sizeof(number);
}

static number *number_of(const struct view *view)
{
    return (number *)(void *)end_of_message(view);
}

/* To the CPU: this is a loop that waits. */
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* ---- A ring whose processes spin ---- */

static bool is_full(struct view *view)
{
    if (view->next - view->seen < slot_count)
        return false;
    view->seen = atomic_load_explicit(&view->ring->taken, memory_order_acquire);
    return view->next - view->seen == slot_count;
}

static bool is_empty(struct view *view)
{
    __builtin_prefetch(end_of_message(view) - LINE); /* comes over together with the number */
    return atomic_load_explicit(number_of(view), memory_order_acquire) != view->next + 1;
}

/* A process that sees the number sees the message: release here, acquire there. */
static void put(struct view *view, const void *message, size_t size)
{
    number *const stored = number_of(view);
    memcpy(end_of_message(view) - size, message, size);
    view->next++;
    atomic_store_explicit(stored, view->next, memory_order_release);
}

static void take(struct view *view, void *message, size_t size)
{
    memcpy(message, end_of_message(view) - size, size);
    view->next++;
    atomic_store_explicit(&view->ring->taken, view->next, memory_order_release);
}

static void send_spinning(enum way way, void *message, size_t size)
{
    while (is_full(&views[way]))
        relax();
    put(&views[way], message, size);
}

static void receive_spinning(enum way way, void *message, size_t size)
{
    while (is_empty(&views[way]))
        relax();
    take(&views[way], message, size);
}

/* ---- A ring whose processes sleep ---- */

/* A process that is about to sleep sets its word and then looks once more; one that has changed the
 * ring looks at the word afterwards. With a full fence between the two steps on both sides, at
 * least one of them sees what the other has done. */
static void wake(atomic_uint *sleeps)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(sleeps, memory_order_relaxed) == 0)
        return;
    atomic_store_explicit(sleeps, 0, memory_order_relaxed);
    if (syscall(SYS_futex, sleeps, FUTEX_WAKE, 1, NULL, NULL, 0) == -1)
        err(EXIT_FAILURE, "futex FUTEX_WAKE");
}

static void announce_sleep(atomic_uint *sleeps)
{
    atomic_store_explicit(sleeps, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

static void sleep_while(atomic_uint *sleeps)
{
    if (syscall(SYS_futex, sleeps, FUTEX_WAIT, 1, NULL, NULL, 0) == -1 && errno != EAGAIN &&
        errno != EINTR)
        err(EXIT_FAILURE, "futex FUTEX_WAIT");
}

/* The other one may be about to send; on another CPU it is worth looking for a while. */
static int looks(void)
{
    enum { LOOKS = 500 };
    return bench_one_cpu ? 1 : LOOKS;
}

static void send_sleeping(enum way way, void *message, size_t size)
{
    struct view *const view = &views[way];
    for (int left = looks(); is_full(view); left--)
        if (left > 0) {
            relax();
        } else {
            announce_sleep(&view->ring->writer_sleeps);
            if (is_full(view))
                sleep_while(&view->ring->writer_sleeps);
        }
    put(view, message, size);
    wake(&view->ring->reader_sleeps);
}

static void receive_sleeping(enum way way, void *message, size_t size)
{
    struct view *const view = &views[way];
    for (int left = looks(); is_empty(view); left--)
        if (left > 0) {
            relax();
        } else {
            announce_sleep(&view->ring->reader_sleeps);
            if (is_empty(view))
                sleep_while(&view->ring->reader_sleeps);
        }
    take(view, message, size);
    wake(&view->ring->writer_sleeps);
}

/* ---- One slot, two semaphores ---- */

static void send_by_slot(enum way way, void *message, size_t size)
{
    struct ring *const ring = views[way].ring;
    if (sem_wait(&ring->empty) == -1)
        err(EXIT_FAILURE, "sem_wait");
    memcpy(ring->slots, message, size);
    if (sem_post(&ring->full) == -1)
        err(EXIT_FAILURE, "sem_post");
}

static void receive_by_slot(enum way way, void *message, size_t size)
{
    struct ring *const ring = views[way].ring;
    if (sem_wait(&ring->full) == -1)
        err(EXIT_FAILURE, "sem_wait");
    memcpy(message, ring->slots, size);
    if (sem_post(&ring->empty) == -1)
        err(EXIT_FAILURE, "sem_post");
}

static void choose_backing(int letter, const char *argument)
{
    (void)letter;
    if (strcmp(argument, "sysv") != 0 && strcmp(argument, "posix") != 0 &&
        strcmp(argument, "anon") != 0)
        errx(USAGE_ERROR, "-b '%s': not sysv, posix or anon", argument);
    backing = argument;
}

int main(int argc, char *argv[])
{
    enum { LARGEST = 1 << 24 };
    static const struct mechanism spin = {.variant = "spin",
                                          .largest = LARGEST,
                                          .open = open_rings,
                                          .send = send_spinning,
                                          .receive = receive_spinning,
                                          .close = close_rings};
    static const struct mechanism sleeping = {.variant = "sleep",
                                              .largest = LARGEST,
                                              .open = open_rings,
                                              .send = send_sleeping,
                                              .receive = receive_sleeping,
                                              .close = close_rings};
    static const struct mechanism slot = {.variant = "slot",
                                          .largest = LARGEST,
                                          .open = open_rings,
                                          .send = send_by_slot,
                                          .receive = receive_by_slot,
                                          .close = close_rings};
    static const struct mechanism *const mechanisms[] = {&spin, &sleeping, &slot, NULL};
    return run_bench(argc, argv,
                     &(struct bench){.name = "shm",
                                     .mechanisms = mechanisms,
                                     .letters = "b:",
                                     .more_usage = "  -b MEMORY    sysv, posix or anon (anon)\n",
                                     .option = choose_backing});
}
