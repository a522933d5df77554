/* pidfd - a pid is used again when its process has been reaped; a pidfd means that process alone
 *
 * The sender keeps the number of a process that has ended, and a stranger gets the same number.
 * A signal through the pidfd fails with ESRCH: that process has gone. With -x the sender uses
 * kill(), and the stranger gets the signal.
 *
 * Numbers are given out in order, so it may take long until one comes again. Here they are the
 * numbers of a pid namespace of our own, where the program may set the last one given.
 *
 * pidfd_open(2), pidfd_send_signal(2), pid_namespaces(7), ns_last_pid in proc(5)
 */
#define _GNU_SOURCE /* unshare, syscall */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

enum { NOT_ALLOWED = 3 };

static pid_t start(const char *who)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0)
        for (;;)
            pause();
    say("fork() = %d: %s", (int)pid, who);
    return pid;
}

/* The next process gets this number, if it is free. */
static void set_next_pid(pid_t pid)
{
    char text[16];
    const int length = snprintf(text, sizeof text, "%d", (int)pid - 1);
    const int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    if (fd == -1 || write(fd, text, (size_t)length) == -1) {
        say("/proc/sys/kernel/ns_last_pid: %s", errno_name(errno));
        _exit(NOT_ALLOWED);
    }
    close(fd);
    say("ns_last_pid = %s", text);
}

/* Process 1 of the namespace; all others there are killed when it ends. */
static void send_to_one_that_has_gone(bool by_pid)
{
    lane(1, "sender");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const pid_t friend = start("a friend");
    const int fd = (int)syscall(SYS_pidfd_open, friend, 0);
    if (fd == -1)
        err(EXIT_FAILURE, "pidfd_open: %s", errno_name(errno));
    say("pidfd_open(%d) = %d", (int)friend, fd);
    kill(friend, SIGTERM);
    struct pollfd end = {.fd = fd, .events = POLLIN};
    if (poll(&end, 1, -1) == -1)
        err(EXIT_FAILURE, "poll");
    say("poll(%d) = 1, %s: it has ended", fd, poll_events(end.revents));
    say("waitpid(%d) = %d: the pid is free", (int)friend, (int)waitpid(friend, NULL, 0));

    set_next_pid(friend);
    const pid_t stranger = start("a stranger");
    if (stranger != friend)
        errx(EXIT_FAILURE, "unexpected: the stranger got another number");
    if (by_pid) {
        say("kill(%d, SIGTERM) = %d", (int)friend, kill(friend, SIGTERM));
        waitpid(stranger, NULL, 0);
    } else {
        const long result = syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
        say("pidfd_send_signal(%d, SIGTERM) = %ld%s%s", fd, result, result == -1 ? " " : "",
            result == -1 ? errno_name(errno) : "");
    }
    const bool lives = kill(stranger, 0) == 0 && waitpid(stranger, NULL, WNOHANG) == 0;
    printf("the stranger %s\n", lives ? "lives" : "was killed");
    flush_stdout();
    if (lives == by_pid)
        errx(EXIT_FAILURE, "unexpected: the stranger %s", lives ? "lives" : "was killed");
    exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    bool by_pid = false;
    while (next_option(argc, argv, "x", usage) != -1)
        by_pid = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    const int flags = geteuid() == 0 ? CLONE_NEWPID : CLONE_NEWPID | CLONE_NEWUSER;
    if (unshare(flags) == -1) {
        say("unshare(CLONE_NEWPID) = -1 %s: no pids of our own here", errno_name(errno));
        puts("not to be shown here");
        flush_stdout();
        return EXIT_SUCCESS;
    }
    say("unshare(CLONE_NEWPID) = 0: children have new numbers");
    const pid_t sender = fork();
    if (sender == -1)
        err(EXIT_FAILURE, "fork");
    if (sender == 0)
        send_to_one_that_has_gone(by_pid);
    const int status = reap_command(sender);
    if (status == NOT_ALLOWED) {
        puts("not to be shown here");
        flush_stdout();
        return EXIT_SUCCESS;
    }
    if (status != EXIT_SUCCESS)
        return status;
    lesson(by_pid ? "a pid may belong to another process by the time that kill() is called"
                  : "a pidfd stays with its process: when that has gone, ESRCH");
    return EXIT_SUCCESS;
}
