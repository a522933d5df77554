/* torn - a reader copies a blackboard while a writer changes it: half old, half new
 *
 * The writer fills the board with one letter, over and over, so an intact copy has one letter. The
 * cure is a sequence lock: a number that is odd while the writer works. The reader copies again if
 * the number was odd or has changed; with -x it ignores that. The bytes are relaxed atomics; the
 * fences keep them and the number in order.
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
                            "  -x  the mistake: copies without checking the sequence number\n"
                            "  prints whether any copy was half old, half new\n";

enum { SIZE = 1024, USUAL_MS = 200, ENOUGH = 60 };

static struct board {
    atomic_uint sequence; /* odd: the writer is at work */
    atomic_uchar text[SIZE];
    atomic_bool stop;
} * board;
static unsigned char copy[SIZE]; /* each process has its own */

static void write_board(unsigned char letter)
{
    const unsigned sequence = board->sequence;
    atomic_store_explicit(&board->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (int i = 0; i < SIZE; i++)
        atomic_store_explicit(&board->text[i], letter, memory_order_relaxed);
    atomic_store_explicit(&board->sequence, sequence + 2, memory_order_release);
}

static void copy_board(void)
{
    for (int i = 0; i < SIZE; i++)
        copy[i] = atomic_load_explicit(&board->text[i], memory_order_relaxed);
}

/* Copies the board. Returns whether the copy counts. */
static bool read_board(void)
{
    const unsigned before = atomic_load_explicit(&board->sequence, memory_order_acquire);
    copy_board();
    atomic_thread_fence(memory_order_acquire);
    return before % 2 == 0 &&
           atomic_load_explicit(&board->sequence, memory_order_relaxed) == before;
}

/* Between two texts it leaves the board alone for a while, or no reader would ever get it whole. */
static void keep_writing(void)
{
    die_with_parent();
    for (int i = 0; !board->stop; i++) {
        write_board(i % 2 == 0 ? 'A' : 'B');
        copy_board();
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
    const pid_t writer = fork();
    if (writer == -1)
        err(EXIT_FAILURE, "fork");
    if (writer == 0)
        keep_writing();
    say("fork() = %d: it writes A's, B's, A's, ...", (int)writer);

    long copies = 0, torn = 0, repeats = 0;
    /* On a busy machine it takes longer until the two have met often enough. */
    const double start = now_in_ms(), most_ms = careless ? 30000 : 3000;
    for (double ms = 0; ms < USUAL_MS || ((copies == 0 || torn + repeats < ENOUGH) &&
                                          ms < most_ms && !has_ended(writer));
         ms = now_in_ms() - start) {
        if (!read_board() && !careless) {
            repeats++;
            sched_yield();
            continue;
        }
        copies++;
        torn += memchr(copy, 'A', SIZE) != NULL && memchr(copy, 'B', SIZE) != NULL;
    }
    board->stop = true;
    const int status = reap(writer);
    say("%ld copies, %ld repeated, %ld torn", copies, repeats, torn);
    printf("torn copies: %s\n", torn > 0 ? "yes" : "never");
    if (copies == 0 || (torn > 0) != careless || status != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "unexpected: %ld copies torn, status %d of the writer", torn, status);
    lesson(careless ? "a copy is not one step: the writer has changed the text in the middle of it"
                    : "a copy counts only if the sequence number was even and has not changed");
    return EXIT_SUCCESS;
}
