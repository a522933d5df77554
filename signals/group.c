/* group - which processes kill() reaches: one, the sender's own group, another group, or none
 *
 * A and B are a process group of their own. The parent stays outside, since SIGUSR1 would end it.
 * The shell makes such a group of every pipeline. Signal 0 is not a signal: kill() only says
 * whether it could have sent one.
 *
 * kill(2), setpgid(2), credentials(7), signal(7)
 */
#define _GNU_SOURCE /* setresuid */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "usage: group\n"
                            "  prints which processes each kill() reached, or its error\n";

enum { A, B, MEMBERS, NOBODY = 65534 };

static const char *const member_names[MEMBERS] = {"A", "B"};
static pid_t members[MEMBERS];
static volatile int *reached; /* how often SIGUSR1 has reached each member; in shared memory */

/* SIGUSR1 is the signal under test. SIGUSR2 asks a member to signal its whole group. */
static void wait_for_signals(int me)
{
    lane(1 + me, member_names[me]);
    die_with_parent();
    const sigset_t signals = set_of_two(SIGUSR1, SIGUSR2);
    block(&signals);
    signal(SIGTTOU, SIG_IGN); /* a background group: `stty tostop` would stop its story */
    for (siginfo_t info;;) {
        const int number = sigwaitinfo(&signals, &info);
        if (number == SIGUSR1) {
            say("SIGUSR1 from %d", (int)info.si_pid);
            reached[me] = reached[me] + 1;
        } else if (number == SIGUSR2) {
            say_kill(0, SIGUSR1);
        } else if (errno != EINTR) { /* stopped and continued, see signal(7) */
            err(EXIT_FAILURE, "sigwaitinfo");
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
    wait_asleep_in(pid, "sigwaitinfo", ANY_ARGUMENT);
}

/* Prints which members SIGUSR1 has reached, when all that were woken sleep again. */
static void signal_and_print(const char *what, pid_t pid, int number, bool reaches_both)
{
    reached[A] = reached[B] = 0;
    say_kill(pid, number);
    wait_asleep_in(members[A], "sigwaitinfo", ANY_ARGUMENT); /* it may have to signal B */
    wait_asleep_in(members[B], "sigwaitinfo", ANY_ARGUMENT);
    printf("kill(%s, SIGUSR1):%s%s\n", what, reached[A] == 1 ? " A" : "",
           reached[B] == 1 ? " B" : "");
    flush_stdout();
    if (reached[A] != reaches_both || reached[B] != 1)
        errx(EXIT_FAILURE, "unexpected: kill(%s) has reached others", what);
}

/* Returns 0, or the error: ESRCH, EPERM. */
static int ask_about(const char *what, pid_t pid)
{
    const int result = kill(pid, 0);
    const int error = result == 0 ? 0 : errno;
    say("kill(%d, 0) = %d %s", (int)pid, result, error_of(result));
    printf("kill(%s, 0): %s\n", what, errno_name(error));
    flush_stdout();
    return error;
}

static void end_b(void)
{
    const pid_t b = members[B];
    say_kill(b, SIGTERM);
    while (!has_ended(b))
        wait_for_any();
    say("process %d has ended, and is a zombie", (int)b);
    if (ask_about("zombie", b) != 0)
        errx(EXIT_FAILURE, "unexpected: kill() does not find a zombie");
    reap(b);
    say("waitpid(%d): it is reaped", (int)b);
    if (ask_about("reaped", b) != ESRCH)
        errx(EXIT_FAILURE, "unexpected: kill() finds process %d", (int)b);
}

/* With CAP_KILL a process may signal all others; a change of all three user ids takes it away. */
static void ask_about_init(void)
{
    lane(1, "stranger");
    if (geteuid() == 0) {
        const int result = setresuid(NOBODY, NOBODY, NOBODY); /* it may lack CAP_SETUID */
        say("setresuid(%d) = %d %s", NOBODY, result, result == -1 ? errno_name(errno) : "");
    }
    die_with_parent(); /* now: a change of the user would have undone it */
    ask_about("1", 1);
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    reached = share_memory(MEMBERS * sizeof *reached);
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
        ask_about_init();
    if (reap(stranger) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the stranger failed");
    say_kill(-members[A], SIGTERM);
    reap(members[A]);
    lesson("kill(PID): one process; kill(0): the sender's group; kill(-PGID): that group");
    return EXIT_SUCCESS;
}
