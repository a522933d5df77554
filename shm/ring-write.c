/* ring-write - writes stdin into a ring in shared memory; shm/ring-read takes it out
 *
 * read() copies from the kernel straight into the shared memory. Only then does the writer publish
 * the new count of bytes written. A full ring puts it to sleep in futex() until the reader has
 * taken some; nobody spins. It notices when the reader is killed (see meet.h).
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

static const char usage[] = "usage: ring-write [-k KEY]\n"
                            "  -k KEY  the key of the segment (ftok of /tmp/ipc-UID and 'R')\n"
                            "  writes stdin; ends when the reader has taken it all\n"
                            "  other terminal: ./shm/ring-read\n";

/* Waits until `least` bytes of the ring are free, and returns how many are. */
static size_t wait_for_room(struct ring *ring, size_t written, size_t least)
{
    for (bool alive = true;;) {
        const unsigned seen = events_so_far(ring);
        const size_t room = CAPACITY - (written - look_at(&ring->taken));
        if (room >= least)
            return room;
        if (!alive)
            other_is_gone();
        alive = sleep_until_event(ring, seen) || other_lives(); /* if not: a last look */
    }
}

/* Like read(2) from stdin, for as long as there is a reader. */
static size_t read_input(unsigned char *bytes, size_t most)
{
    ssize_t count;
    while ((count = read(STDIN_FILENO, bytes, most)) == -1) {
        if (errno != EINTR)
            err(EXIT_FAILURE, "stdin");
        if (!other_lives())
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

    pair_lane("writer");
    struct ring *const ring = open_ring(key, WRITER);
    size_t written = 0;
    for (;;) {
        const size_t room = wait_for_room(ring, written, 1), place = written % CAPACITY;
        unsigned char *const bytes = ring->bytes + place;
        const size_t count = read_input(bytes, in_a_row(room, place));
        if (count == 0)
            break;
        ring->checksum = add_to_checksum(ring->checksum, bytes, count);
        written += count;
        publish(ring, &ring->written, written);
    }
    atomic_store_explicit(&ring->ended, 1, memory_order_release);
    wake_other(ring);
    say("stdin has ended: %zu byte%s", written, plural(written));
    wait_for_room(ring, written, CAPACITY);
    say("the reader has taken them all");
    return EXIT_SUCCESS;
}
