/* ring-read - takes out what shm/ring-write writes into a ring in shared memory, to stdout
 *
 * write() copies from the shared memory straight into the kernel. Only then does the reader store
 * the new count of bytes taken (release), and the writer that loads it (acquire) may overwrite
 * them. The end is announced by a flag; a writer that has gone without it was killed.
 *
 * futex(2), futex(7), shmget(2), F_SETLK in fcntl(2), setitimer(2)
 */
#define _DEFAULT_SOURCE      /* syscall */
#define _FILE_OFFSET_BITS 64 /* locks beyond 2 GiB, on small machines too */
#include "ring.h"

#include <err.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: ring-read [-k KEY]\n"
                            "  -k KEY  the key of the segment (ftok of /tmp/ipc-UID and 'R')\n"
                            "  copies it to stdout until the writer has ended\n"
                            "  other terminal: ./shm/ring-write\n";

static bool has_ended_writing(struct ring *ring)
{
    return atomic_load_explicit(&ring->ended, memory_order_acquire);
}

static void writer_has_gone(void)
{
    errx(EXIT_FAILURE, "the writer, process %d, has gone without an end", (int)other_pid);
}

/* Waits for bytes, and returns how many there are; 0 at the end. */
static size_t wait_for_bytes(struct ring *ring, size_t taken)
{
    for (bool gone = false;;) {
        const unsigned seen = events_so_far(ring);
        const bool ended = has_ended_writing(ring); /* before the count, which is then the last */
        /* Acquire: we see the bytes that were stored before the count. */
        const size_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
        if (written != taken || ended)
            return written - taken;
        if (gone)
            writer_has_gone();
        gone = !sleep_until_event(ring, seen) && !other_lives(); /* and then look once more */
    }
}

int main(int argc, char *argv[])
{
    const char *key_option = NULL;
    while (next_option(argc, argv, "k:", usage) != -1)
        key_option = optarg;
    check_operands(argc, argv, 0, 0);
    const key_t key = demo_key('R', key_option);

    pair_lane("reader");
    struct ring *const ring = open_ring(key, READER);
    size_t taken = 0;
    for (size_t bytes; (bytes = wait_for_bytes(ring, taken)) > 0;) {
        const size_t place = taken % CAPACITY;
        const size_t in_a_row = bytes < CAPACITY - place ? bytes : CAPACITY - place;
        const size_t most = in_a_row < MOST_AT_ONCE ? in_a_row : MOST_AT_ONCE;
        const ssize_t count = write(STDOUT_FILENO, ring->bytes + place, most);
        if (count == -1) {
            if (errno != EINTR)
                err(EXIT_FAILURE, "stdout");
            if (!other_lives() && !has_ended_writing(ring)) /* in this order */
                writer_has_gone();
            continue;
        }
        taken += (size_t)count;
        atomic_store_explicit(&ring->taken, taken, memory_order_release);
        announce(ring);
    }
    say("the end, after %zu bytes", taken);
    return EXIT_SUCCESS;
}
