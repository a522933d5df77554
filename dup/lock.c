/* lock - flock() belongs to the open file, a lock of fcntl() to the process
 *
 * Three ways to lock a whole file. A stranger, who has opened the file itself, tries the same lock;
 * a child tries it through the descriptor that it has inherited; and then the owner opens and
 * closes the file once more, as any function of a library might. Does it hold the lock after that?
 *
 * With -x the owner relies on F_SETLK, and calls such a function.
 *
 * flock(2), F_SETLK and F_OFD_SETLK in fcntl(2)
 */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char usage[] =
    "usage: lock [-x]\n"
    "  prints what becomes of each kind of lock\n"
    "  -x  F_SETLK, and a function that only reads the file: the lock has gone\n";

enum kind { FLOCK, OPEN_FILE, PROCESS };
enum { NONE = -1 };
enum { HELD = EXIT_SUCCESS, FREE = 3 }; /* what a child reports by its exit status */
static char path[128];

static void make_file(void)
{
    snprintf(path, sizeof path, "%s", demo_path("lock-XXXXXX"));
    hold_endings();
    const int fd = mkstemp(path);
    if (fd == -1)
        err(EXIT_FAILURE, "mkstemp %s", path);
    unlink_at_exit(path);
    release_endings();
    if (write_full(fd, "hello\n", strlen("hello\n")) == -1)
        err(EXIT_FAILURE, "write %s", path);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
}

static int open_file(void)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    return fd;
}

/* Returns whether we have the lock now. */
static bool lock(enum kind kind, int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET}; /* l_len 0: to the end */
    const int command = kind == PROCESS ? F_SETLK : F_OFD_SETLK;
    const int result = kind == FLOCK ? flock(fd, LOCK_EX | LOCK_NB) : fcntl(fd, command, &whole);
    if (result == -1 && errno != EAGAIN && errno != EACCES)
        err(EXIT_FAILURE, kind == FLOCK ? "flock" : "fcntl");
    const char *const error = result == -1 ? errno_name(errno) : "";
    const char *const blank = result == -1 ? " " : "";
    if (kind == FLOCK)
        say("flock(%d, LOCK_EX|LOCK_NB) = %d%s%s", fd, result, blank, error);
    else
        say("fcntl(%d, %s) = %d%s%s", fd, kind == PROCESS ? "F_SETLK" : "F_OFD_SETLK", result,
            blank, error);
    return result == 0;
}

/* Another process tries the lock: through `fd`, which it has inherited, or by a descriptor of its
 * own if that is NONE. Returns whether it got it. */
static bool other_gets_it(enum kind kind, int fd)
{
    const pid_t other = fork();
    if (other == -1)
        err(EXIT_FAILURE, "fork");
    if (other == 0) {
        lane(1, fd == NONE ? "stranger" : "child");
        die_with_parent();
        _exit(lock(kind, fd == NONE ? open_file() : fd) ? FREE : HELD);
    }
    const int status = reap(other);
    if (status != HELD && status != FREE)
        errx(EXIT_FAILURE, "the other process failed");
    return status == FREE;
}

/* What a library might do, without knowing of any lock. */
static void read_file(void)
{
    char text[16];
    const int fd = open_file();
    const ssize_t count = read(fd, text, sizeof text);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    say("read(%d) = %zd %s", fd, count, quoted(text, (size_t)count));
    const int closed = close(fd);
    if (closed == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d) = %d: not the locked descriptor", fd, closed);
}

static void try_kind(enum kind kind, const char *name, bool belongs_to_process)
{
    const int fd = open_file();
    if (!lock(kind, fd))
        errx(EXIT_FAILURE, "the lock is not free");
    const bool stranger = other_gets_it(kind, NONE), child = other_gets_it(kind, fd);
    read_file();
    const bool lost = other_gets_it(kind, NONE);
    printf("%-11s  %-8s  %-7s  %s\n", name, stranger ? "gets it" : "refused",
           child ? "has it" : "refused", lost ? "lost" : "held");
    flush_stdout();
    if (stranger || child == belongs_to_process || lost != belongs_to_process)
        errx(EXIT_FAILURE, "unexpected: %s", name);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
}

int main(int argc, char *argv[])
{
    bool wrong = false;
    while (next_option(argc, argv, "x", usage) != -1)
        wrong = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "owner");
    make_file();
    if (wrong) {
        const int fd = open_file();
        if (!lock(PROCESS, fd) || other_gets_it(PROCESS, NONE))
            errx(EXIT_FAILURE, "the lock does not work");
        read_file();
        if (!other_gets_it(PROCESS, NONE))
            errx(EXIT_FAILURE, "the lock is still held");
        lesson("F_SETLK: any close() of the file, through any descriptor, drops the lock");
        return EXIT_SUCCESS;
    }
    puts("lock         stranger  child    after another close()");
    try_kind(FLOCK, "flock", false);
    try_kind(OPEN_FILE, "F_OFD_SETLK", false);
    try_kind(PROCESS, "F_SETLK", true);
    lesson("flock() and F_OFD_SETLK lock for the open file, F_SETLK for the process");
    return EXIT_SUCCESS;
}
