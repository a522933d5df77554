/* prodcons - a bounded buffer between processes: three semaphores
 *
 * `free` counts the free slots, `items` the items, and `lock` protects the two indices. Nobody
 * sleeps with the lock in hand, so a process that waits for the lock will get it.
 *
 * With -x a consumer takes the lock first, and then waits for an item. The consumers start first,
 * and the buffer is empty: the first of them sleeps with the lock in hand.
 *
 * sem_overview(7), sem_wait(3), sem_post(3)
 */
#include "load.h"

#include <err.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: prodcons [-x] [-c CONSUMERS] [-i ITEMS] [-p PRODUCERS] [-s SLOTS]\n"
    "  -c CONSUMERS  number of consumers (2)\n"
    "  -i ITEMS      number of items (1000)\n"
    "  -p PRODUCERS  number of producers (2)\n"
    "  -s SLOTS      number of slots in the buffer (4)\n"
    "  -x            a consumer takes the lock first, then waits for an item:\n"
    "                deadlock; prints who waits for what\n"
    "  prints how many items were produced, and how many were consumed exactly once\n";

static struct buffer { /* in shared memory */
    sem_t free, items, lock;
    int in, out, slot[MOST_SLOTS];
} * buffer;

static const char *name_of(const sem_t *semaphore)
{
    return semaphore == &buffer->free ? "free" : semaphore == &buffer->items ? "items" : "lock";
}

static void P(sem_t *semaphore)
{
    int result;
    while ((result = sem_wait(semaphore)) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "sem_wait");
    if (telling)
        say("sem_wait(%s) = %d", name_of(semaphore), result);
}

static void V(sem_t *semaphore)
{
    const int result = sem_post(semaphore);
    if (result == -1)
        err(EXIT_FAILURE, "sem_post");
    if (telling)
        say("sem_post(%s) = %d", name_of(semaphore), result);
}

static void put(int item)
{
    P(&buffer->free);
    P(&buffer->lock);
    buffer->slot[buffer->in] = item;
    let_others_in(item);
    buffer->in = (buffer->in + 1) % slots;
    V(&buffer->lock);
    V(&buffer->items);
}

static int take(void)
{
    P(&buffer->items);
    P(&buffer->lock);
    const int item = buffer->slot[buffer->out];
    let_others_in(item);
    buffer->out = (buffer->out + 1) % slots;
    V(&buffer->lock);
    V(&buffer->free);
    return item;
}

static int take_lock_first(void)
{
    P(&buffer->lock);
    P(&buffer->items); /* the mistake: it sleeps with the lock in hand */
    const int item = buffer->slot[buffer->out];
    buffer->out = (buffer->out + 1) % slots;
    V(&buffer->lock);
    V(&buffer->free);
    return item;
}

static int value_of(sem_t *semaphore)
{
    int value;
    if (sem_getvalue(semaphore, &value) == -1)
        err(EXIT_FAILURE, "sem_getvalue");
    return value;
}

static void make_buffer(void)
{
    buffer = share_memory(sizeof *buffer);
    if (sem_init(&buffer->free, true, (unsigned)slots) == -1 ||
        sem_init(&buffer->items, true, 0) == -1 || sem_init(&buffer->lock, true, 1) == -1)
        err(EXIT_FAILURE, "sem_init");
}

static void say_values(const char *when)
{
    say("%s: lock %d, items %d, free %d", when, value_of(&buffer->lock), value_of(&buffer->items),
        value_of(&buffer->free));
}

/* The kernel says in which futex(2) a process sleeps: at the address of which semaphore. NULL where
 * it does not let us see that. */
static const sem_t *awaited_by(pid_t pid)
{
    sem_t *const all[] = {&buffer->free, &buffer->items, &buffer->lock};
    for (int i = 0; i < 3; i++)
        if (is_asleep_in(pid, "futex", (long)all[i]))
            return all[i];
    return NULL;
}

static void show_deadlock(void)
{
    if (next_to_end(WATCHED_MS) != NOBODY)
        errx(EXIT_FAILURE, "unexpected: no deadlock");
    say_values("all still sleep");
    for (int i = 0; i < members; i++) {
        const sem_t *semaphore = awaited_by(team[i].pid);
        if (semaphore != NULL)
            say("%s sleeps in futex(&%s)", team[i].name, name_of(semaphore));
        else /* unseen: consumer 1 was the first, and slots enough bring all others to the lock */
            semaphore = i == 0 ? &buffer->items : slots >= producers ? &buffer->lock : NULL;
        printf("%s %s\n", team[i].name,
               semaphore == &buffer->items  ? "has the lock, waits for an item"
               : semaphore == &buffer->lock ? "waits for the lock"
               : semaphore == &buffer->free ? "waits for a free slot"
                                            : "waits");
    }
    kill_team();
    all_arrived_once();
    lesson("a consumer sleeps with the lock, and nobody can wake it without that lock");
}

static void show_the_end(void)
{
    reap_team();
    if (!all_arrived_once())
        errx(EXIT_FAILURE, "unexpected: an item was lost, or taken twice");
    say_values("all have ended");
    if (value_of(&buffer->lock) != 1 || value_of(&buffer->items) != 0 ||
        value_of(&buffer->free) != slots)
        errx(EXIT_FAILURE, "unexpected: not the values of the beginning");
    lesson("wait for the slot first, then take the lock: nobody sleeps with it in hand");
}

int main(int argc, char *argv[])
{
    bool lock_first = false;
    for (int letter; (letter = next_option(argc, argv, "c:i:p:s:x", usage)) != -1;)
        if (letter == 'x')
            lock_first = true;
        else
            set_load(letter, optarg);
    check_operands(argc, argv, 0, 0);
    if (lock_first && items < producers)
        errx(USAGE_ERROR, "-x needs an item for each producer");

    lane(0, "watcher");
    make_buffer();
    make_load();
    start_consumers(lock_first ? take_lock_first : take);
    say_values("the consumers sleep");
    start_producers(put);
    if (lock_first)
        show_deadlock();
    else
        show_the_end();
    return EXIT_SUCCESS;
}
