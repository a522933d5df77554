/* offset - dup and fork give one open file more numbers; a second open is another open file
 *
 * A descriptor is a number in a process. It leads to an open file (POSIX: open file description),
 * which has the offset and the status flags, and that leads to the file itself. dup() and fork()
 * copy the number: all copies move one offset. Only FD_CLOEXEC belongs to the number.
 *
 * The table at the end is the kernel's own, from /proc/PID/fdinfo.
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
    "  prints what the kernel knows of each descriptor: offset, flags, FD_CLOEXEC\n";

static const char words[] = "one two six ten ";

/* Makes a file with the words; it is removed at the end. */
static int make_file(char *path, size_t size)
{
    snprintf(path, size, "%s", demo_path("offset-XXXXXX"));
    hold_endings();
    const int fd = mkstemp(path);
    if (fd == -1)
        err(EXIT_FAILURE, "mkstemp %s", path);
    unlink_at_exit(path);
    release_endings();
    if (write_full(fd, words, strlen(words)) == -1)
        err(EXIT_FAILURE, "write %s", path);
    if (lseek(fd, 0, SEEK_SET) == -1)
        err(EXIT_FAILURE, "lseek");
    return fd;
}

static void read_word(int fd, const char *expected)
{
    char word[8];
    const ssize_t count = read(fd, word, strlen(expected));
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd %s", fd, count, quoted(word, (size_t)count));
    if ((size_t)count != strlen(expected) || memcmp(word, expected, (size_t)count) != 0)
        errx(EXIT_FAILURE, "read: that is not %s", quoted(expected, strlen(expected)));
}

static void change_all(int fd)
{
    lane(1, "child");
    die_with_parent();
    read_word(fd, "two ");
    const int status_set = fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK);
    if (status_set == -1)
        err(EXIT_FAILURE, "fcntl F_SETFL");
    say("fcntl(%d, F_SETFL, O_APPEND|O_NONBLOCK) = %d", fd, status_set);
    const int flag_set = fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (flag_set == -1)
        err(EXIT_FAILURE, "fcntl F_SETFD");
    say("fcntl(%d, F_SETFD, FD_CLOEXEC) = %d", fd, flag_set);
    for (;;)
        pause();
}

/* One row of the table: what the kernel says; and that must be so. */
static void print_row(const char *name, pid_t pid, int fd, long expected_offset, int expected_flags)
{
    char path[64];
    long offset;
    unsigned flags;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)pid, fd);
    FILE *const info = fopen(path, "re"); /* e: O_CLOEXEC */
    if (info == NULL)
        err(EXIT_FAILURE, "open %s", path);
    if (fscanf(info, "pos: %ld flags: %o", &offset, &flags) != 2)
        errx(EXIT_FAILURE, "read %s: no offset and no flags", path);
    fclose(info);
    printf("%-13s %6ld  %-9s %-11s %s\n", name, offset, (flags & O_APPEND) != 0 ? "on" : "off",
           (flags & O_NONBLOCK) != 0 ? "on" : "off", (flags & O_CLOEXEC) != 0 ? "on" : "off");
    flush_stdout();
    const unsigned shown = O_APPEND | O_NONBLOCK | O_CLOEXEC;
    if (offset != expected_offset || (flags & shown) != (unsigned)expected_flags)
        errx(EXIT_FAILURE, "unexpected: %s", name);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    static char path[128];
    const int first = make_file(path, sizeof path);
    say("mkstemp() = %d: a file with the words \"%s\"", first, words);
    const int copy = dup(first);
    if (copy == -1)
        err(EXIT_FAILURE, "dup");
    say("dup(%d) = %d", first, copy);
    const int second = open(path, O_RDONLY | O_NOFOLLOW);
    if (second == -1)
        err(EXIT_FAILURE, "open %s", path);
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

    if (kill(child, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    if (reap(child) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "the child failed");
    const int closed = close(first);
    if (closed == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d) = %d: one number is left of three", first, closed);
    read_word(copy, "ten ");
    lesson("dup and fork copy the number; offset and flags belong to the one open file");
    return EXIT_SUCCESS;
}
