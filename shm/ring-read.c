/* ring-read - copies to stdout what shm/ring-write writes into a ring in shared memory
 *
 * write() copies from the shared memory straight into the kernel. Only then may the writer
 * overwrite the bytes: the reader publishes the new count. An empty ring puts it to sleep in
 * futex().
 *
 * futex(2), futex(7), shmget(2), F_SETLK in fcntl(2), setitimer(2)
 */
#define _DEFAULT_SOURCE /* syscall */
#include "meet.h"
#include "ring.h"

#include <err.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: ring-read [-k KEY]\n"
    "  -k KEY  the key of the segment (ftok of /tmp/ipc-UID and 'R')\n"
    "  copies what the writer sends to stdout; ends when the writer has ended\n"
    "  other terminal: ./shm/ring-write\n";

static bool has_ended_writing(struct ring *ring)
{
    return atomic_load_explicit(&ring->ended, memory_order_acquire) != 0;
}

/* Waits for bytes, and returns how many there are; 0 at the end. */
static size_t wait_for_bytes(struct ring *ring, size_t taken)
{
    static int missed; /* the alarm has woken us, and there were bytes */
    for (bool alive = true, woken = true;; alive = woken || other_lives()) {
        const unsigned seen = events_so_far(ring);
        const bool ended = has_ended_writing(ring); /* read first: if set, the count is final */
        const size_t bytes = look_at(&ring->written) - taken;
        if (!woken && bytes > 0 && ++missed == 3)
            errx(EXIT_FAILURE, "unexpected: bytes had come, and we were not woken");
        if (bytes > 0 || ended)
            return bytes;
        if (!alive) /* and that was a last look */
            other_is_gone();
        woken = sleep_until_event(ring, seen);
        missed = woken ? 0 : missed;
    }
}

/* Like write(2) to stdout, for as long as there is a writer, or has been one to the end. */
static size_t write_output(struct ring *ring, const unsigned char *bytes, size_t most)
{
    ssize_t count;
    while ((count = write(STDOUT_FILENO, bytes, most)) == -1) {
        if (errno != EINTR)
            err(EXIT_FAILURE, "stdout");
        if (!other_lives() && !has_ended_writing(ring)) /* in this order */
            other_is_gone();
    }
    return (size_t)count;
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
    unsigned checksum = 0;
    for (size_t bytes; (bytes = wait_for_bytes(ring, taken)) > 0;) {
        const size_t place = taken % CAPACITY;
        const unsigned char *const next = ring->bytes + place;
        const size_t count = write_output(ring, next, in_a_row(bytes, place));
        checksum = add_to_checksum(checksum, next, count);
        taken += count;
        publish(ring, &ring->taken, taken);
    }
    say("the end, after %zu byte%s", taken, plural(taken));
    if (checksum != ring->checksum)
        errx(EXIT_FAILURE, "unexpected: the writer has overwritten what was not taken yet");
    return EXIT_SUCCESS;
}
