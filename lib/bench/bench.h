/* bench.h - what the bench programs share: one command line, and the code around the mechanism
 *
 * A bench program is a table of mechanisms. Two processes are connected by one of them in both
 * directions: WAY_THERE leads to the child, WAY_BACK from it. Latency is measured by a message that
 * goes there and back, throughput by a stream that goes there.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum way { WAY_THERE, WAY_BACK };

/* Each function ends the program if it fails. */
struct mechanism {
    const char *variant; /* its name for -m */
    size_t largest;      /* bytes in a message; 0: it carries none */
    bool in_place;       /* send() does not copy: the receiver gets the sender's own memory */
    long window;         /* messages that may be under way before an answer; 0: send() waits */
    void (*open)(size_t size); /* before the fork: both ways, for messages of `size` bytes */
    void (*send)(enum way way, void *message, size_t size);
    void (*receive)(enum way way, void *message, size_t size);
    void (*close)(void); /* in the parent, after the child has ended; NULL: nothing to do */
};

struct bench {
    const char *name;                          /* the first column: the folder */
    const struct mechanism *const *mechanisms; /* NULL ends them */
    const char *letters;                       /* more options, as for getopt(3); NULL: none */
    const char *more_usage;                    /* a line on each */
    void (*option)(int letter, const char *argument);
};

/* The process at the other end; set after the fork, in both. */
extern pid_t bench_peer;

/* There is one CPU for both: to spin is to keep the other one from running. Set before open(). */
extern bool bench_one_cpu;

/* To be set by open(), after a warning, if there is no memory for messages of this size. */
extern bool bench_skips;

/* The main() of a bench program. Returns the exit status. */
int run_bench(int argc, char *argv[], const struct bench *bench);

/* ---- Figures: figures.c ---- */

/* The numbers in "1,64,1024", each as by parse_long of demo.h. Returns how many; exits 2 if there
 * are more than `most`. */
int parse_list(const char *what, char *list, long least, long largest, long numbers[], int most);

/* CLOCK_MONOTONIC in nanoseconds, see clock_gettime(2). */
long long clock_ns(void);

/* The median of `count` numbers, which are sorted by it. */
double median(double numbers[], size_t count);

/* How often which time was measured: exact to 1 %, any number of times. */
struct histogram;
struct histogram *new_histogram(void);
void add_to_histogram(struct histogram *histogram, long long ns);
/* The time that the given part of all did not exceed, in ns: 0.5 is the median, 1 the maximum. */
double quantile(const struct histogram *histogram, double part);

#endif
