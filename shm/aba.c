/* aba - a lock-free stack in shared memory, and what compare-and-swap does not see
 *
 * pop() reads the top, A, and the node below it, B; then it replaces A by B, if A is still the top.
 * But "still" is more than compare-and-swap can tell: A may have gone and come back, and B may
 * belong to somebody else by now. The cure is a version that changes with every exchange, in the
 * same 64 bits as the top.
 *
 * The program makes the interleaving certain: one process stops between reading and exchanging
 * until the other one has done its part.
 *
 * The stack keeps indices, not pointers: they are the same in every process, and two of them fit
 * into a word that the CPU exchanges in one step.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "../lib/demo.h"

#include <err.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: aba [-x] [-c COUNT]\n"
    "  -c COUNT  afterwards four processes pop and push, COUNT times in all (0)\n"
    "  -x        the mistake: no version, so that A, B, A looks like A\n";

enum { A = 1, B, C, NODES = C, NOBODY = 0, POPPERS = 4 }; /* 0 is the end of the list */
static const char names[] = "-ABC";

static struct stack {
    _Atomic uint64_t top;               /* the version and the index of the top node */
    _Atomic uint32_t below[NODES + 1];  /* the node below, of each node */
    _Atomic uint32_t popped[NODES + 1]; /* how many processes have this node now */
} * stack;

static bool has_version = true;

static uint32_t index_of(uint64_t top)
{
    return (uint32_t)top;
}

static uint64_t next_top(uint64_t old, uint32_t index)
{
    const uint64_t version = has_version ? (old >> 32) + 1 : 0;
    return version << 32 | index;
}

/* Whoever sees the new top sees what was stored in its node: the exchange is a release, the load an
 * acquire. */
static void push(uint32_t node)
{
    uint64_t top = atomic_load(&stack->top);
    do
        atomic_store(&stack->below[node], index_of(top));
    while (!atomic_compare_exchange_weak(&stack->top, &top, next_top(top, node)));
}

/* The second half of pop(): false if the top is not what it was; then nothing is done, and `top`
 * tells what it is now. */
/* NOLINTNEXTLINE(readability-non-const-parameter): a failed exchange stores the new top there */
static bool exchange_top(uint64_t *top, uint32_t below)
{
    return atomic_compare_exchange_strong(&stack->top, top, next_top(*top, below));
}

/* `below` may be old when it is used: then the version is old as well, and the exchange fails. */
static uint32_t pop(void)
{
    uint64_t top = atomic_load(&stack->top);
    uint32_t below;
    do {
        if (index_of(top) == NOBODY)
            return NOBODY;
        below = atomic_load(&stack->below[index_of(top)]);
    } while (!exchange_top(&top, below));
    return index_of(top);
}

/* The list as text; a node that comes twice ends it. */
static const char *list(void)
{
    static char text[2 * NODES + 16];
    char *end = text;
    int length = 0;
    *end = '\0';
    for (uint32_t node = index_of(atomic_load(&stack->top)); node != NOBODY;
         node = atomic_load(&stack->below[node])) {
        if (++length > NODES)
            return "a circle";
        end += sprintf(end, "%s%c", length > 1 ? " " : "", names[node]);
    }
    return text;
}

static void print_list(const char *when)
{
    printf("%s %s\n", when, list());
    flush_stdout();
}

/* What happens while the other process is between its two steps. */
static void interfere(int begin, int done)
{
    lane(1, "second");
    die_with_parent();
    char byte;
    if (read_full(begin, &byte, 1) != 1)
        err(EXIT_FAILURE, "read");
    const uint32_t first = pop(), second = pop();
    say("pop() = %c, pop() = %c: both are mine", names[first], names[second]);
    push(first);
    say("push(%c): the stack is %s", names[first], list());
    /* B is ours; what we keep in it is our business. Here it ends a list of our own. */
    atomic_store(&stack->below[second], NOBODY);
    print_list("between");
    if (write_full(done, "", 1) == -1)
        err(EXIT_FAILURE, "write");
    _exit(EXIT_SUCCESS);
}

static void let_it_interfere(int begin, int done)
{
    char byte;
    if (write_full(begin, "", 1) == -1)
        err(EXIT_FAILURE, "write");
    const ssize_t count = read_full(done, &byte, 1);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    if (count == 0)
        errx(EXIT_FAILURE, "the second process has ended");
}

static void pop_step_by_step(void)
{
    int begin[2], done[2];
    if (pipe(begin) == -1 || pipe(done) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t other = fork();
    if (other == -1)
        err(EXIT_FAILURE, "fork");
    if (other == 0) {
        close(done[READ_END]);
        close(begin[WRITE_END]);
        interfere(begin[READ_END], done[WRITE_END]);
    }
    close(done[WRITE_END]);

    uint64_t top = atomic_load(&stack->top);
    const uint32_t below = atomic_load(&stack->below[index_of(top)]);
    say("pop(): the top is %c, version %u, below it %c", names[index_of(top)],
        (unsigned)(top >> 32), names[below]);
    let_it_interfere(begin[WRITE_END], done[READ_END]);
    if (reap(other) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the second process failed");

    if (exchange_top(&top, below)) {
        say("the top is %c, as it was: it becomes %c", names[index_of(top)], names[below]);
    } else {
        say("the top is %c, but version %u: read again", names[index_of(top)],
            (unsigned)(top >> 32));
        say("pop() = %c", names[pop()]);
    }
    print_list("after");
}

/* Each process takes a node, makes sure that nobody else has it, and gives it back. */
static void pop_and_push(long count)
{
    lane(1, "popper");
    die_with_parent();
    for (long i = 0; i < count; i++) {
        const uint32_t node = pop();
        if (node == NOBODY)
            continue; /* the others have all of them */
        if (atomic_fetch_add(&stack->popped[node], 1) != 0)
            errx(EXIT_FAILURE, "two processes have node %c", names[node]);
        atomic_fetch_sub(&stack->popped[node], 1);
        push(node);
    }
    _exit(EXIT_SUCCESS);
}

static void pop_all_together(long count)
{
    pid_t poppers[POPPERS];
    push(B);
    push(A);
    for (int i = 0; i < POPPERS; i++) {
        poppers[i] = fork();
        if (poppers[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (poppers[i] == 0)
            pop_and_push(count / POPPERS + (i < count % POPPERS));
    }
    for (int i = 0; i < POPPERS; i++)
        if (reap(poppers[i]) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "a popper failed");
    int left = 0;
    while (pop() != NOBODY)
        left++;
    say("%d processes have popped and pushed %ld times", POPPERS, count);
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
    say("64 bits are exchanged in one step: lock-free");
    for (uint32_t node = C; node >= A; node--)
        push(node);
    print_list("before");

    pop_step_by_step();
    if (has_version != (strcmp(list(), "C") == 0))
        errx(EXIT_FAILURE, "not what was expected: %s", list());
    if (has_version) {
        if (count > 0)
            pop_all_together(count);
        lesson("a version that changes with every exchange tells A from A: the old pop() fails");
    } else {
        say("B is on the stack and in the second process's hands, C is lost");
        lesson("compare-and-swap compares values: A, B, A looks as if nothing had happened");
    }
    return EXIT_SUCCESS;
}
