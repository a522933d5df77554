/* stream.h - readers and writers in a steady stream: the load of rwlock, without the lock
 *
 * Nobody leaves before another of its kind has arrived, until all entries of the kind are used up.
 * So a process that can starve does starve, on every run and every machine. The lock calls
 * note_arrival() and note_entry(); they count who overtakes whom.
 */
#ifndef STREAM_H
#define STREAM_H

#include "shared.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

enum { MOST_OF_A_KIND = 32, ENTRIES = 200, STAY_MS = 1 };
enum kind { READER, WRITER, KINDS };

static const char *const kind_names[] = {"reader", "writer"};
static int of_kind[KINDS] = {3, 3};

static struct stream { /* in shared memory */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int claimed[KINDS], arrived[KINDS], tickets;
    atomic_int present[KINDS];     /* waiting or inside */
    atomic_int seen_inside[KINDS]; /* checks that the lock works */
    atomic_bool shared;            /* two readers were inside together */
    struct visitor {
        enum kind kind;
        bool waits;
        int ticket;
        double since, longest_wait;
        int overtaken[KINDS], most_overtaken[KINDS]; /* by each kind */
    } visitor[KINDS][MOST_OF_A_KIND];
} * stream;

static inline void make_stream(void)
{
    stream = share_memory(sizeof *stream);
    init_shared_mutex(&stream->mutex);
    init_shared_condition(&stream->changed);
    for (int i = 0; i < MOST_OF_A_KIND; i++)
        stream->visitor[WRITER][i].kind = WRITER;
}

static inline void lock_stream(void)
{
    check_error(pthread_mutex_lock(&stream->mutex), "pthread_mutex_lock");
}

static inline void unlock_stream(void)
{
    check_error(pthread_cond_broadcast(&stream->changed), "pthread_cond_broadcast");
    check_error(pthread_mutex_unlock(&stream->mutex), "pthread_mutex_unlock");
}

/* Returns whether there is another entry for this kind. */
static inline bool claim_entry(enum kind kind)
{
    lock_stream();
    const bool more = stream->claimed[kind] < ENTRIES;
    stream->claimed[kind] += more;
    unlock_stream();
    return more;
}

static inline void note_arrival(struct visitor *me)
{
    lock_stream();
    stream->arrived[me->kind]++;
    stream->present[me->kind]++;
    me->ticket = stream->tickets++;
    me->overtaken[READER] = me->overtaken[WRITER] = 0;
    me->since = now_in_ms();
    me->waits = true;
    unlock_stream();
}

/* All that came earlier, and wait, are overtaken. */
static inline void note_entry(struct visitor *me)
{
    lock_stream();
    const double waited = now_in_ms() - me->since;
    if (waited > me->longest_wait)
        me->longest_wait = waited;
    me->waits = false;
    for (enum kind kind = READER; kind < KINDS; kind++)
        for (int i = 0; i < of_kind[kind]; i++) {
            struct visitor *const other = &stream->visitor[kind][i];
            if (other->waits && other->ticket < me->ticket)
                other->overtaken[me->kind]++;
            if (other->overtaken[me->kind] > other->most_overtaken[me->kind])
                other->most_overtaken[me->kind] = other->overtaken[me->kind];
        }
    unlock_stream();
}

/* Each first says that it is inside, and then looks: of two that must not be there together, at
 * least one sees the other. */
static inline void stay(enum kind kind)
{
    const int same = atomic_fetch_add(&stream->seen_inside[kind], 1);
    if (atomic_load(&stream->seen_inside[!kind]) > 0 || (kind == WRITER && same > 0))
        errx(EXIT_FAILURE, "unexpected: a writer is not alone");
    if (same > 0)
        atomic_store(&stream->shared, true);
    struct timespec left = {.tv_nsec = STAY_MS * 1000000};
    while (nanosleep(&left, &left) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "nanosleep");
}

static inline void wait_for_successor(enum kind kind)
{
    lock_stream();
    while (stream->present[kind] == 1 && stream->arrived[kind] < ENTRIES)
        check_error(pthread_cond_wait(&stream->changed, &stream->mutex), "pthread_cond_wait");
    stream->present[kind]--;
    atomic_fetch_sub(&stream->seen_inside[kind], 1);
    unlock_stream();
}

/* Prints a line for the kind, and returns how often one of it was overtaken: the worst case. */
static inline void report(enum kind kind, int overtaken[KINDS])
{
    double wait = 0;
    overtaken[READER] = overtaken[WRITER] = 0;
    for (int i = 0; i < of_kind[kind]; i++) {
        const struct visitor *const visitor = &stream->visitor[kind][i];
        wait = visitor->longest_wait > wait ? visitor->longest_wait : wait;
        for (enum kind by = READER; by < KINDS; by++)
            if (visitor->most_overtaken[by] > overtaken[by])
                overtaken[by] = visitor->most_overtaken[by];
    }
    printf("%ss entries %d longest wait %.1f ms overtaken %d by its own kind %d\n",
           kind_names[kind], stream->arrived[kind], wait, overtaken[!kind], overtaken[kind]);
}

#endif
