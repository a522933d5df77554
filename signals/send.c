/* send - sends a signal to a process; signals/recv shows it, but any program will do
 *
 * A signal is a number and no more; the kernel adds who sent it. With -q it carries a value:
 * sigqueue(). Both calls return at once. The result says whether there is such a process, and
 * whether you may signal it. It does not say whether the signal was ever handled.
 *
 * kill(2), sigqueue(3), signal(7), credentials(7)
 */
#include "../lib/demo.h"
#include "names.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: send [-q VALUE] PID SIGNAL\n"
    "  -q VALUE  a number that goes with the signal: sigqueue()\n"
    "  SIGNAL    like USR1, SIGUSR1, usr1, 10, RTMIN+2; 0: is there such a process?\n"
    "  other terminal: ./signals/recv prints its PID\n";

/* kill(1) has it the other way round: kill -USR1 PID. */
static void check_order(const char *first)
{
    if (first != NULL && *first == '-' && strchr("-hq", first[1]) == NULL)
        errx(USAGE_ERROR, "%s: not an option; SIGNAL comes after PID: send PID USR1",
             quoted(first, strlen(first)));
}

static pid_t parse_pid(const char *text)
{
    if (isalpha((unsigned char)*text))
        errx(USAGE_ERROR, "PID %s: not a number; PID comes first, then SIGNAL",
             quoted(text, strlen(text)));
    const long pid = parse_long("PID", text, INT_MIN, INT_MAX);
    if (pid <= 0)
        errx(USAGE_ERROR, "PID %ld: that is a group of processes (see signals/group)", pid);
    return (pid_t)pid;
}

static void fail(const char *call, pid_t pid)
{
    if (errno == EAGAIN)
        errx(EXIT_FAILURE, "%s(%d): EAGAIN, at RLIMIT_SIGPENDING (ulimit -i)", call, (int)pid);
    err(EXIT_FAILURE, "%s(%d): %s", call, (int)pid, errno_name(errno));
}

int main(int argc, char *argv[])
{
    bool with_value = false;
    int value = 0;
    check_order(argv[1]);
    while (next_option(argc, argv, "q:", usage) != -1) {
        with_value = true;
        value = (int)parse_long("-q", optarg, INT_MIN, INT_MAX);
    }
    check_operands(argc, argv, 2, 2);
    const pid_t pid = parse_pid(argv[optind]);
    const int number = parse_signal(argv[optind + 1], 0);

    pair_lane("sender");
    if (with_value) {
        const int result = sigqueue(pid, number, (union sigval){.sival_int = value});
        if (result == -1)
            fail("sigqueue", pid);
        say("sigqueue(%d, %s, %d) = %d", (int)pid, signal_name(number), value, result);
    } else {
        const int result = kill(pid, number);
        if (result == -1)
            fail("kill", pid);
        say("kill(%d, %s) = %d", (int)pid, signal_name(number), result);
    }
    return EXIT_SUCCESS;
}
