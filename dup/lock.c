/* lock - a flock() lock belongs to the open file, an F_SETLK lock to the process
 *
 * While the owner holds it, a stranger, who has opened the file itself, tries the same lock, and a
 * child tries it through the descriptor that it has inherited. Then the owner opens and closes the
 * file once more. Does it hold the lock after that?
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
#include <sys/file.h>
#include <unistd.h>

enum kind { FLOCK, OFD_SETLK, SETLK };
enum { STRANGER = -1, REFUSED = EXIT_SUCCESS, LOCKED = 3 }; /* exit statuses of the other process */

static const char usage[] =
    "usage: lock [-x]\n"
    "  prints what becomes of each kind of lock\n"
    "  -x  F_SETLK, and a function that opens and closes the file: the lock is gone\n";

static const char *const names[] = {"flock", "F_OFD_SETLK", "F_SETLK"};
static const char *path;

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
    const int command = kind == OFD_SETLK ? F_OFD_SETLK : F_SETLK;
    const int result = kind == FLOCK ? flock(fd, LOCK_EX | LOCK_NB) : fcntl(fd, command, &whole);
    if (result == -1 && errno != EAGAIN && errno != EACCES)
        err(EXIT_FAILURE, "flock or fcntl");
    say("%s(%d, %s) = %d %s", kind == FLOCK ? "flock" : "fcntl", fd,
        kind == FLOCK ? "LOCK_EX|LOCK_NB" : names[kind], result, error_of(result));
    return result == 0;
}

/* Whether another process gets the lock: a child through `fd`, which it has inherited, or a
 * stranger, through a descriptor of its own. */
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

static void try_kind(enum kind kind, bool print)
{
    const int fd = open_file();
    if (!lock(kind, fd))
        errx(EXIT_FAILURE, "the lock is not free");
    const bool stranger = other_gets_it(kind, STRANGER), child = other_gets_it(kind, fd);

    const int again = open_file(); /* as a library might, without knowing of any lock */
    say("open() = %d", again);
    if (close(again) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d): not the locked descriptor", again);
    const bool lost = other_gets_it(kind, STRANGER);

    if (print)
        printf("%-11s  %-8s  %-7s  %s\n", names[kind], stranger ? "gets it" : "refused",
               child ? "has it" : "refused", lost ? "lost" : "held");
    flush_stdout();
    if (stranger || child == (kind == SETLK) || lost != (kind == SETLK))
        errx(EXIT_FAILURE, "unexpected: %s", names[kind]);
    close(fd);
}

int main(int argc, char *argv[])
{
    bool wrong = false;
    while (next_option(argc, argv, "x", usage) != -1)
        wrong = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "owner");
    path = private_file("lock", "");
    if (!wrong)
        puts("lock         stranger  child    after another close()");
    for (enum kind kind = wrong ? SETLK : FLOCK; kind <= SETLK; kind++)
        try_kind(kind, !wrong);
    lesson(wrong ? "F_SETLK: any close() of the file, through any descriptor, drops the lock"
                 : "flock() and F_OFD_SETLK lock for the open file, F_SETLK for the process");
    return EXIT_SUCCESS;
}
