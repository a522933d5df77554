/* offset - dup and fork give one open file more numbers; a second open is another open file
 *
 * A descriptor is a number in a process. It leads to an open file (POSIX: open file description),
 * which has the offset and the status flags, and that leads to the file itself. dup() and fork()
 * copy the number: all copies move one offset. Only FD_CLOEXEC belongs to the number.
 *
 * open(2), dup(2), fork(2), fcntl(2), /proc/PID/fdinfo in proc(5)
 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: offset\n"
    "  prints what the kernel knows about each descriptor: offset, flags, FD_CLOEXEC\n";

static void read_word(int fd, const char *expected)
{
    char word[4];
    const ssize_t count = read(fd, word, sizeof word);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd %s", fd, count, quoted(word, (size_t)count));
    if (memcmp(word, expected, sizeof word) != 0)
        errx(EXIT_FAILURE, "read: that is not %s", quoted(expected, sizeof word));
}

static void change_all(int fd)
{
    lane(1, "child");
    die_with_parent();
    read_word(fd, "two ");
    if (fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl F_SETFL");
    say("fcntl(%d, F_SETFL, O_APPEND|O_NONBLOCK)", fd);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
        err(EXIT_FAILURE, "fcntl F_SETFD");
    say("fcntl(%d, F_SETFD, FD_CLOEXEC)", fd);
    for (;;)
        pause();
}

/* One row of the table: what the kernel says; and that must be so. */
static void print_row(const char *name, pid_t pid, int fd, long expected_offset, int expected_flags)
{
    char path[64];
    long offset;
    int flags;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)pid, fd);
    FILE *const info = fopen(path, "r");
    if (info == NULL || fscanf(info, "pos: %ld flags: %o", &offset, (unsigned *)&flags) != 2)
        err(EXIT_FAILURE, "open or read %s", path);
    fclose(info);
    printf("%-13s %6ld  %-9s %-11s %s\n", name, offset, (flags & O_APPEND) != 0 ? "on" : "off",
           (flags & O_NONBLOCK) != 0 ? "on" : "off", (flags & O_CLOEXEC) != 0 ? "on" : "off");
    flags &= O_APPEND | O_NONBLOCK | O_CLOEXEC;
    if (offset != expected_offset || flags != expected_flags)
        errx(EXIT_FAILURE, "unexpected: %s", name);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    const char *const path = private_file("offset", "one two six ten ");
    const int first = open(path, O_RDONLY);
    const int copy = dup(first);
    const int second = open(path, O_RDONLY);
    if (first == -1 || copy == -1 || second == -1)
        err(EXIT_FAILURE, "open or dup %s", path);
    say("open() = %d: a file with the words \"one two six ten \"", first);
    say("dup(%d) = %d", first, copy);
    say("open() = %d: the same file, opened again", second);

    read_word(first, "one ");
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        change_all(first);
    wait_asleep_in(child, "pause", ANY_ARGUMENT);
    read_word(copy, "six ");
    read_word(second, "one ");

    puts("descriptor    offset  O_APPEND  O_NONBLOCK  FD_CLOEXEC");
    print_row("the first", getpid(), first, 12, O_APPEND | O_NONBLOCK);
    print_row("its dup", getpid(), copy, 12, O_APPEND | O_NONBLOCK);
    print_row("in the child", child, first, 12, O_APPEND | O_NONBLOCK | O_CLOEXEC);
    print_row("opened again", getpid(), second, 4, 0);
    flush_stdout();

    if (kill(child, SIGTERM) == -1 || reap(child) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "kill: the child has ended by itself");
    if (close(first) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): one number is left of three", first);
    read_word(copy, "ten ");
    lesson("dup and fork copy the number; offset and flags belong to the one open file");
    return EXIT_SUCCESS;
}
