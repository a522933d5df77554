/* look.h - one look at all processes of this machine: their calls, files and shared memory */
#ifndef LOOK_H
#define LOOK_H

#include <stdbool.h>
#include <sys/types.h>

enum { MOST = 64, MAPPED = -1 };

struct text { /* returned by value: nobody has to free it */
    char s[4096];
};

struct task { /* a thread */
    pid_t pid, tid, parent, group;
    uid_t uid;
    char name[16], state; /* the letter of ps(1) */
    bool seen;            /* whether we may see its call */
    bool is_foreign;      /* we may, but its numbers mean other things than ours */
    const char *call;     /* NULL: none, or one that is not in our table */
    long number;
    unsigned long argument[6], limit; /* of its time; 0: none */

    const char *deed;          /* "could write": what would wake it */
    struct task *wakers[MOST]; /* the threads that could do it */
    int waker_count;
    bool guessed;  /* they are only likely to do it */
    bool is_named; /* what it waits for has a name: any process could open it, and do it */
    bool open;     /* something else could: time, a signal, a client, a user at a terminal */
    bool reached;  /* the search for one that may go on has come here */
};

struct holding {    /* a file that a process has open, or has mapped, writable and shared */
    pid_t pid, tid; /* of a thread that has not ended */
    int fd;         /* or MAPPED */
    dev_t device;
    ino_t inode;
    bool is_open_for[2];               /* READ_END, WRITE_END */
    unsigned long start, stop, offset; /* where it is mapped */
    char path[64];
};

struct peer {
    char kind[40]; /* of the socket itself: "a UNIX socket" */
    bool listens;  /* the socket itself does */
    ino_t inode;   /* of the other socket; 0: none, or not on this machine */
};

extern struct task *tasks;
extern struct holding *holdings;
extern int task_count, holding_count;
extern int hidden; /* processes whose descriptors we may not see */

/* Fill them in, without this process. */
void look_at_processes(void);

/* What the kernel says of a socket of that thread, and of the one at the other end. */
struct peer find_peer(pid_t tid, ino_t inode);

/* Copies memory of a process; where that is not allowed it says so, and something that we do not
 * know may wake the thread. */
bool peek(struct task *task, unsigned long address, void *copy, size_t size);

struct text text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints one line of 80 columns, unless `quiet`. */
extern bool quiet;
void line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The beginning of a file; nothing where it may not be read. The number after a label in it, or 0.
 */
struct text contents(struct text path);
unsigned long long number_after(const char *label, struct text from, int base);

/* "1530 cat", and what it does: "sleeps in read(3)". */
struct text who(const struct task *task);
struct text doing(const struct task *task);
bool is_over(const struct task *task);

/* A thread of that process that has not ended, the first one if possible; NULL: all have. The
 * folder in /proc of the first one is empty as soon as it has called pthread_exit(3). */
const struct task *living_thread(pid_t pid);

/* Whether its call is one of " read write ". */
bool is_in(const struct task *task, const char *calls);

#endif
