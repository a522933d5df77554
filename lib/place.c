/* place.c - names in the file system */
#include "demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_PATHS = 4 };

static const char *volatile paths[MOST_PATHS];
static volatile sig_atomic_t path_count;

const char *demo_path(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "/tmp/ipc-%u", (unsigned)geteuid());
    if (mkdir(path, S_IRWXU) == -1 && errno != EEXIST)
        err(EXIT_FAILURE, "%s", path);

    struct stat status;
    if (lstat(path, &status) == -1)
        err(EXIT_FAILURE, "%s", path);
    if (!S_ISDIR(status.st_mode))
        errx(EXIT_FAILURE, "%s: not a directory", path);
    if (status.st_uid != geteuid())
        errx(EXIT_FAILURE, "%s: belongs to user %u", path, (unsigned)status.st_uid);
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        errx(EXIT_FAILURE, "%s: open to other users (chmod go= %s)", path, path);

    snprintf(path, sizeof path, "/tmp/ipc-%u/%s", (unsigned)geteuid(), name);
    return path;
}

void check_fifo(int fd, const char *path)
{
    struct stat status;
    if (fstat(fd, &status) == -1)
        err(EXIT_FAILURE, "fstat %s", path);
    if (!S_ISFIFO(status.st_mode))
        errx(EXIT_FAILURE, "%s: not a FIFO", path);
}

/* Async-signal-safe, see signal-safety(7). A child of fork(2) has inherited the list, but owns
 * nothing. */
static void unlink_all(void)
{
    if (getpid() == main_process)
        for (int i = 0; i < path_count; i++)
            unlink(paths[i]);
}

static void unlink_and_end(int signal_number)
{
    unlink_all();
    raise(signal_number); /* SA_RESETHAND: now it ends the process, as it would have without us */
}

void unlink_at_exit(const char *path)
{
    if (path_count == MOST_PATHS)
        errx(EXIT_FAILURE, "unlink_at_exit: more than %d paths", MOST_PATHS);
    paths[path_count] = path;
    path_count++;
    if (path_count > 1)
        return;
    if (atexit(unlink_all) != 0)
        errx(EXIT_FAILURE, "atexit");
    static const int endings[] = {SIGHUP, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct sigaction old;
        const struct sigaction new = {.sa_handler = unlink_and_end, .sa_flags = (int)SA_RESETHAND};
        if (sigaction(endings[i], NULL, &old) == -1)
            err(EXIT_FAILURE, "sigaction");
        if (old.sa_handler != SIG_IGN && sigaction(endings[i], &new, NULL) == -1)
            err(EXIT_FAILURE, "sigaction");
    }
}
