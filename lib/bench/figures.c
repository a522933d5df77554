/* figures.c - times, and what is said of many of them */
#include "../demo.h"
#include "bench.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A time below EXACT ns has a bucket of its own; every doubling above has HALF more of them. */
enum { HALF_BITS = 7, HALF = 1 << HALF_BITS, EXACT = 2 * HALF, OCTAVES = 64 - HALF_BITS };

struct histogram {
    long count, buckets[HALF * (OCTAVES + 1)];
    long long longest;
};

int parse_list(const char *what, char *list, long least, long largest, long numbers[], int most)
{
    int count = 0;
    for (char *from = list, *comma; from != NULL; from = comma) {
        comma = strchr(from, ',');
        if (comma != NULL)
            *comma++ = '\0';
        if (count == most)
            errx(USAGE_ERROR, "%s: more than %d numbers", what, most);
        numbers[count++] = parse_long(what, from, least, largest);
    }
    return count;
}

long long clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double numbers[], size_t count)
{
    qsort(numbers, count, sizeof numbers[0], compare);
    return (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
}

struct histogram *new_histogram(void)
{
    struct histogram *const histogram = calloc(1, sizeof *histogram);
    if (histogram == NULL)
        err(EXIT_FAILURE, "calloc");
    return histogram;
}

void add_to_histogram(struct histogram *histogram, long long ns)
{
    const unsigned long long time = ns > 0 ? (unsigned long long)ns : 0;
    unsigned doublings = 0;
    while (time >> doublings >= EXACT)
        doublings++;
    histogram->buckets[doublings * HALF + (size_t)(time >> doublings)]++;
    histogram->count++;
    if (ns > histogram->longest)
        histogram->longest = ns;
}

double quantile(const struct histogram *histogram, double part)
{
    if (part >= 1)
        return (double)histogram->longest;
    long seen = 0;
    size_t bucket = 0;
    while ((double)(seen += histogram->buckets[bucket]) <= part * (double)histogram->count)
        bucket++;
    if (bucket < EXACT)
        return (double)bucket;
    const size_t doublings = bucket / HALF - 1;
    const double width = (double)(1ULL << doublings);
    const double middle = width * ((double)(bucket - doublings * HALF) + 0.5);
    return middle < (double)histogram->longest ? middle : (double)histogram->longest;
}
