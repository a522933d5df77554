/* process.c - other processes, as the kernel sees them, and what they share */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, syscall */
#include "demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
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

enum { LONGEST_WAIT_MS = 10000, FIRST_LOOK_MS = 500, STUCK_MS = 2000 };

pid_t main_process;

double now_in_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void die_with_parent(void)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
        err(EXIT_FAILURE, "prctl");
    if (getppid() != main_process)
        _exit(EXIT_FAILURE); /* it ended before we could ask */
}

/* ---- /proc ---- */

/* Opens /proc/PID/NAME; NULL if the process has ended or may not be looked at. In a new pid
 * namespace with the old /proc, a number there means another process. */
static FILE *open_proc(pid_t pid, const char *name)
{
    static bool checked;
    char path[64] = "";
    if (!checked && readlink("/proc/self", path, sizeof path - 1) == -1)
        err(EXIT_FAILURE, "readlink /proc/self (is /proc mounted?)");
    if (!checked && strtol(path, NULL, 10) != getpid())
        errx(EXIT_FAILURE, "/proc shows another pid namespace (mount -t proc proc /proc)");
    checked = true;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *const file = fopen(path, "re");
    if (file == NULL && errno != ENOENT && errno != ESRCH && errno != EACCES && errno != EPERM)
        err(EXIT_FAILURE, "%s", path);
    return file;
}

/* The state letter of ps(1): S asleep, R running, T stopped, Z ended; 0 if it cannot be seen. */
static char state_of(pid_t pid)
{
    char stat[512] = "";
    FILE *const file = open_proc(pid, "stat");
    if (file == NULL)
        return 0;
    const char *const name_end = fgets(stat, sizeof stat, file) == NULL ? NULL : strrchr(stat, ')');
    fclose(file);
    return name_end != NULL && strlen(name_end) > 2 ? name_end[2] : 0;
}

unsigned long long status_field(pid_t pid, const char *field, int base)
{
    char line[8192]; /* the longest is that of the groups */
    const size_t length = strlen(field);
    FILE *const file = open_proc(pid, "status");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, field, length) == 0 && line[length] == ':') {
            fclose(file);
            return strtoull(line + length + 1, NULL, base);
        }
    errx(EXIT_FAILURE, "/proc/%d/status: no %s", (int)pid, field);
}

/* How often the process has left the CPU; while it sleeps on, the number stays. */
static unsigned long long context_switches(pid_t pid)
{
    return status_field(pid, "voluntary_ctxt_switches", 10) +
           status_field(pid, "nonvoluntary_ctxt_switches", 10);
}

/* ---- Asleep, and in which call ---- */

/* Which system calls a function makes: it differs between processors and C libraries. */
static const struct {
    const char *name;
    long number;
} calls[] = {
/* clang-format off */
#ifdef SYS_poll /* x86 and 32-bit ARM; newer processors have only the later calls */
    {"epoll_wait", SYS_epoll_wait}, {"open", SYS_open}, {"pause", SYS_pause}, {"poll", SYS_poll},
#endif
#ifdef SYS_select
    {"select", SYS_select},
#endif
#ifdef SYS_ppoll_time64 /* 32 bits */
    {"clock_nanosleep", SYS_clock_nanosleep_time64}, {"fcntl", SYS_fcntl64},
    {"futex", SYS_futex_time64}, {"mq_receive", SYS_mq_timedreceive_time64},
    {"mq_send", SYS_mq_timedsend_time64}, {"pause", SYS_ppoll_time64}, {"poll", SYS_ppoll_time64},
    {"select", SYS_pselect6_time64}, {"semop", SYS_semtimedop_time64},
    {"sigwaitinfo", SYS_rt_sigtimedwait_time64},
#endif
#ifdef SYS_semtimedop
    {"semop", SYS_semop}, {"semop", SYS_semtimedop},
#endif
    {"accept", SYS_accept4}, {"clock_nanosleep", SYS_clock_nanosleep},
    {"clock_nanosleep", SYS_nanosleep}, {"connect", SYS_connect}, {"epoll_wait", SYS_epoll_pwait},
    {"fcntl", SYS_fcntl}, {"flock", SYS_flock}, {"futex", SYS_futex},
    {"mq_receive", SYS_mq_timedreceive}, {"mq_send", SYS_mq_timedsend}, {"msgrcv", SYS_msgrcv},
    {"msgsnd", SYS_msgsnd}, {"open", SYS_openat}, {"pause", SYS_ppoll}, {"poll", SYS_ppoll},
    {"read", SYS_read}, {"readv", SYS_readv}, {"recv", SYS_recvfrom}, {"recvmsg", SYS_recvmsg},
    {"select", SYS_pselect6}, {"send", SYS_sendto}, {"sigsuspend", SYS_rt_sigsuspend},
    {"sigwaitinfo", SYS_rt_sigtimedwait}, {"splice", SYS_splice}, {"wait", SYS_wait4},
    {"wait", SYS_waitid}, {"write", SYS_write}, {"writev", SYS_writev},
#ifdef SYS_accept
    {"accept", SYS_accept},
#endif
    /* clang-format on */
};

/* Reads /proc/PID/syscall. `number` becomes -1 if the process runs. Returns false if this system
 * does not let us see it. */
static bool see_call(pid_t pid, long *number, long *argument)
{
    unsigned long a[6] = {0};
    FILE *const file = open_proc(pid, "syscall");
    if (file == NULL)
        return false;
    *number = -1;
    const int fields = fscanf(file, "%ld %lx %lx %lx %lx %lx %lx", number, &a[0], &a[1], &a[2],
                              &a[3], &a[4], &a[5]);
    const bool seen = fields != EOF && !ferror(file);
    fclose(file);
    unfold_call(pid, number, a);
    *argument = (long)a[0];
    return seen;
}

/* An emulator of another processor shows its own calls. Our own must appear as what it is, the
 * read(2) of see_call(). */
static bool may_see_calls(void)
{
    static enum { UNKNOWN, NO, YES } answer;
    long number, fd;
    if (answer == UNKNOWN)
        answer = see_call(getpid(), &number, &fd) && number == SYS_read ? YES : NO;
    return answer == YES;
}

/* The name of this system call: `wanted` if that is one of its names, the first one for NULL. NULL:
 * it has none. */
static const char *name_of(long number, const char *wanted)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].number == number && (wanted == NULL || strcmp(calls[i].name, wanted) == 0))
            return calls[i].name;
    return NULL;
}

bool is_asleep_in(pid_t pid, const char *call, long argument)
{
    long number, first;
    return state_of(pid) == 'S' && may_see_calls() && see_call(pid, &number, &first) &&
           name_of(number, call) != NULL && (argument == ANY_ARGUMENT || first == argument);
}

bool is_printing(pid_t pid)
{
    return is_asleep_in(pid, "write", STDERR_FILENO) || is_asleep_in(pid, "write", STDOUT_FILENO);
}

/* The same as still_asleep() for any state of state_of(). */
static bool still_in_state(char state, pid_t pid, int milliseconds)
{
    enum { LOOK_NS = 1000000 };
    const double start = now_in_ms();
    const unsigned long long switches = context_switches(pid);
    do { /* at least once, even if the time is over before we get so far */
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
        if (state_of(pid) != state)
            return false;
    } while (now_in_ms() - start < milliseconds);
    return context_switches(pid) == switches;
}

bool still_asleep(pid_t pid, int milliseconds)
{
    return still_in_state('S', pid, milliseconds);
}

bool has_ended(pid_t pid)
{
    siginfo_t ended = {.si_pid = 0};
    if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0)
        return ended.si_pid == pid;
    return kill(pid, 0) == -1 && errno == ESRCH; /* not a child of ours */
}

bool wait_asleep_in(pid_t pid, const char *call, long argument)
{
    enum { LOOK_NS = 100000, SECOND_LOOK_MS = 5 };
    long number, first;
    const double start = now_in_ms();
    const char *const in = call == NULL ? "" : " in ", *const name = call == NULL ? "" : call;
    while (!is_asleep_in(pid, call, argument) || (call == NULL && is_printing(pid))) {
        if (state_of(pid) == 'S' &&
            (!may_see_calls() || !see_call(pid, &number, &first) ||
             (number >= 0 && name_of(number, NULL) == NULL)) &&
            still_asleep(pid, SECOND_LOOK_MS))
            return false; /* in a call without a name here, or one that cannot be seen */
        if (has_ended(pid))
            errx(EXIT_FAILURE, "process %d has ended, it should sleep%s%s", (int)pid, in, name);
        if (now_in_ms() - start > LONGEST_WAIT_MS)
            errx(EXIT_FAILURE, "process %d does not sleep%s%s", (int)pid, in, name);
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
    return true;
}

void wait_asleep(pid_t pid)
{
    wait_asleep_in(pid, NULL, ANY_ARGUMENT);
}

void say_asleep_in(const char *who, pid_t pid, const char *call, long argument)
{
    if (!wait_asleep_in(pid, call, argument))
        say("%s sleeps", who);
    else if (argument == ANY_ARGUMENT)
        say("%s sleeps in %s()", who, call);
    else
        say("%s sleeps in %s(%ld)", who, call, argument);
}

/* ---- Children ---- */

pid_t wait_for_any(void)
{
    siginfo_t ended = {.si_pid = 0};
    while (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "waitid");
    return ended.si_pid;
}

int reap_command(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) == -1)
        if (errno != EINTR)
            err(EXIT_FAILURE, "waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Ends the program with a line about the child that sleeps or is stopped. */
static void give_up(pid_t pid)
{
    long number, argument;
    const bool stopped = state_of(pid) == 'T';
    const char *const name =
        may_see_calls() && see_call(pid, &number, &argument) ? name_of(number, NULL) : NULL;
    kill(pid, SIGKILL);
    if (!stopped && name != NULL)
        errx(EXIT_FAILURE, "process %d sleeps in %s(%#lx), and does not end", (int)pid, name,
             argument);
    errx(EXIT_FAILURE, "process %d %s, and does not end", (int)pid,
         stopped ? "is stopped" : "sleeps");
}

int reap(pid_t pid)
{
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    while (end.fd != -1 && poll(&end, 1, FIRST_LOOK_MS) != 1)
        if (still_in_state('T', pid, STUCK_MS) ||
            (still_asleep(pid, STUCK_MS) && !is_printing(pid)))
            give_up(pid);
    if (end.fd != -1)
        close(end.fd);
    return reap_command(pid);
}

_Noreturn void exec_failed(const char *command)
{
    const int status = errno == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
    warn("%s", command);
    _exit(status);
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
