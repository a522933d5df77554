/* fork - what parent and child have in common: MAP_SHARED memory; the rest is copied when written
 *
 * fork() does not copy the memory, only the tables that lead to it. Both processes see the same
 * pages, marked read-only. The first store to one of them is a page fault: the kernel copies that
 * one page, and the store goes on. Pages that are only read are never copied. A MAP_SHARED mapping
 * is not copied at all.
 *
 * The kernel counts the pages that belong to one process alone as Private_Dirty in
 * /proc/self/smaps_rollup.
 *
 * fork(2), mmap(2), madvise(2), proc(5) on smaps, ru_minflt in getrusage(2)
 */
#define _GNU_SOURCE /* madvise */
#include "../lib/demo.h"

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const char usage[] =
    "usage: fork [-x]\n"
    "  -x  the mistake: a child \"returns\" its result in an ordinary variable\n"
    "  prints how much of 64 MiB was copied by fork, by reading, by writing\n";

enum { MIB = 1024 * 1024, SIZE = 64 * MIB, WRITTEN = 16 * MIB };
static size_t page_size;

/* Small pages: with huge ones the numbers of faults would differ. */
static unsigned char *map(int sharing)
{
    unsigned char *const memory =
        mmap(NULL, SIZE, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    (void)madvise(memory, SIZE, MADV_NOHUGEPAGE); /* it fails where the kernel has none */
    return memory;
}

static void write_pages(volatile unsigned char *memory, size_t size)
{
    for (size_t i = 0; i < size; i += page_size)
        memory[i] = 1;
}

static unsigned read_pages(const volatile unsigned char *memory, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i += page_size)
        sum += memory[i];
    return sum;
}

/* Memory that belongs to this process alone, in kB. */
static long private_memory(void)
{
    static const char path[] = "/proc/self/smaps_rollup";
    char line[128];
    long kilobytes = -1;
    FILE *const file = fopen(path, "re");
    if (file == NULL)
        err(EXIT_FAILURE, "open %s", path);
    while (kilobytes == -1 && fgets(line, sizeof line, file) != NULL)
        sscanf(line, "Private_Dirty: %ld", &kilobytes);
    fclose(file);
    if (kilobytes == -1)
        errx(EXIT_FAILURE, "%s: no Private_Dirty", path);
    return kilobytes;
}

static long page_faults(void)
{
    struct rusage usage_so_far;
    if (getrusage(RUSAGE_SELF, &usage_so_far) == -1)
        err(EXIT_FAILURE, "getrusage");
    return usage_so_far.ru_minflt;
}

/* Reports what has happened since the last report. Returns the MiB that were copied. */
static long report(const char *what)
{
    static long faults_before, memory_before; /* a child begins with 0 faults */
    const long faults = page_faults() - faults_before;
    const long copied = (private_memory() - memory_before + 512) / 1024;
    say("%s: %ld fault%s", what, faults, faults == 1 ? "" : "s");
    printf("%s copied %ld MiB\n", what, copied);
    flush_stdout();
    memory_before = private_memory();
    faults_before = page_faults();
    return copied;
}

static void use_memory(unsigned char *own, unsigned char *common)
{
    lane(1, "child");
    die_with_parent();
    bool right = report("fork") == 0;
    if (read_pages(own, SIZE) != SIZE / page_size)
        errx(EXIT_FAILURE, "the child does not see the parent's memory");
    right &= report("reading 64 MiB") == 0;
    write_pages(own, WRITTEN);
    right &= report("writing 16 MiB") == WRITTEN / MIB;
    write_pages(own, WRITTEN);
    right &= report("writing them again") == 0;
    write_pages(common, SIZE);
    right &= report("writing 64 MiB of MAP_SHARED") == 0;
    _exit(right ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void show_copies(void)
{
    unsigned char *const own = map(MAP_PRIVATE), *const common = map(MAP_SHARED);
    write_pages(own, SIZE);
    write_pages(common, SIZE);
    say("has written 64 MiB of MAP_PRIVATE and 64 MiB of MAP_SHARED");
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        use_memory(own, common);
    say("fork() = %d", (int)child);
    if (reap(child) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the child has failed, or has copied something else");
    lesson("fork() copied no memory; writing copied just the pages that were written");
}

static void set_result(volatile int *ordinary, volatile int *common)
{
    lane(1, "child");
    die_with_parent();
    *ordinary = *common = 42;
    say("ordinary, at %p: %d", (void *)(uintptr_t)ordinary, *ordinary);
    say("MAP_SHARED, at %p: %d", (void *)(uintptr_t)common, *common);
    _exit(EXIT_SUCCESS);
}

static void lose_result(void)
{
    static volatile int ordinary;
    volatile int *const common = share_memory(sizeof *common);
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        set_result(&ordinary, common);
    say("fork() = %d", (int)child);
    if (reap(child) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the child failed");
    say("ordinary, at %p: %d", (void *)(uintptr_t)&ordinary, ordinary);
    say("MAP_SHARED, at %p: %d", (void *)(uintptr_t)common, *common);
    printf("ordinary %d\nMAP_SHARED %d\n", ordinary, *common);
    if (ordinary == *common)
        errx(EXIT_FAILURE, "the ordinary variable is shared");
    lesson("a child that stores in an ordinary variable changes only its own copy");
}

int main(int argc, char *argv[])
{
    bool mistake = false;
    while (next_option(argc, argv, "x", usage) != -1)
        mistake = true;
    check_operands(argc, argv, 0, 0);
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    lane(0, "parent");
    if (mistake)
        lose_result();
    else
        show_copies();
    return EXIT_SUCCESS;
}
