/* table.h - the table of the philosophers: who sits where, the meal, and what is counted */
#ifndef TABLE_H
#define TABLE_H

#include "ask.h"
#include "team.h"

#include <err.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_PHILOSOPHERS = MOST_MEMBERS };

static int philosophers = 5; /* 0 to 4; fork i lies on the left of philosopher i */
static int set;              /* a semaphore for each fork, */
static int extra;            /* and another one, whose number is this */

static struct table { /* in shared memory */
    atomic_int eating[MOST_PHILOSOPHERS];
    int meals[MOST_PHILOSOPHERS];
    double hungry_since[MOST_PHILOSOPHERS], longest_wait[MOST_PHILOSOPHERS];
} * table;

static inline int right_of(int i)
{
    return (i + 1) % philosophers;
}

static inline int left_of(int i)
{
    return (i + philosophers - 1) % philosophers;
}

/* "{0, -1} {1, -1}": semaphore 0 by -1, and 1 by -1. */
static inline void tell(const struct sembuf *operations, size_t count, int result)
{
    char text[64] = "";
    for (size_t i = 0; i < count; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, " {%d, %s%d}", operations[i].sem_num,
                 operations[i].sem_op > 0 ? "+" : "", operations[i].sem_op);
    }
    say("semop(%s) = %d", text + 1, result);
}

/* Without SEM_UNDO: if one is killed, all end. */
static inline void operate(struct sembuf *operations, size_t count)
{
    int result;
    while ((result = semop(set, operations, count)) == -1)
        if (errno == EIDRM || errno == EINVAL)
            _exit(EXIT_FAILURE); /* the watcher has ended, and removed the set */
        else if (errno != EINTR) /* after Ctrl-Z and fg: never restarted, see signal(7) */
            err(EXIT_FAILURE, "semop: %s", errno_name(errno));
    if (telling)
        tell(operations, count, result);
}

static inline void spend_milliseconds(long milliseconds)
{
    struct timespec left = {.tv_nsec = milliseconds * 1000000};
    while (nanosleep(&left, &left) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "nanosleep");
}

static inline void P(int semaphore)
{
    operate(&(struct sembuf){.sem_num = (unsigned short)semaphore, .sem_op = -1}, 1);
}

static inline void V(int semaphore)
{
    operate(&(struct sembuf){.sem_num = (unsigned short)semaphore, .sem_op = +1}, 1);
}

/* Checks at each meal that no neighbour eats: no part of any way. Each first says that it eats, and
 * then looks; so of two that eat side by side, at least one sees the other. */
static inline void eat(int i)
{
    const double waited = now_in_ms() - table->hungry_since[i];
    if (waited > table->longest_wait[i])
        table->longest_wait[i] = waited;
    atomic_store(&table->eating[i], true);
    if (atomic_load(&table->eating[left_of(i)]) || atomic_load(&table->eating[right_of(i)]))
        errx(EXIT_FAILURE, "unexpected: philosopher %d eats while a neighbour is eating", i + 1);
    spend_milliseconds(3); /* longer than others hold the lock in state.h */
    atomic_store(&table->eating[i], false);
    table->meals[i]++;
}

/* Each fork is a semaphore of this value. */
static inline void lay_table(int fork_value, int extra_value)
{
    unsigned short values[MOST_PHILOSOPHERS + 1];
    for (int i = 0; i < philosophers; i++)
        values[i] = (unsigned short)fork_value;
    extra = philosophers;
    values[extra] = (unsigned short)extra_value;
    set = private_set(philosophers + 1);
    if (semctl(set, 0, SETALL, (union semun){.array = values}) == -1)
        err(EXIT_FAILURE, "semctl SETALL");
    say("%d philosophers, set %d: semaphore 0 is fork 1", philosophers, set);
    table = share_memory(sizeof *table);
}

/* Before the first meal, with one fork in hand: let the neighbour take the other one, if it can. */
static inline void hesitate(int i, int other_fork)
{
    enum { LONGEST_MS = 100 };
    for (int ms = 0; table->meals[i] == 0 && ms < LONGEST_MS; ms++)
        if (semctl(set, other_fork, GETVAL) > 0)
            spend_milliseconds(1);
}

/* Returns the sum. */
static inline int print_meals(void)
{
    int sum = 0;
    for (int i = 0; i < philosophers; i++) {
        sum += table->meals[i];
        printf("philosopher %d meals %d longest wait %.1f ms\n", i + 1, table->meals[i],
               table->longest_wait[i]);
    }
    return sum;
}

static inline int number_of(pid_t pid)
{
    for (int i = 0; i < philosophers; i++)
        if (team[i].pid == pid)
            return i;
    errx(EXIT_FAILURE, "unexpected: process %d has a fork", (int)pid);
}

/* The kernel knows which process has taken a fork (GETPID), and how many sleep because of it
 * (GETNCNT): that is the one whose right fork it is. From one to the next we come full circle. */
static inline void show_circle(void)
{
    if (next_to_end(WATCHED_MS) != NOBODY)
        errx(EXIT_FAILURE, "unexpected: no deadlock");
    say_asleep_in("philosopher 1 still", team[0].pid, "semop", set);
    int i = 0, steps = 0;
    do {
        const int fork = right_of(i), waiting = ask(set, fork, GETNCNT);
        const int pid = ask(set, fork, GETPID), holder = number_of(pid);
        say("fork %d: GETNCNT = %d, GETPID = %d: philosopher %d", fork + 1, waiting, pid,
            holder + 1);
        if (waiting != 1 || ask(set, fork, GETVAL) != 0)
            errx(EXIT_FAILURE, "unexpected: %d wait for fork %d", waiting, fork + 1);
        printf("philosopher %d waits for philosopher %d\n", i + 1, holder + 1);
        i = holder;
        steps++;
    } while (i != 0 && steps < philosophers);
    if (i != 0 || steps != philosophers)
        errx(EXIT_FAILURE, "unexpected: that is no circle");
    kill_team();
}

#endif
