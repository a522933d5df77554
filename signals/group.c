/* group - whom kill() reaches: a process, the sender's own group, another group, or nobody
 *
 * A and B are a process group of their own; the parent stays outside and could not tell the story
 * if SIGUSR1 reached it, too. The shell makes such a group of every pipeline. Signal 0 is never
 * sent: kill() only tells whether it could be.
 *
 * kill(2), setpgid(2), credentials(7), signal(7)
 */
#define _GNU_SOURCE /* setresuid, MAP_ANONYMOUS */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] = "usage: group\n"
                            "  prints whom each kill() reached, or how it ended\n";

enum { A, B, MEMBERS, NOBODY = 65534 };

static const char *const member_names[MEMBERS] = {"A", "B"};
static pid_t members[MEMBERS];
static volatile int *reached; /* how often SIGUSR1 has reached each member; in shared memory */

/* SIGUSR1 is what all this is about. SIGUSR2 asks a member to signal its whole group. */
static void wait_for_signals(int me)
{
    lane(1 + me, member_names[me]);
    die_with_parent();
    sigset_t signals, blocked;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    blocked = signals;
    sigaddset(&blocked, SIGTTOU); /* a background group: `stty tostop` would stop its story */
    if (sigprocmask(SIG_SETMASK, &blocked, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    for (;;) {
        siginfo_t info;
        const int number = sigwaitinfo(&signals, &info);
        if (number == -1 && errno != EINTR) /* EINTR after Ctrl-Z and fg, see signal(7) */
            err(EXIT_FAILURE, "sigwaitinfo");
        if (number == SIGUSR1) {
            say("SIGUSR1 from %d%s", (int)info.si_pid, info.si_pid == getpid() ? ", itself" : "");
            reached[me] = reached[me] + 1;
        } else if (number == SIGUSR2) {
            say("kill(0, SIGUSR1)");
            if (kill(0, SIGUSR1) == -1)
                err(EXIT_FAILURE, "kill");
        }
    }
}

/* A's pid becomes the number of the group. */
static void start_member(int me)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0)
        wait_for_signals(me);
    members[me] = pid;
    if (setpgid(pid, members[A]) == -1)
        err(EXIT_FAILURE, "setpgid");
    say("setpgid(%d, %d): %s", (int)pid, (int)members[A], member_names[me]);
    wait_asleep(pid);
}

/* Prints which members SIGUSR1 has reached, when all that were woken sleep again. */
static void signal_and_print(const char *what, pid_t pid, int number, bool reaches_both)
{
    reached[A] = reached[B] = 0;
    if (number == SIGUSR2)
        say("kill(%d, SIGUSR2): asks A to do it", (int)pid);
    else
        say("kill(%d, SIGUSR1)", (int)pid);
    if (kill(pid, number) == -1)
        err(EXIT_FAILURE, "kill");
    wait_asleep(members[A]);
    wait_asleep(members[B]);
    printf("kill(%s, SIGUSR1):%s%s\n", what, reached[A] == 1 ? " A" : "",
           reached[B] == 1 ? " B" : "");
    flush_stdout();
    if (reached[A] != reaches_both || reached[B] != 1)
        errx(EXIT_FAILURE, "kill(%s): not those whom it should have reached", what);
}

/* Signal 0 asks for existence and permission. Returns 0, ESRCH or EPERM. */
static int ask_after(const char *what, pid_t pid)
{
    const int error = kill(pid, 0) == 0 ? 0 : errno;
    const char *const result = error == 0 ? "0" : error == ESRCH ? "ESRCH" : "EPERM";
    if (error != 0 && error != ESRCH && error != EPERM)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, 0): %s", (int)pid, result);
    printf("kill(%s, 0): %s\n", what, result);
    flush_stdout();
    return error;
}

static void end_b(void)
{
    const pid_t b = members[B];
    say("kill(%d, SIGTERM)", (int)b);
    if (kill(b, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    siginfo_t ended;
    while (waitid(P_PID, (id_t)b, &ended, WEXITED | WNOWAIT) == -1) /* and leave it a zombie */
        if (errno != EINTR)
            err(EXIT_FAILURE, "waitid");
    say("B has ended, but is not yet waited for");
    if (ask_after("zombie", b) != 0)
        errx(EXIT_FAILURE, "kill: a zombie does not exist");
    if (reap(b) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "B failed");
    say("waitpid() = %d", (int)b);
    if (ask_after("reaped", b) != ESRCH)
        errx(EXIT_FAILURE, "kill: process %d is still there", (int)b);
}

/* Root may signal everybody, so it gives up to be root. */
static void ask_after_init(void)
{
    lane(1, "stranger");
    if (geteuid() == 0) {
        enum { SETUID_CAPABILITY = 7 }; /* CAP_SETUID; a container's root may lack it */
        const bool may = is_in_set(SETUID_CAPABILITY + 1, status_field(getpid(), "CapEff", 16));
        if (!may)
            say("root without CAP_SETUID: stays root");
        else if (setresuid(NOBODY, NOBODY, NOBODY) == 0)
            say("setresuid(): user %d from now on", NOBODY);
        else if (errno == EINVAL) /* a user namespace that has no such user; its root is not real */
            say("setresuid(): EINVAL, no user %d here", NOBODY);
        else
            err(EXIT_FAILURE, "setresuid");
    }
    die_with_parent(); /* now: a change of the user would have undone it */
    if (ask_after("1", 1) == 0)
        say("process 1 is ours here: no EPERM to be seen");
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    reached = mmap(NULL, MEMBERS * sizeof *reached, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (reached == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    start_member(A);
    start_member(B);
    signal_and_print("B", members[B], SIGUSR1, false);
    signal_and_print("0", members[A], SIGUSR2, true);
    signal_and_print("-PGID", -members[A], SIGUSR1, true);
    end_b();

    const pid_t stranger = fork();
    if (stranger == -1)
        err(EXIT_FAILURE, "fork");
    if (stranger == 0)
        ask_after_init();
    if (reap(stranger) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the stranger failed");

    if (kill(-members[A], SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    if (reap(members[A]) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "A failed");
    lesson("a pid is one process, 0 the sender's own group with the sender, -PGID that group");
    return EXIT_SUCCESS;
}
