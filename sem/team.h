/* team.h - the processes of a demo, which have names, and are reaped in the order in which they end
 */
#ifndef TEAM_H
#define TEAM_H

#include "../lib/demo.h"

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_MEMBERS = 64, NOBODY = -1, WATCHED_MS = 200 };

static struct member {
    pid_t pid;
    bool reaped;
    char name[24];
} team[MOST_MEMBERS];
static int members;

static bool telling; /* whether this process tells each of its calls: the first of a kind does */

/* At exit: nobody is left when this process has ended, whatever it ends for. */
static inline void end_team(void)
{
    if (getpid() != main_process)
        return;
    for (int i = 0; i < members; i++)
        if (waitpid(team[i].pid, NULL, WNOHANG) == 0) { /* it is still there */
            kill(team[i].pid, SIGKILL);
            waitpid(team[i].pid, NULL, 0);
        }
}

/* fork(2). The child tells its story in this lane. */
static inline pid_t fork_role(int column, const char *role)
{
    static bool registered;
    if (!registered && atexit(end_team) != 0)
        errx(EXIT_FAILURE, "atexit");
    registered = true;
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        lane(column, role);
        die_with_parent();
        return 0;
    }
    team[members++] = (struct member){.pid = pid};
    return pid;
}

/* "consumer 1" in lane 1, where it is called "cons 1". */
static inline pid_t fork_member(const char *kind, int number)
{
    enum { LONGEST_ROLE = 8, SHORT = 4 };
    static char role[sizeof team->name]; /* for as long as the lane */
    if (snprintf(role, sizeof role, "%s %d", kind, number) > LONGEST_ROLE)
        snprintf(role, sizeof role, "%.*s %d", SHORT, kind, number);
    const pid_t pid = fork_role(1, role);
    if (pid == 0)
        telling = number == 1;
    else
        snprintf(team[members - 1].name, sizeof team->name, "%s %d", kind, number);
    return pid;
}

static inline bool all_are_asleep(void)
{
    for (int i = 0; i < members; i++)
        if (!team[i].reaped && !still_asleep(team[i].pid, 0))
            return false;
    return true;
}

/* How often the members have gone to sleep. */
static inline unsigned long long count_sleeps(void)
{
    unsigned long long sleeps = 0;
    for (int i = 0; i < members; i++)
        if (!team[i].reaped)
            sleeps += status_field(team[i].pid, "voluntary_ctxt_switches", 10);
    return sleeps;
}

/* The member that ends next, or NOBODY: all that are left sleep, and none of them has run for that
 * many milliseconds. One that was found asleep, and has not gone to sleep since the first count,
 * has slept since then: so there was a moment when all slept at once, and nobody could wake
 * another. */
static inline int next_to_end(int milliseconds)
{
    enum { LOOK_MS = 2 };
    unsigned long long before = 0;
    for (double since = now_in_ms();; poll(NULL, 0, LOOK_MS)) {
        for (int i = 0; i < members; i++)
            if (!team[i].reaped && has_ended(team[i].pid))
                return i;
        const unsigned long long sleeps = count_sleeps();
        if (sleeps != before) {
            before = sleeps;
            since = now_in_ms();
        } else if (now_in_ms() - since >= milliseconds && all_are_asleep() &&
                   count_sleeps() == sleeps) {
            return NOBODY;
        }
    }
}

/* If one is killed or fails, this process ends, and with it the others. */
static inline void reap_team(void)
{
    for (int left = members; left > 0; left--) {
        int i = next_to_end(WATCHED_MS);
        if (i == NOBODY) /* let reap() say in which call it is stuck */
            for (i = 0; team[i].reaped;)
                i++;
        const int status = reap(team[i].pid);
        team[i].reaped = true;
        if (status > 128)
            errx(EXIT_FAILURE, "%s was killed, signal %d: ending all", team[i].name, status - 128);
        if (status != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "%s failed: ending all", team[i].name);
    }
    members = 0;
}

/* The end of a demonstration: those that are left may sleep for ever. */
static inline void kill_team(void)
{
    int left = 0;
    for (int i = 0; i < members; i++)
        if (!team[i].reaped && kill(team[i].pid, SIGTERM) == -1)
            err(EXIT_FAILURE, "kill");
    for (int i = 0; i < members; i++)
        if (!team[i].reaped) {
            reap(team[i].pid);
            left++;
        }
    say("ended the %d that were left, with SIGTERM", left);
    members = 0;
}

#endif
