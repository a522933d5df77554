/* rwlock - readers share, a writer is alone: three policies, and who starves under each
 *
 * The policies differ in one function, may_enter(); the rest, a monitor, is the same. `readers`: a
 * reader enters unless a writer is inside, however many writers wait. `writers`: nor while one
 * waits. `fair`: in the order of arrival, a ticket for each. The two first starve the other kind,
 * the third nobody: before each, only those enter who came before.
 *
 * The load is a steady stream of both kinds, and for that nobody leaves before another of its kind
 * has arrived, until all entries of the kind are used up. So there is always a reader inside under
 * `readers`, and always a writer inside or waiting under `writers`: not by luck, on every machine.
 *
 * pthread_cond_wait(3), pthread_condattr_setpshared(3), pthread_rwlock_wrlock(3)
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_OF_A_KIND = 32, ENTRIES = 200, STAY_MS = 1, MILLISECOND = 1000000 };
enum kind { READER, WRITER, KINDS };
enum policy { READERS, WRITERS, FAIR, POLICIES };

static const char *const kind_names[] = {"reader", "writer"};
static const char *const policy_names[] = {"readers", "writers", "fair"};

static const char usage[] =
    "usage: rwlock [-m readers|writers|fair] [-r READERS] [-w WRITERS]\n"
    "  -m POLICY   readers: readers first (the default); writers: writers first; fair: in the\n"
    "              order of arrival\n"
    "  -r READERS  reader processes, 2 to 32 (3)\n"
    "  -w WRITERS  writer processes, 2 to 32 (3)\n"
    "  prints for each kind all entries, the longest time that one has waited, and by how many of\n"
    "  the other kind one was overtaken: they came later and went in first\n";

static enum policy policy = READERS;
static int members[KINDS] = {3, 3};

/* In shared memory, and guarded by the mutex, but for what is atomic. */
static struct room {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int still_to_come[KINDS], waiting[KINDS], inside[KINDS];
    int arrivals, entries;
    atomic_int present[KINDS];     /* waiting or inside; atomic for the watcher */
    atomic_int seen_inside[KINDS]; /* to see whether the guard is good */
    struct party {
        int ticket;
        bool waits;
        int overtaken, most_overtaken;
        double longest_wait;
    } party[KINDS][MOST_OF_A_KIND];
} * room;

static enum kind other(enum kind kind)
{
    return kind == READER ? WRITER : READER;
}

/* The first line is what a lock for readers and writers is, the rest is who goes first. */
static bool may_enter(enum kind kind, int ticket)
{
    if (room->inside[WRITER] > 0 || (kind == WRITER && room->inside[READER] > 0))
        return false;
    if (policy == FAIR)
        return ticket == room->entries; /* all that came before have entered */
    return kind == (policy == READERS ? READER : WRITER) || room->waiting[other(kind)] == 0;
}

static void overtake(enum kind kind, int ticket)
{
    for (int i = 0; i < members[kind]; i++) {
        struct party *const party = &room->party[kind][i];
        if (party->waits && party->ticket < ticket && ++party->overtaken > party->most_overtaken)
            party->most_overtaken = party->overtaken;
    }
}

/* Returns false when all entries of the kind are used up. */
static bool enter(enum kind kind, struct party *me)
{
    check_error(pthread_mutex_lock(&room->mutex), "pthread_mutex_lock");
    const bool comes = room->still_to_come[kind] > 0;
    if (comes) {
        room->still_to_come[kind]--;
        room->present[kind]++;
        room->waiting[kind]++;
        me->ticket = room->arrivals++;
        me->overtaken = 0;
        me->waits = true;
        check_error(pthread_cond_broadcast(&room->changed), "pthread_cond_broadcast");
        while (!may_enter(kind, me->ticket))
            check_error(pthread_cond_wait(&room->changed, &room->mutex), "pthread_cond_wait");
        me->waits = false;
        room->waiting[kind]--;
        room->inside[kind]++;
        room->entries++;
        overtake(other(kind), me->ticket);
        check_error(pthread_cond_broadcast(&room->changed), "pthread_cond_broadcast");
    }
    check_error(pthread_mutex_unlock(&room->mutex), "pthread_mutex_unlock");
    return comes;
}

/* First say that I am inside, then look: of two that may not meet, one at least sees the other. */
static void stay(enum kind kind)
{
    const int same = atomic_fetch_add(&room->seen_inside[kind], 1);
    if (atomic_load(&room->seen_inside[other(kind)]) > 0 || (kind == WRITER && same > 0))
        errx(EXIT_FAILURE, "a writer is not alone");
    struct timespec left = {.tv_nsec = STAY_MS * MILLISECOND};
    while (nanosleep(&left, &left) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "nanosleep");
}

static void leave(enum kind kind)
{
    check_error(pthread_mutex_lock(&room->mutex), "pthread_mutex_lock");
    while (room->present[kind] == 1 && room->still_to_come[kind] > 0) /* a steady stream */
        check_error(pthread_cond_wait(&room->changed, &room->mutex), "pthread_cond_wait");
    atomic_fetch_sub(&room->seen_inside[kind], 1);
    room->present[kind]--;
    room->inside[kind]--;
    check_error(pthread_cond_broadcast(&room->changed), "pthread_cond_broadcast");
    check_error(pthread_mutex_unlock(&room->mutex), "pthread_mutex_unlock");
}

static void come_and_go(enum kind kind, struct party *me)
{
    double before = now_in_ms();
    while (enter(kind, me)) {
        const double waited = now_in_ms() - before;
        if (waited > me->longest_wait)
            me->longest_wait = waited;
        stay(kind);
        leave(kind);
        before = now_in_ms();
    }
    _exit(EXIT_SUCCESS);
}

static pid_t pids[KINDS][MOST_OF_A_KIND];

static void start(enum kind kind, int number)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        die_with_parent();
        come_and_go(kind, &room->party[kind][number]);
    }
    pids[kind][number] = pid;
}

/* It may also sleep because another one has the mutex for a moment: then look again. */
static void wait_until_present(enum kind kind, int number)
{
    do
        wait_asleep(pids[kind][number]);
    while (room->present[kind] <= number);
}

/* In the order in which they end: if one is killed we end, and the others with us. */
static void reap_all(void)
{
    for (int left = members[READER] + members[WRITER]; left > 0;) {
        const pid_t pid = wait_for_any();
        const int status = reap(pid);
        enum kind kind = READER;
        int number = 0;
        while (kind < KINDS && pids[kind][number] != pid)
            if (++number == members[kind]) {
                kind++;
                number = 0;
            }
        if (kind == KINDS)
            continue; /* a child of whoever was this process before exec */
        left--;
        if (status > 128)
            errx(EXIT_FAILURE, "%s %d was killed, signal %d: ending all", kind_names[kind],
                 number + 1, status - 128);
        if (status != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "%s %d failed: ending all", kind_names[kind], number + 1);
    }
}

/* The mutex and the condition must both be told that they are for processes. */
static void make_room(void)
{
    room = share_memory(sizeof *room);
    room->still_to_come[READER] = room->still_to_come[WRITER] = ENTRIES;
    pthread_mutexattr_t of_mutex;
    check_error(pthread_mutexattr_init(&of_mutex), "pthread_mutexattr_init");
    check_error(pthread_mutexattr_setpshared(&of_mutex, PTHREAD_PROCESS_SHARED), "setpshared");
    check_error(pthread_mutex_init(&room->mutex, &of_mutex), "pthread_mutex_init");
    pthread_condattr_t of_condition;
    check_error(pthread_condattr_init(&of_condition), "pthread_condattr_init");
    check_error(pthread_condattr_setpshared(&of_condition, PTHREAD_PROCESS_SHARED), "setpshared");
    check_error(pthread_cond_init(&room->changed, &of_condition), "pthread_cond_init");
}

/* Prints a line for the kind; returns by how many one of it was overtaken, at the most. */
static int report(enum kind kind)
{
    int overtaken = 0;
    double wait = 0;
    for (int i = 0; i < members[kind]; i++) {
        const struct party *const party = &room->party[kind][i];
        overtaken = party->most_overtaken > overtaken ? party->most_overtaken : overtaken;
        wait = party->longest_wait > wait ? party->longest_wait : wait;
    }
    printf("%ss entries %d longest wait %.1f ms overtaken %d\n", kind_names[kind],
           ENTRIES - room->still_to_come[kind], wait, overtaken);
    return overtaken;
}

static enum policy parse_policy(const char *text)
{
    for (enum policy i = READERS; i < POLICIES; i++)
        if (strcmp(text, policy_names[i]) == 0)
            return i;
    errx(USAGE_ERROR, "-m '%s': not readers, writers or fair", text);
}

int main(int argc, char *argv[])
{
    for (int letter; (letter = next_option(argc, argv, "m:r:w:", usage)) != -1;)
        switch (letter) {
        case 'm':
            policy = parse_policy(optarg);
            break;
        case 'r':
            members[READER] = (int)parse_long("-r", optarg, 2, MOST_OF_A_KIND);
            break;
        case 'w':
            members[WRITER] = (int)parse_long("-w", optarg, 2, MOST_OF_A_KIND);
            break;
        }
    check_operands(argc, argv, 0, 0);

    lane(0, "watcher");
    make_room();
    say("-m %s: %d entries of each kind, %d ms inside", policy_names[policy], ENTRIES, STAY_MS);
    start(READER, 0);
    wait_until_present(READER, 0);
    say("reader 1 is inside, until another reader comes");
    for (int i = 0; i < members[WRITER]; i++) {
        start(WRITER, i);
        wait_until_present(WRITER, i);
    }
    say("%d writers have come, and wait", members[WRITER]);
    for (int i = 1; i < members[READER]; i++)
        start(READER, i);
    say("the other readers come: from now on both kinds in a steady stream");
    reap_all();

    const int of_readers = report(READER), of_writers = report(WRITER);
    flush_stdout();
    static const char *const lessons[] = {
        "readers first: while readers keep coming, a writer waits, and waits",
        "writers first: while writers keep coming, a reader waits, and waits",
        "in the order of arrival nobody is overtaken, so nobody starves",
    };
    /* The first reader came before the writers, the first writers before all other readers. */
    const int expected_of_writers = policy == READERS ? ENTRIES - 1 : 0;
    const int expected_of_readers = policy == WRITERS ? ENTRIES - members[WRITER] : 0;
    if (of_writers != expected_of_writers || of_readers != expected_of_readers)
        errx(EXIT_FAILURE, "unexpected: overtaken, writers %d, readers %d", of_writers, of_readers);
    lesson("%s", lessons[policy]);
    return EXIT_SUCCESS;
}
