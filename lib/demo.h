/* demo.h - what the demos share and do not teach
 *
 * The calls that a demo teaches are in the demo itself. Here is the rest. A function that cannot do
 * its work prints one line to stderr and ends the program with EXIT_FAILURE, unless its comment
 * says otherwise. A string that it returns may change at the next call. say(), errno_name() and
 * error_of() leave errno as it is.
 */
#ifndef DEMO_H
#define DEMO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { READ_END, WRITE_END };                                    /* of the array for pipe(2) */
enum { USAGE_ERROR = 2, NOT_EXECUTABLE = 126, NOT_FOUND = 127 }; /* more exit statuses */

union semun { /* the fourth argument of semctl(2), which every program has to define */
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

/* ---- The story, on stderr: story.c ---- */

/* Put this process into lane `column` (0, 1 or 2) of the story, under the name `role` (at most 8
 * characters). Times are milliseconds since the first call; children of fork(2) share the clock. */
void lane(int column, const char *role);

/* The same for a program of a pair: times are the time of day, and LANE=1 in the environment
 * chooses column 1. */
void pair_lane(const char *role);

/* Print one line of the story, in one write(2). It is cut at 80 columns, and a control character
 * appears as '?'. A line that cannot be written is ignored; SIGPIPE is raised as usual. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print the sentence to remember: a line that starts with "=>". It comes after what the program has
 * printed to stdout: flush_stdout() is called first. */
void lesson(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The bytes in quotes, as strace(1) shows them: "a\n\0", at most 24 of them and then "...". */
const char *quoted(const void *bytes, size_t length);

/* "EAGAIN" for EAGAIN; "0" for 0; a number for one that no demo meets. See errno(3). */
const char *errno_name(int number);

/* "EAGAIN" after a call that has returned -1 with that errno; "" after one that has not. */
const char *error_of(ssize_t result);

/* From now on a line that cannot be written to stderr at once is lost: a server must not wait for
 * the reader of its story. SIGPIPE is ignored: that reader may be gone. */
void let_story_be_lost(void);

/* Print at most so many lines more; the last one is "... (and so on)". Until the next call. */
void limit_story(int lines);

/* "s", or "" for 1: say("%zu byte%s", count, plural(count)). */
const char *plural(unsigned long long count);

/* "POLLIN|POLLHUP": the events that poll(2) has returned. */
const char *poll_events(short events);

/* ---- The command line: options.c ---- */

/* getopt(3) in the POSIX way: the first operand ends the options. -h prints `usage` to stdout and
 * exits 0; an unknown option or a missing argument exits 2. Returns the next option letter, -1
 * after the last.
 *
 * The first call also gives the program a clean start: SIGCHLD and SIGTERM at their defaults and no
 * signal blocked (all of which is inherited, see execve(2)), SIGXFSZ without effect, descriptors 0
 * to 2 open, so that no pipe becomes stdout by accident, and blocking. */
int next_option(int argc, char *argv[], const char *letters, const char *usage);

/* Open the file of descriptor 0, 1 or 2 anew, unless it has this `blocking_flag`, which is 0 or
 * O_NONBLOCK: the flag belongs to the open file, and that is shared with other programs. Leaves it
 * where that cannot be done: a socket, a file on disk, another user's pipe. */
void reopen(int fd, int blocking_flag);

/* Exit 2 unless the options have left between `least` and `most` operands. */
void check_operands(int argc, char *argv[], int least, int most);

/* The decimal number `text`; exits 2 if it is none or not between `least` and `most`. `what` names
 * it: "-w". */
long parse_long(const char *what, const char *text, long least, long most);

/* The index of `text`, the argument of -m, among `count` names; exits 2 if it is none of them. */
int parse_choice(const char *text, const char *const names[], int count);

/* ---- Input and output: transfer.c ---- */

/* read(2) until `length` bytes are there or the file ends, through short reads, EINTR and, where
 * the file is non-blocking, EAGAIN. Returns the number of bytes, less than `length` only at the end
 * of the file; -1 with errno set. */
ssize_t read_full(int fd, void *buffer, size_t length);

/* write(2) until all is written, in the same way. Returns `length`; -1 with errno set. */
ssize_t write_full(int fd, const void *buffer, size_t length);

/* The next line of stdin by getline(3); `*line` is NULL before the first one, and the next call
 * overwrites it. Returns its length without the newline, -1 at the end. */
ssize_t read_line(char **line);

/* Print what was received, and a newline, at once. */
void print_received(const char *text, size_t length);

/* Bytes that another program has sent, before they are printed: if stdout is a terminal, control
 * characters (but newline and tab) become '?', or they could give it commands. */
void tame(char *bytes, size_t length);

/* Write out what printf(3) has buffered, before fork(2) and at the end. It notices a full disk. */
void flush_stdout(void);

/* ---- Other processes, as the kernel sees them: process.c ---- */

/* The process that main() began in; set by the first call of next_option(). */
extern pid_t main_process;

/* In a child of the main process: be killed when that ends. See PR_SET_PDEATHSIG in prctl(2). */
void die_with_parent(void);

/* Wait until the process sleeps in this very call, as /proc/PID/syscall says in proc(5). `call` is
 * its name as in section 2 ("read", "semop"; "wait" for all of them), or NULL for any but write(2)
 * to stdout or stderr: a slow terminal is not what a demo waits for. `argument` is its first
 * argument or ANY_ARGUMENT. Returns true; false if the process sleeps, but this system does not let
 * us see the call. Exits if the process has ended or does not go to sleep within ten seconds. */
enum { ANY_ARGUMENT = -1 };
bool wait_asleep_in(pid_t pid, const char *call, long argument);

/* The same, and then say() "WHO sleeps in read(3)", or "WHO sleeps" where the call is not seen. */
void say_asleep_in(const char *who, pid_t pid, const char *call, long argument);

/* wait_asleep_in() for NULL and ANY_ARGUMENT. */
void wait_asleep(pid_t pid);

/* Whether the process sleeps in this call at this moment, or in write(2) to stdout or stderr, that
 * is, waits for a slow terminal; also false where we cannot see it. */
bool is_asleep_in(pid_t pid, const char *call, long argument);
bool is_printing(pid_t pid);

/* Watch a process for some milliseconds. Returns whether it slept all the time, without running in
 * between: its context switches, in /proc/PID/status, stay the same. See proc(5). */
bool still_asleep(pid_t pid, int milliseconds);

/* On i386 one system call, ipc(2), is all of System V, and socketcall(2) is all of the sockets.
 * Puts the call that is meant in their place, and its arguments; and for a 64-bit program the
 * numbers of read(2) and write(2) on i386. Returns whether it did: on no other processor. i386.c */
#ifdef __i386__
bool unfold_call(pid_t pid, long *number, unsigned long argument[6]);
#else
static inline bool unfold_call(pid_t pid, const long *number, const unsigned long argument[6])
{
    (void)pid, (void)number, (void)argument;
    return false;
}
#endif

/* The number in a line of /proc/PID/status, in base 10 or 16. See proc(5). */
unsigned long long status_field(pid_t pid, const char *field, int base);

/* Whether a child has ended; and the pid of one that has, after waiting for that. It is still there
 * to be reaped. */
bool has_ended(pid_t pid);
pid_t wait_for_any(void);

/* Wait for a child to end. Returns its exit status, or 128 + the signal that killed it, like the
 * shell. A child that sleeps, or is stopped, for two seconds without a break is stuck: it is
 * killed, and the program ends with a line that names the call. A command of the user's, for
 * reap_command(), may take as long as it likes. */
int reap(pid_t pid);
int reap_command(pid_t pid);

/* After exec(3) has failed in a child: print why, and end with the status that the shell would
 * give, NOT_FOUND or NOT_EXECUTABLE. */
_Noreturn void exec_failed(const char *command);

/* Zeros that this process will share with its children. See MAP_SHARED in mmap(2). */
void *share_memory(size_t size);

/* Exit, naming the call, unless `error` is 0: the pthread functions return the error instead of
 * setting errno. */
void check_error(int error, const char *call);

/* CLOCK_MONOTONIC in milliseconds. See clock_gettime(2). */
double now_in_ms(void);

/* ---- Names and removal of objects: place.c ---- */

/* The path of `name` in the user's private directory, which is made if it is missing: /tmp/ipc-UID,
 * or $IPC_DIR. Exits if that is no directory, not the user's own, or open to others. */
const char *demo_path(const char *name);

/* Make a file with this content in the private directory, with a name that begins with `name`. It
 * is removed when this process ends. Returns its path. */
const char *private_file(const char *name, const char *content);

/* Exit unless the open file is a FIFO; `path` is for the message. See fstat(2). */
void check_fifo(int fd, const char *path);

/* Whether there is a socket at `path`: open(2) fails with ENXIO for it, as for a FIFO without a
 * reader that is opened to write. errno stays as it is. */
bool is_socket(const char *path);

/* The key of a System V object: the number that the user gave for -k, decimal or as ipcs(1) prints
 * it (0x...); where `option` is NULL, ftok(3) of the private directory and `letter`. Exits 2 if it
 * is no number, or IPC_PRIVATE, with which nobody could find the object. */
key_t demo_key(char letter, const char *option);

/* After `call`, "msgget", "semget" or "shmget", has failed: exit, saying why: no such object, a
 * permission, or the limit that is reached and where to see it. */
_Noreturn void get_failed(const char *call, key_t key);

/* The name of a POSIX object: `option`, what the user gave for -n, or where that is NULL
 * "/ipc-UID-WHAT". Exits 2 unless it is a slash and 1 to 250 characters without another one: what
 * sem_open(3), the strictest, takes. See shm_overview(7). */
const char *demo_name(const char *what, const char *option);

/* Make a queue, or a set of semaphores, for this process and its children. It is removed when this
 * process ends. See IPC_PRIVATE in msgget(2) and semget(2). Returns its id. */
int private_queue(void);
int private_set(int semaphores);

/* Remove an object when this process (not a child of it) ends: by exit(3) or SIGHUP, SIGINT,
 * SIGPIPE, SIGQUIT, SIGTERM. At most four objects. A private segment does not need this: mark it
 * IPC_RMID before the first fork. See unlink(2), IPC_RMID in msgctl(2) and semctl(2). */
enum object_kind { A_FILE, A_QUEUE, A_SEGMENT, A_SET };
void unlink_at_exit(const char *path);
void remove_at_exit(enum object_kind kind, int id);

/* Remove them at once, and forget them. Safe in a signal handler. A child that works with them is
 * killed before, so that it does not report their removal as an error: user_of_objects, or 0. */
void remove_now(void);
extern volatile pid_t user_of_objects;

/* Block the signals above, while an object exists that is not yet on the list; and unblock them. */
void hold_endings(void);
void release_endings(void);

/* ---- Messages and limits: queue.c ---- */

/* Exit if a message is longer than the queue `id` may ever be: msgsnd(2) would sleep for ever. */
void check_fits(int id, size_t length);

/* After msgsnd(2) or mq_open(3) has failed: exit, saying why, and which limit it is. */
_Noreturn void msgsnd_failed(int id, size_t length);
struct mq_attr;
_Noreturn void mq_open_failed(const char *name, const struct mq_attr *attributes);

/* The number in a file of /proc/sys: "fs/mqueue/msg_max"; 0 if there is no such file. */
long system_limit(const char *name);

/* ---- TCP on the loopback interface: net.c ---- */

/* The port that the user gave for -p; exits 2 unless it is 0 to 65535. Where `option` is NULL, the
 * user's own port of the program pair `pair` (0 to 9): 20000 + 10 * (UID modulo 1201) + pair. */
in_port_t demo_port(int pair, const char *option);

/* A socket bound to 127.0.0.1, close-on-exec; port 0 is any free one. `flags` is 0, or
 * SOCK_NONBLOCK for a server that must not sleep in accept(2): a client that poll(2) has reported
 * may be gone before that. start_to_listen() prints "port N" to stdout; what an accepted socket is
 * to inherit must be set before. See ip(7), tcp(7). */
int bind_to(in_port_t port, int flags);
void start_to_listen(int fd);

/* Make RLIMIT_NOFILE as large as it may be, but not above `most`: no descriptor is given out from
 * there on. See getrlimit(2). */
void limit_descriptors(unsigned most);

/* A socket connected to 127.0.0.1, close-on-exec, as soon as a server listens there: it tries for a
 * minute. Exits 2 if the port is 0, and 1 if the server belongs to another user. */
int connect_to(in_port_t port);

/* A port has no owner and no permissions. Whether the other end of this TCP connection belongs to
 * our user, as the kernel says; call it after accept(2), before anything is read. If not, it says
 * whose it is; nor if the other side has closed its socket, for then nobody can tell. Where the
 * system does not show the owners, it says so once and returns true. See sock_diag(7). accept_own()
 * accepts until a peer is ours, and closes the others. */
bool is_own_peer(int fd);
int accept_own(int listener);

/* How many bytes that we have sent lie unread at the other end, -1 where we cannot see it; whether
 * a process has accepted our connection. */
long unread_by_peer(int fd);
bool is_accepted(int fd);

/* ---- UNIX sockets: net.c ---- */

/* A stream socket that listens at `path`, a demo_path(); the name goes when this process ends. One
 * that a dead process has left is removed; exits if another receiver is running. See unix(7). */
int listen_at(const char *path);

/* A stream socket connected to `path`, as soon as a process listens there: it tries for a minute,
 * and says that it is waiting for `receiver`. Exits if that belongs to another user. */
int connect_at(const char *path, const char *receiver);

/* Pass one descriptor to another process (how that is done, dup/pass-send shows). send_fd() does
 * not wait; it returns what sendmsg(2) has returned. receive_fd() returns the new descriptor, -1 if
 * the message had none; it exits if the other side is gone. */
ssize_t send_fd(int channel, int fd);
int receive_fd(int channel);

#endif
