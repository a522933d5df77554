/* cloexec - a descriptor stays open in the program that exec starts, unless FD_CLOEXEC is set
 *
 * A server has a secret open and starts a helper, cat, that has no business with it. The file has
 * no name any more. With -x the server has forgotten O_CLOEXEC: cat has inherited the descriptor,
 * finds it under its number in /proc/self/fd, and prints the secret.
 *
 * The flag belongs to the number, not to the open file: a copy has its own. Watch which ways of
 * copying turn it off.
 *
 * O_CLOEXEC in open(2), dup(2), F_DUPFD_CLOEXEC in fcntl(2), execve(2)
 */
#define _GNU_SOURCE /* dup3 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: cloexec [-x]\n"
                            "  -x  O_CLOEXEC is forgotten: another program reads the secret\n"
                            "  prints what cat finds\n";

static int open_secret(bool forgets)
{
    const char *const path = private_file("secret", "the secret\n");
    const int fd = open(path, forgets ? O_RDONLY : O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    say("open(%s) = %d", forgets ? "O_RDONLY" : "O_RDONLY|O_CLOEXEC", fd);
    if (unlink(path) == -1)
        err(EXIT_FAILURE, "unlink %s", path);
    say("unlink(): its name is gone");
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
    const int with_flag = dup3(fd, copy, O_CLOEXEC);
    if (with_flag == -1)
        err(EXIT_FAILURE, "dup3");
    say("dup3(%d, %d, O_CLOEXEC) = %d: %s", fd, copy, with_flag, flag_of(copy));
    const int without = dup2(fd, copy);
    if (without == -1)
        err(EXIT_FAILURE, "dup2");
    say("dup2(%d, %d) = %d: %s", fd, copy, without, flag_of(copy));
    const int safe_copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (safe_copy == -1)
        err(EXIT_FAILURE, "fcntl F_DUPFD_CLOEXEC");
    say("fcntl(%d, F_DUPFD_CLOEXEC, 0) = %d: %s", fd, safe_copy, flag_of(safe_copy));
    close(copy);
    close(safe_copy);
}

static void become_cat(int fd)
{
    char path[64];
    lane(1, "helper");
    die_with_parent();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (access(path, R_OK) == -1) /* or cat would fail without /proc, too */
        err(EXIT_FAILURE, "access %s", path);
    say("execlp(cat %s) ...", path);
    execlp("cat", "cat", path, (char *)NULL);
    exec_failed("cat");
}

int main(int argc, char *argv[])
{
    bool forgets = false;
    while (next_option(argc, argv, "x", usage) != -1)
        forgets = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "server");
    const int fd = open_secret(forgets);
    if (!forgets)
        show_copies(fd);
    const pid_t helper = fork();
    if (helper == -1)
        err(EXIT_FAILURE, "fork");
    if (helper == 0)
        become_cat(fd);
    say("fork() = %d", (int)helper);
    const int status = reap_command(helper);
    say("wait() = %d, status %d", (int)helper, status);
    if (status != (forgets ? EXIT_SUCCESS : EXIT_FAILURE))
        errx(EXIT_FAILURE, "unexpected: cat has ended with status %d", status);
    if (forgets)
        lesson("without FD_CLOEXEC every program that is started inherits what is open");
    else
        lesson("open with O_CLOEXEC: exec closes it; a copy made by dup2 lacks the flag");
    return EXIT_SUCCESS;
}
