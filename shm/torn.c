/* torn - a reader copies a blackboard while a writer changes it: half old, half new
 *
 * The writer fills the board with one letter, over and over; so every whole copy has one letter.
 * The cure is a sequence lock: a number that is odd while the writer works. The reader copies
 * without a lock, and again if the number was odd or has changed. With -x it does not look at the
 * number.
 *
 * The bytes are relaxed atomics; the fences keep them and the number in order.
 */
#include "../lib/demo.h"

#include <err.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: torn [-x]\n"
                            "  -x  the mistake: copies without a look at the sequence number\n"
                            "  prints whether any copy was half old, half new\n";

enum { SIZE = 1024, USUAL_MS = 200, MOST_MS = 5000, ENOUGH = 100 };

static struct board {
    atomic_uint sequence; /* odd: the writer is at work */
    atomic_uchar text[SIZE];
    atomic_bool stop;
} * board;
static pid_t writer;

static void write_board(unsigned char letter)
{
    const unsigned sequence = board->sequence;
    atomic_store_explicit(&board->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (int i = 0; i < SIZE; i++)
        atomic_store_explicit(&board->text[i], letter, memory_order_relaxed);
    atomic_store_explicit(&board->sequence, sequence + 2, memory_order_release);
}

static void copy_board(unsigned char *copy)
{
    for (int i = 0; i < SIZE; i++)
        copy[i] = atomic_load_explicit(&board->text[i], memory_order_relaxed);
}

/* Returns how often the copy had to be repeated. */
static long read_board(unsigned char *copy)
{
    for (long repeats = 0;; repeats++) {
        const unsigned before = atomic_load_explicit(&board->sequence, memory_order_acquire);
        if (before % 2 == 1 && has_ended(writer))
            errx(EXIT_FAILURE, "the writer has ended in the middle of a text");
        if (before % 2 == 1) {
            sched_yield();
            continue;
        }
        copy_board(copy);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&board->sequence, memory_order_relaxed) == before)
            return repeats;
    }
}

/* Between two texts it leaves the board alone for a while, or no reader would ever get it whole. */
static void keep_writing(void)
{
    unsigned char unused[SIZE];
    die_with_parent();
    for (int i = 0; !board->stop; i++) {
        write_board(i % 2 == 0 ? 'A' : 'B');
        copy_board(unused);
    }
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    bool careless = false;
    while (next_option(argc, argv, "x", usage) != -1)
        careless = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "reader");
    board = share_memory(sizeof *board);
    write_board('A');
    writer = fork();
    if (writer == -1)
        err(EXIT_FAILURE, "fork");
    if (writer == 0)
        keep_writing();
    say("fork() = %d: it writes A's, B's, A's, ...", (int)writer);

    long copies = 0, torn = 0, repeats = 0;
    unsigned char copy[SIZE];
    /* On a busy machine it takes longer until the two have met often enough. */
    for (double ms = 0, start = now_in_ms();
         ms < USUAL_MS || (torn + repeats < ENOUGH && ms < MOST_MS && !has_ended(writer));
         ms = now_in_ms() - start) {
        if (careless)
            copy_board(copy);
        else
            repeats += read_board(copy);
        torn += memchr(copy, 'A', SIZE) != NULL && memchr(copy, 'B', SIZE) != NULL;
        copies++;
    }
    board->stop = true;
    if (reap(writer) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the writer failed");
    say("%ld copies, %ld repeated, %ld torn", copies, repeats, torn);
    printf("torn copies: %s\n", torn > 0 ? "yes" : "never");
    flush_stdout();
    if ((torn > 0) != careless)
        errx(EXIT_FAILURE, "unexpected: %ld of %ld copies are torn", torn, copies);
    lesson(careless ? "a copy is not one step: the writer has changed the text in the middle of it"
                    : "a copy counts only if the sequence number was even and has not changed");
    return EXIT_SUCCESS;
}
