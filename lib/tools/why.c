/* why - what a process sleeps for, and which processes could wake it
 *
 * The kernel says in which call a thread sleeps, and with which arguments. What it waits for
 * follows from them; which processes could wake it follows from the files that all processes have
 * open or mapped. A thread is stuck if it waits for threads only that are stuck themselves. why
 * only looks: it changes nothing and stops no process.
 *
 * proc(5), process_vm_readv(2), msgctl(2), semctl(2)
 */
#define _DEFAULT_SOURCE /* msg_cbytes */
#include "../demo.h"
#include "look.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
    "usage: ipc why [PID...]\n"
    "  PID  a process or a thread: what it sleeps for, and what could wake it.\n"
    "       Without one: the System V and POSIX objects of this user, and the\n"
    "       processes that have them or sleep there\n"
    "Exit status: 0 with an answer, 1 without one, 2 for wrong usage.\n";

enum { SHOWN = 8, EITHER_END = 2 };

/* ---- What could wake a thread ---- */

static bool add_waker(struct task *task, struct task *other)
{
    for (int i = 0; i < task->waker_count; i++)
        if (task->wakers[i] == other)
            return false;
    if (task->waker_count == MOST) {
        task->open = true; /* too many to follow all */
        return false;
    }
    task->wakers[task->waker_count++] = other;
    return true;
}

/* Any thread of that process could; `task` itself only if there is no other. */
static void add_process(struct task *task, pid_t pid, const char *label, struct text means)
{
    const struct task *first = NULL;
    for (struct task *other = tasks; other < tasks + task_count; other++)
        if (other->pid == pid && other != task && !is_over(other) && add_waker(task, other) &&
            first == NULL)
            first = other;
    if (first == NULL && pid == task->pid && add_waker(task, task))
        line("    %s: %s itself%s", label, who(task).s, means.s);
    else if (first != NULL && task->waker_count <= SHOWN)
        line("    %s: %s%s, %s", label, who(first).s, means.s, doing(first).s);
}

/* The processes that have a file open to read, to write, or for either. */
static void add_holders(struct task *task, dev_t device, ino_t inode, int end)
{
    const int before = task->waker_count;
    for (const struct holding *h = holdings; h < holdings + holding_count; h++)
        if (h->device == device && h->inode == inode && h->fd != MAPPED &&
            (end == EITHER_END || h->is_open_for[end]))
            add_process(task, h->pid, task->deed, text(" (descriptor %d)", h->fd));
    if (task->waker_count == before)
        line("    %s: no%s", task->deed, hidden > 0 ? "ne that can be seen" : " other process");
    else if (task->waker_count > SHOWN)
        line("    %d threads could, in all", task->waker_count);
}

/* An object without holders: the last process that used it is likely to be the next one. Not if it
 * is the one that waits, or its parent, and has other children: it may have made it for them. */
static void add_last(struct task *task, const char *label, pid_t pid)
{
    task->guessed = true;
    add_process(task, pid, label, text("%s", ""));
    for (const struct task *other = tasks; other < tasks + task_count; other++)
        task->open |= other->parent == pid && (pid == task->pid || pid == task->parent) &&
                      other->pid != task->pid && !is_over(other);
    task->open |= task->waker_count == 0;
    if (task->waker_count == 0 && pid == 0)
        line("    %s: none yet", label);
    else if (task->waker_count == 0)
        line("    %s: %d, which has ended", label, (int)pid);
}

static struct text status_of(const struct task *task)
{
    return contents(text("/proc/%d/task/%d/status", (int)task->pid, (int)task->tid));
}

/* The signals that run a handler now. */
static unsigned long long caught_by(const struct task *task)
{
    const struct text status = status_of(task);
    return number_after("SigCgt:", status, 16) & ~number_after("SigBlk:", status, 16);
}

/* ---- Descriptors ---- */

/* The thread waits until it can read there (READ_END) or write. */
static void explain_descriptor(struct task *task, int fd, int end)
{
    enum { MQUEUE_MAGIC = 0x19800202 };
    const struct text path = text("/proc/%d/fd/%d", (int)task->tid, fd);
    const char *const state = end == READ_END ? "empty" : "full";
    struct text name = {""};
    struct stat file;
    struct statfs system;
    task->deed = end == READ_END ? "could write" : "could read";
    if (readlink(path.s, name.s, sizeof name.s - 1) == -1 || stat(path.s, &file) == -1 ||
        statfs(path.s, &system) == -1) {
        line("    %d may not be looked at, or is not open any more", fd);
        task->open = true;
    } else if (S_ISFIFO(file.st_mode)) {
        line("    %d is %s, %s", fd, name.s, state);
        task->is_named |= name.s[0] == '/' && file.st_nlink > 0;
        add_holders(task, file.st_dev, file.st_ino, !end);
    } else if (system.f_type == MQUEUE_MAGIC) {
        task->deed = end == READ_END ? "could send" : "could receive";
        line("    %d is the POSIX queue %s, %s", fd, name.s, state);
        task->is_named |= file.st_nlink > 0;
        add_holders(task, file.st_dev, file.st_ino, !end);
    } else if (S_ISSOCK(file.st_mode)) {
        const struct peer peer = find_peer(task->tid, file.st_ino);
        task->deed = end == READ_END ? "could send" : "could receive";
        line("    %d is %s, %s", fd, peer.kind,
             peer.inode != 0 ? "connected"
             : peer.listens  ? "waiting for a client"
                             : "no peer here");
        task->open |= peer.inode == 0;
        if (peer.inode != 0)
            add_holders(task, file.st_dev, peer.inode, EITHER_END);
    } else { /* a terminal, a timer, an eventfd */
        line("    %d is %s", fd, name.s);
        task->open = true;
    }
}

static bool is_open_for(const struct task *task, int fd, int end)
{
    for (const struct holding *h = holdings; h < holdings + holding_count; h++)
        if (h->pid == task->pid && h->fd == fd && h->is_open_for[end])
            return true;
    return false;
}

/* Whether it could read there now, as a copy of the descriptor says; -1: not known. */
static int is_readable(const struct task *task, int fd)
{
    enum { PIDFD_OPEN = 434, PIDFD_GETFD = 438 }; /* on every processor, since Linux 5.6 */
    const int process = (int)syscall(PIDFD_OPEN, task->pid, 0);
    const int copy = process == -1 ? -1 : (int)syscall(PIDFD_GETFD, process, fd, 0);
    struct pollfd watched = {.fd = copy, .events = POLLIN};
    const int result = copy == -1 ? -1 : poll(&watched, 1, 0);
    if (copy != -1)
        close(copy);
    if (process != -1)
        close(process);
    return result;
}

/* splice(2) and the like wait to read or to write. */
static void explain_transfer(struct task *task, int from, int to)
{
    const int readable = is_readable(task, from);
    if (readable == 1)
        explain_descriptor(task, to, WRITE_END);
    else if (readable == 0)
        explain_descriptor(task, from, READ_END);
    else
        line("    it waits until it can read %d, or write %d", from, to);
    task->open |= readable == -1;
}

/* Events of poll(2) and of epoll(7): those that we know have the same bits. */
static void explain_watched(struct task *task, int fd, unsigned events)
{
    const unsigned to_read = EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    const unsigned to_write = EPOLLOUT | EPOLLWRNORM;
    const unsigned besides =
        EPOLLERR | EPOLLHUP | EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP;
    const bool reads = (events & to_read) != 0 && is_open_for(task, fd, READ_END);
    const bool writes = (events & to_write) != 0 && is_open_for(task, fd, WRITE_END);
    if (fd < 0)
        return;
    if (reads)
        explain_descriptor(task, fd, READ_END);
    if (writes)
        explain_descriptor(task, fd, WRITE_END);
    task->deed = "could wake it";
    if ((!reads && !writes) || (events & ~(to_read | to_write | besides)) != 0) {
        line("    it watches %d for something else", fd);
        task->open = true;
    }
}

/* What an epoll instance watches is in its fdinfo. */
static void explain_epoll(struct task *task)
{
    const struct text info =
        contents(text("/proc/%d/fdinfo/%d", (int)task->tid, (int)task->argument[0]));
    for (const char *item = info.s; (item = strstr(item, "tfd:")) != NULL; item++)
        explain_watched(task, atoi(item + strlen("tfd:")),
                        (unsigned)number_after("events:", text("%s", item), 16));
    task->open |= strstr(info.s, "tfd:") == NULL || strlen(info.s) == sizeof info.s - 1;
}

static size_t at_most(size_t most, size_t count)
{
    return count < most ? count : most;
}

static void explain_poll(struct task *task)
{
    struct pollfd watched[MOST];
    const size_t count = at_most(MOST, task->argument[1]);
    task->open |= count == 0 || count < task->argument[1]; /* 0: pause() on newer processors */
    if (count == 0 || !peek(task, task->argument[0], watched, count * sizeof *watched))
        return;
    for (size_t i = 0; i < count; i++)
        explain_watched(task, watched[i].fd, (unsigned short)watched[i].events);
}

static void explain_select(struct task *task)
{
    static const unsigned events[] = {EPOLLIN, EPOLLOUT, EPOLLPRI};
    fd_set sets[3];
    const size_t limit = at_most(FD_SETSIZE, task->argument[0]);
    bool watches = false;
    for (size_t i = 0; i < 3; i++) {
        FD_ZERO(&sets[i]);
        if (task->argument[1 + i] != 0)
            peek(task, task->argument[1 + i], &sets[i], (limit + 63) / 64 * 8);
    }
    for (size_t fd = 0; fd < limit; fd++) {
        unsigned wanted = 0;
        for (size_t i = 0; i < 3; i++)
            wanted |= FD_ISSET(fd, &sets[i]) ? events[i] : 0;
        if (wanted != 0)
            explain_watched(task, (int)fd, wanted);
        watches |= wanted != 0;
    }
    task->open |= !watches || limit < task->argument[0];
}

/* ---- open() of a FIFO sleeps until another process opens its other end ---- */

static struct text path_to_open(struct task *task)
{
    const unsigned long *const a = task->argument + (task->number == SYS_openat ? 1 : 0);
    const bool at = task->number == SYS_openat && (int)task->argument[0] != AT_FDCWD;
    struct text path = {""};
    for (size_t i = 0; i < sizeof path.s - 1; i++) /* what comes after it may not be memory */
        if (!peek(task, a[0] + i, &path.s[i], 1) || path.s[i] == '\0')
            break;
    if (path.s[0] == '/')
        return path;
    return text("/proc/%d/%s/%.3000s", (int)task->tid,
                at ? text("fd/%d", (int)task->argument[0]).s : "cwd", path.s);
}

static bool opens_fifo(struct task *task)
{
    struct stat file;
    return is_in(task, " open ") && stat(path_to_open(task).s, &file) == 0 &&
           S_ISFIFO(file.st_mode);
}

/* Relatives that sleep in open() of another FIFO might have come here next. */
static void explain_open(struct task *task)
{
    const unsigned long flags = task->argument[task->number == SYS_openat ? 2 : 1];
    const bool writes = (flags & O_ACCMODE) == O_WRONLY;
    task->guessed = true;
    task->deed = writes ? "could open it to read" : "could open it to write";
    line("    it opens %s", path_to_open(task).s);
    if (opens_fifo(task))
        line("    which is a FIFO; no process has it open to %s", writes ? "read" : "write");
    for (struct task *other = tasks; other < tasks + task_count; other++)
        if (other != task && opens_fifo(other) &&
            (other->parent == task->parent || other->parent == task->pid ||
             task->parent == other->pid) &&
            add_waker(task, other))
            line("    %s: perhaps %s, sleeps in open() itself", task->deed, who(other).s);
    task->open |= task->waker_count == 0;
}

/* ---- System V queues and sets ---- */

static void explain_queue(struct task *task)
{
    enum { EXCEPT = 020000 }; /* MSG_EXCEPT */
    const bool receives = is_in(task, " msgrcv ");
    const int id = (int)task->argument[0];
    const long wanted = (long)task->argument[3];
    struct msqid_ds queue;
    if (msgctl(id, IPC_STAT, &queue) == -1) {
        line("    queue %d may not be looked at", id);
        task->open = true;
        return;
    }
    line("    queue %d: messages %lu, bytes %lu of %lu", id, (unsigned long)queue.msg_qnum,
         (unsigned long)queue.msg_cbytes, (unsigned long)queue.msg_qbytes);
    task->deed = receives ? "could send" : "could receive";
    if (!receives)
        line("    full for its message of %lu bytes", task->argument[2]);
    else if (wanted > 0 && (task->argument[4] & EXCEPT) != 0)
        line("    it wants a message of any type but %ld", wanted);
    else if (wanted != 0)
        line("    it wants a message of type %ld%s", labs(wanted), wanted < 0 ? " or lower" : "");
    const pid_t last = receives ? queue.msg_lspid : queue.msg_lrpid;
    add_last(task, receives ? "the last sender" : "the last receiver", last);
    task->open |= last == task->pid; /* the next one is another, then */
}

/* The first operation that cannot be done is what it waits for. */
static void explain_set(struct task *task)
{
    struct sembuf operations[MOST];
    const int id = (int)task->argument[0];
    const size_t count = at_most(MOST, task->argument[2]);
    if (!peek(task, task->argument[1], operations, count * sizeof *operations))
        return;
    for (size_t i = 0; i < count; i++) {
        const int wanted = operations[i].sem_op, number = operations[i].sem_num;
        const int value = semctl(id, number, GETVAL);
        int left = value; /* after the operations before this one */
        for (size_t j = 0; j < i; j++)
            left += operations[j].sem_num == number ? operations[j].sem_op : 0;
        if (value == -1 || (wanted == 0 ? left == 0 : left + wanted >= 0))
            continue;
        line("    semaphore[%d] of set %d is %d, and it %s %d", number, id, value,
             wanted == 0 ? "waits for" : "wants to take", -wanted);
        if (left != value)
            line("    its operations before that would make it %d", left);
        line("    sleepers there: %d", semctl(id, number, GETNCNT) + semctl(id, number, GETZCNT));
        task->deed = wanted == 0 ? "could take it" : "could give it back";
        const pid_t last = semctl(id, number, GETPID);
        add_last(task, "the last to change it", last);
        task->open |= wanted < 0 && last == task->pid; /* the next one is another, then */
        return;
    }
    task->open = true;
}

/* ---- Futexes: POSIX semaphores, mutexes, conditions ---- */

/* The file that a thread has mapped where it waits; NULL: memory of its own. */
static const struct holding *mapping_of(const struct task *task)
{
    for (const struct holding *h = holdings; h < holdings + holding_count; h++)
        if (h->pid == task->pid && h->fd == MAPPED && task->argument[0] >= h->start &&
            task->argument[0] < h->stop)
            return h;
    return NULL;
}

/* sem_open(3) makes a semaphore under another name than it has in the end. */
static struct text name_of(const struct holding *mapping)
{
    struct text name = text("%s", mapping->path);
    struct stat file;
    glob_t paths;
    if (glob("/dev/shm/*", 0, NULL, &paths) != 0)
        return name;
    for (size_t i = 0; i < paths.gl_pathc; i++)
        if (stat(paths.gl_pathv[i], &file) == 0 && file.st_ino == mapping->inode &&
            file.st_dev == mapping->device)
            name = text("%s", paths.gl_pathv[i]);
    globfree(&paths);
    return name;
}

/* In /proc/PID/maps the name of a file without a name ends so. A segment of System V has one
 * always, but any process that knows its id may attach it. */
static bool has_name(const char *path)
{
    return strstr(path, " (deleted)") == NULL || strstr(path, "/SYSV") == path;
}

/* Whether a process has the memory in which a thread waits. */
static bool shares(pid_t pid, const struct task *task, const struct holding *mapping)
{
    for (const struct holding *h = holdings; mapping != NULL && h < holdings + holding_count; h++)
        if (h->pid == pid && h->fd == MAPPED && h->inode == mapping->inode &&
            h->device == mapping->device)
            return true;
    return pid == task->pid;
}

static bool waits_there(const struct task *other, const struct task *task, const struct holding *m)
{
    const struct holding *const its = mapping_of(other);
    return is_in(other, " futex ") &&
           other->argument[0] - (m == NULL || its == NULL ? 0 : its->start - its->offset) ==
               task->argument[0] - (m == NULL || its == NULL ? 0 : m->start - m->offset);
}

enum { WORDS = 5, TID_MASK = 0x3fffffff }; /* see futex(2) */

/* In a locked mutex of glibc that others wait for: 2, or the owner with a bit; how often it is
 * locked, more than once only if it is recursive; the owner; and, in an order that depends on the
 * word size, its users and its kind. */
static bool is_mutex(const uint32_t word[WORDS])
{
    enum { LOCKED = 2, RECURSIVE = 1, TYPE = 3, KINDS = 0x3f3, MOST_USERS = 0xffff };
    const uint32_t users = word[sizeof(long) == 8 ? 3 : 4];
    const uint32_t kind = word[sizeof(long) == 8 ? 4 : 3];
    return (word[0] == LOCKED || (word[0] > TID_MASK && (word[0] & TID_MASK) == word[2])) &&
           (word[1] == 0 || (kind & TYPE) == RECURSIVE) && word[2] != 0 && word[2] <= TID_MASK &&
           users >= 1 && users <= MOST_USERS && (kind & ~(uint32_t)KINDS) == 0;
}

/* Another lock may have its owner in the word, with a bit for those that wait, but a bit may mean
 * other things, too, and a default mutex of musl has 16 (EBUSY) there: believed of a thread that
 * has the memory. pthread_join(3) waits in its own memory for a word with the id of the other
 * thread to change. 0: not known. */
static uint32_t owner_in(const uint32_t word[WORDS], const struct task *task,
                         const struct holding *m)
{
    enum { PRIVATE = 128, BUSY = 16 };
    const bool joins = (task->argument[1] & PRIVATE) == 0 && m == NULL;
    const uint32_t owner = word[0] & TID_MASK;
    if (is_mutex(word))
        return word[2];
    if (joins || (word[0] > TID_MASK && owner != BUSY))
        for (const struct task *other = tasks; other < tasks + task_count; other++)
            if ((uint32_t)other->tid == owner && shares(other->pid, task, m))
                return owner;
    return 0;
}

/* An owner that is none of the threads that have the memory. */
static void explain_absent(struct task *task, uint32_t owner, const struct holding *m)
{
    const struct task *other = tasks;
    while (other < tasks + task_count && (uint32_t)other->tid != owner)
        other++;
    if (other < tasks + task_count && !is_over(other)) {
        line("    %s: %s",
             m == NULL && other->pid == task->parent ? "copied by fork() from its owner"
                                                     : "its owner does not have this memory",
             who(other).s);
        task->open |= m != NULL;
    } else if (other < tasks + task_count || (kill((pid_t)owner, 0) == -1 && errno == ESRCH))
        line("    its owner, %u, has ended", owner);
    else
        task->open = true; /* /proc does not show it */
}

static void explain_futex(struct task *task)
{
    const struct holding *const m = mapping_of(task);
    uint32_t word[WORDS];
    if (!peek(task, task->argument[0], word, sizeof word))
        return;
    const uint32_t owner = owner_in(word, task, m);
    line("    a word in %s, value %d", m == NULL ? "its own memory" : name_of(m).s, (int)word[0]);
    if (owner == 0)
        line("    a semaphore, a condition, a lock or the like: it names no owner");
    for (struct task *other = tasks; other < tasks + task_count; other++) {
        if (is_over(other) || !shares(other->pid, task, m))
            continue;
        if (owner == 0 && waits_there(other, task, m) && other != task)
            line("    waits there, too: %s", who(other).s);
        else if ((owner == 0 ? other != task : (uint32_t)other->tid == owner) &&
                 add_waker(task, other) && task->waker_count <= SHOWN)
            line("    %s: %s, %s",
                 owner == 0                             ? "has the same memory"
                 : word[0] == owner && word[2] != owner ? "it waits for the end of"
                                                        : "its owner",
                 who(other).s, doing(other).s);
    }
    if (owner != 0 && task->waker_count == 0)
        explain_absent(task, owner, m);
    if (owner == 0) {
        task->guessed = true; /* perhaps it holds the lock itself: a handler in malloc(3) */
        task->open |= task->waker_count == 0 && caught_by(task) != 0;
        task->is_named |= m != NULL && has_name(name_of(m).s);
    }
}

/* ---- Locks, children, signals ---- */

/* In /proc/locks a lock is followed by those that wait for it, marked "->". The processes that hold
 * it, inherited or not, have the same line in the fdinfo of a descriptor. */
static void explain_lock(struct task *task)
{
    char entry[256], lock[256] = "";
    struct stat file = {.st_ino = 0};
    unsigned long long inode;
    int pid;
    bool found = false;
    FILE *const locks = fopen("/proc/locks", "re");
    task->deed = "could unlock it";
    stat(text("/proc/%d/fd/%d", (int)task->tid, (int)task->argument[0]).s, &file);
    while (locks != NULL && !found && fgets(entry, sizeof entry, locks) != NULL)
        if (strstr(entry, "->") == NULL)
            snprintf(lock, sizeof lock, "%s", strchr(entry, ' ') + 1);
        else
            found =
                sscanf(strstr(entry, "->"), "-> %*s %*s %*s %d %*x:%*x:%llu", &pid, &inode) == 2 &&
                inode == file.st_ino && (pid == task->pid || pid == -1);
    if (locks != NULL)
        fclose(locks);
    line("    the lock in the way: %.*s", found ? (int)strcspn(lock, "\n") : INT_MAX,
         found ? lock : "cannot be seen");
    for (const struct holding *h = holdings; found && h < holdings + holding_count; h++)
        if (h->inode == file.st_ino && h->device == file.st_dev &&
            strstr(contents(text("/proc/%d/fdinfo/%d", (int)h->tid, h->fd)).s, lock) != NULL)
            add_process(task, h->pid, task->deed, text(" (descriptor %d)", h->fd));
    task->open |= task->waker_count == 0;
}

/* For the arguments of waitid(2) that wait4(2) does not have, those that it would have. */
static pid_t awaited_child(const struct task *task)
{
    enum { PIDFD = 3 }; /* P_PIDFD */
    const pid_t id = (pid_t)task->argument[task->number == SYS_wait4 ? 0 : 1];
    if (task->number == SYS_wait4 || task->argument[0] == P_PID)
        return id;
    if (task->argument[0] == PIDFD) {
        const struct text info = contents(text("/proc/%d/fdinfo/%d", (int)task->tid, (int)id));
        const pid_t child = (pid_t)number_after("Pid:", info, 10);
        return child > 0 ? child : -1;
    }
    return task->argument[0] == P_PGID ? -id : -1;
}

static void explain_wait(struct task *task)
{
    const pid_t one = awaited_child(task);
    const pid_t group = one == 0 ? task->group : -one;
    task->deed = "could end";
    for (const struct task *child = tasks; child < tasks + task_count; child++)
        if (child->parent == task->pid && child->tid == child->pid &&
            (one == -1 || child->pid == one || child->group == group))
            add_process(task, child->pid, task->deed, text("%s", ""));
    task->open |= task->waker_count == 0;
}

/* Bit 0 of a set in /proc/PID/status is signal 1. The C library keeps those between SIGSYS and
 * SIGRTMIN for itself; glibc before 2.34 has handlers for them in every program with threads. */
static void print_signals(const char *what, unsigned long long set)
{
    static const char *const names[] = {
        "",     "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
        "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
        "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};
    struct text list = {""};
    for (size_t i = 1; i <= 64; i++)
        if ((set >> (i - 1) & 1) != 0 && (i <= SIGSYS || i >= (size_t)SIGRTMIN))
            list = i < sizeof names / sizeof *names ? text("%.3000s SIG%s", list.s, names[i])
                                                    : text("%.3000s %zu", list.s, i);
    line("    %s:%s", what, list.s[0] == '\0' ? " none" : list.s);
}

static void explain_signals(struct task *task)
{
    const struct text status = status_of(task);
    const unsigned long long blocked = number_after("SigBlk:", status, 16);
    unsigned long long awaited = caught_by(task);
    if (is_in(task, " sigwaitinfo "))
        peek(task, task->argument[0], &awaited, sizeof awaited);
    print_signals("signals that it waits for", awaited);
    print_signals("arrived, but blocked", blocked & (number_after("SigPnd:", status, 16) |
                                                     number_after("ShdPnd:", status, 16)));
    task->open = true;
}

/* ---- The answer ---- */

static void explain(struct task *task)
{
    task->waker_count = 0;
    task->guessed = task->is_named = false;
    task->deed = "could wake it";
    task->open = task->state != 'S' || task->limit != 0;
    if (is_in(task, " read readv recv recvmsg accept mq_receive "))
        explain_descriptor(task, (int)task->argument[0], READ_END);
    else if (is_in(task, " write writev send sendmsg mq_send connect "))
        explain_descriptor(task, (int)task->argument[0], WRITE_END);
    else if (is_in(task, " vmsplice "))
        explain_descriptor(task, (int)task->argument[0],
                           is_open_for(task, (int)task->argument[0], WRITE_END) ? WRITE_END
                                                                                : READ_END);
    else if (is_in(task, " splice tee "))
        explain_transfer(task, (int)task->argument[0],
                         (int)task->argument[is_in(task, " tee ") ? 1 : 2]);
    else if (is_in(task, " sendfile "))
        explain_transfer(task, (int)task->argument[1], (int)task->argument[0]);
    else if (is_in(task, " epoll_wait "))
        explain_epoll(task);
    else if (is_in(task, " pause sigsuspend sigwaitinfo "))
        explain_signals(task);
    else if (is_in(task, " poll "))
        explain_poll(task);
    else if (is_in(task, " select "))
        explain_select(task);
    else if (is_in(task, " open "))
        explain_open(task);
    else if (is_in(task, " msgrcv msgsnd "))
        explain_queue(task);
    else if (is_in(task, " semop "))
        explain_set(task);
    else if (is_in(task, " futex "))
        explain_futex(task);
    else if (is_in(task, " fcntl flock "))
        explain_lock(task);
    else if (is_in(task, " wait "))
        explain_wait(task);
    else
        task->open = true;
    if (is_in(task, " restart_syscall "))
        line("    a call that was interrupted, by SIGCONT perhaps: which one is not shown");
    if (task->limit != 0)
        line("    it also has a timeout");
}

/* Whether it may go on, as far as we know: something wakes it, or a thread that may go on could. */
static bool may_go_on(struct task *task)
{
    if (task->reached)
        return false;
    task->reached = true;
    explain(task);
    bool may = task->open || task->is_named;
    for (int i = 0; i < task->waker_count; i++)
        may = may_go_on(task->wakers[i]) || may;
    return may;
}

/* From a thread to one that it waits for, and so on, until one comes again. */
static void print_stuck(const struct task *task)
{
    const struct task *way[MOST];
    int length = 0, i;
    bool guessed = false;
    for (const struct task *other = tasks; other < tasks + task_count; other++)
        guessed |= other->reached && other->guessed;
    line("=> %sstuck: %s", guessed ? "perhaps " : "", who(task).s);
    do {
        way[length++] = task;
        if (task->waker_count == 0) {
            line("   which no process could wake");
            return;
        }
        task = task->wakers[task->wakers[0] == task && task->waker_count > 1 ? 1 : 0];
        for (i = 0; i < length && way[i] != task; i++)
            continue;
        line("   waits for %s%s", who(task).s, i < length ? ": a closed circle" : "");
    } while (i == length && length < MOST);
}

static void conclude(struct task *task)
{
    const struct task *const first = task->waker_count == 0 ? NULL : task->wakers[0];
    const char *const limit = hidden > 0 ? ", of those that can be seen" : "";
    bool one = !task->guessed;
    for (int i = 0; i < task->waker_count; i++)
        one = one && task->wakers[i]->pid == first->pid;
    if (task->open)
        return;
    for (struct task *other = tasks; other < tasks + task_count; other++)
        other->reached = false;
    quiet = true;
    const bool stuck = !may_go_on(task);
    quiet = false;
    if (first == NULL)
        line("=> no process %s%s", task->deed, limit);
    else if (one && first == task)
        line("=> only %d itself %s%s", (int)task->tid, task->deed, limit);
    else if (stuck)
        print_stuck(task);
    else if (one)
        line("=> only %s %s%s",
             task->waker_count == 1 ? who(first).s : text("a thread of %d", (int)first->pid).s,
             task->deed, limit);
    else
        return;
    if (task->is_named)
        line("   unless another process opens it");
}

static const char *why_unseen(const struct task *task)
{
    if (task->is_foreign)
        return "another IPC namespace, or another word size";
    if (task->uid == geteuid())
        return "no right to ptrace(2) it";
    return geteuid() == 0 ? "it belongs to another user; no CAP_SYS_PTRACE"
                          : "it belongs to another user";
}

/* Returns false where we may not see why it sleeps. */
static bool answer(struct task *task)
{
    line("%s %s", who(task).s, doing(task).s);
    explain(task);
    if (task->state == 'T')
        line("    SIGCONT lets it go on");
    if (is_over(task) && living_thread(task->pid) == NULL) {
        line("    its parent, %d, has not waited for it yet", (int)task->parent);
        return true;
    }
    if (is_over(task))
        return true;
    if (!task->seen)
        line("    its call cannot be seen: %s", why_unseen(task));
    conclude(task);
    return task->seen;
}

int main(int argc, char *argv[])
{
    int status = EXIT_SUCCESS;
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 1, INT_MAX);
    look_at_processes();
    for (int i = optind; i < argc; i++) {
        const pid_t pid = (pid_t)parse_long("PID", argv[i], 1, INT_MAX);
        bool found = false;
        for (struct task *task = tasks; task < tasks + task_count; task++)
            if (task->pid == pid || task->tid == pid) {
                found = true;
                if (!answer(task))
                    status = EXIT_FAILURE;
            }
        if (!found) {
            warnx("no process or thread %d", (int)pid);
            status = EXIT_FAILURE;
        }
    }
    if (hidden > 0)
        line("(Processes whose descriptors cannot be seen: %d)", hidden);
    flush_stdout();
    return status;
}
