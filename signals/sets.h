/* sets.h - signal sets, in a program and in /proc/PID/status; and what most demos of signals do
 * besides their lesson
 */
#ifndef SETS_H
#define SETS_H

#include "../lib/demo.h"
#include "names.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* The set that has this signal in it, and no other. */
static inline sigset_t set_of(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

static inline sigset_t set_of_two(int number, int other)
{
    sigset_t set = set_of(number);
    sigaddset(&set, other);
    return set;
}

/* In SigBlk, SigIgn, SigCgt, SigPnd and ShdPnd, bit 0 is signal 1. */
static inline bool is_in_set(int number, unsigned long long set)
{
    return (set >> (number - 1) & 1) != 0;
}

/* Say such a field of /proc/PID/status. Returns whether the signal is in it. */
static inline bool say_set(pid_t pid, const char *field, int number)
{
    const unsigned long long set = status_field(pid, field, 16);
    say("its %s: %016llx", field, set);
    return is_in_set(number, set);
}

static inline void block(const sigset_t *set)
{
    if (sigprocmask(SIG_BLOCK, set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
}

/* A handler for demos that want EINTR, and nothing else. */
static inline void do_nothing(int number)
{
    (void)number;
}

/* `handler` may also be SIG_IGN. */
static inline void handle_by(void (*handler)(int), int number, int flags)
{
    const struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    if (sigaction(number, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
}

/* After a call that queues a signal has failed. The limit is the receiver's: sigqueue(3). */
static inline _Noreturn void queueing_failed(const char *call)
{
    if (errno == EAGAIN)
        errx(EXIT_FAILURE, "%s: EAGAIN, at RLIMIT_SIGPENDING (ulimit -i)", call);
    err(EXIT_FAILURE, "%s: %s", call, errno_name(errno));
}

static inline void say_kill(pid_t pid, int number)
{
    const int result = kill(pid, number);
    if (result == -1)
        err(EXIT_FAILURE, "kill: %s", errno_name(errno));
    say("kill(%d, %s) = %d", (int)pid, signal_name(number), result);
}

/* Stop this process, in the gap that lost shows, as a busy machine might hold it up there: the
 * first time only, for nobody would continue it again. */
static inline void stop_once(void)
{
    static bool has_stopped;
    if (has_stopped)
        return;
    has_stopped = true;
    say("raise(SIGSTOP) ...");
    int result;
    if ((result = raise(SIGSTOP)) != 0)
        err(EXIT_FAILURE, "raise");
    say("... = %d", result);
}

/* Wait until a child has done that. */
static inline void wait_until_stopped(pid_t child)
{
    int status;
    while (waitpid(child, &status, WUNTRACED) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "waitpid");
    if (!WIFSTOPPED(status))
        errx(EXIT_FAILURE, "process %d has ended", (int)child);
    say("waitpid(%d): stopped, in the gap", (int)child);
}

/* Watch a process for 200 ms, and say that it has slept in this call all the time. It is watched
 * again if it was stopped and continued meanwhile. */
static inline void say_still_asleep_in(const char *who, pid_t pid, const char *call, long argument)
{
    enum { WATCHED_MS = 200, LOOK_MS = 10 };
    char what[64];
    while (!still_asleep(pid, WATCHED_MS) && !has_ended(pid))
        poll(NULL, 0, LOOK_MS);
    snprintf(what, sizeof what, "%s still", who);
    say_asleep_in(what, pid, call, argument);
}

#endif
