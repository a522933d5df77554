/* ring.h - the ring that ring-write and ring-read share; meet.h is how the two find each other
 *
 * The writer alone stores `written`, the reader alone stores `taken`, so there is nothing to lock.
 * What matters is the order: first the bytes, then the count that promises them. A count is stored
 * with release and loaded with acquire: a process that sees the new count sees everything the other
 * did before it.
 */
#ifndef RING_H
#define RING_H

#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPACITY = 256 * 1024, MOST_AT_ONCE = CAPACITY / 4 };
enum { FUTEX_WAIT, FUTEX_WAKE }; /* as in <linux/futex.h>, which musl does not bring along */

/* A new segment is full of zeros, and that is an empty ring. Byte number n of the stream is at
 * n modulo CAPACITY: a power of two, so that the counts may wrap round. */
struct ring {
    atomic_uint events;    /* counts all changes below; the futex word */
    atomic_int joined;     /* the process that has joined the one that made the ring; 0: nobody */
    atomic_int ended;      /* 1: the writer has written all that it had */
    atomic_size_t written; /* bytes so far */
    atomic_size_t taken;   /* bytes so far */
    unsigned checksum;     /* of all bytes, valid when `ended` is set */
    unsigned char bytes[CAPACITY];
};

/* Atomics that are not lock-free are emulated with a lock that is private to each process. */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LONG_LOCK_FREE == 2, "no lock-free atomics");

static size_t look_at(atomic_size_t *count)
{
    return atomic_load_explicit(count, memory_order_acquire);
}

/* Without FUTEX_PRIVATE_FLAG the kernel finds the sleeper by the memory, whatever address it has in
 * either process. */
static void wake_other(struct ring *ring)
{
    atomic_fetch_add_explicit(&ring->events, 1, memory_order_release);
    if (syscall(SYS_futex, &ring->events, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) == -1)
        err(EXIT_FAILURE, "futex FUTEX_WAKE");
}

static void publish(struct ring *ring, atomic_size_t *count, size_t value)
{
    atomic_store_explicit(count, value, memory_order_release);
    wake_other(ring);
}

/* To be read before anything else in the ring is looked at. */
static unsigned events_so_far(struct ring *ring)
{
    return atomic_load_explicit(&ring->events, memory_order_acquire);
}

/* Sleeps unless there have been more events than `seen`. The kernel compares and goes to sleep in
 * one step, so that no event is missed. Returns false if a signal has interrupted the sleep. */
static bool sleep_until_event(struct ring *ring, unsigned seen)
{
    if (syscall(SYS_futex, &ring->events, FUTEX_WAIT, seen, NULL, NULL, 0) == 0 || errno == EAGAIN)
        return true;
    if (errno != EINTR)
        err(EXIT_FAILURE, "futex FUTEX_WAIT");
    return false;
}

/* How many of `bytes` from this place on lie in a row, and not too many for one call. */
static size_t in_a_row(size_t bytes, size_t place)
{
    const size_t to_the_end = CAPACITY - place;
    const size_t row = bytes < to_the_end ? bytes : to_the_end;
    return row < MOST_AT_ONCE ? row : MOST_AT_ONCE;
}

static unsigned add_to_checksum(unsigned sum, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        sum = sum * 31 + bytes[i];
    return sum;
}

#endif
