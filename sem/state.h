/* state.h - the way without forks: philosophers -m state
 *
 * Under one lock, a philosopher looks at its neighbours. If one of them eats, or has been hungry
 * for longer, it sleeps at a semaphore of its own, until a neighbour that has eaten lets it eat.
 * Without the second condition (as in many textbooks) it could starve.
 */
#ifndef STATE_H
#define STATE_H

#include "table.h"

static struct state { /* in shared memory; the semaphore `extra` is its lock */
    enum { THINKING, HUNGRY, EATING } of[MOST_PHILOSOPHERS];
    long ticket[MOST_PHILOSOPHERS], next_ticket;
} * state;

static inline bool must_wait_for(int i, int neighbour)
{
    return state->of[neighbour] == EATING ||
           (state->of[neighbour] == HUNGRY && state->ticket[neighbour] < state->ticket[i]);
}

/* What must_wait_for() is for. */
static inline void check_turn(int i, int neighbour)
{
    if (state->of[neighbour] == HUNGRY && state->ticket[neighbour] < state->ticket[i])
        errx(EXIT_FAILURE, "unexpected: philosopher %d passes %d", i + 1, neighbour + 1);
}

/* Called for a neighbour too, when I have eaten. */
static inline void try_to_eat(int i)
{
    if (state->of[i] == HUNGRY && !must_wait_for(i, left_of(i)) && !must_wait_for(i, right_of(i))) {
        check_turn(i, left_of(i));
        check_turn(i, right_of(i));
        spend_milliseconds(1);
        state->of[i] = EATING;
        V(i);
    }
}

static inline void eat_by_state(int i)
{
    P(extra);
    state->ticket[i] = state->next_ticket;
    spend_milliseconds(1); /* without the lock, others would draw the same ticket */
    state->next_ticket++;
    state->of[i] = HUNGRY;
    try_to_eat(i);
    V(extra);
    P(i); /* until I may eat */
    eat(i);
    P(extra);
    state->of[i] = THINKING;
    try_to_eat(left_of(i));
    try_to_eat(right_of(i));
    V(extra);
}

#endif
