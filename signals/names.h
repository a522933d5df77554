/* names.h - signals by name */
#ifndef NAMES_H
#define NAMES_H

#include "../lib/demo.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* POSIX has no function for this before 2024: sig2str(3). */
static const char *const standard_names[] = {
    [SIGHUP] = "HUP",       [SIGINT] = "INT",       [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
    [SIGTRAP] = "TRAP",     [SIGABRT] = "ABRT",     [SIGBUS] = "BUS",   [SIGFPE] = "FPE",
    [SIGKILL] = "KILL",     [SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
    [SIGPIPE] = "PIPE",     [SIGALRM] = "ALRM",     [SIGTERM] = "TERM", [SIGCHLD] = "CHLD",
    [SIGCONT] = "CONT",     [SIGSTOP] = "STOP",     [SIGTSTP] = "TSTP", [SIGTTIN] = "TTIN",
    [SIGTTOU] = "TTOU",     [SIGURG] = "URG",       [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ",
    [SIGPROF] = "PROF",     [SIGVTALRM] = "VTALRM", [SIGIO] = "IO",     [SIGWINCH] = "WINCH",
    [SIGPWR] = "PWR",       [SIGSYS] = "SYS",
#ifdef SIGSTKFLT /* not every architecture has it */
    [SIGSTKFLT] = "STKFLT",
#endif
};
enum { STANDARD_NAMES = sizeof standard_names / sizeof *standard_names };

static const struct {
    const char *name;
    int number;
} aliases[] = {{"CLD", SIGCHLD}, {"IOT", SIGABRT}, {"POLL", SIGIO}};
enum { ALIASES = sizeof aliases / sizeof *aliases };

/* The number of the signal that is called "USR1", "SIGUSR1", "usr1", "RTMIN+2" or has that number,
 * if it is not below `least`; exits 2 if there is none. */
static inline int parse_signal(const char *text, int least)
{
    enum { PREFIX = 3, BASE = 5 }; /* characters of SIG, of RTMIN */
    if (isdigit((unsigned char)*text))
        return (int)parse_long("SIGNAL", text, least, SIGRTMAX);
    const char *const name = strncasecmp(text, "SIG", PREFIX) == 0 ? text + PREFIX : text;
    for (int number = 1; number < STANDARD_NAMES; number++)
        if (standard_names[number] != NULL && strcasecmp(name, standard_names[number]) == 0)
            return number;
    for (int i = 0; i < ALIASES; i++)
        if (strcasecmp(name, aliases[i].name) == 0)
            return aliases[i].number;
    const int range = SIGRTMAX - SIGRTMIN; /* the C library keeps some for itself */
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

/* "SIGUSR1", "SIGRTMIN+2". The next call may overwrite the string. */
static inline const char *signal_name(int number)
{
    static char name[32];
    if (number == SIGRTMIN)
        return "SIGRTMIN";
    if (number > SIGRTMIN)
        snprintf(name, sizeof name, "SIGRTMIN+%d", number - SIGRTMIN);
    else if (number < STANDARD_NAMES && standard_names[number] != NULL)
        snprintf(name, sizeof name, "SIG%s", standard_names[number]);
    else
        snprintf(name, sizeof name, "%d", number);
    return name;
}

#endif
