/* look.c - one look at all processes of this machine: their calls, files and shared memory */
#define _GNU_SOURCE /* process_vm_readv, SOCK_CLOEXEC */
#include "look.h"
#include "../demo.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

struct task *tasks;
struct holding *holdings;
int task_count, holding_count, hidden;
bool quiet;

static const struct call {
    long number;
    const char *name;
    int limit; /* which argument limits its time; 0: none */
} calls[] = {
/* clang-format off */
#ifdef SYS_poll /* x86 and 32-bit ARM; newer processors have only the later calls */
    {SYS_epoll_wait, "epoll_wait", 3}, {SYS_open, "open", 0}, {SYS_pause, "pause", 0},
    {SYS_poll, "poll", 2},
#endif
#ifdef SYS_select
    {SYS_select, "select", 4},
#endif
#ifdef SYS_ppoll_time64 /* 32 bits */
    {SYS_fcntl64, "fcntl", 0}, {SYS_futex_time64, "futex", 3}, {SYS_ppoll_time64, "poll", 2},
    {SYS_mq_timedreceive_time64, "mq_receive", 4}, {SYS_mq_timedsend_time64, "mq_send", 4},
    {SYS_pselect6_time64, "select", 4}, {SYS_semtimedop_time64, "semop", 3},
    {SYS_rt_sigtimedwait_time64, "sigwaitinfo", 2},
    {SYS_clock_nanosleep_time64, "clock_nanosleep", 0}, {SYS_sendfile64, "sendfile", 0},
#endif
#ifdef SYS_semtimedop
    {SYS_semop, "semop", 0}, {SYS_semtimedop, "semop", 3},
#endif
#ifdef SYS_accept
    {SYS_accept, "accept", 0},
#endif
    {SYS_accept4, "accept", 0}, {SYS_clock_nanosleep, "clock_nanosleep", 0},
    {SYS_connect, "connect", 0}, {SYS_epoll_pwait, "epoll_wait", 3}, {SYS_fcntl, "fcntl", 0},
    {SYS_flock, "flock", 0}, {SYS_futex, "futex", 3}, {SYS_mq_timedreceive, "mq_receive", 4},
    {SYS_mq_timedsend, "mq_send", 4}, {SYS_msgrcv, "msgrcv", 0}, {SYS_msgsnd, "msgsnd", 0},
    {SYS_nanosleep, "nanosleep", 0}, {SYS_openat, "open", 0}, {SYS_ppoll, "poll", 2},
    {SYS_pselect6, "select", 4}, {SYS_read, "read", 0}, {SYS_readv, "readv", 0},
    {SYS_recvfrom, "recv", 0}, {SYS_recvmsg, "recvmsg", 0},
    {SYS_restart_syscall, "restart_syscall", 0}, {SYS_rt_sigsuspend, "sigsuspend", 0},
    {SYS_rt_sigtimedwait, "sigwaitinfo", 2}, {SYS_sendfile, "sendfile", 0},
    {SYS_sendmsg, "sendmsg", 0}, {SYS_sendto, "send", 0}, {SYS_splice, "splice", 0},
    {SYS_tee, "tee", 0}, {SYS_vmsplice, "vmsplice", 0}, {SYS_wait4, "wait", 0},
    {SYS_waitid, "wait", 0}, {SYS_write, "write", 0}, {SYS_writev, "writev", 0},
    /* clang-format on */
};

struct text text(const char *format, ...)
{
    struct text result;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result.s, sizeof result.s, format, arguments);
    va_end(arguments);
    return result;
}

void line(const char *format, ...)
{
    char result[81];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result, sizeof result, format, arguments);
    va_end(arguments);
    for (char *c = result; *c != '\0'; c++)
        *c = (char)(iscntrl((unsigned char)*c) ? '?' : *c);
    if (!quiet)
        puts(result);
}

struct text contents(struct text path)
{
    struct text found;
    const int fd = open(path.s, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const ssize_t length = fd == -1 ? -1 : read(fd, found.s, sizeof found.s - 1);
    found.s[length == -1 ? 0 : length] = '\0';
    if (fd != -1)
        close(fd);
    return found;
}

unsigned long long number_after(const char *label, struct text from, int base)
{
    const char *const found = strstr(from.s, label);
    return found == NULL ? 0 : strtoull(found + strlen(label), NULL, base);
}

/* ---- Threads, in words ---- */

bool is_over(const struct task *task)
{
    return task->state == 'Z' || task->state == 'X';
}

bool is_in(const struct task *task, const char *names)
{
    return task->call != NULL && strstr(names, text(" %s ", task->call).s) != NULL;
}

struct text who(const struct task *task)
{
    return task->tid == task->pid
               ? text("%d %s", (int)task->pid, task->name)
               : text("%d %s thread %d", (int)task->pid, task->name, (int)task->tid);
}

const struct task *living_thread(pid_t pid)
{
    for (const struct task *task = tasks; task < tasks + task_count; task++)
        if (task->pid == pid && !is_over(task))
            return task;
    return NULL;
}

struct text doing(const struct task *task)
{
    const bool goes_on = is_over(task) && living_thread(task->pid) != NULL;
    const char *const state = goes_on              ? "has ended its first thread"
                              : is_over(task)      ? "has ended"
                              : task->state == 'R' ? "runs"
                              : task->state == 'T' ? "is stopped"
                              : task->number == -1 ? "sleeps"
                                                   : "sleeps in";
    if (task->number == -1 || strcmp(state, "sleeps in") != 0)
        return text("%s", state);
    if (task->call == NULL)
        return text("%s system call %ld", state, task->number);
    if (is_in(task, " clock_nanosleep futex nanosleep open pause poll restart_syscall select "
                    "sigsuspend sigwaitinfo wait "))
        return text("%s %s()", state, task->call);
    return text("%s %s(%d)", state, task->call, (int)task->argument[0]);
}

/* ---- The look ---- */

static void *one_more(void *array, int count, size_t size)
{
    array = realloc(array, ((size_t)count + 1) * size);
    if (array == NULL)
        err(EXIT_FAILURE, "realloc");
    return array;
}

/* A program for another word size has other numbers for the same calls. */
static bool has_our_numbers(pid_t tid)
{
    enum { EI_CLASS = 4 }; /* see elf(5) */
    static struct text us;
    const struct text its = contents(text("/proc/%d/exe", (int)tid));
    if (us.s[0] == '\0')
        us = contents(text("/proc/self/exe"));
    return its.s[EI_CLASS] == us.s[EI_CLASS];
}

/* In another namespace the ids of System V mean other objects. */
static bool has_our_ids(pid_t tid)
{
    struct stat ours, its;
    return stat("/proc/self/ns/ipc", &ours) == 0 &&
           stat(text("/proc/%d/ns/ipc", (int)tid).s, &its) == 0 && ours.st_ino == its.st_ino;
}

static void name_call(struct task *task)
{
    for (const struct call *c = calls; c < calls + sizeof calls / sizeof *calls; c++)
        if (c->number == task->number) {
            const unsigned long limit = task->argument[c->limit];
            task->call = c->name;
            task->limit = c->limit == 0 || (int)limit == -1 ? 0 : limit;
        }
}

/* Whether we may see what its descriptors are: the same right as for the link to its program. (Root
 * may list descriptors without it, but not look at them.) A kernel thread has no program. */
static bool may_be_read(pid_t tid)
{
    char program[1];
    return readlink(text("/proc/%d/exe", (int)tid).s, program, sizeof program) != -1 ||
           (errno != EACCES && errno != EPERM);
}

static void read_task(const char *path)
{
    struct task task = {.number = -1};
    unsigned long *const a = task.argument;
    struct stat process;
    const struct text numbers = contents(text("%s/stat", path));
    const struct text call = contents(text("%s/syscall", path));
    const char *const end = strrchr(numbers.s, ')');
    if (sscanf(path, "/proc/%d/task/%d", &task.pid, &task.tid) != 2 || task.pid == getpid() ||
        stat(path, &process) == -1 || end == NULL ||
        sscanf(end + 1, " %c %d %d", &task.state, &task.parent, &task.group) != 3)
        return;
    task.uid = process.st_uid;
    sscanf(contents(text("%s/comm", path)).s, "%15[^\n]", task.name);
    const bool in_call = sscanf(call.s, "%ld %lx %lx %lx %lx %lx %lx", &task.number, a, a + 1,
                                a + 2, a + 3, a + 4, a + 5) == 7;
    const bool is_like_us = task.state == 'Z' ||
                            (has_our_ids(task.tid) &&
                             (unfold_call(task.tid, &task.number, a) || has_our_numbers(task.tid)));
    task.seen = call.s[0] != '\0' && is_like_us;
    task.is_foreign = call.s[0] != '\0' && !is_like_us;
    if (task.seen && in_call)
        name_call(&task);
    else
        task.number = -1;
    tasks = one_more(tasks, task_count, sizeof task);
    tasks[task_count++] = task;
}

static void read_descriptor(const char *path)
{
    struct holding h = {.path = ""};
    struct stat file, link;
    if (sscanf(path, "/proc/%d/task/%d/fd/%d", &h.pid, &h.tid, &h.fd) != 3 ||
        stat(path, &file) == -1 || lstat(path, &link) == -1)
        return;
    h.device = file.st_dev;
    h.inode = file.st_ino;
    h.is_open_for[READ_END] = (link.st_mode & S_IRUSR) != 0;
    h.is_open_for[WRITE_END] = (link.st_mode & S_IWUSR) != 0;
    holdings = one_more(holdings, holding_count, sizeof h);
    holdings[holding_count++] = h;
}

static void read_mappings(const char *path)
{
    struct holding h = {.fd = MAPPED};
    char entry[PATH_MAX + 128];
    unsigned major, minor;
    unsigned long long inode;
    FILE *const maps = fopen(path, "re");
    while (maps != NULL && fgets(entry, sizeof entry, maps) != NULL)
        if (sscanf(path, "/proc/%d/task/%d/", &h.pid, &h.tid) == 2 &&
            sscanf(entry, "%lx-%lx %*cw%*cs %lx %x:%x %llu %63[^\n]", &h.start, &h.stop, &h.offset,
                   &major, &minor, &inode, h.path) == 7) {
            h.inode = (ino_t)inode;
            h.device = makedev(major, minor);
            holdings = one_more(holdings, holding_count, sizeof h);
            holdings[holding_count++] = h;
        }
    if (maps != NULL)
        fclose(maps);
}

static void for_each(const char *pattern, void (*read_one)(const char *path))
{
    glob_t paths;
    if (glob(pattern, GLOB_NOSORT, NULL, &paths) != 0)
        return;
    for (size_t i = 0; i < paths.gl_pathc; i++)
        read_one(paths.gl_pathv[i]);
    globfree(&paths);
}

void look_at_processes(void)
{
    for_each("/proc/[0-9]*/task/[0-9]*", read_task);
    pid_t before = 0; /* the threads of a process come one after another */
    for (const struct task *task = tasks; task < tasks + task_count; task++)
        if (task->pid != before && !is_over(task)) {
            before = task->pid;
            const struct text folder = text("/proc/%d/task/%d", (int)task->pid, (int)task->tid);
            for_each(text("%.64s/fd/[0-9]*", folder.s).s, read_descriptor);
            read_mappings(text("%.64s/maps", folder.s).s);
            hidden += !may_be_read(task->tid);
        }
}

bool peek(struct task *task, unsigned long address, void *copy, size_t size)
{
    const struct iovec from = {.iov_base = (void *)address, .iov_len = size};
    const struct iovec to = {.iov_base = copy, .iov_len = size};
    if (process_vm_readv(task->tid, &to, 1, &from, 1, 0) == (ssize_t)size)
        return true;
    line("    what it waits for cannot be seen");
    task->open = true;
    return false;
}

/* ---- The other end of a socket ---- */

enum { LISTENING = 10 }; /* TCP_LISTEN, a state of both families */

/* Asks sock_diag(7): no file in /proc has the peer of a UNIX socket. The structures are those of
 * <linux/netlink.h> and <linux/unix_diag.h>, which musl does not bring along. */
static bool find_unix_peer(ino_t inode, struct peer *peer)
{
    enum { SOCK_DIAG = 4, BY_FAMILY = 20, REQUEST = 1, SHOW_PEER = 4, PEER = 2 };
    const struct {
        uint32_t length;
        uint16_t type, flags;
        uint32_t sequence, port;
        uint8_t family, protocol, pad[2];
        uint32_t states, inode, show, cookie[2];
    } question = {.length = sizeof question,
                  .type = BY_FAMILY,
                  .flags = REQUEST,
                  .family = AF_UNIX,
                  .states = UINT32_MAX,
                  .inode = (uint32_t)inode,
                  .show = SHOW_PEER,
                  .cookie = {UINT32_MAX, UINT32_MAX}};
    struct {
        uint32_t length;
        uint16_t type, flags;
        uint32_t sequence, port;
        uint8_t family, socket_type, state, pad;
        uint32_t inode, cookie[2];
        uint16_t attribute_length, attribute;
        uint32_t value, more[64];
    } answer = {0};
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, SOCK_DIAG);
    const bool found = fd != -1 && send(fd, &question, sizeof question, 0) != -1 &&
                       recv(fd, &answer, sizeof answer, 0) != -1 && answer.type == BY_FAMILY;
    if (fd != -1)
        close(fd);
    if (found)
        *peer = (struct peer){.kind = "a UNIX socket",
                              .listens = answer.state == LISTENING,
                              .inode = answer.attribute == PEER ? answer.value : 0};
    return found;
}

struct line { /* of /proc/net/tcp, see proc(5) */
    char local[64], remote[64];
    unsigned state;
    unsigned long inode;
};

/* Without its prefix, ::ffff:127.0.0.1 is 127.0.0.1. */
static void unmap(char *address)
{
    static const char prefix[] = "0000000000000000FFFF0000";
    const size_t length = strlen(prefix);
    if (strncmp(address, prefix, length) == 0)
        memmove(address, address + length, strlen(address) - length + 1);
}

/* The line of the socket with this inode or, if `other` is not NULL, of the peer of that one. */
static bool find_line(pid_t tid, ino_t inode, const struct line *other, struct line *found)
{
    static const char *const protocols[] = {"tcp", "tcp6", "udp", "udp6"};
    bool is_it = false;
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols && !is_it; i++) {
        char entry[512];
        snprintf(entry, sizeof entry, "/proc/%d/net/%s", (int)tid, protocols[i]);
        FILE *const file = fopen(entry, "re");
        while (file != NULL && !is_it && fgets(entry, sizeof entry, file) != NULL) {
            if (sscanf(entry, " %*d: %63s %63s %x %*s %*s %*s %*d %*d %lu", found->local,
                       found->remote, &found->state, &found->inode) != 4)
                continue;
            unmap(found->local);
            unmap(found->remote);
            is_it = other == NULL ? found->inode == inode
                                  : strcmp(found->local, other->remote) == 0 &&
                                        strcmp(found->remote, other->local) == 0;
        }
        if (file != NULL)
            fclose(file);
    }
    return is_it;
}

struct peer find_peer(pid_t tid, ino_t inode)
{
    struct line own, other;
    struct peer peer = {.kind = "a socket"};
    if (!find_unix_peer(inode, &peer) && find_line(tid, inode, NULL, &own)) {
        snprintf(peer.kind, sizeof peer.kind, "an internet socket, port %lu",
                 strtoul(strrchr(own.local, ':') + 1, NULL, 16));
        peer.listens = own.state == LISTENING;
        peer.inode = find_line(tid, 0, &own, &other) ? (ino_t)other.inode : 0;
    }
    return peer;
}
