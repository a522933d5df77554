/* demo.h - what the demos share and do not teach
 *
 * The calls that a demo teaches stand in the demo itself. Here is the rest. Every function that
 * cannot do its work writes one line to stderr and ends the program with EXIT_FAILURE, unless it
 * says otherwise.
 */
#ifndef DEMO_H
#define DEMO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { READ_END, WRITE_END };                                    /* of what pipe(2) returns */
enum { USAGE_ERROR = 2, NOT_EXECUTABLE = 126, NOT_FOUND = 127 }; /* more exit statuses */

/* ---- The story, on stderr: story.c ---- */

/* Put this process into lane `column` (0, 1 or 2) of the story, under the name `role`. Times are
 * milliseconds since the first call; a child of fork(2) goes on with the same clock. */
void lane(int column, const char *role);

/* The same for a program of a pair: times are the time of day, and LANE=1 in the environment
 * chooses column 1. */
void pair_lane(const char *role);

/* Tell one line of the story, in one write(2). A control character in it is shown as '?'. A lost
 * line is no error; but a closed pipe at stderr is SIGPIPE, as for every program. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Tell the sentence to remember: a line that starts with "=>". */
void lesson(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The bytes as strace(1) shows them: in quotes, "\n" for a newline, at most 32 of them and then
 * "...". The string is overwritten by the next call. */
const char *quoted(const void *bytes, size_t length);

/* ---- The command line and stdout: options.c ---- */

/* getopt(3) in the POSIX way: the first operand ends the options. -h prints `usage` to stdout and
 * exits 0; an unknown option or a missing argument exits 2. Returns the next option letter, -1
 * after the last. The first call also makes sure that the descriptors 0 to 2 are open, so that no
 * pipe becomes stdout by accident. */
int next_option(int argc, char *argv[], const char *letters, const char *usage);

/* Exit 2 unless the number of operands that the options have left is between `least` and `most`. */
void check_operands(int argc, char *argv[], int least, int most);

/* The decimal number `text`; exit 2 if it is none or not between `least` and `most`. `what` names
 * it: "-w". */
long parse_long(const char *what, const char *text, long least, long most);

/* Write out what printf(3) has kept; call it before fork(2) and at the end. A full disk is noticed
 * here. */
void flush_stdout(void);

/* ---- Whole buffers: transfer.c ---- */

/* read(2) until `length` bytes are there or the file ends, through short reads and EINTR. Returns
 * the number of bytes, less than `length` only at the end of the file; -1 with errno set. */
ssize_t read_full(int fd, void *buffer, size_t length);

/* write(2) until all is written, through short writes and EINTR. Returns `length`; -1 with errno
 * set. */
ssize_t write_full(int fd, const void *buffer, size_t length);

/* ---- Other processes, as the kernel sees them: process.c ---- */

/* The process that main() began in; the first call of next_option sets it. */
extern pid_t main_process;

/* In a child of the main process: be killed when that ends, however it ends. See PR_SET_PDEATHSIG
 * in prctl(2). */
void die_with_parent(void);

/* Wait until the process sleeps in a system call, as /proc/PID/stat says (and not merely in telling
 * its story). Exits if the process has ended, or has not gone to sleep within ten seconds. See
 * proc(5). */
void wait_asleep(pid_t pid);

/* The number of the system call that the process sleeps in, as in SYS_read, and its first argument.
 * Returns false if it runs, or if this system does not let us see the call. See /proc/PID/syscall
 * in proc(5). */
bool sleeps_in(pid_t pid, long *call, unsigned long *argument);

/* Watch a process for so many milliseconds. Returns whether it slept all the time, without running
 * once in between: its state and its context switches, from /proc/PID/status, stay the same. */
bool still_asleep(pid_t pid, int milliseconds);

/* Whether a child has ended; and the pid of one that has, after waiting for that. It is still there
 * to be reaped. */
bool has_ended(pid_t pid);
pid_t wait_for_any(void);

/* Wait for a child to end. Returns its exit status, or 128 + the signal that killed it, as the
 * shell does. */
int reap(pid_t pid);

/* Memory that this process will have in common with its children, full of zeros. See MAP_SHARED and
 * MAP_ANONYMOUS in mmap(2). */
void *share_memory(size_t size);

/* Exit, naming the call, unless `error` is 0: the pthread functions return the error, and leave
 * errno alone. */
void check_error(int error, const char *call);

/* CLOCK_MONOTONIC in milliseconds. See clock_gettime(2). */
double now_in_ms(void);

/* ---- Names and removal of objects: place.c ---- */

/* The path of `name` in the user's private directory, /tmp/ipc-UID, which is made if it is missing.
 * Exits if that is no directory, not the user's own, or open to others. The next call overwrites
 * the string. */
const char *demo_path(const char *name);

/* Exit unless the open file is a FIFO; `path` is for the message. See fstat(2). */
void check_fifo(int fd, const char *path);

/* The key of a System V object: the number that the user gave for -k, decimal or as ipcs(1) prints
 * it (0x...); where `option` is NULL, ftok(3) of the private directory and `letter`: 'q', 'm' or
 * 's', 'Q' and 'R' for the queue of msgq/server and the ring. Exits 2 if it is no number.
 * IPC_PRIVATE is refused: nobody could find such an object. */
key_t demo_key(char letter, const char *option);

/* The name of a POSIX object: `option`, what the user gave for -n, or where that is NULL
 * "/ipc-UID-WHAT". Exits 2 unless it is a slash and 1 to 250 characters without another one: what
 * sem_open(3), the strictest, takes. See shm_overview(7). The next call overwrites the string. */
const char *demo_name(const char *what, const char *option);

/* Remove an object when this process (not a child of it) ends: by exit(3) or
 * SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM. At most four objects; the string must last until then.
 * A segment does not need this: mark it IPC_RMID before the first fork. See unlink(2), IPC_RMID in
 * msgctl(2) and semctl(2). */
void unlink_at_exit(const char *path);
void remove_queue_at_exit(int id);
void remove_set_at_exit(int id);

/* A child that works with these objects, or 0. It is killed before they are removed, so that it
 * does not complain of that. */
extern volatile pid_t user_of_objects;

/* Remove them at once, and forget them. A signal handler may call it. */
void remove_now(void);

/* Between the making of an object and the calls that note it: these signals wait until they are
 * released.
 */
void hold_endings(void);
void release_endings(void);

/* ---- Signals: signals.c ---- */

/* The number of the signal that is called "USR1", "SIGUSR1", "usr1", "RTMIN+2" or has that number,
 * if it is not below `least`; exit 2 if there is none. */
int parse_signal(const char *text, int least);

/* "SIGUSR1", "SIGRTMIN+2". The next call may overwrite the string. */
const char *signal_name(int number);

/* A set of signals from /proc/PID/status: SigBlk, SigIgn, SigCgt, SigPnd or ShdPnd, see proc(5);
 * and whether a signal is in such a set: bit 0 is signal 1. */
unsigned long long signal_set(pid_t pid, const char *field);
bool is_in_set(int number, unsigned long long set);

/* ---- TCP on the loopback interface: net.c ---- */

/* The port that the user gave for -p, 0 to 65535; exit 2 if it is none. Where `option` is NULL, the
 * user's own port of the program pair `pair` (0 to 9): 20000 + 10 * (UID modulo 1201) + pair. */
in_port_t demo_port(int pair, const char *option);

/* A socket bound to 127.0.0.1; port 0 is any free one. It is close-on-exec. From start_to_listen()
 * on it takes connections, which prints "port N" on stdout. What an accepted socket is to inherit
 * must be set before that. See ip(7), tcp(7). */
int bind_to(in_port_t port);
void start_to_listen(int fd);

/* A socket connected to 127.0.0.1, as soon as somebody listens there: it tries for a minute. It is
 * close-on-exec. Exits 2 if the port is 0. */
int connect_to(in_port_t port);

#endif
