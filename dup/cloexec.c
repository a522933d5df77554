/* cloexec - an open descriptor goes on into the program that exec starts, unless FD_CLOEXEC is set
 *
 * A server has a secret open and starts a helper, cat, that has no business with it. The file has
 * no name any more. With -x the server has forgotten O_CLOEXEC: cat has inherited the descriptor,
 * finds it under its number in /proc/self/fd, and prints the secret.
 *
 * The flag is of the number, not of the open file: a copy has its own. Watch which ways of copying
 * turn it off.
 *
 * O_CLOEXEC in open(2), dup(2), F_DUPFD_CLOEXEC in fcntl(2), execve(2)
 */
#define _GNU_SOURCE /* dup3, mkostemp */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: cloexec [-x]\n"
                            "  -x  O_CLOEXEC is forgotten: another program reads the secret\n"
                            "  prints what cat finds\n";

static int open_secret(int flags)
{
    static const char secret[] = "the secret\n";
    char path[128];
    snprintf(path, sizeof path, "%s", demo_path("secret-XXXXXX"));
    hold_endings();
    const int fd = mkostemp(path, flags);
    if (fd == -1)
        err(EXIT_FAILURE, "mkostemp %s", path);
    if (unlink(path) == -1)
        err(EXIT_FAILURE, "unlink %s", path);
    release_endings();
    if (write_full(fd, secret, strlen(secret)) == -1)
        err(EXIT_FAILURE, "write");
    say("mkostemp(%s) = %d: a secret, its name is removed", flags == O_CLOEXEC ? "O_CLOEXEC" : "0",
        fd);
    return fd;
}

static const char *flag_of(int fd)
{
    const int flags = fcntl(fd, F_GETFD);
    if (flags == -1)
        err(EXIT_FAILURE, "fcntl F_GETFD");
    return (flags & FD_CLOEXEC) != 0 ? "FD_CLOEXEC" : "no FD_CLOEXEC";
}

static void show_copies(int fd)
{
    const int copy = dup(fd);
    if (copy == -1)
        err(EXIT_FAILURE, "dup");
    say("dup(%d) = %d: %s", fd, copy, flag_of(copy));
    if (dup3(fd, copy, O_CLOEXEC) == -1)
        err(EXIT_FAILURE, "dup3");
    say("dup3(%d, %d, O_CLOEXEC) = %d: %s", fd, copy, copy, flag_of(copy));
    if (dup2(fd, copy) == -1)
        err(EXIT_FAILURE, "dup2");
    say("dup2(%d, %d) = %d: %s", fd, copy, copy, flag_of(copy));
    if (dup2(fd, fd) == -1)
        err(EXIT_FAILURE, "dup2");
    say("dup2(%d, %d) = %d: %s, it does nothing", fd, fd, fd, flag_of(fd));
    if (dup3(fd, fd, O_CLOEXEC) != -1 || errno != EINVAL)
        err(EXIT_FAILURE, "dup3(%d, %d)", fd, fd);
    say("dup3(%d, %d, O_CLOEXEC) = -1 EINVAL", fd, fd);
    const int safe_copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (safe_copy == -1)
        err(EXIT_FAILURE, "fcntl F_DUPFD_CLOEXEC");
    say("fcntl(%d, F_DUPFD_CLOEXEC) = %d: %s", fd, safe_copy, flag_of(safe_copy));
    if (close(copy) == -1 || close(safe_copy) == -1)
        err(EXIT_FAILURE, "close");
}

static void become_cat(int fd)
{
    lane(1, "helper");
    die_with_parent();
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    say("exec cat %s", path);
    execlp("cat", "cat", path, (char *)NULL);
    err(NOT_FOUND, "cat");
}

int main(int argc, char *argv[])
{
    int flags = O_CLOEXEC;
    while (next_option(argc, argv, "x", usage) != -1)
        flags = 0;
    check_operands(argc, argv, 0, 0);

    lane(0, "server");
    const int fd = open_secret(flags);
    if (flags == O_CLOEXEC)
        show_copies(fd);
    say("fork(), for a helper");
    const pid_t helper = fork();
    if (helper == -1)
        err(EXIT_FAILURE, "fork");
    if (helper == 0)
        become_cat(fd);
    const int status = reap_command(helper);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    if (status != (flags == O_CLOEXEC ? EXIT_FAILURE : EXIT_SUCCESS))
        errx(EXIT_FAILURE, "unexpected: cat has ended with status %d", status);
    if (flags == O_CLOEXEC) {
        say("cat has ended with status %d: it has no %d", status, fd);
        lesson("open everything with O_CLOEXEC: exec closes it, and keeps the copies made by dup2");
    } else {
        say("cat has ended with status %d: it had %d, and opened the secret by it", status, fd);
        lesson("without FD_CLOEXEC every program that is started inherits what is open");
    }
    return EXIT_SUCCESS;
}
