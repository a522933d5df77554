/* pidfd - a pid is used again when its process has been reaped; a pidfd means that process alone
 *
 * The sender keeps the pid of a process that has ended, and a stranger gets the same one: in a pid
 * namespace of its own the program may choose it. A signal through the pidfd fails with ESRCH: its
 * process has gone. With -x the sender uses kill(), and the stranger gets the signal.
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

enum { WATCHED_MS = 100, LONGEST_MS = 2000 };

static const char usage[] = "usage: pidfd [-x]\n"
                            "  -x  kill(): the signal ends a stranger that has got the pid\n"
                            "  prints whether the stranger lives\n";

static void end_unseen(const char *call)
{
    say("%s = -1 %s", call, errno_name(errno));
    puts("not to be shown here: no pid namespace of our own");
    flush_stdout();
    exit(EXIT_SUCCESS);
}

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

static void set_next_pid(pid_t pid)
{
    const int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    if (fd == -1 || dprintf(fd, "%d", (int)pid - 1) < 0)
        end_unseen("open(/proc/sys/kernel/ns_last_pid)");
    close(fd);
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
    if (poll(&end, 1, LONGEST_MS) != 1)
        errx(EXIT_FAILURE, "poll after kill: process %d does not end", (int)friend);
    say("poll(%d) = 1, %s: it has ended", fd, poll_events(end.revents));
    say("waitpid(%d) = %d: the pid is free", (int)friend, (int)waitpid(friend, NULL, 0));

    set_next_pid(friend);
    const pid_t stranger = start("a stranger");
    const long result =
        by_pid ? kill(friend, SIGTERM) : syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
    say("%s(%d, SIGTERM) = %ld %s", by_pid ? "kill" : "pidfd_send_signal", by_pid ? friend : fd,
        result, result == -1 ? errno_name(errno) : "");
    end.fd = (int)syscall(SYS_pidfd_open, stranger, 0);
    const int gone = poll(&end, 1, by_pid ? LONGEST_MS : WATCHED_MS);
    say("poll(%d) = %d: the stranger %s", end.fd, gone, gone == 0 ? "lives" : "has ended");
    printf("the stranger %s\n", gone == 0 ? "lives" : "was killed");
    flush_stdout();
    if (stranger != friend || gone != by_pid)
        errx(EXIT_FAILURE, "unexpected: the stranger, %d: poll() = %d", (int)stranger, gone);
    lesson(by_pid ? "a pid may belong to another process when kill() is called"
                  : "a pidfd stays with its process: when that has gone, ESRCH");
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
        end_unseen("unshare(CLONE_NEWPID)");
    say("unshare(CLONE_NEWPID) = 0: its children have new numbers");
    const pid_t sender = fork();
    if (sender == -1)
        err(EXIT_FAILURE, "fork");
    if (sender == 0)
        send_to_one_that_has_gone(by_pid);
    return reap_command(sender);
}
