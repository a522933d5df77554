/* ring.h - what ring-write and ring-read share: the ring, and how the two find each other
 *
 * A process that is killed cannot say so, but the kernel releases its record locks. Three bytes of
 * the file /tmp/ipc-UID/ring, which is always empty, belong to each key. Who holds the lock on the
 * byte WRITER is the writer, and who holds READER the reader: there is never a second one, and each
 * can see whether the other one lives. SETUP is held by whoever looks round: if nobody is there, it
 * makes the segment, and waits; if the other one waits already, it joins it.
 *
 * The one that joins marks the segment IPC_RMID. From then on nobody else finds it, and it goes
 * with the two of them, however they end.
 */
#ifndef RING_H
#define RING_H

#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { CAPACITY = 256 * 1024, MOST_AT_ONCE = CAPACITY / 4, LOOK_ROUND_MS = 200 };
enum { FUTEX_WAIT, FUTEX_WAKE }; /* as in <linux/futex.h>, which musl does not bring along */
enum lock { WRITER, READER, SETUP, LOCKS };

static const char *const role_names[] = {"writer", "reader"};

/* A new segment is full of zeros, and that is an empty ring. A byte stands in the place of its
 * number modulo CAPACITY: a power of two, so that the counts may wrap round. */
struct ring {
    atomic_uint events;    /* counts all changes below; the futex word */
    atomic_int joined;     /* the process that has joined the one that made the ring; 0: nobody */
    atomic_bool ended;     /* the writer has written all that it had */
    atomic_size_t written; /* bytes so far, stored by the writer alone */
    atomic_size_t taken;   /* bytes so far, stored by the reader alone */
    unsigned char bytes[CAPACITY];
};

/* Others would be made of a lock and a plain variable, and the other process has not that lock. */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LONG_LOCK_FREE == 2, "no lock-free atomics");

static int lock_file, made_segment;
static off_t first_lock;
static enum lock own, other;
static pid_t other_pid;

/* ---- Who is there ---- */

static void change_lock(int command, enum lock lock, short type)
{
    const off_t place = first_lock + (off_t)lock;
    struct flock change = {.l_type = type, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
    if (fcntl(lock_file, command, &change) == -1)
        err(EXIT_FAILURE, "fcntl F_SETLK");
}

/* 0: nobody. */
static pid_t holder_of(enum lock lock)
{
    const off_t place = first_lock + (off_t)lock;
    struct flock test = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
    if (fcntl(lock_file, F_GETLK, &test) == -1)
        err(EXIT_FAILURE, "fcntl F_GETLK");
    return test.l_type == F_UNLCK ? 0 : test.l_pid;
}

/* Not just anybody in that role: the one that this process has met. */
static bool other_lives(void)
{
    return holder_of(other) == other_pid;
}

/* Returns who waits for us; 0: nobody. */
static pid_t look_who_is_there(key_t key)
{
    const pid_t double_pid = holder_of(own);
    if (double_pid != 0)
        errx(EXIT_FAILURE, "there is a %s already: process %d", role_names[own], (int)double_pid);
    change_lock(F_SETLK, own, F_WRLCK);
    const pid_t pid = holder_of(other);
    if (pid == 0 || shmget(key, 0, 0) != -1)
        return pid;
    if (errno != ENOENT)
        err(EXIT_FAILURE, "shmget 0x%08x", (unsigned)key);
    /* It does not wait for us: it has met one who has ended, and will end as well. */
    say("waits until process %d has ended", (int)pid);
    change_lock(F_SETLKW, other, F_WRLCK);
    change_lock(F_SETLK, other, F_UNLCK);
    return 0;
}

/* ---- Sleeping and waking ---- */

/* Whoever sees the new number of events sees all that was stored before: release here, acquire
 * there. Without FUTEX_PRIVATE_FLAG the kernel finds the sleeper by the memory, whatever address it
 * has in either process. */
static void announce(struct ring *ring)
{
    atomic_fetch_add_explicit(&ring->events, 1, memory_order_release);
    if (syscall(SYS_futex, &ring->events, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) == -1)
        err(EXIT_FAILURE, "futex FUTEX_WAKE");
}

/* To be read before anything else in the ring is looked at. */
static unsigned events_so_far(struct ring *ring)
{
    return atomic_load_explicit(&ring->events, memory_order_acquire);
}

/* Sleeps unless there have been more events than `seen`. The kernel compares and goes to sleep in
 * one step, so that no event is missed. Returns false if the timer has interrupted the sleep. */
static bool sleep_until_event(struct ring *ring, unsigned seen)
{
    if (syscall(SYS_futex, &ring->events, FUTEX_WAIT, seen, NULL, NULL, 0) == 0 || errno == EAGAIN)
        return true;
    if (errno != EINTR)
        err(EXIT_FAILURE, "futex FUTEX_WAIT");
    return false;
}

static void do_nothing(int signal_number)
{
    (void)signal_number;
}

/* From now on whatever call sleeps, futex(), read() or write(), soon fails with EINTR: time to look
 * whether the other one lives. A signal just before such a call is lost, but not the next one. */
static void look_round_now_and_then(void)
{
    const struct sigaction action = {.sa_handler = do_nothing}; /* no SA_RESTART */
    if (sigaction(SIGALRM, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    const struct timeval interval = {.tv_usec = LOOK_ROUND_MS * 1000};
    const struct itimerval timer = {.it_interval = interval, .it_value = interval};
    if (setitimer(ITIMER_REAL, &timer, NULL) == -1)
        err(EXIT_FAILURE, "setitimer");
}

/* ---- The segment ---- */

/* A system call, so a signal handler may do it. After the other one has done it, it does nothing.
 */
static void remove_segment(void)
{
    shmctl(made_segment, IPC_RMID, NULL);
}

static void remove_and_end(int signal_number)
{
    remove_segment();
    signal(signal_number, SIG_DFL);
    raise(signal_number); /* it ends the process on return */
}

static void remove_segment_at_exit(void)
{
    static const int endings[] = {SIGHUP, SIGINT, SIGTERM};
    const struct sigaction new = {.sa_handler = remove_and_end};
    struct sigaction old;
    if (atexit(remove_segment) != 0)
        errx(EXIT_FAILURE, "atexit");
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (sigaction(endings[i], NULL, &old) == -1 ||
            (old.sa_handler != SIG_IGN && sigaction(endings[i], &new, NULL) == -1))
            err(EXIT_FAILURE, "sigaction");
}

/* -1: there is none. Ends if it is no ring, or another user's (which root could open). */
static int find_segment(key_t key)
{
    struct shmid_ds segment;
    const int id = shmget(key, 0, 0);
    if (id == -1 && errno == ENOENT)
        return -1;
    if (id == -1)
        err(EXIT_FAILURE, "shmget 0x%08x", (unsigned)key);
    if (shmctl(id, IPC_STAT, &segment) == -1)
        err(EXIT_FAILURE, "shmctl 0x%08x (whose it is: ipcs -m)", (unsigned)key);
    if (segment.shm_segsz != sizeof(struct ring) || segment.shm_perm.uid != geteuid())
        errx(EXIT_FAILURE, "segment 0x%08x is not a ring of yours", (unsigned)key);
    return id;
}

static struct ring *attach(int id)
{
    struct ring *const ring = shmat(id, NULL, 0);
    if (ring == (void *)-1)
        err(EXIT_FAILURE, "shmat");
    return ring;
}

static struct ring *make_ring(key_t key)
{
    const int left = find_segment(key); /* by one that was killed while it waited */
    if (left != -1 && shmctl(left, IPC_RMID, NULL) == -1)
        err(EXIT_FAILURE, "shmctl IPC_RMID");
    hold_endings();
    made_segment = shmget(key, sizeof(struct ring), IPC_CREAT | IPC_EXCL | S_IRUSR | S_IWUSR);
    if (made_segment == -1)
        err(EXIT_FAILURE, "shmget 0x%08x", (unsigned)key);
    remove_segment_at_exit();
    release_endings();
    say("shmget(0x%08x) = %d, made", (unsigned)key, made_segment);
    return attach(made_segment);
}

static struct ring *join_ring(key_t key)
{
    const int id = find_segment(key);
    struct ring *const ring = attach(id);
    say("shmget(0x%08x) = %d, found", (unsigned)key, id);
    /* In this order: if we are killed in between, the other one notices, and removes it. */
    atomic_store(&ring->joined, getpid());
    if (shmctl(id, IPC_RMID, NULL) == -1)
        err(EXIT_FAILURE, "shmctl IPC_RMID");
    say("shmctl(%d, IPC_RMID): ends with both of us", id);
    announce(ring);
    return ring;
}

static pid_t wait_for_other(struct ring *ring, key_t key)
{
    say("waits for a %s", role_names[other]);
    for (;;) {
        const unsigned seen = events_so_far(ring);
        const pid_t pid = atomic_load(&ring->joined);
        if (pid != 0)
            return pid;
        if (!sleep_until_event(ring, seen) && shmget(key, 0, 0) != made_segment &&
            atomic_load(&ring->joined) == 0)
            errx(EXIT_FAILURE, "the segment was removed meanwhile");
    }
}

/* The ring of this key, with both processes at it. */
static struct ring *open_ring(key_t key, enum lock role)
{
    own = role;
    other = role == WRITER ? READER : WRITER;
    first_lock = (off_t)(unsigned)key * LOCKS;
    const char *const path = demo_path("ring");
    lock_file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (lock_file == -1)
        err(EXIT_FAILURE, "open %s", path);

    change_lock(F_SETLKW, SETUP, F_WRLCK);
    other_pid = look_who_is_there(key);
    struct ring *const ring = other_pid == 0 ? make_ring(key) : join_ring(key);
    change_lock(F_SETLK, SETUP, F_UNLCK);
    look_round_now_and_then();
    if (other_pid == 0)
        other_pid = wait_for_other(ring, key);
    say("the %s is process %d", role_names[other], (int)other_pid);
    return ring;
}

#endif
