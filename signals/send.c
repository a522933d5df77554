/* send - sends a signal to a process; signals/recv shows it, but any program will do
 *
 * A signal is a number and says nothing else; the kernel adds who sent it. With -q it carries a
 * value: sigqueue(). Both calls return at once. They say whether there is such a process, and
 * whether it may be signalled; nobody says whether it ever handled the signal.
 *
 * kill(2), sigqueue(3), signal(7), credentials(7)
 */
#include "../lib/demo.h"
#include "names.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: send [-q VALUE] PID SIGNAL\n"
    "  -q VALUE  a number that goes with the signal: sigqueue()\n"
    "  SIGNAL    as in USR1, SIGUSR1, usr1, 10, RTMIN+2; 0: is there such a process?\n"
    "  other terminal: ./signals/recv prints its PID\n";

static void explain_and_exit(const char *call, long pid)
{
    switch (errno) {
    case EPERM:
        err(EXIT_FAILURE, "%s: process %ld belongs to another user", call, pid);
    case EAGAIN: /* see RLIMIT_SIGPENDING in getrlimit(2) */
        err(EXIT_FAILURE, "%s: process %ld can queue no more (RLIMIT_SIGPENDING)", call, pid);
    default:
        err(EXIT_FAILURE, "%s: process %ld", call, pid);
    }
}

int main(int argc, char *argv[])
{
    bool with_value = false;
    int value = 0;
    while (next_option(argc, argv, "q:", usage) != -1) {
        with_value = true;
        value = (int)parse_long("-q", optarg, INT_MIN, INT_MAX);
    }
    check_operands(argc, argv, 2, 2);
    const long pid = parse_long("PID", argv[optind], INT_MIN, INT_MAX);
    if (pid <= 0)
        errx(USAGE_ERROR, "PID %ld: that is a group of processes (see signals/group)", pid);
    const int number = parse_signal(argv[optind + 1], 0);

    pair_lane("sender");
    if (with_value) {
        if (sigqueue((pid_t)pid, number, (union sigval){.sival_int = value}) == -1)
            explain_and_exit("sigqueue", pid);
        say("sigqueue(%ld, %s, %d) = 0", pid, signal_name(number), value);
    } else {
        if (kill((pid_t)pid, number) == -1)
            explain_and_exit("kill", pid);
        say("kill(%ld, %s) = 0", pid, signal_name(number));
    }
    return EXIT_SUCCESS;
}
