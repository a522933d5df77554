/* pidfd - a pid can be reused once its process has been reaped; a pidfd means that process alone
 *
 * In a pid namespace of its own the program signals a process whose pid a stranger has got.
 *
 * pidfd_open(2), pidfd_send_signal(2), pid_namespaces(7), ns_last_pid in proc(5)
 */
#define _GNU_SOURCE /* unshare, syscall */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] = "usage: pidfd [-x]\n"
                            "  -x  kill(): the signal ends a stranger that has got the pid\n"
                            "  prints whether the stranger lives\n";

static void give_up(const char *call, const char *reason)
{
    say("%s = -1 %s", call, errno_name(errno));
    printf("not to be shown here: %s\n", reason);
    flush_stdout();
    exit(EXIT_SUCCESS);
}

static pid_t start(const char *who, bool stays)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0)
        _exit(stays ? pause() : EXIT_SUCCESS);
    say("fork() = %d: %s", (int)pid, who);
    return pid;
}

/* The next child of fork() gets this pid, if it is free. */
static void choose_next_pid(pid_t pid)
{
    FILE *const file = fopen("/proc/sys/kernel/ns_last_pid", "we");
    if (file != NULL && fprintf(file, "%d", (int)pid - 1) > 0 && fclose(file) == 0)
        return;
    if (errno == EACCES || errno == ENOENT || errno == EPERM || errno == EROFS)
        give_up(file == NULL ? "open(ns_last_pid)" : "write(ns_last_pid)", "no pid can be chosen");
    err(EXIT_FAILURE, "open, write or close ns_last_pid: %s", errno_name(errno));
}

/* Process 1 of the namespace; all others there are killed when it ends. */
static void send_to_one_that_has_gone(bool by_pid)
{
    lane(1, "sender");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const pid_t friend = start("a friend", false);
    const int fd = (int)syscall(SYS_pidfd_open, friend, 0);
    if (fd == -1)
        err(EXIT_FAILURE, "pidfd_open: %s", errno_name(errno));
    say("pidfd_open(%d) = %d", (int)friend, fd);
    say("waitpid(%d) = %d", (int)friend, (int)waitpid(friend, NULL, 0)); /* now it is free */

    choose_next_pid(friend);
    const pid_t stranger = start("a stranger", true);
    const long result =
        by_pid ? kill(friend, SIGTERM) : syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
    say("%s(%d, SIGTERM) = %ld %s", by_pid ? "kill" : "pidfd_send_signal", by_pid ? friend : fd,
        result, error_of(result));
    const pid_t ended = waitpid(stranger, NULL, result == 0 && stranger == friend ? 0 : WNOHANG);
    say("waitpid(%d) = %d: it %s", (int)stranger, (int)ended, ended == 0 ? "lives" : "has ended");
    if (stranger != friend || (by_pid ? ended != friend : ended != 0 || errno != ESRCH))
        errx(EXIT_FAILURE, "unexpected: the stranger: kill %ld, waitpid %d", result, (int)ended);
    printf("the stranger %s\n", ended == 0 ? "lives" : "was killed");
    lesson(by_pid ? "a pid may belong to another process when kill() is called"
                  : "a pidfd stays with its process: once that is reaped, a signal gives ESRCH");
    exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    bool by_pid = false;
    while (next_option(argc, argv, "x", usage) != -1)
        by_pid = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    if (unshare(geteuid() == 0 ? CLONE_NEWPID : CLONE_NEWPID | CLONE_NEWUSER) == -1)
        give_up("unshare(CLONE_NEWPID)", "no pid namespace of our own");
    say("unshare(CLONE_NEWPID): its children have new numbers");
    const pid_t sender = fork();
    if (sender == -1)
        err(EXIT_FAILURE, "fork");
    if (sender == 0)
        send_to_one_that_has_gone(by_pid);
    return reap_command(sender);
}
