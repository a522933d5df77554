/* process.c - other processes, as the kernel sees them, and what they share */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_WAIT = 10000, MICROSECOND = 1000, MILLISECOND = 1000000 };

static void pause_for(long nanoseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

double now_in_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The start of /proc/PID/NAME as a string; false if the process has ended or may not be looked at.
 */
static bool read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd == -1 ? -1 : read_full(fd, text, size - 1);
    if (length == -1 && errno != ENOENT && errno != ESRCH && errno != EACCES && errno != EPERM)
        err(EXIT_FAILURE, "%s", path);
    if (fd != -1 && close(fd) == -1)
        err(EXIT_FAILURE, "close %s", path);
    if (length <= 0)
        return false;
    text[length] = '\0';
    return true;
}

/* The state letter of ps(1): S asleep, R running, Z ended and not yet waited for; Z also if there
 * is no such process. */
static char state_of(pid_t pid)
{
    char stat[512];
    if (!read_proc(pid, "stat", stat, sizeof stat))
        return 'Z';
    const char *const after_name = strrchr(stat, ')');
    return after_name != NULL && strlen(after_name) > 2 ? after_name[2] : 'Z';
}

/* How often the process has left the CPU so far; a process that sleeps on does not. */
static long context_switches(pid_t pid)
{
    char status[4096];
    long voluntary = 0, involuntary = 0;
    if (!read_proc(pid, "status", status, sizeof status))
        return -1;
    const char *const at = strstr(status, "voluntary_ctxt_switches:");
    if (at == NULL || sscanf(at, "%*s %ld %*s %ld", &voluntary, &involuntary) != 2)
        return -1;
    return voluntary + involuntary;
}

void die_with_parent(void)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
        err(EXIT_FAILURE, "prctl");
    if (getppid() != main_process)
        _exit(EXIT_FAILURE); /* it ended before we could ask */
}

bool still_asleep(pid_t pid, int milliseconds)
{
    const double start = now_in_ms();
    const long switches = context_switches(pid);
    do { /* at least once, even if the time is over before we get so far */
        pause_for(MILLISECOND);
        if (state_of(pid) != 'S')
            return false;
    } while (now_in_ms() - start < milliseconds);
    return context_switches(pid) == switches;
}

bool sleeps_in(pid_t pid, long *call, unsigned long *argument)
{
    char text[128];
    return read_proc(pid, "syscall", text, sizeof text) &&
           sscanf(text, "%ld %lx", call, argument) == 2; /* not "running" */
}

/* Whether the process sleeps in a system call, and not merely in write(2) to its stderr: it may
 * have to wait there for its turn. Not every system lets us see the call; then we look twice. */
static bool is_asleep(pid_t pid)
{
    enum { SECOND_LOOK_MS = 5 };
    char text[128];
    long call;
    unsigned long fd;
    if (state_of(pid) != 'S')
        return false;
    if (!read_proc(pid, "syscall", text, sizeof text))
        return still_asleep(pid, SECOND_LOOK_MS);
    const bool in_a_call = sscanf(text, "%ld %lx", &call, &fd) == 2; /* not "running" */
    return in_a_call && !(call == SYS_write && fd == STDERR_FILENO);
}

void wait_asleep(pid_t pid)
{
    const double start = now_in_ms();
    while (!is_asleep(pid)) {
        const char state = state_of(pid);
        if (state == 'Z' && access("/proc/self", F_OK) == -1)
            errx(EXIT_FAILURE, "/proc is not mounted");
        if (state == 'Z' || state == 'X')
            errx(EXIT_FAILURE, "process %d has ended, it should wait", (int)pid);
        if (now_in_ms() - start > LONGEST_WAIT)
            errx(EXIT_FAILURE, "process %d does not go to sleep, state %c", (int)pid, state);
        pause_for(100 * MICROSECOND);
    }
}

bool has_ended(pid_t pid)
{
    siginfo_t ended = {.si_pid = 0};
    if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == -1)
        err(EXIT_FAILURE, "waitid");
    return ended.si_pid == pid;
}

pid_t wait_for_any(void)
{
    siginfo_t ended = {.si_pid = 0};
    while (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "waitid");
    return ended.si_pid;
}

int reap(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void *share_memory(size_t size)
{
    void *const memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    return memory;
}

void check_error(int error, const char *call)
{
    errno = error;
    if (error != 0)
        err(EXIT_FAILURE, "%s", call);
}
