/* rwlock - readers share, a writer is alone: four locks, and who starves with each
 *
 * lightswitch: two semaphores; see lightswitch.h.
 * readers, writers, fair: a monitor, in which only may_enter() differs. `readers`: a reader enters
 * unless a writer is inside. `writers`: a reader does not enter while a writer is inside or
 * waiting. `fair`: in the order of arrival, with a ticket for each.
 *
 * The first three starve one kind, `fair` nobody: the load, in stream.h, never pauses.
 *
 * sem_wait(3), pthread_cond_wait(3), pthread_rwlock_wrlock(3)
 */
#include "lightswitch.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: rwlock [-m lightswitch|readers|writers|fair] [-r READERS] [-w WRITERS]\n"
    "  -m lightswitch  two semaphores; readers first\n"
    "  -m readers      a monitor; readers first (the default)\n"
    "  -m writers      a monitor; writers first\n"
    "  -m fair         a monitor; in the order of arrival\n"
    "  -r READERS      number of readers, 2 to 32 (3)\n"
    "  -w WRITERS      number of writers, 2 to 32 (3)\n"
    "  prints, for each kind: the entries, the longest wait, and the worst case of\n"
    "  being overtaken: how many arrived later than one process but went in before\n"
    "  it, of the other kind and of its own kind\n";

enum policy { LIGHTSWITCH, READERS, WRITERS, FAIR, POLICIES };
static const char *const policy_names[] = {"lightswitch", "readers", "writers", "fair"};
static const char *const lessons[] = {
    "while readers keep coming the light stays on, and a writer waits, and waits",
    "readers first: while readers keep coming, a writer waits, and waits",
    "writers first: while writers keep coming, a reader waits, and waits",
    "in the order of arrival nobody is overtaken, so nobody starves"};

static enum policy policy = READERS;

static struct room { /* in shared memory */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int waiting[KINDS], inside[KINDS], arrivals, entries;
} * room;

static bool may_enter(enum kind kind, int ticket)
{
    if (room->inside[WRITER] > 0)
        return false;
    if (kind == WRITER && room->inside[READER] > 0)
        return false;
    if (policy == READERS)
        return kind == READER || room->waiting[READER] == 0;
    if (policy == WRITERS)
        return kind == WRITER || room->waiting[WRITER] == 0;
    return ticket == room->entries; /* all that came earlier have entered */
}

static void enter(struct visitor *me)
{
    lock(&room->mutex);
    const int ticket = room->arrivals++;
    room->waiting[me->kind]++;
    note_arrival(me);
    while (!may_enter(me->kind, ticket))
        wait_for(&room->changed, &room->mutex);
    room->waiting[me->kind]--;
    room->inside[me->kind]++;
    room->entries++;
    note_entry(me);
    signal_all(&room->changed); /* the next one may be able to enter, too */
    unlock(&room->mutex);
}

static void leave(enum kind kind)
{
    lock(&room->mutex);
    room->inside[kind]--;
    signal_all(&room->changed);
    unlock(&room->mutex);
}

static void come_and_go(enum kind kind, struct visitor *me)
{
    telling = telling && policy == LIGHTSWITCH;
    while (claim_entry(kind)) {
        if (policy != LIGHTSWITCH)
            enter(me);
        else if (kind == READER)
            read_lock(me);
        else
            write_lock(me);
        stay(kind);
        wait_for_successor(kind);
        if (policy != LIGHTSWITCH)
            leave(kind);
        else if (kind == READER)
            read_unlock();
        else
            write_unlock();
        telling = false;
    }
    _exit(EXIT_SUCCESS);
}

static pid_t start(enum kind kind, int number)
{
    const pid_t pid = fork_member(kind_names[kind], number);
    if (pid == 0)
        come_and_go(kind, &stream->visitor[kind][number - 1]);
    return pid;
}

/* It has come, and then it sleeps: a writer until it may enter, reader 1 until it may leave. */
static void start_and_wait(enum kind kind, int number)
{
    const pid_t pid = start(kind, number);
    while (stream->present[kind] < number && !has_ended(pid))
        poll(NULL, 0, 1);
    wait_asleep_in(pid, "futex", ANY_ARGUMENT);
}

static void make_room(void)
{
    room = share_memory(sizeof *room);
    init_shared_mutex(&room->mutex);
    init_shared_condition(&room->changed);
    make_switch();
    make_stream();
}

int main(int argc, char *argv[])
{
    for (int letter; (letter = next_option(argc, argv, "m:r:w:", usage)) != -1;)
        if (letter == 'm')
            policy = (enum policy)parse_choice(optarg, policy_names, POLICIES);
        else
            of_kind[letter == 'r' ? READER : WRITER] =
                (int)parse_long(letter == 'r' ? "-r" : "-w", optarg, 2, MOST_OF_A_KIND);
    check_operands(argc, argv, 0, 0);

    lane(0, "watcher");
    make_room();
    say("-m %s: %d entries of each kind, %d ms inside", policy_names[policy], ENTRIES, STAY_MS);
    start_and_wait(READER, 1);
    say("reader 1 sleeps inside, until another reader comes");
    for (int i = 1; i <= of_kind[WRITER]; i++)
        start_and_wait(WRITER, i);
    say("%d writers have come, and sleep", of_kind[WRITER]);
    for (int i = 2; i <= of_kind[READER]; i++)
        start(READER, i);
    say("the other readers come: now a steady stream of both");
    reap_team();

    int readers[KINDS], writers[KINDS];
    report(READER, readers);
    report(WRITER, writers);
    /* The first reader came before the writers, the first writers before all other readers. */
    const int expected_of_writers = policy <= READERS ? ENTRIES - 1 : 0;
    const int expected_of_readers = policy == WRITERS ? ENTRIES - of_kind[WRITER] : 0;
    if (writers[READER] != expected_of_writers || readers[WRITER] != expected_of_readers)
        errx(EXIT_FAILURE, "unexpected: overtaken, writers %d, readers %d", writers[READER],
             readers[WRITER]);
    if (!stream->shared)
        errx(EXIT_FAILURE, "unexpected: no two readers were inside together");
    if (policy == FAIR && writers[WRITER] + readers[READER] != 0)
        errx(EXIT_FAILURE, "unexpected: overtaken by its own kind");
    lesson("%s", lessons[policy]);
    return EXIT_SUCCESS;
}
