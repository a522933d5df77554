/* send - sends a signal to a process; signals/recv shows it, but any program will do
 *
 * A signal is a number and says nothing else; the kernel adds who sent it. With -q it carries a
 * value: sigqueue(). Both calls return at once. They say whether there is such a process, and
 * whether it may be signalled; nobody says whether it ever handled the signal.
 *
 * kill(2), sigqueue(3), signal(7), credentials(7)
 */
#include "../lib/demo.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char usage[] =
    "usage: send [-q VALUE] PID SIGNAL\n"
    "  -q VALUE  a number that goes with the signal: sigqueue()\n"
    "  SIGNAL    as in USR1, SIGUSR1, usr1, 10, RTMIN+2; 0: is there such a process?\n"
    "  other terminal: ./signals/recv prints its PID\n";

/* POSIX has no function for this before 2024: sig2str(3). */
static const char *const names[] = {
    [SIGHUP] = "HUP",   [SIGINT] = "INT",       [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
    [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",     [SIGBUS] = "BUS",   [SIGFPE] = "FPE",
    [SIGKILL] = "KILL", [SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
    [SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",     [SIGTERM] = "TERM", [SIGCHLD] = "CHLD",
    [SIGCONT] = "CONT", [SIGSTOP] = "STOP",     [SIGTSTP] = "TSTP", [SIGTTIN] = "TTIN",
    [SIGTTOU] = "TTOU", [SIGURG] = "URG",       [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ",
    [SIGPROF] = "PROF", [SIGVTALRM] = "VTALRM", [SIGIO] = "IO",     [SIGWINCH] = "WINCH",
    [SIGPWR] = "PWR",   [SIGSYS] = "SYS",
};
enum { NAMES = sizeof names / sizeof *names };

/* The number of a signal; exit 2 if there is none of that name. */
static int parse_signal(const char *text)
{
    enum { PREFIX = 3, BASE = 5 }; /* characters of SIG, of RTMIN */
    if (isdigit((unsigned char)*text))
        return (int)parse_long("SIGNAL", text, 0, SIGRTMAX);
    const char *const name = strncasecmp(text, "SIG", PREFIX) == 0 ? text + PREFIX : text;
    for (int number = 1; number < NAMES; number++)
        if (names[number] != NULL && strcasecmp(name, names[number]) == 0)
            return number;
    const int range = SIGRTMAX - SIGRTMIN; /* not constants: the C library keeps some for itself */
    if (strcasecmp(name, "RTMIN") == 0)
        return SIGRTMIN;
    if (strcasecmp(name, "RTMAX") == 0)
        return SIGRTMAX;
    if (strncasecmp(name, "RTMIN+", BASE + 1) == 0)
        return SIGRTMIN + (int)parse_long("RTMIN", name + BASE, 0, range);
    if (strncasecmp(name, "RTMAX-", BASE + 1) == 0)
        return SIGRTMAX + (int)parse_long("RTMAX", name + BASE, -range, 0);
    errx(USAGE_ERROR, "%s: not a signal (kill -l lists them)", quoted(text, strlen(text)));
}

static const char *name_of(int number)
{
    static char name[32];
    if (number == SIGRTMIN)
        return "SIGRTMIN";
    if (number > SIGRTMIN)
        snprintf(name, sizeof name, "SIGRTMIN+%d", number - SIGRTMIN);
    else if (number < NAMES && names[number] != NULL)
        snprintf(name, sizeof name, "SIG%s", names[number]);
    else
        snprintf(name, sizeof name, "%d", number);
    return name;
}

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
    const int number = parse_signal(argv[optind + 1]);

    pair_lane("sender");
    if (with_value) {
        if (sigqueue((pid_t)pid, number, (union sigval){.sival_int = value}) == -1)
            explain_and_exit("sigqueue", pid);
        say("sigqueue(%ld, %s, %d) = 0", pid, name_of(number), value);
    } else {
        if (kill((pid_t)pid, number) == -1)
            explain_and_exit("kill", pid);
        say("kill(%ld, %s) = 0", pid, name_of(number));
    }
    return EXIT_SUCCESS;
}
