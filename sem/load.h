/* load.h - producers and consumers: the work of prodcons and monitor, without the buffer
 *
 * Each item has a number, and is counted when it is taken. After the last item, each consumer is
 * given an end mark. Consumer 1 and producer 1 print their calls for the first item.
 */
#ifndef LOAD_H
#define LOAD_H

#include "team.h"

#include <stdatomic.h>

enum { MOST_OF_A_KIND = 32, MOST_SLOTS = 1000, MOST_ITEMS = 10000000, END_MARK = -1 };

static int consumers = 2, producers = 2, slots = 4, items = 1000;
static int work_ms; /* how long a consumer works on an item */

static struct load { /* in shared memory */
    atomic_int producing, produced;
    atomic_int taken[]; /* how often each item was taken */
} * load;

static inline void set_load(int letter, const char *argument)
{
    switch (letter) {
    case 'c':
        consumers = (int)parse_long("-c", argument, 1, MOST_OF_A_KIND);
        break;
    case 'i':
        items = (int)parse_long("-i", argument, 1, MOST_ITEMS);
        break;
    case 'p':
        producers = (int)parse_long("-p", argument, 1, MOST_OF_A_KIND);
        break;
    case 's':
        slots = (int)parse_long("-s", argument, 1, MOST_SLOTS);
        break;
    }
}

static inline void make_load(void)
{
    load = share_memory(sizeof *load + (size_t)items * sizeof *load->taken);
    load->producing = producers;
}

static inline void consume(int (*take)(void))
{
    for (int item; (item = take()) != END_MARK; telling = false) {
        atomic_fetch_add(&load->taken[item], 1);
        if (work_ms > 0)
            poll(NULL, 0, work_ms);
    }
    telling = false;
    say("took an end mark");
    _exit(EXIT_SUCCESS);
}

/* Producer 2 of 3 makes the items 1, 4, 7 and so on. The last one to finish puts the end marks. */
static inline void produce(int number, void (*put)(int))
{
    for (int item = number - 1; item < items; item += producers) {
        put(item);
        telling = false;
        atomic_fetch_add(&load->produced, 1);
    }
    if (atomic_fetch_sub(&load->producing, 1) == 1)
        for (int i = 0; i < consumers; i++)
            put(END_MARK);
    _exit(EXIT_SUCCESS);
}

/* In the middle of the work on the buffer, with the first items: without the lock, others would
 * come in here. It sleeps, because sched_yield() may well return at once. */
static inline void let_others_in(int item)
{
    enum { FIRST_ITEMS = 20 };
    if (item < FIRST_ITEMS)
        poll(NULL, 0, 1);
}

/* The consumers come first, and find the buffer empty. */
static inline void start_consumers(int (*take)(void))
{
    for (int i = 1; i <= consumers; i++) {
        const pid_t pid = fork_member("consumer", i);
        if (pid == 0)
            consume(take);
        wait_asleep_in(pid, "futex", ANY_ARGUMENT);
    }
}

static inline void start_producers(void (*put)(int))
{
    for (int i = 1; i <= producers; i++)
        if (fork_member("producer", i) == 0)
            produce(i, put);
}

/* Prints how many items were put, and how many were taken once. Returns whether all were. */
static inline bool all_arrived_once(void)
{
    int once = 0;
    for (int i = 0; i < items; i++)
        once += load->taken[i] == 1;
    printf("produced %d consumed %d\n", load->produced, once);
    flush_stdout();
    return load->produced == items && once == items;
}

#endif
