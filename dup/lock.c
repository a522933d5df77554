/* lock - a flock() lock belongs to the open file, an fcntl() lock to the process
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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static const char usage[] =
    "usage: lock [-x]\n"
    "  prints what becomes of each kind of lock\n"
    "  -x  F_SETLK, and a function that opens and closes the file: the lock is gone\n";

enum kind { FLOCK, OPEN_FILE, PROCESS };
enum { STRANGER = -1 };
enum { REFUSED = EXIT_SUCCESS, LOCKED = 3 }; /* what another process reports by its exit status */
static char path[PATH_MAX];

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
    say(kind == FLOCK       ? "flock(%d, LOCK_EX|LOCK_NB) = %d %s"
        : kind == OPEN_FILE ? "fcntl(%d, F_OFD_SETLK) = %d %s"
                            : "fcntl(%d, F_SETLK) = %d %s",
        fd, result, result == -1 ? errno_name(errno) : "");
    return result == 0;
}

/* Another process tries the lock: a child through `fd`, which it has inherited, or a stranger,
 * through a descriptor of its own. Returns whether it got it. */
static bool other_gets_it(enum kind kind, int fd)
{
    const pid_t other = fork();
    if (other == -1)
        err(EXIT_FAILURE, "fork");
    if (other == 0) {
        lane(1, fd == STRANGER ? "stranger" : "child");
        die_with_parent();
        _exit(lock(kind, fd == STRANGER ? open_file() : fd) ? LOCKED : REFUSED);
    }
    const int status = reap(other);
    if (status != LOCKED && status != REFUSED)
        errx(EXIT_FAILURE, "the other process failed");
    return status == LOCKED;
}

/* What a library might do, without knowing of any lock. */
static void look_into_file(void)
{
    const int fd = open_file();
    say("open() = %d", fd);
    const int closed = close(fd);
    if (closed == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d) = %d: not the locked descriptor", fd, closed);
}

static void try_kind(enum kind kind, const char *name)
{
    const int fd = open_file();
    if (!lock(kind, fd))
        errx(EXIT_FAILURE, "the lock is not free");
    const bool stranger = other_gets_it(kind, STRANGER), child = other_gets_it(kind, fd);
    look_into_file();
    const bool lost = other_gets_it(kind, STRANGER);
    printf("%-11s  %-8s  %-7s  %s\n", name, stranger ? "gets it" : "refused",
           child ? "has it" : "refused", lost ? "lost" : "held");
    flush_stdout();
    if (stranger || child == (kind == PROCESS) || lost != (kind == PROCESS))
        errx(EXIT_FAILURE, "unexpected: %s", name);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
}

static void lose_lock(void)
{
    if (!lock(PROCESS, open_file()) || other_gets_it(PROCESS, STRANGER))
        errx(EXIT_FAILURE, "the lock does not work");
    look_into_file();
    if (!other_gets_it(PROCESS, STRANGER))
        errx(EXIT_FAILURE, "the lock is still held");
    lesson("F_SETLK: any close() of the file, through any descriptor, drops the lock");
}

int main(int argc, char *argv[])
{
    bool wrong = false;
    while (next_option(argc, argv, "x", usage) != -1)
        wrong = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "owner");
    snprintf(path, sizeof path, "%s", demo_path("lock-XXXXXX"));
    hold_endings();
    const int fd = mkstemp(path);
    if (fd == -1)
        err(EXIT_FAILURE, "mkstemp %s", path);
    unlink_at_exit(path);
    release_endings();
    close(fd);
    if (wrong) {
        lose_lock();
        return EXIT_SUCCESS;
    }
    puts("lock         stranger  child    after another close()");
    try_kind(FLOCK, "flock");
    try_kind(OPEN_FILE, "F_OFD_SETLK");
    try_kind(PROCESS, "F_SETLK");
    lesson("flock() and F_OFD_SETLK lock for the open file, F_SETLK for the process");
    return EXIT_SUCCESS;
}
