/* daemon - how a process leaves its parent, its terminal, its folder and its files behind
 *
 * The caller waits until the daemon is ready. If it fails, the reason still comes to the caller's
 * terminal, and the caller fails too. A lock on the pid file keeps a second daemon away: the kernel
 * releases it however the process ends. It belongs to a process, so it comes after both forks.
 *
 * daemon(7), setsid(2), umask(2), F_SETLK in fcntl(2), sigwaitinfo(2), credentials(7)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: daemon\n"
                            "  its story goes on in /tmp/ipc-UID/daemon.log\n"
                            "  prints the daemon's pid, when it is ready; to end it: kill PID\n";

static char pid_path[PATH_MAX], log_path[PATH_MAX];
static int pid_file = -1;

/* What a caller has left open, a daemon should not keep open. */
static void close_inherited_files(void)
{
    DIR *const folder = opendir("/proc/self/fd");
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        if (atoi(entry->d_name) > STDERR_FILENO && atoi(entry->d_name) != dirfd(folder))
            close(atoi(entry->d_name));
    if (folder == NULL || closedir(folder) == -1)
        err(EXIT_FAILURE, "opendir, closedir /proc/self/fd");
}

/* The caller. A daemon that fails closes its end of the pipe without a word. */
static void end_when_ready(pid_t leader, int fd)
{
    pid_t daemon;
    reap(leader);
    if (read_full(fd, &daemon, sizeof daemon) != sizeof daemon)
        errx(EXIT_FAILURE, "the daemon has ended before it was ready");
    say("read(%d): process %d is ready; to end it: kill %d", fd, (int)daemon, (int)daemon);
    say("its story: cat %s", log_path);
    exit(EXIT_SUCCESS);
}

/* Returns in the daemon: the end of the pipe that the caller reads. */
static int leave_parent_and_terminal(void)
{
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t leader = fork(); /* it leads no process group, as setsid() demands */
    if (leader == -1)
        err(EXIT_FAILURE, "fork");
    if (leader > 0) {
        close(fds[WRITE_END]);
        say("fork() = %d", (int)leader);
        end_when_ready(leader, fds[READ_END]);
    }
    lane(1, "leader");
    close(fds[READ_END]);
    const pid_t session = setsid();
    if (session == -1)
        err(EXIT_FAILURE, "setsid");
    say("setsid() = %d: a new session", (int)session);
    if (open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC) != -1)
        errx(EXIT_FAILURE, "unexpected: a terminal");
    say("open(\"/dev/tty\"): %s", errno_name(errno));
    const pid_t daemon = fork(); /* the leader of a session might get a terminal by opening one */
    if (daemon == -1)
        err(EXIT_FAILURE, "fork");
    if (daemon > 0)
        _exit(EXIT_SUCCESS);
    lane(1, "daemon");
    main_process = getpid();
    if (getsid(0) != session || main_process == session)
        errx(EXIT_FAILURE, "unexpected: getsid() = %d", (int)getsid(0));
    say("getpid() = %d, getsid() = %d", (int)main_process, (int)session);
    return fds[WRITE_END];
}

static void leave_folder_and_umask(void)
{
    char folder[PATH_MAX] = "";
    if (chdir("/") == -1 || /* or the folder could not be unmounted */
        readlink("/proc/self/cwd", folder, sizeof folder - 1) == -1)
        err(EXIT_FAILURE, "chdir, readlink");
    say("readlink(/proc/self/cwd) = %zu %s", strlen(folder), quoted(folder, strlen(folder)));
    if (strcmp(folder, "/") != 0)
        errx(EXIT_FAILURE, "unexpected: it is still in %s", folder);
    say("umask(0) = %03o", (unsigned)umask(0)); /* its files get the modes that it asks for */
    if (umask(0) != 0)
        errx(EXIT_FAILURE, "unexpected: there is a umask");
}

/* Whether another process sees that the lock is ours. */
static bool others_see_our_lock(int fd)
{
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        _exit(fcntl(fd, F_GETLK, &lock) == -1 || lock.l_pid != main_process);
    }
    return reap(child) == EXIT_SUCCESS;
}

/* The descriptor, which stays open: to close any descriptor of the file would give the lock up. */
static int lock_pid_file(void)
{
    for (;;) {
        const int fd = open(pid_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (fd == -1)
            err(EXIT_FAILURE, "open %s", pid_path);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        struct stat status;
        const bool locked = fcntl(fd, F_SETLK, &lock) != -1;
        if (!locked && errno != EACCES && errno != EAGAIN)
            err(EXIT_FAILURE, "fcntl F_SETLK: %s", errno_name(errno));
        if (!locked && fcntl(fd, F_GETLK, &lock) != -1 && lock.l_type != F_UNLCK)
            errx(EXIT_FAILURE, "%s: process %d has the lock", pid_path, (int)lock.l_pid);
        if (locked && fstat(fd, &status) == 0 && status.st_nlink > 0 && ftruncate(fd, 0) == 0) {
            if (!others_see_our_lock(fd))
                errx(EXIT_FAILURE, "unexpected: there is no lock");
            say("fcntl(%d, F_SETLK): the only daemon", fd);
            return fd;
        }
        close(fd); /* its owner was just removing it: begin again */
    }
}

/* A file that somebody else has put in its place is not ours to remove. */
static void remove_pid_file(void)
{
    struct stat own, named;
    if (fstat(pid_file, &own) == 0 && lstat(pid_path, &named) == 0 && own.st_ino == named.st_ino)
        unlink(pid_path);
}

/* The last step: from here on nothing comes to the caller's terminal. */
static void leave_files(int log)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null == -1 || dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1)
        err(EXIT_FAILURE, "dup2 /dev/null");
    say("dup2(%d, 1): /dev/null, like 0", null);
    say("dup2(%d, 2) ...", log);
    const int copy = dup2(log, STDERR_FILENO);
    if (copy == -1)
        err(EXIT_FAILURE, "dup2");
    close(null);
    close(log);
    lane(0, "daemon"); /* the log has no other lanes */
    say("... = %d: the log", copy);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    pair_lane("caller");
    strcpy(pid_path, demo_path("daemon.pid"));
    strcpy(log_path, demo_path("daemon.log"));
    const sigset_t set = set_of(SIGTERM);
    block(&set); /* before anybody knows the pid */
    close_inherited_files();
    const int caller = leave_parent_and_terminal();
    leave_folder_and_umask();
    const int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (log == -1)
        err(EXIT_FAILURE, "open %s", log_path);
    pid_file = lock_pid_file();
    atexit(remove_pid_file); /* however it ends from here on, but by a signal */
    if (dprintf(pid_file, "%d\n", (int)main_process) < 0)
        err(EXIT_FAILURE, "write %s", pid_path);
    printf("%d\n", (int)main_process);
    flush_stdout();
    leave_files(log);
    if (write(caller, &main_process, sizeof main_process) == -1)
        err(EXIT_FAILURE, "write");
    close(caller);
    siginfo_t info;
    while (sigwaitinfo(&set, &info) == -1)
        continue; /* EINTR: stopped and continued */
    say("sigwaitinfo() = SIGTERM, si_pid %d", (int)info.si_pid);
    lesson("a daemon has no terminal; the lock shows that it runs, the pid file its pid");
    return EXIT_SUCCESS;
}
