/* prodcons - a bounded buffer between processes: three semaphores, or a monitor
 *
 * Each producer gets a free slot, fills it and gives an item; each consumer gets an item, empties
 * the slot and gives it back free. The lock keeps the two indices whole.
 *
 * Three semaphores: one counts the free slots, one the items, one is the lock. Free slots and items
 * are never more than there are slots, so whoever has got one has it for itself. Nobody sleeps with
 * the lock in hand, so whoever waits for the lock will get it.
 *
 * A monitor: a mutex, two plain counts, and two conditions to sleep at. pthread_cond_wait() gives
 * the mutex back while it sleeps, in one step, so no signal is missed. It stands in a loop: when it
 * returns, another may have been quicker. One signal for one item is enough, for nobody but who
 * wants an item sleeps at that condition.
 *
 * With -x a lock is taken first, and then the item awaited. The consumers start first, and the
 * buffer is empty: the first of them sleeps with the lock in hand. (In the monitor this is a second
 * lock, around the first: the wait gives back only the monitor's own.)
 *
 * sem_overview(7), sem_wait(3), pthread_cond_wait(3), pthread_mutexattr_setpshared(3)
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_OF_A_KIND = 32, MOST_SLOTS = 1000, MOST_ITEMS = 10000000 };
enum { NO_MORE = -1, WATCHED_MS = 200 };
enum thing { FREE, ITEM, LOCK, THINGS };

static const char *const names[THINGS] = {"a free slot", "an item", "the lock"};

static const char usage[] =
    "usage: prodcons [-x] [-m sem|monitor] [-c CONSUMERS] [-i ITEMS] [-p PRODUCERS] [-s SLOTS]\n"
    "  -c CONSUMERS  processes that take (2)\n"
    "  -i ITEMS      items in all (1000)\n"
    "  -m WAY        sem: three semaphores (the default); monitor: a mutex and two conditions\n"
    "  -p PRODUCERS  processes that put (2)\n"
    "  -s SLOTS      places in the buffer (4)\n"
    "  -x            first the lock, then wait for an item: deadlock; prints who waits for what\n"
    "  prints how many items were produced, and how many were consumed, each once\n";

static int consumers = 2, producers = 2, slots = 4, items = 1000;

static struct shared {
    sem_t semaphore[THINGS];
    pthread_mutex_t mutex; /* this and the next two are the monitor */
    pthread_cond_t available[LOCK];
    int count[LOCK];
    int slot[MOST_SLOTS];
    unsigned next_put, next_taken;
    atomic_int producing, produced;                 /* producers at work, items put so far */
    atomic_int holder, awaited[2 * MOST_OF_A_KIND]; /* who has got the lock, who wants what */
    atomic_uchar seen[];                            /* how often each item was taken */
} * shared;

static pid_t pids[2 * MOST_OF_A_KIND]; /* the consumers, then the producers */
static int me;                         /* my number among them */

static void wait_for(enum thing thing)
{
    shared->awaited[me] = (int)thing;
    while (sem_wait(&shared->semaphore[thing]) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "sem_wait");
    if (thing == LOCK)
        shared->holder = me;
}

static void post(enum thing thing)
{
    if (sem_post(&shared->semaphore[thing]) == -1)
        err(EXIT_FAILURE, "sem_post");
}

static void get(enum thing thing)
{
    wait_for(thing);
    wait_for(LOCK);
}

static void get_lock_first(enum thing thing)
{
    wait_for(LOCK);
    say("has the lock, waits for %s", names[thing]);
    wait_for(thing);
}

static void give(enum thing thing)
{
    post(LOCK);
    post(thing);
}

static void enter(enum thing thing)
{
    check_error(pthread_mutex_lock(&shared->mutex), "pthread_mutex_lock");
    shared->awaited[me] = (int)thing;
    while (shared->count[thing] == 0)
        check_error(pthread_cond_wait(&shared->available[thing], &shared->mutex),
                    "pthread_cond_wait");
    shared->count[thing]--;
}

static void leave(enum thing thing)
{
    shared->count[thing]++;
    check_error(pthread_cond_signal(&shared->available[thing]), "pthread_cond_signal");
    check_error(pthread_mutex_unlock(&shared->mutex), "pthread_mutex_unlock");
}

static void enter_lock_first(enum thing thing)
{
    wait_for(LOCK);
    say("has the outer lock, enters, waits for %s", names[thing]);
    enter(thing);
}

static void leave_lock_last(enum thing thing)
{
    leave(thing);
    post(LOCK);
}

/* How to get a free slot or an item, and with it the buffer; and how to give one, and let go. */
enum { SEM, MONITOR, WAYS };
static const struct way {
    const char *name;
    void (*get)(enum thing), (*give)(enum thing);
} right[WAYS] = {{"sem", get, give}, {"monitor", enter, leave}},
  wrong[WAYS] = {{"sem", get_lock_first, give}, {"monitor", enter_lock_first, leave_lock_last}};
static const struct way *way;

static void put(int item)
{
    way->get(FREE);
    shared->slot[shared->next_put++ % (unsigned)slots] = item;
    way->give(ITEM);
}

static int take(void)
{
    way->get(ITEM);
    const int item = shared->slot[shared->next_taken++ % (unsigned)slots];
    way->give(FREE);
    return item;
}

static void consume(void)
{
    for (int item; (item = take()) != NO_MORE;)
        atomic_fetch_add(&shared->seen[item], 1);
    say("took an end mark");
    _exit(EXIT_SUCCESS);
}

/* Every so-many-th item; who is done last tells each consumer. */
static void produce(int number)
{
    for (int item = number; item < items; item += producers) {
        put(item);
        atomic_fetch_add(&shared->produced, 1);
    }
    if (atomic_fetch_sub(&shared->producing, 1) == 1)
        for (int i = 0; i < consumers; i++)
            put(NO_MORE);
    _exit(EXIT_SUCCESS);
}

/* The next call overwrites the string. */
static const char *name_of(int party)
{
    static char name[32];
    const bool consumer = party < consumers;
    snprintf(name, sizeof name, "%s %d", consumer ? "consumer" : "producer",
             consumer ? party + 1 : party - consumers + 1);
    return name;
}

static void start(int party)
{
    pids[party] = fork();
    if (pids[party] == -1)
        err(EXIT_FAILURE, "fork");
    if (pids[party] != 0)
        return;
    me = party;
    lane(1, name_of(party));
    die_with_parent();
    if (party < consumers)
        consume();
    produce(party - consumers);
}

/* Each of them must be told that it is for processes: the semaphores, the mutex, the conditions. */
static void make_shared(void)
{
    shared = share_memory(sizeof *shared + (size_t)items);
    shared->producing = producers;
    shared->count[FREE] = slots;
    const unsigned values[THINGS] = {[FREE] = (unsigned)slots, [ITEM] = 0, [LOCK] = 1};
    for (int i = 0; i < THINGS; i++)
        if (sem_init(&shared->semaphore[i], true, values[i]) == -1)
            err(EXIT_FAILURE, "sem_init");
    pthread_mutexattr_t of_mutex;
    check_error(pthread_mutexattr_init(&of_mutex), "pthread_mutexattr_init");
    check_error(pthread_mutexattr_setpshared(&of_mutex, PTHREAD_PROCESS_SHARED), "setpshared");
    check_error(pthread_mutex_init(&shared->mutex, &of_mutex), "pthread_mutex_init");
    pthread_condattr_t of_condition;
    check_error(pthread_condattr_init(&of_condition), "pthread_condattr_init");
    check_error(pthread_condattr_setpshared(&of_condition, PTHREAD_PROCESS_SHARED), "setpshared");
    for (int i = 0; i < LOCK; i++)
        check_error(pthread_cond_init(&shared->available[i], &of_condition), "pthread_cond_init");
}

static int value_of(enum thing thing)
{
    int value;
    if (sem_getvalue(&shared->semaphore[thing], &value) == -1)
        err(EXIT_FAILURE, "sem_getvalue");
    return value;
}

/* Only when all sleep or have ended: then nobody has the mutex for just a moment. */
static void tell_state(const char *when)
{
    if (way->give == give) { /* with semaphores */
        say("%s: lock %d, items %d, free %d", when, value_of(LOCK), value_of(ITEM), value_of(FREE));
        return;
    }
    check_error(pthread_mutex_trylock(&shared->mutex), "pthread_mutex_trylock");
    say("%s: the mutex is free, items %d, free %d", when, shared->count[ITEM], shared->count[FREE]);
    check_error(pthread_mutex_unlock(&shared->mutex), "pthread_mutex_unlock");
}

/* In the order in which they end: if one is killed we end, and the others with us. */
static void reap_all(void)
{
    const int parties = consumers + producers;
    for (int left = parties; left > 0;) {
        const pid_t pid = wait_for_any();
        const int status = reap(pid);
        int party = 0;
        while (party < parties && pids[party] != pid)
            party++;
        if (party == parties)
            continue; /* a child of whoever was this process before exec */
        left--;
        if (status > 128)
            errx(EXIT_FAILURE, "%s was killed, signal %d: ending all", name_of(party),
                 status - 128);
        if (status != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "%s failed: ending all", name_of(party));
    }
}

static void show_deadlock(void)
{
    const int parties = consumers + producers;
    for (int i = 0; i < parties; i++)
        wait_asleep(pids[i]);
    tell_state("all sleep");
    if (!still_asleep(pids[shared->holder], WATCHED_MS) || value_of(LOCK) != 0)
        errx(EXIT_FAILURE, "%s does not sleep any more", name_of(shared->holder));
    say("%d ms later %s, with the lock, still sleeps", WATCHED_MS, name_of(shared->holder));
    for (int i = 0; i < parties; i++)
        printf("%s %swaits for %s\n", name_of(i), i == shared->holder ? "has the lock, " : "",
               names[shared->awaited[i]]);
    say("kill() all, with SIGTERM");
    for (int i = 0; i < parties; i++) {
        if (kill(pids[i], SIGTERM) == -1)
            err(EXIT_FAILURE, "kill");
        if (reap(pids[i]) != 128 + SIGTERM)
            errx(EXIT_FAILURE, "%s has ended too early", name_of(i));
    }
}

static int parse_way(const char *text)
{
    for (int i = 0; i < WAYS; i++)
        if (strcmp(text, right[i].name) == 0)
            return i;
    errx(USAGE_ERROR, "-m '%s': not sem or monitor", text);
}

int main(int argc, char *argv[])
{
    int choice = SEM;
    bool lock_first = false;
    for (int letter; (letter = next_option(argc, argv, "c:i:m:p:s:x", usage)) != -1;)
        switch (letter) {
        case 'c':
            consumers = (int)parse_long("-c", optarg, 1, MOST_OF_A_KIND);
            break;
        case 'i':
            items = (int)parse_long("-i", optarg, 1, MOST_ITEMS);
            break;
        case 'm':
            choice = parse_way(optarg);
            break;
        case 'p':
            producers = (int)parse_long("-p", optarg, 1, MOST_OF_A_KIND);
            break;
        case 's':
            slots = (int)parse_long("-s", optarg, 1, MOST_SLOTS);
            break;
        case 'x':
            lock_first = true;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (lock_first && items < producers)
        errx(USAGE_ERROR, "-x needs an item for each producer");

    lane(0, "watcher");
    way = lock_first ? &wrong[choice] : &right[choice];
    make_shared();
    say("slots %d, items %d, -m %s", slots, items, way->name);
    for (int i = 0; i < consumers; i++) {
        start(i);
        wait_asleep(pids[i]); /* the buffer is empty */
    }
    tell_state("the consumers sleep");
    for (int i = 0; i < producers; i++)
        start(consumers + i);
    if (lock_first)
        show_deadlock();
    else
        reap_all();

    int consumed = 0;
    for (int i = 0; i < items; i++)
        consumed += shared->seen[i] == 1;
    printf("produced %d consumed %d\n", shared->produced, consumed);
    flush_stdout();
    if (shared->produced != (lock_first ? 0 : items) || consumed != shared->produced)
        errx(EXIT_FAILURE, "unexpected: %d of %d items", consumed, items);
    if (lock_first) {
        lesson("it sleeps with the lock in hand, and whoever could wake it waits for that lock");
        return EXIT_SUCCESS;
    }
    tell_state("all have ended");
    lesson(choice == SEM
               ? "wait for the slot first, then take the lock: nobody sleeps with it in hand"
               : "pthread_cond_wait() gives the mutex back while it sleeps; then look again");
    return EXIT_SUCCESS;
}
