/* bench.c - the code around a mechanism that is measured: command line, two processes, slices
 *
 * What is timed are slices of 25 ms. Before each one the two processes agree by shared memory how
 * many messages there will be, so that within a slice nothing happens but the calls of the
 * mechanism; for latency, also one reading of the clock for each round trip. How many messages take
 * 25 ms is found by slices that double, which are the warm-up.
 *
 * With -r each slice has a neighbour that is sent through a pipe, in the order A B, B A, A B. The
 * machine may be faster or slower a second later, but hardly within such a pair.
 */
#define _GNU_SOURCE /* sched_setaffinity, CPU_SET */
#include "bench.h"
#include "../../pipe/bench-pipe.h"
#include "../demo.h"

#include <endian.h>
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLICE_NS = 25000000, WARM_UP_NS = 12500000, MOST_SIZES = 64 };
enum { LARGEST_SIZE = 1 << 30, NUMBER = sizeof(uint64_t), MOST_LOOKED_AT = 512 };
enum test { LATENCY, THROUGHPUT, TESTS };
enum placement { SAME, DIFF, FREE, PLACEMENTS };

static const char *const test_names[] = {"latency", "throughput"};
static const char *const placement_names[] = {"same", "diff", "free"};

/* What the two processes have agreed on. */
static struct agreement {
    sem_t start, ready, done;
    const struct mechanism *mechanism;
    enum test test;
    long messages; /* 0: the end */
    size_t size;
    bool verified, whole; /* whole: all of a large message is looked at */
    uint64_t first;
    long long received; /* when the last one was there */
} * agreed;

static const struct bench *bench;
static bool verifies = true, compares;
static double seconds_for_each; /* 0: not given */
static size_t message_size;
static unsigned char *memory, *buffers; /* the buffers are for what is sent */
static unsigned char *answer;           /* for what is received */
static size_t buffer_count, buffer_size, ahead;
static size_t part_at, stride; /* the part of a large message that is verified */
static long long clock_cost;
static cpu_set_t cpus_at_start;
pid_t bench_peer;
bool bench_one_cpu;
bool bench_skips;

/* ---- The messages ---- */

static bool have_common_divisor(size_t a, size_t b)
{
    while (b != 0) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a > 1;
}

static size_t parts(void)
{
    return message_size - NUMBER - MOST_LOOKED_AT + 1;
}

/* Of a large message a part is looked at, another one each time. By steps that are the golden part
 * of the whole the parts are spread evenly, however many messages there are; and as both numbers
 * have no common divisor, all of them have their turn. */
static void choose_stride(void)
{
    const double golden = 0.618;
    if (message_size <= NUMBER + MOST_LOOKED_AT)
        return;
    part_at = 0;
    stride = (size_t)((double)parts() * golden);
    while (have_common_divisor(stride, parts()))
        stride++;
}

/* A message is its number, eight bytes or as many as it has, and then a pattern. There are two
 * patterns, which differ in every byte, for even numbers and for odd ones: what is left of the last
 * message is wrong in this one. The receiver has the patterns in its own copy of the buffers.
 *
 * The numbers are written `ahead` messages early: memory that has just been written in pieces is
 * slow to be read as a whole, and that is not what is measured. Nor may a message be too early to
 * be written, if the mechanism does not copy it: a pipe has PIPE_PAGES pages, and they hold it
 * until it is read. */
static void prepare_messages(const struct mechanism *mechanism)
{
    enum { PIPE_PAGES = 16, ROOM = 64, SMALL = 16384, MOST = 32 };
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t alignment = mechanism->in_place ? page : ROOM;
    buffer_size = (message_size / alignment + 2) * alignment; /* with room in front of the next */
    const size_t pages = message_size > page ? (message_size + page - 1) / page : 1;
    const size_t enough = mechanism->in_place ? PIPE_PAGES / pages + 2 : SMALL / buffer_size;
    buffer_count = 2; /* a power of two */
    while (buffer_count < enough && (mechanism->in_place || buffer_count < MOST))
        buffer_count *= 2;
    ahead = mechanism->in_place || buffer_count < 4 ? 0 : buffer_count / 2;
    const size_t sum = (buffer_count + 1) * buffer_size;
    memory = aligned_alloc(page, (page + sum + page - 1) / page * page);
    if (memory == NULL)
        err(EXIT_FAILURE, "memory for messages of %zu bytes", message_size);
    buffers = memory + page; /* in front of them is room */
    answer = buffers + buffer_count * buffer_size;
    memset(answer, 0, message_size);
    for (size_t i = 0; i < buffer_count; i++)
        for (size_t j = 0; j < buffer_size; j++)
            buffers[i * buffer_size + j] = (unsigned char)((j * 7 + j / 256) ^ (i % 2 * 0xff));
    choose_stride();
}

static unsigned char *message_of(uint64_t number)
{
    return buffers + (number & (buffer_count - 1)) * buffer_size;
}

static void stamp(uint64_t number, size_t size)
{
    const uint64_t bytes = htole64(number);
    if (size >= sizeof bytes)
        memcpy(message_of(number), &bytes, sizeof bytes);
    else
        memcpy(message_of(number), &bytes, size);
}

static void stamp_the_first(size_t size)
{
    for (size_t i = 0; i < ahead; i++)
        stamp(agreed->first + i, size);
}

static bool is_right(const unsigned char *message, uint64_t number, size_t size)
{
    const uint64_t bytes = htole64(number);
    const unsigned char *const wanted = message_of(number);
    if (size <= NUMBER)
        return memcmp(message, &bytes, size) == 0;
    if (memcmp(message, &bytes, NUMBER) != 0)
        return false;
    if (size <= NUMBER + MOST_LOOKED_AT || agreed->whole)
        return memcmp(message + NUMBER, wanted + NUMBER, size - NUMBER) == 0;
    part_at += stride;
    if (part_at >= parts())
        part_at -= parts();
    return memcmp(message + NUMBER + part_at, wanted + NUMBER + part_at, MOST_LOOKED_AT) == 0;
}

static void verify(const unsigned char *message, uint64_t number, size_t size)
{
    if (!is_right(message, number, size))
        errx(EXIT_FAILURE, "message %llu has wrong data", (unsigned long long)number);
}

/* ---- What is measured ---- */

/* One round trip that is over; -1: there was none yet. */
static void note(struct histogram *histogram, long long took, uint64_t number, size_t size)
{
    if (took == -1)
        return;
    if (histogram != NULL)
        add_to_histogram(histogram, took);
    if (agreed->verified)
        verify(answer, number, size);
}

/* What is our own work is done while the message is under way, where there are buffers enough. */
static void there_and_back(struct histogram *histogram)
{
    const struct mechanism *const mechanism = agreed->mechanism;
    const size_t size = agreed->size;
    const uint64_t end = agreed->first + (uint64_t)agreed->messages;
    const bool in_time = ahead == 0;
    long long took = -1;
    stamp_the_first(size);
    long long before = clock_ns();
    for (uint64_t number = agreed->first; number < end; number++) {
        if (in_time)
            stamp(number, size);
        mechanism->send(WAY_THERE, message_of(number), size);
        if (!in_time) {
            note(histogram, took, number - 1, size);
            stamp(number + ahead, size);
        }
        mechanism->receive(WAY_BACK, answer, size);
        const long long now = clock_ns();
        took = now - before - clock_cost;
        before = now;
        if (in_time)
            note(histogram, took, number, size);
    }
    if (!in_time)
        note(histogram, took, end - 1, size);
    agreed->received = before;
}

static void send_back(void)
{
    const struct mechanism *const mechanism = agreed->mechanism;
    const size_t size = agreed->size;
    const uint64_t end = agreed->first + (uint64_t)agreed->messages;
    for (uint64_t number = agreed->first; number < end; number++) {
        mechanism->receive(WAY_THERE, answer, size);
        mechanism->send(WAY_BACK, answer, size);
    }
}

static void stream(void)
{
    const struct mechanism *const mechanism = agreed->mechanism;
    const size_t size = agreed->size;
    const uint64_t end = agreed->first + (uint64_t)agreed->messages;
    long under_way = 0;
    stamp_the_first(size);
    for (uint64_t number = agreed->first; number < end; number++) {
        unsigned char *const message = message_of(number);
        stamp(number + ahead, size);
        mechanism->send(WAY_THERE, message, size);
        if (++under_way == mechanism->window) {
            mechanism->receive(WAY_BACK, message, size);
            under_way = 0;
        }
    }
}

static void take_stream(void)
{
    const struct mechanism *const mechanism = agreed->mechanism;
    const size_t size = agreed->size;
    const uint64_t end = agreed->first + (uint64_t)agreed->messages;
    long under_way = 0;
    for (uint64_t number = agreed->first; number < end; number++) {
        mechanism->receive(WAY_THERE, answer, size);
        if (agreed->verified)
            verify(answer, number, size);
        if (++under_way == mechanism->window) {
            mechanism->send(WAY_BACK, answer, size);
            under_way = 0;
        }
    }
    agreed->received = clock_ns();
}

/* ---- The two processes ---- */

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "sem_wait");
}

static void tell(sem_t *semaphore)
{
    if (sem_post(semaphore) == -1)
        err(EXIT_FAILURE, "sem_post");
}

static void other_side(void)
{
    die_with_parent();
    bench_peer = main_process;
    for (;;) {
        wait_for(&agreed->start);
        if (agreed->messages == 0)
            _exit(EXIT_SUCCESS);
        tell(&agreed->ready);
        if (agreed->test == LATENCY)
            send_back();
        else
            take_stream();
        tell(&agreed->done);
    }
}

/* We may be asleep in any call of the mechanism, which nobody will answer. */
static void peer_has_ended(int signal_number, siginfo_t *info, void *context)
{
    static const char text[] = "bench: the other process was killed\n";
    (void)signal_number;
    (void)context;
    if (info->si_pid != bench_peer)
        return;                      /* a child of whoever was this process before exec */
    if (info->si_code != CLD_EXITED) /* otherwise it has told why */
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
    remove_now();
    _exit(EXIT_FAILURE);
}

static void start_other_side(void)
{
    const struct sigaction action = {.sa_sigaction = peer_has_ended,
                                     .sa_flags = SA_SIGINFO | SA_NOCLDSTOP | SA_RESTART};
    sigset_t child_ends, old_mask;
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    /* Blocked until bench_peer is known, for the child may end at once. */
    if (sigaction(SIGCHLD, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    if (sigprocmask(SIG_BLOCK, &child_ends, &old_mask) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    flush_stdout();
    bench_peer = fork();
    if (bench_peer == -1)
        err(EXIT_FAILURE, "fork");
    user_of_objects = bench_peer;
    if (sigprocmask(SIG_SETMASK, &old_mask, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    if (bench_peer == 0)
        other_side();
}

static void end_other_side(void)
{
    if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
        err(EXIT_FAILURE, "signal");
    agreed->messages = 0;
    tell(&agreed->start);
    user_of_objects = 0;
    const int status = reap_command(bench_peer);
    if (status != 0)
        errx(EXIT_FAILURE, "the other process has ended with status %d", status);
}

/* Pin this process, and the child that it will have, or one of them. */
static void pin(pid_t pid, int nth)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &cpus_at_start) && nth-- == 0)
            CPU_SET(cpu, &one);
    if (sched_setaffinity(pid, sizeof one, &one) == -1)
        err(EXIT_FAILURE, "sched_setaffinity");
}

static void place(enum placement placement)
{
    if (placement == FREE)
        return;
    pin(0, 0);
    pin(bench_peer, placement == DIFF ? 1 : 0);
}

/* ---- Slices ---- */

/* Returns ns from the first message's send() to the last one's arrival. */
static long long slice(const struct mechanism *mechanism, enum test test, long messages,
                       struct histogram *histogram)
{
    agreed->mechanism = mechanism;
    agreed->test = test;
    agreed->size = message_size == 0 && mechanism == &pipe_mechanism ? 1 : message_size;
    agreed->verified = verifies && agreed->size > 0;
    agreed->first += (uint64_t)agreed->messages;
    agreed->messages = messages;
    tell(&agreed->start);
    wait_for(&agreed->ready);
    const long long start = clock_ns();
    if (test == LATENCY)
        there_and_back(histogram);
    else
        stream();
    wait_for(&agreed->done);
    return agreed->received - start;
}

/* In the warm-up, which is not told, every byte of every message is verified. It has FEWEST
 * messages at the least, so that all memory that the mechanism uses has been touched. */
static long messages_for_a_slice(const struct mechanism *mechanism, enum test test)
{
    enum { FEWEST = 4 }; /* as many slots as the smallest ring has */
    long enough = 0;
    agreed->whole = true;
    for (long long messages = 1, sum = 0; enough == 0; messages *= 2) {
        const long long took = slice(mechanism, test, (long)messages, NULL);
        sum += messages;
        if (took > WARM_UP_NS && sum >= FEWEST)
            enough = messages * SLICE_NS > took ? (long)(messages * SLICE_NS / took) : 1;
    }
    agreed->whole = false;
    return enough;
}

static void print_figures(const struct mechanism *mechanism, enum test test,
                          enum placement placement, long messages, double seconds,
                          const struct histogram *histogram)
{
    printf("%s\t%s\t%s\t%s\t%zu\t%ld\t%.6f\t", bench->name, mechanism->variant, test_names[test],
           placement_names[placement], message_size, messages, seconds);
    if (test == LATENCY)
        printf("%.0f\t%.0f\t%.0f\t%.0f\t", quantile(histogram, 0.5) / 2,
               quantile(histogram, 0.9) / 2, quantile(histogram, 0.99) / 2,
               quantile(histogram, 1) / 2);
    else
        printf("-\t-\t-\t-\t");
    printf("%.0f\t%.3f", (double)messages / seconds,
           (double)messages * (double)message_size / seconds / 1e6);
}

/* A measured way: how many messages its next slice will have, and what the slices said. */
struct measured {
    const struct mechanism *mechanism;
    long next, messages;
    double seconds, best; /* best: ns for each message */
};

/* Returns ns for each message. A slice that was far too short, for the machine has become faster,
 * is followed by another one. */
static double measure_slice(struct measured *measured, enum test test, struct histogram *histogram)
{
    enum { MOST_TRIES = 30 };
    double ns = 0, each = 0;
    for (int tries = 0; ns < (double)SLICE_NS / 4 && tries < MOST_TRIES; tries++) {
        const long messages = measured->next;
        ns = (double)slice(measured->mechanism, test, messages, histogram);
        each = ns / (double)messages;
        measured->messages += messages;
        measured->seconds += ns / 1e9;
        if (measured->best == 0 || each < measured->best)
            measured->best = each;
        const double better = SLICE_NS / each;
        measured->next = better > (double)(2 * messages) ? 2 * messages : (long)better + 1;
    }
    return each;
}

static void measure(const struct mechanism *mechanism, enum test test, enum placement placement)
{
    struct measured own = {.mechanism = mechanism, .next = messages_for_a_slice(mechanism, test)};
    struct measured neighbour = {.mechanism = &pipe_mechanism};
    if (compares)
        neighbour.next = messages_for_a_slice(&pipe_mechanism, test);
    const int slices = (int)(seconds_for_each * 1e9 / SLICE_NS + 0.5);
    struct histogram *const histogram = new_histogram();
    double *const ratios = calloc((size_t)slices, sizeof *ratios);
    if (ratios == NULL)
        err(EXIT_FAILURE, "calloc");
    for (int i = 0; i < slices; i++) {
        double own_ns = 0, pipe_ns = 0;
        for (int turn = 0; turn < 2; turn++)
            if ((i + turn) % 2 == 0)
                own_ns = measure_slice(&own, test, histogram);
            else if (compares)
                pipe_ns = measure_slice(&neighbour, test, NULL);
        ratios[i] = compares ? own_ns / pipe_ns : 0;
    }
    const long one_way = test == LATENCY ? 2 : 1;
    print_figures(mechanism, test, placement, one_way * own.messages, own.seconds, histogram);
    if (compares)
        printf("\t%.0f\t%.3f", (double)one_way * 1e9 / own.best, median(ratios, (size_t)slices));
    putchar('\n');
    flush_stdout();
    free(histogram);
    free(ratios);
}

/* ---- The command line ---- */

static struct choice {
    bool tests[TESTS], placements[PLACEMENTS];
    const char *variant;
    long sizes[MOST_SIZES];
    int size_count;
} chosen = {.sizes = {1, 64, 1024, 4096, 65536}, .size_count = 5};

static void bench_usage(char *text, size_t room)
{
    int length = snprintf(
        text, room,
        "usage: bench [-lrtu] [-d SECONDS] [-m VARIANT] [-p same|diff|free] [-s SIZE,...]\n"
        "  -d SECONDS   for each figure, 0.05 and up (0.2; with -r 0.6)\n"
        "  -l           latency one way, by messages there and back\n"
        "  -m VARIANT  ");
    for (int i = 0; bench->mechanisms[i] != NULL; i++)
        length += snprintf(text + length, room - (size_t)length, "%s %s", i > 0 ? "," : "",
                           bench->mechanisms[i]->variant);
    snprintf(text + length, room - (size_t)length,
             " (all)\n"
             "  -p PLACE     same: both on one CPU, diff: on two, free: anywhere (same,diff)\n"
             "  -r           two more columns: the best slice, the time relative to a pipe's\n"
             "  -s SIZE,...  bytes in a message (1,64,1024,4096,65536)\n"
             "  -t           throughput, by a stream (latency and throughput)\n"
             "  -u           unverified: do not look at the data\n%s",
             bench->more_usage != NULL ? bench->more_usage : "");
}

static void parse_placements(char *list)
{
    for (char *from = list, *comma; from != NULL; from = comma) {
        comma = strchr(from, ',');
        if (comma != NULL)
            *comma++ = '\0';
        bool known = false;
        for (int i = 0; i < PLACEMENTS; i++)
            if (strcmp(from, placement_names[i]) == 0)
                known = chosen.placements[i] = true;
        if (!known)
            errx(USAGE_ERROR, "-p '%s': not same, diff or free", from);
    }
}

static void parse_command_line(int argc, char *argv[])
{
    char usage[2048], letters[64];
    bench_usage(usage, sizeof usage);
    snprintf(letters, sizeof letters, "d:lm:p:rs:tu%s",
             bench->letters != NULL ? bench->letters : "");
    for (int letter; (letter = next_option(argc, argv, letters, usage)) != -1;)
        switch (letter) {
        case 'd': {
            char *end;
            seconds_for_each = strtod(optarg, &end);
            if (end == optarg || *end != '\0' || !(seconds_for_each >= 0.05) ||
                !(seconds_for_each <= 3600))
                errx(USAGE_ERROR, "-d '%s': not a number from 0.05 to 3600", optarg);
            break;
        }
        case 'l':
            chosen.tests[LATENCY] = true;
            break;
        case 'm':
            chosen.variant = optarg;
            break;
        case 'p':
            parse_placements(optarg);
            break;
        case 'r':
            compares = true;
            break;
        case 's':
            chosen.size_count = parse_list("-s", optarg, 0, LARGEST_SIZE, chosen.sizes, MOST_SIZES);
            break;
        case 't':
            chosen.tests[THROUGHPUT] = true;
            break;
        case 'u':
            verifies = false;
            break;
        default:
            bench->option(letter, optarg);
        }
    check_operands(argc, argv, 0, 0);
    if (seconds_for_each == 0)
        seconds_for_each = compares ? 0.6 : 0.2; /* 24 pairs are the fewest that say something */
    if (!chosen.tests[LATENCY] && !chosen.tests[THROUGHPUT])
        chosen.tests[LATENCY] = chosen.tests[THROUGHPUT] = true;
    if (!chosen.placements[SAME] && !chosen.placements[DIFF] && !chosen.placements[FREE])
        chosen.placements[SAME] = chosen.placements[DIFF] = true;
}

/* ---- All of it ---- */

static void find_clock_cost(void)
{
    enum { TRIES = 25, READINGS = 1000 };
    double costs[TRIES];
    for (int i = 0; i < TRIES; i++) {
        const long long before = clock_ns();
        for (int reading = 1; reading < READINGS; reading++)
            (void)clock_ns();
        costs[i] = (double)(clock_ns() - before) / READINGS;
    }
    clock_cost = (long long)(median(costs, TRIES) + 0.5);
    fprintf(stderr, "bench: a reading of the clock takes %lld ns, subtracted\n", clock_cost);
}

/* One pair of processes, for all the tests of one mechanism, size and placement. Returns how many
 * pairs there were: 0 if the mechanism has no memory for this size. */
static int measure_tests(const struct mechanism *mechanism, enum placement placement)
{
    prepare_messages(mechanism);
    bench_one_cpu = placement == SAME || CPU_COUNT(&cpus_at_start) == 1;
    bench_skips = false;
    mechanism->open(message_size);
    if (bench_skips) {
        free(memory);
        return 0;
    }
    const bool opens_pipe = compares && mechanism != &pipe_mechanism;
    if (opens_pipe)
        pipe_mechanism.open(message_size);
    start_other_side();
    place(placement);
    for (int test = 0; test < TESTS; test++)
        if (chosen.tests[test])
            measure(mechanism, (enum test)test, placement);
    end_other_side();
    if (sched_setaffinity(0, sizeof cpus_at_start, &cpus_at_start) == -1)
        err(EXIT_FAILURE, "sched_setaffinity");
    if (mechanism->close != NULL)
        mechanism->close();
    if (opens_pipe)
        pipe_mechanism.close();
    free(memory);
    return 1;
}

/* Returns the number of sizes that were measured. */
static int measure_mechanism(const struct mechanism *mechanism)
{
    int measured = 0;
    for (int i = 0; i < (mechanism->largest == 0 ? 1 : chosen.size_count); i++) {
        message_size = mechanism->largest == 0 ? 0 : (size_t)chosen.sizes[i];
        if (message_size > mechanism->largest || (message_size == 0 && mechanism->largest > 0)) {
            warnx("%s: no messages of %zu bytes, it takes 1 to %zu", mechanism->variant,
                  message_size, mechanism->largest);
            continue;
        }
        for (int placement = 0; placement < PLACEMENTS; placement++)
            if (chosen.placements[placement])
                measured += measure_tests(mechanism, (enum placement)placement);
    }
    return measured;
}

int run_bench(int argc, char *argv[], const struct bench *what)
{
    bench = what;
    parse_command_line(argc, argv);
    if (sched_getaffinity(0, sizeof cpus_at_start, &cpus_at_start) == -1)
        err(EXIT_FAILURE, "sched_getaffinity");
    if (chosen.placements[DIFF] && CPU_COUNT(&cpus_at_start) < 2) {
        warnx("there is only one CPU: nothing is measured on two");
        chosen.placements[DIFF] = false;
    }
    agreed = share_memory(sizeof *agreed);
    if (sem_init(&agreed->start, 1, 0) == -1 || sem_init(&agreed->ready, 1, 0) == -1 ||
        sem_init(&agreed->done, 1, 0) == -1)
        err(EXIT_FAILURE, "sem_init");
    find_clock_cost();

    bool found = chosen.variant == NULL;
    for (int i = 0; bench->mechanisms[i] != NULL; i++)
        found |=
            chosen.variant != NULL && strcmp(chosen.variant, bench->mechanisms[i]->variant) == 0;
    if (!found)
        errx(USAGE_ERROR, "-m '%s': no such variant (-h for help)", chosen.variant);
    printf("mechanism\tvariant\ttest\tplacement\tsize\tmessages\tseconds\tp50\tp90\tp99\tmax\t"
           "messages_per_s\tMB_per_s%s\n",
           compares ? "\tbest_per_s\ttime_to_pipe" : "");
    int measured = 0;
    for (int i = 0; bench->mechanisms[i] != NULL; i++)
        if (chosen.variant == NULL || strcmp(chosen.variant, bench->mechanisms[i]->variant) == 0)
            measured += measure_mechanism(bench->mechanisms[i]);
    return measured > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
