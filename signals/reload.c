/* reload - a daemon that rereads its settings on SIGHUP and ends on SIGTERM
 *
 * A daemon has no terminal, so nobody can tell it anything from a keyboard: signals do. With -d
 * this program becomes one; watch what it sheds on the way, from its parent to its stdout. The
 * caller waits until the daemon is ready. If that fails, the reason still comes to the caller's
 * terminal, and the caller fails too.
 *
 * The pid file says whom to signal. A lock on it keeps a second one away: the kernel takes it back
 * however the process ends, while the pid in the file may be a stranger's by then. Both signals are
 * blocked before there is a pid to send them to, and taken by sigwaitinfo(): none comes too early.
 *
 * daemon(7), setsid(2), umask(2), F_SETLK in fcntl(2), sigwaitinfo(2), close_range(2)
 */
#define _DEFAULT_SOURCE /* syscall */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_TIMES = 9, OWNER_ONLY = S_IRUSR | S_IWUSR };

static const char usage[] =
    "usage: reload [-d] [-f FILE]\n"
    "  -d       become a daemon; its story goes to /tmp/ipc-UID/reload.log\n"
    "  -f FILE  the settings (/tmp/ipc-UID/reload.conf, made if it is missing); two lines:\n"
    "             greeting = hello\n"
    "             times = 1\n"
    "  prints the greeting so many times, at the start and on each SIGHUP\n"
    "  other terminal: kill -HUP $(cat /tmp/ipc-$(id -u)/reload.pid); -TERM ends it\n";

static char file_path[PATH_MAX], pid_path[PATH_MAX], log_path[PATH_MAX];

static struct settings {
    char greeting[100];
    int times;
} settings;

/* FILE as it is called from any directory: a daemon changes its own. Not realpath(3): if FILE is a
 * symbolic link, it may point elsewhere the next time. */
static void set_paths(const char *file)
{
    static char here[PATH_MAX];
    strcpy(pid_path, demo_path("reload.pid"));
    strcpy(log_path, demo_path("reload.log"));
    strcpy(file_path, demo_path("reload.conf"));
    if (file == NULL)
        return;
    if (getcwd(here, sizeof here) == NULL)
        err(EXIT_FAILURE, "getcwd");
    if (snprintf(file_path, sizeof file_path, "%s%s%s", *file == '/' ? "" : here,
                 *file == '/' ? "" : "/", file) >= PATH_MAX)
        errx(USAGE_ERROR, "-f: the path is too long");
}

static void make_default_file(void)
{
    static const char text[] = "greeting = hello\ntimes = 1\n";
    const int fd = open(file_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, OWNER_ONLY);
    if (fd == -1 && errno == EEXIST)
        return;
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", file_path);
    if (write_full(fd, text, strlen(text)) == -1)
        err(EXIT_FAILURE, "write %s", file_path);
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close %s", file_path);
    say("made %s", file_path);
}

/* The caller: waits for the word of the daemon, and ends. A daemon that fails closes its end too.
 */
static void end_when_ready(pid_t child, const int fds[2])
{
    pid_t daemon;
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    const ssize_t count = read_full(fds[READ_END], &daemon, sizeof daemon);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    reap(child);
    if (count == 0)
        errx(EXIT_FAILURE, "the daemon has ended before its write() to us");
    say("read(%d): process %d is ready", fds[READ_END], (int)daemon);
    say("its story: cat %s", log_path);
    say("end it: kill $(cat %s)", pid_path);
    exit(EXIT_SUCCESS);
}

/* Returns in the daemon: the write end of a pipe on which the caller waits. */
static int become_daemon(void)
{
    int fds[2];
    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == -1) /* what the caller left open */
        err(EXIT_FAILURE, "close_range");
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child > 0)
        end_when_ready(child, fds);

    lane(1, "leader");
    if (close(fds[READ_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (setsid() == -1)
        err(EXIT_FAILURE, "setsid");
    say("setsid(): a session without a terminal");
    const pid_t daemon = fork();
    if (daemon == -1)
        err(EXIT_FAILURE, "fork");
    if (daemon > 0)
        _exit(EXIT_SUCCESS); /* only the leader of a session could get a terminal again */

    lane(1, "daemon");
    main_process = getpid(); /* the one that removes what it made, see unlink_at_exit() */
    say("fork() = 0: process %d leads no session", (int)main_process);
    umask(0);
    say("umask(0): its files get the modes it asks for");
    if (chdir("/") == -1)
        err(EXIT_FAILURE, "chdir");
    say("chdir(\"/\"): no folder is kept busy");
    return fds[WRITE_END];
}

/* Ends if another process has the lock. A file that its owner was just removing is none. */
static int lock_pid_file(void)
{
    for (;;) {
        const int fd = open(pid_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, OWNER_ONLY);
        if (fd == -1)
            err(EXIT_FAILURE, "open %s", pid_path);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        const bool locked = fcntl(fd, F_SETLK, &lock) != -1;
        if (!locked && errno != EACCES && errno != EAGAIN)
            err(EXIT_FAILURE, "fcntl F_SETLK %s", pid_path);
        if (!locked && fcntl(fd, F_GETLK, &lock) == -1)
            err(EXIT_FAILURE, "fcntl F_GETLK %s", pid_path);
        if (!locked && lock.l_type != F_UNLCK)
            errx(EXIT_FAILURE, "%s: process %d has the lock", pid_path, (int)lock.l_pid);
        struct stat status;
        if (fstat(fd, &status) == -1)
            err(EXIT_FAILURE, "fstat %s", pid_path);
        if (locked && status.st_nlink > 0)
            return fd;
        if (close(fd) == -1)
            err(EXIT_FAILURE, "close %s", pid_path);
    }
}

/* Takes the lock, blocks the signals, and only then says whom to send them to. The descriptor stays
 * open: the lock goes with it, and the file is to be removed before that. */
static void be_the_only_one(const sigset_t *wanted)
{
    hold_endings();
    const int fd = lock_pid_file();
    unlink_at_exit(pid_path);
    if (sigprocmask(SIG_SETMASK, wanted, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    if (ftruncate(fd, 0) == -1)
        err(EXIT_FAILURE, "ftruncate %s", pid_path);
    char pid[32];
    if (write_full(fd, pid, (size_t)snprintf(pid, sizeof pid, "%d\n", (int)getpid())) == -1)
        err(EXIT_FAILURE, "write %s", pid_path);
    say("locked %s", pid_path);
}

/* The last step: from here on nothing that it says comes to the caller's terminal. */
static void leave_terminal(int caller)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null == -1)
        err(EXIT_FAILURE, "open /dev/null");
    const int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
                         OWNER_ONLY);
    if (log == -1)
        err(EXIT_FAILURE, "open %s", log_path);
    if (dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1)
        err(EXIT_FAILURE, "dup2");
    if (close(null) == -1)
        err(EXIT_FAILURE, "close");
    say("dup2(): stdin and stdout are /dev/null");
    say("dup2(): stderr is the log from now on");
    if (dup2(log, STDERR_FILENO) == -1)
        err(EXIT_FAILURE, "dup2");
    lane(0, "daemon");
    if (write(caller, &main_process, sizeof main_process) == -1)
        err(EXIT_FAILURE, "write");
    close(log);
    close(caller);
    say("ready: process %d", (int)main_process);
}

/* Takes over one line of FILE. Returns whether it is right. */
static bool take_line(const char *line, struct settings *new)
{
    char rest;
    const char first = line[strspn(line, " \t")];
    return first == '\0' || first == '#' ||
           sscanf(line, " greeting = %99[^\n]%c", new->greeting, &rest) == 1 ||
           (sscanf(line, " times = %4d %c", &new->times, &rest) == 1 && new->times > 0 &&
            new->times <= MOST_TIMES);
}

/* Returns the text of FILE; NULL, and a word on stderr, if it cannot be read. */
static char *read_file(void)
{
    static char text[4096];
    const int fd = open(file_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* not to wait in a FIFO */
    if (fd == -1) {
        warn("open %s", file_path);
        return NULL;
    }
    const ssize_t length = read_full(fd, text, sizeof text);
    const bool too_long = length == sizeof text;
    const bool has_nul = length != -1 && memchr(text, '\0', (size_t)length) != NULL;
    if (length == -1)
        warn("read %s", file_path);
    else if (too_long)
        warnx("%s: longer than %zu bytes", file_path, sizeof text - 1);
    else if (has_nul)
        warnx("%s: a NUL byte is no text", file_path);
    else
        text[length] = '\0';
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close %s", file_path);
    return length == -1 || too_long || has_nul ? NULL : text;
}

/* All or nothing: changes the settings only when the whole of FILE is right. Returns whether it is;
 * says why if not. */
static bool read_settings(void)
{
    struct settings new = {.times = 0};
    char *line = read_file();
    if (line == NULL)
        return false;
    for (int number = 1; *line != '\0'; number++) {
        const size_t length = strcspn(line, "\n");
        const bool last = line[length] == '\0';
        line[length] = '\0';
        if (!take_line(line, &new)) {
            warnx("%s:%d: no setting: %s", file_path, number, quoted(line, length));
            return false;
        }
        line += length + !last;
    }
    if (new.times == 0 || *new.greeting == '\0') {
        warnx("%s: it must have both settings", file_path);
        return false;
    }
    settings = new;
    return true;
}

static void greet(void)
{
    say("greeting %s, times %d", quoted(settings.greeting, strlen(settings.greeting)),
        settings.times);
    for (int i = 0; i < settings.times; i++)
        puts(settings.greeting);
    flush_stdout();
}

static void serve(const sigset_t *wanted)
{
    siginfo_t info;
    for (;;) {
        const int number = sigwaitinfo(wanted, &info);
        if (number == -1 && errno != EINTR)
            err(EXIT_FAILURE, "sigwaitinfo");
        if (number == SIGTERM) {
            say("SIGTERM from process %d: the end", (int)info.si_pid);
            return;
        }
        if (number == SIGHUP) {
            say("SIGHUP from process %d: reads %s", (int)info.si_pid, file_path);
            if (!read_settings())
                say("the old settings stay");
            greet();
        }
    }
}

int main(int argc, char *argv[])
{
    bool background = false;
    const char *file_option = NULL;
    for (int letter; (letter = next_option(argc, argv, "df:", usage)) != -1;)
        switch (letter) {
        case 'd':
            background = true;
            break;
        case 'f':
            file_option = optarg;
            break;
        }
    check_operands(argc, argv, 0, 0);
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGHUP);
    sigaddset(&wanted, SIGTERM);

    pair_lane(background ? "caller" : "reload");
    set_paths(file_option);
    const int caller = background ? become_daemon() : -1;
    be_the_only_one(&wanted);
    if (file_option == NULL)
        make_default_file();
    if (!read_settings())
        return EXIT_FAILURE;
    if (background)
        leave_terminal(caller);
    greet();
    serve(&wanted);
    lesson("SIGHUP says that something has changed; what to do about it, the program decides");
    return EXIT_SUCCESS;
}
