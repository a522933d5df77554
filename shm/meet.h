/* meet.h - how ring-write and ring-read find each other, and notice that the other one has ended
 *
 * A process that is killed cannot say so, but the kernel releases its record locks. Three bytes of
 * the empty file /tmp/ipc-UID/ring belong to each key. The process that holds the lock on byte
 * WRITER is the writer, the one that holds READER is the reader. A process that starts up holds
 * SETUP while it finds out whether the other is there: if not, it creates the segment and waits;
 * if so, it joins, and marks the segment IPC_RMID: it goes with the two of them, however they end.
 */
#ifndef MEET_H
#define MEET_H

#include "../lib/demo.h"
#include "ring.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { LOOK_ROUND_MS = 200, NOBODY = -1, FOREIGN = 0 };
enum lock { WRITER, READER, SETUP, LOCKS };

static const char *const role_names[] = {"writer", "reader"};
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

/* NOBODY, or a process; F_GETLK gives FOREIGN for one in another pid namespace. */
static pid_t holder_of(enum lock lock)
{
    const off_t place = first_lock + (off_t)lock;
    struct flock test = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
    if (fcntl(lock_file, F_GETLK, &test) == -1)
        err(EXIT_FAILURE, "fcntl F_GETLK");
    return test.l_type == F_UNLCK ? NOBODY : test.l_pid;
}

static void end_if_there_is_a_rival(void)
{
    const pid_t rival = holder_of(own);
    if (rival != NOBODY)
        errx(EXIT_FAILURE, "there is a %s already: process %d", role_names[own], (int)rival);
}

/* Not just anybody in that role: the one that this process has met. */
static bool other_lives(void)
{
    return holder_of(other) == other_pid;
}

_Noreturn static void other_is_gone(void)
{
    errx(EXIT_FAILURE, "the %s, process %d, is gone", role_names[other], (int)other_pid);
}

/* Returns the process that waits for us, or NOBODY. */
static pid_t look_who_is_there(key_t key)
{
    end_if_there_is_a_rival();
    change_lock(F_SETLK, own, F_WRLCK);
    const pid_t pid = holder_of(other);
    if (pid == NOBODY || shmget(key, 0, 0) != -1)
        return pid;
    if (errno != ENOENT)
        get_failed("shmget", key);
    /* It is not waiting for us: its partner is gone, and it will end soon. */
    say("process %d must end first ...", (int)pid);
    change_lock(F_SETLKW, other, F_WRLCK);
    change_lock(F_SETLK, other, F_UNLCK);
    return NOBODY;
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

/* -1: there is none. Ends if it is no ring, or another user's (which root could open). */
static int find_segment(key_t key)
{
    struct shmid_ds segment;
    const int id = shmget(key, 0, 0);
    if (id == -1 && errno == ENOENT)
        return -1;
    if (id == -1)
        get_failed("shmget", key);
    if (shmctl(id, IPC_STAT, &segment) == -1)
        err(EXIT_FAILURE, "shmctl 0x%08x (its owner: ipcs -m)", (unsigned)key);
    if (segment.shm_segsz != sizeof(struct ring) || segment.shm_perm.uid != geteuid())
        errx(EXIT_FAILURE, "segment 0x%08x is not a ring of yours", (unsigned)key);
    return id;
}

static int make_segment(key_t key)
{
    const int left = find_segment(key); /* by one that was killed while it waited */
    if (left != -1 && shmctl(left, IPC_RMID, NULL) == -1)
        err(EXIT_FAILURE, "shmctl IPC_RMID");
    hold_endings();
    made_segment = shmget(key, sizeof(struct ring), IPC_CREAT | IPC_EXCL | S_IRUSR | S_IWUSR);
    if (made_segment == -1)
        get_failed("shmget", key);
    remove_at_exit(A_SEGMENT, made_segment); /* unless we meet: then it is marked already */
    release_endings();
    say("shmget(0x%08x, IPC_CREAT) = %d", (unsigned)key, made_segment);
    return made_segment;
}

static void join(struct ring *ring, key_t key, int id)
{
    say("shmget(0x%08x) = %d", (unsigned)key, id);
    /* The order matters: if we are killed in between, the other process notices and removes it. */
    atomic_store(&ring->joined, getpid());
    const int result = shmctl(id, IPC_RMID, NULL);
    if (result == -1)
        err(EXIT_FAILURE, "shmctl IPC_RMID");
    say("shmctl(%d, IPC_RMID) = %d: marked", id, result);
    wake_other(ring);
}

static pid_t wait_for_other(struct ring *ring, key_t key)
{
    say("waiting for a %s (./shm/ring-%s)", role_names[other], other == WRITER ? "write" : "read");
    for (;;) {
        const unsigned seen = events_so_far(ring);
        const pid_t pid = atomic_load(&ring->joined);
        if (pid != 0)
            return holder_of(other) == FOREIGN ? FOREIGN : pid;
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

    end_if_there_is_a_rival(); /* it may hold SETUP for a while */
    change_lock(F_SETLKW, SETUP, F_WRLCK);
    other_pid = look_who_is_there(key);
    const int id = other_pid == NOBODY ? make_segment(key) : find_segment(key);
    if (id == -1)
        other_is_gone();
    struct ring *const ring = shmat(id, NULL, 0);
    if (ring == (void *)-1)
        err(EXIT_FAILURE, "shmat");
    if (other_pid != NOBODY)
        join(ring, key, id);
    change_lock(F_SETLK, SETUP, F_UNLCK);
    look_round_now_and_then();
    if (other_pid == NOBODY)
        other_pid = wait_for_other(ring, key);
    say("the %s is process %d%s", role_names[other], (int)other_pid,
        other_pid == FOREIGN ? ": in another pid namespace" : "");
    return ring;
}

#endif
