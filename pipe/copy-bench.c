/* copy-bench - what it costs to send a file: read and write, mmap and write, sendfile, splice
 *
 * The timed calls are in copy.h. A child reads everything and throws it away. The file is in the
 * page cache, so that no disk is measured. The methods alternate, and each round is compared with
 * the read and write beside it.
 *
 * sendfile(2), splice(2), mmap(2), getrusage(2)
 */
#define _GNU_SOURCE /* splice, O_TMPFILE */
#include "../lib/bench/bench.h"
#include "copy.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { MIB = 1024 * 1024, MOST_SIZES = 16, ROUNDS = 9 };
enum target { TO_PIPE, TO_SOCKET, TARGETS };

static const char *const target_names[] = {"pipe", "socket"};

static const char usage[] =
    "usage: copy-bench [-m WAY] [-s MIB,...]\n"
    "  -m WAY      rw, mmap, sendfile or splice (default: all of them)\n"
    "  -s MIB,...  size of the file in MiB, 1 to 1024 (default: 1,16,256)\n"
    "  prints the median of 9 rounds: seconds and CPU seconds of the sender, system calls,\n"
    "  and the time relative to rw\n";

/* What a process has used of the CPU so far, in seconds. */
static double cpu_seconds(void)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == -1)
        err(EXIT_FAILURE, "getrusage");
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* A file of numbers, without a name, in /tmp. */
static int make_file(size_t size)
{
    static unsigned block[MIB / sizeof(unsigned)];
    const int file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file == -1)
        err(EXIT_FAILURE, "open /tmp with O_TMPFILE");
    for (size_t done = 0; done < size; done += sizeof block) {
        for (size_t i = 0; i < sizeof block / sizeof *block; i++)
            block[i] = (unsigned)(done / sizeof *block + i);
        if (write_full(file, block, sizeof block) == -1)
            err(EXIT_FAILURE, "write to a file of %zu bytes in /tmp", size);
    }
    return file;
}

static void connect_ends(enum target target, int ends[2])
{
    if (target == TO_PIPE ? pipe(ends) == -1 : socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1)
        err(EXIT_FAILURE, target == TO_PIPE ? "pipe" : "socketpair");
}

static long long *arrived; /* when the last byte was there; in shared memory */

/* Sees the end of file when the sender has sent all, and notes the time. */
static void take_all(int in, size_t size)
{
    static char buffer[CHUNK];
    die_with_parent();
    size_t taken = 0;
    for (ssize_t count; (count = read(in, buffer, sizeof buffer)) != 0; taken += (size_t)count)
        if (count == -1)
            err(EXIT_FAILURE, "read");
    if (taken != size)
        errx(EXIT_FAILURE, "%zu bytes have arrived, not %zu", taken, size);
    *arrived = clock_ns();
    _exit(EXIT_SUCCESS);
}

struct figures {
    double seconds[ROUNDS], cpu[ROUNDS], ratio[ROUNDS];
    long calls;
};

/* Returns seconds until the child has taken the last byte. */
static double send_file(const struct copy_way *way, enum target target, int file, size_t size,
                        double *cpu)
{
    int ends[2];
    connect_ends(target, ends);
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0) {
        if (close(ends[WRITE_END]) == -1) /* or there would be no end of file */
            err(EXIT_FAILURE, "close");
        take_all(ends[READ_END], size);
    }
    if (close(ends[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    wait_asleep(child); /* it is ready */
    if (lseek(file, 0, SEEK_SET) == -1)
        err(EXIT_FAILURE, "lseek");
    calls = 0;
    const long long start = clock_ns();
    const double cpu_before = cpu_seconds();
    way->copy(file, ends[WRITE_END], size);
    *cpu = cpu_seconds() - cpu_before;
    if (close(ends[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (reap(child) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the receiver failed");
    return (double)(*arrived - start) / 1e9;
}

static void measure(const char *only, enum target target, size_t size)
{
    static struct figures figures[WAYS];
    const int file = make_file(size);
    for (int round = 0; round < ROUNDS; round++) {
        for (int turn = 0; turn < WAYS; turn++) { /* forwards, and in the next round backwards */
            const int i = round % 2 == 0 ? turn : WAYS - 1 - turn;
            if (only != NULL && i != 0 && strcmp(only, ways[i].name) != 0)
                continue;
            figures[i].seconds[round] =
                send_file(&ways[i], target, file, size, &figures[i].cpu[round]);
            figures[i].calls = calls;
        }
        for (int i = 0; i < WAYS; i++)
            figures[i].ratio[round] = figures[i].seconds[round] / figures[0].seconds[round];
    }
    for (int i = 0; i < WAYS; i++) {
        if (only != NULL && strcmp(only, ways[i].name) != 0)
            continue;
        const double seconds = median(figures[i].seconds, ROUNDS);
        printf("%s\t%s\t%zu\t%.6f\t%.6f\t%ld\t%.0f\t%.3f\n", target_names[target], ways[i].name,
               size / MIB, seconds, median(figures[i].cpu, ROUNDS), figures[i].calls,
               (double)size / seconds / 1e6, median(figures[i].ratio, ROUNDS));
    }
    flush_stdout();
    if (close(file) == -1)
        err(EXIT_FAILURE, "close");
}

int main(int argc, char *argv[])
{
    enum { LARGEST = 1024 };
    const char *only = NULL;
    long sizes[MOST_SIZES] = {1, 16, 256};
    int size_count = 3;
    for (int letter; (letter = next_option(argc, argv, "m:s:", usage)) != -1;)
        if (letter == 'm')
            only = optarg;
        else
            size_count = parse_list("-s", optarg, 1, LARGEST, sizes, MOST_SIZES);
    check_operands(argc, argv, 0, 0);
    bool known = only == NULL;
    for (int i = 0; i < WAYS; i++)
        known |= only != NULL && strcmp(only, ways[i].name) == 0;
    if (!known)
        errx(USAGE_ERROR, "-m '%s': not one of rw, mmap, sendfile, splice", only);

    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* a receiver that is gone is an error to report */
        err(EXIT_FAILURE, "signal");
    arrived = share_memory(sizeof *arrived);
    printf("to\tway\tMiB\tseconds\tcpu_seconds\tcalls\tMB_per_s\ttime_to_rw\n");
    flush_stdout();
    for (int i = 0; i < size_count; i++)
        for (int target = 0; target < TARGETS; target++)
            measure(only, (enum target)target, (size_t)sizes[i] * MIB);
    return EXIT_SUCCESS;
}
