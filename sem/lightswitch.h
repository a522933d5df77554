/* lightswitch.h - a lock for readers and writers out of two semaphores: rwlock -m lightswitch
 *
 * The first reader takes the room, like the first person who comes in and switches the light on,
 * and the last one gives it back. A writer takes the room for itself. While readers keep coming,
 * the light stays on, and no writer gets in.
 */
#ifndef LIGHTSWITCH_H
#define LIGHTSWITCH_H

#include "stream.h"

#include <err.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

static struct light { /* in shared memory */
    sem_t empty;
    sem_t lock; /* of the number of readers */
    int readers;
} * light;

static inline void make_switch(void)
{
    light = share_memory(sizeof *light);
    if (sem_init(&light->empty, true, 1) == -1 || sem_init(&light->lock, true, 1) == -1)
        err(EXIT_FAILURE, "sem_init");
}

static inline void P(sem_t *semaphore)
{
    int result;
    while ((result = sem_wait(semaphore)) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "sem_wait");
    if (telling)
        say("sem_wait(%s) = %d", semaphore == &light->lock ? "lock" : "empty", result);
}

static inline void V(sem_t *semaphore)
{
    const int result = sem_post(semaphore);
    if (result == -1)
        err(EXIT_FAILURE, "sem_post");
    if (telling)
        say("sem_post(%s) = %d", semaphore == &light->lock ? "lock" : "empty", result);
}

static inline void read_lock(struct visitor *me)
{
    P(&light->lock);
    note_arrival(me);
    if (++light->readers == 1)
        P(&light->empty); /* the first one switches the light on */
    note_entry(me);
    V(&light->lock);
}

static inline void read_unlock(void)
{
    P(&light->lock);
    if (--light->readers == 0)
        V(&light->empty); /* the last one switches it off */
    V(&light->lock);
}

static inline void write_lock(struct visitor *me)
{
    note_arrival(me);
    P(&light->empty);
    note_entry(me);
}

static inline void write_unlock(void)
{
    V(&light->empty);
}

#endif
