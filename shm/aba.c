/* aba - a lock-free stack in shared memory, and what compare-and-swap does not see
 *
 * pop() loads the top, A, and the node below it, B; then it exchanges A for B, if A is still the
 * top. A being the top does not mean that nothing has happened: A may have been popped and pushed
 * back, and B may belong to another process by now. The cure is a version that changes with every
 * exchange, in the same 64 bits as the top.
 *
 * To make that happen every time, a second process pops and pushes between the two steps of the
 * first. The stack keeps indices, not pointers: they are the same in every process.
 */
#include "../lib/demo.h"

#include <err.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: aba [-x] [-c COUNT]\n"
    "  -c COUNT  then let four processes pop and push, COUNT times altogether (0)\n"
    "  -x        the mistake: no version: an A that came back looks like the old A\n";

enum { NOBODY, A, B, C, NODES = C, POPPERS = 4 }; /* the end of the list, and the nodes */
static const char names[] = "-ABC";

static struct stack {
    _Alignas(8) _Atomic uint64_t top;   /* the version and the index of the top node */
    _Atomic uint32_t below[NODES + 1];  /* the node below each node */
    _Atomic uint32_t owners[NODES + 1]; /* how many processes have popped it */
    atomic_long times;                  /* that a node was popped and pushed */
} * stack;

static bool has_version = true;

static uint32_t index_of(uint64_t top)
{
    return (uint32_t)top;
}

static unsigned version_of(uint64_t top)
{
    return (unsigned)(top >> 32);
}

static uint64_t new_top(uint64_t old, uint32_t index)
{
    const uint64_t version = has_version ? version_of(old) + 1 : 0;
    return version << 32 | index;
}

static void push(uint32_t node)
{
    uint64_t top = atomic_load(&stack->top);
    do
        atomic_store(&stack->below[node], index_of(top));
    while (!atomic_compare_exchange_strong(&stack->top, &top, new_top(top, node)));
}

/* Where others could do harm. Not for ever: on a busy machine, to yield may mean a long wait. */
static void let_others_in(void)
{
    enum { SELDOM = 3, LAST = 600 };
    static unsigned calls;
    if (++calls <= LAST && calls % SELDOM == 0)
        sched_yield();
}

static uint32_t pop(void)
{
    uint64_t top = atomic_load(&stack->top);
    while (index_of(top) != NOBODY) {
        const uint32_t below = atomic_load(&stack->below[index_of(top)]);
        let_others_in(); /* between its two steps */
        if (atomic_compare_exchange_strong(&stack->top, &top, new_top(top, below)))
            break;
    }
    return index_of(top);
}

static void print_list(const char *when)
{
    fputs(when, stdout);
    for (uint32_t node = index_of(stack->top); node != NOBODY; node = stack->below[node])
        printf(" %c", names[node]);
    puts("");
    flush_stdout();
}

static void interfere(void)
{
    lane(1, "second");
    die_with_parent();
    const uint32_t first = pop(), second = pop();
    say("pop() = %c, pop() = %c: both are mine", names[first], names[second]);
    push(first);
    say("push(%c): it is the top again", names[first]);
    stack->below[second] = NOBODY; /* B is ours now: here it ends a list of our own */
    print_list("between");
    _exit(EXIT_SUCCESS);
}

/* A pop() with a second process between its two steps. */
static void pop_step_by_step(void)
{
    uint64_t top = atomic_load(&stack->top);
    const uint32_t below = atomic_load(&stack->below[index_of(top)]);
    say("the top is %c, version %u; below it is %c", names[index_of(top)], version_of(top),
        names[below]);
    const pid_t second = fork();
    if (second == -1)
        err(EXIT_FAILURE, "fork");
    if (second == 0)
        interfere();
    if (reap(second) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the second process failed");
    const uint64_t seen = top;
    if (atomic_compare_exchange_strong(&stack->top, &top, new_top(top, below))) {
        say("compare-and-swap: the top was still %c, now it is %c", names[index_of(seen)],
            names[below]);
    } else {
        say("compare-and-swap: the top is %c, but version %u", names[index_of(top)],
            version_of(top));
        say("once more: pop() = %c", names[pop()]);
    }
    print_list("after");
}

/* Pops a node, makes sure that nobody else has it, and pushes it back. */
static void pop_and_push(long count)
{
    die_with_parent();
    for (long i = 0; i < count; i++) {
        uint32_t node;
        while ((node = pop()) == NOBODY) /* the others have all of them */
            sched_yield();
        if (atomic_fetch_add(&stack->owners[node], 1) != 0)
            errx(EXIT_FAILURE, "two processes have node %c", names[node]);
        let_others_in(); /* with a node in hand */
        atomic_fetch_sub(&stack->owners[node], 1);
        push(node);
        atomic_fetch_add(&stack->times, 1);
    }
    _exit(EXIT_SUCCESS);
}

static void pop_all_together(long count)
{
    int left = 0;
    push(B);
    push(A);
    for (int i = 0; i < POPPERS; i++) {
        const pid_t popper = fork();
        if (popper == -1)
            err(EXIT_FAILURE, "fork");
        if (popper == 0)
            pop_and_push(count / POPPERS + (i < count % POPPERS));
    }
    for (int i = 0; i < POPPERS; i++)
        if (reap(wait_for_any()) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "a popper failed");
    while (pop() != NOBODY)
        left++;
    say("%d processes have popped and pushed %ld times", POPPERS, atomic_load(&stack->times));
    printf("nodes at the end %d\n", left);
    flush_stdout();
    if (left != NODES)
        errx(EXIT_FAILURE, "a node was lost");
}

int main(int argc, char *argv[])
{
    long count = 0;
    for (int letter; (letter = next_option(argc, argv, "c:x", usage)) != -1;)
        if (letter == 'c')
            count = parse_long("-c", optarg, 0, 1000000000);
        else
            has_version = false;
    check_operands(argc, argv, 0, 0);
    if (count > 0 && !has_version)
        errx(USAGE_ERROR, "-c is not for -x");

    lane(0, "first");
    stack = share_memory(sizeof *stack);
    if (!atomic_is_lock_free(&stack->top))
        errx(EXIT_FAILURE, "this machine has no lock-free exchange of 64 bits");
    for (uint32_t node = C; node >= A; node--)
        push(node);
    print_list("before");
    pop_step_by_step();
    if (index_of(stack->top) != (has_version ? C : B))
        errx(EXIT_FAILURE, "unexpected: the top is %c", names[index_of(stack->top)]);
    if (count > 0)
        pop_all_together(count);
    lesson(has_version ? "with a version, A that came back is not the old A: the exchange fails"
                       : "compare-and-swap took A for the old A: B has two owners, C is lost");
    return EXIT_SUCCESS;
}
