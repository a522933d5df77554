/* monitor - a bounded buffer between processes: one mutex, and two conditions to wait for
 *
 * A process that finds the buffer empty (or full) waits at a condition: pthread_cond_wait() unlocks
 * the mutex and sleeps in one step, and locks it again before it returns. The wait stands in a
 * loop, because by then another process may have taken the item. -x makes one of three mistakes,
 * until it does harm.
 *
 * pthread_cond_wait(3), pthread_cond_signal(3), pthread_mutex_lock(3p)
 */
#include "load.h"
#include "shared.h"

#include <err.h>
#include <pthread.h>
#include <stdlib.h>

static const char usage[] =
    "usage: monitor [-c CONSUMERS] [-i ITEMS] [-p PRODUCERS] [-s SLOTS]\n"
    "       monitor -x [-m if|one|edge]\n"
    "  -c CONSUMERS  number of consumers (4)\n"
    "  -i ITEMS      number of items (1000)\n"
    "  -p PRODUCERS  number of producers (4)\n"
    "  -s SLOTS      number of slots in the buffer (2)\n"
    "  -x            a mistake, until it does harm; -m says which\n"
    "  -m if         does not look again after the wait (the default)\n"
    "  -m one        one condition for both sides\n"
    "  -m edge       signals only if the buffer was empty\n"
    "  prints how many items were produced, and how many were consumed exactly once\n";

enum { NO_ITEM = 3 }; /* the exit status of a consumer that was woken, and found none */
enum mistake { IF, ONE, EDGE, NONE };
static enum mistake mistake = NONE;
static const char *const names[] = {"if", "one", "edge"};
static const char *const lessons[] = {
    [IF] = "pthread_cond_wait() returned, and there was no item: look again, in a loop",
    [ONE] = "one condition for both sides: a signal woke the wrong one, and was lost",
    [EDGE] = "a signal at the edge only: consumers sleep beside a buffer that is not empty",
    [NONE] = "the wait unlocks the mutex while it sleeps; when it returns, look again"};

static struct monitor { /* in shared memory */
    pthread_mutex_t mutex;
    pthread_cond_t not_empty, not_full;
    int count, in, out, slot[MOST_SLOTS];
} * monitor;

static pthread_cond_t *not_empty, *not_full; /* with -m one, they are the same */

static void insert(int item)
{
    monitor->slot[monitor->in] = item;
    let_others_in(item);
    monitor->in = (monitor->in + 1) % slots;
    monitor->count++;
}

static int extract(void)
{
    const int item = monitor->slot[monitor->out];
    let_others_in(item);
    monitor->out = (monitor->out + 1) % slots;
    monitor->count--;
    return item;
}

static void put(int item)
{
    lock(&monitor->mutex);
    while (monitor->count == slots)
        wait_for(not_full, &monitor->mutex);
    insert(item);
    signal_one(not_empty);
    unlock(&monitor->mutex);
}

static int take(void)
{
    lock(&monitor->mutex);
    while (monitor->count == 0)
        wait_for(not_empty, &monitor->mutex);
    const int item = extract();
    signal_one(not_full);
    unlock(&monitor->mutex);
    return item;
}

static int take_with_if(void)
{
    lock(&monitor->mutex);
    if (monitor->count == 0) /* the mistake: it does not look again */
        wait_for(not_empty, &monitor->mutex);
    if (monitor->count == 0) {
        say("pthread_cond_wait(): awake, but count = %d", monitor->count);
        _exit(NO_ITEM);
    }
    const int item = extract();
    signal_one(not_full);
    unlock(&monitor->mutex);
    return item;
}

static void put_at_the_edge(int item)
{
    lock(&monitor->mutex);
    while (monitor->count == slots)
        wait_for(not_full, &monitor->mutex);
    insert(item);
    if (monitor->count == 1) /* the mistake: one signal for many items */
        signal_one(not_empty);
    unlock(&monitor->mutex);
}

static void start(void)
{
    monitor = share_memory(sizeof *monitor);
    init_shared_mutex(&monitor->mutex);
    init_shared_condition(&monitor->not_empty);
    init_shared_condition(&monitor->not_full);
    not_empty = &monitor->not_empty;
    not_full = mistake == ONE ? not_empty : &monitor->not_full;
    make_load();
    start_consumers(mistake == IF ? take_with_if : take);
    say("the consumers sleep: count %d", monitor->count);
    start_producers(mistake == EDGE ? put_at_the_edge : put);
}

static void show_sleepers(void)
{
    say("count %d, and all that are left still sleep", monitor->count);
    for (int i = 0; i < members; i++)
        if (!team[i].reaped)
            say("%s sleeps%s", team[i].name,
                is_asleep_at(team[i].pid, not_empty)  ? " in futex(&not_empty)"
                : is_asleep_at(team[i].pid, not_full) ? " in futex(&not_full)"
                                                      : "");
}

static bool has_done_harm(void)
{
    for (int left = members; left > 0; left--) {
        const int i = next_to_end(WATCHED_MS);
        if (i == NOBODY) {
            show_sleepers();
            return true;
        }
        team[i].reaped = true;
        if (reap(team[i].pid) == NO_ITEM)
            return true;
    }
    return false;
}

/* Whether a mistake does harm depends on the order in which they run. */
static void run_until_harm(void)
{
    enum { ROUNDS = 50 };
    for (int round = 1; round <= ROUNDS; round++) {
        start();
        if (has_done_harm()) {
            kill_team();
            return;
        }
        members = 0;
        say("all went well: once more");
    }
    errx(EXIT_FAILURE, "unexpected: all went well %d times", ROUNDS);
}

int main(int argc, char *argv[])
{
    bool wrong = false, loads = false;
    consumers = producers = 4;
    slots = 2;
    for (int letter; (letter = next_option(argc, argv, "c:i:m:p:s:x", usage)) != -1;)
        if (letter == 'x')
            wrong = true;
        else if (letter == 'm')
            mistake = (enum mistake)parse_choice(optarg, names, NONE);
        else
            loads = true, set_load(letter, optarg);
    check_operands(argc, argv, 0, 0);
    if (wrong ? loads : mistake != NONE)
        errx(USAGE_ERROR, "-m goes with -x, and the other options without it");
    if (wrong && mistake == NONE)
        mistake = IF;
    slots = mistake == ONE ? 1 : slots; /* so that both sides wait often */
    items = mistake == EDGE ? 40 : items;
    work_ms = mistake == EDGE ? 5 : work_ms; /* so that the buffer is seldom empty */

    lane(0, "watcher");
    if (wrong) {
        run_until_harm();
    } else {
        start();
        reap_team();
    }
    if ((!all_arrived_once() || monitor->count != 0) && !wrong)
        errx(EXIT_FAILURE, "unexpected: an item was lost, or taken twice");
    lesson("%s", lessons[mistake]);
    return EXIT_SUCCESS;
}
