/* ring-write - writes stdin into a ring in shared memory; shm/ring-read takes it out
 *
 * One process writes, one reads, and neither needs a lock: the writer alone stores the count of
 * bytes written, the reader alone that of bytes taken. What matters is the order. The writer stores
 * the bytes, then the new count (release); who loads that count (acquire) also sees the bytes. x86
 * keeps this order by itself, ARM does not.
 *
 * A full ring puts the writer to sleep in futex(), an empty one the reader; nobody spins. Each is
 * told when the other one is killed (see ring.h).
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

static const char usage[] = "usage: ring-write [-k KEY]\n"
                            "  -k KEY  the key of the segment (ftok of /tmp/ipc-UID and 'R')\n"
                            "  writes stdin; ends when the reader has taken it all\n"
                            "  other terminal: ./shm/ring-read\n";

static void reader_has_gone(void)
{
    errx(EXIT_FAILURE, "the reader, process %d, has gone", (int)other_pid);
}

/* Waits until `least` bytes of the ring are free, and returns how many are. */
static size_t wait_for_room(struct ring *ring, size_t written, size_t least)
{
    for (bool gone = false;;) {
        const unsigned seen = events_so_far(ring);
        /* Acquire: the reader has done with the bytes before we overwrite them. */
        const size_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
        const size_t room = CAPACITY - (written - taken);
        if (room >= least)
            return room;
        if (gone)
            reader_has_gone();
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

    pair_lane("writer");
    struct ring *const ring = open_ring(key, WRITER);
    size_t written = 0;
    for (;;) {
        const size_t room = wait_for_room(ring, written, 1), place = written % CAPACITY;
        const size_t in_a_row = room < CAPACITY - place ? room : CAPACITY - place;
        const size_t most = in_a_row < MOST_AT_ONCE ? in_a_row : MOST_AT_ONCE;
        const ssize_t count = read(STDIN_FILENO, ring->bytes + place, most);
        if (count == 0)
            break;
        if (count == -1) {
            if (errno != EINTR)
                err(EXIT_FAILURE, "stdin");
            if (!other_lives())
                reader_has_gone();
            continue;
        }
        written += (size_t)count;
        atomic_store_explicit(&ring->written, written, memory_order_release);
        announce(ring);
    }
    atomic_store_explicit(&ring->ended, true, memory_order_release);
    announce(ring);
    say("stdin has ended: %zu bytes", written);
    wait_for_room(ring, written, CAPACITY);
    say("the reader has taken them all");
    return EXIT_SUCCESS;
}
