/* place.c - names of objects, and their removal */
#include "demo.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_OBJECTS = 4, NONE = -1 };

/* What is to be removed; one of the three is set. */
static struct object {
    const char *path;
    int queue, set;
} objects[MOST_OBJECTS];
static volatile sig_atomic_t object_count;
volatile pid_t user_of_objects;

static const int endings[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM};
enum { ENDINGS = sizeof endings / sizeof *endings };

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

key_t demo_key(char letter, const char *option)
{
    if (option == NULL) {
        const char *const directory = demo_path("");
        const key_t key = ftok(directory, letter);
        if (key == -1)
            err(EXIT_FAILURE, "ftok %s", directory);
        return key;
    }
    char *end;
    errno = 0;
    const bool hex = strncmp(option, "0x", 2) == 0;
    const unsigned long key = strtoul(option, &end, hex ? 16 : 10);
    if (!isdigit((unsigned char)*option) || *end != '\0' || errno != 0 || key > UINT_MAX)
        errx(USAGE_ERROR, "-k '%s': not a key", option);
    if ((key_t)key == IPC_PRIVATE)
        errx(USAGE_ERROR, "-k '%s': that is IPC_PRIVATE, a key for one process family", option);
    return (key_t)key;
}

const char *demo_name(const char *what, const char *option)
{
    enum { LONGEST = 251 };
    static char name[LONGEST + 1];
    if (option == NULL) {
        snprintf(name, sizeof name, "/ipc-%u-%s", (unsigned)geteuid(), what);
        return name;
    }
    const size_t length = strlen(option);
    if (option[0] != '/' || strchr(option + 1, '/') != NULL)
        errx(USAGE_ERROR, "-n '%s': a name is one slash and then none, as in /name", option);
    if (strcmp(option, "/.") == 0 || strcmp(option, "/..") == 0)
        errx(USAGE_ERROR, "-n '%s': that is a folder", option);
    if (length == 1 || length > LONGEST)
        errx(USAGE_ERROR, "-n: a name has 2 to %d characters, not %zu", LONGEST, length);
    return strcpy(name, option);
}

/* Only system calls, so that a signal handler may do it; see signal-safety(7). */
void remove_now(void)
{
    if (getpid() != main_process)
        return; /* a child of fork(2) has inherited the list, but owns nothing */
    if (user_of_objects > 0)
        kill(user_of_objects, SIGKILL);
    for (int i = 0; i < object_count; i++) {
        if (objects[i].path != NULL)
            unlink(objects[i].path);
        if (objects[i].queue != NONE)
            msgctl(objects[i].queue, IPC_RMID, NULL);
        if (objects[i].set != NONE)
            semctl(objects[i].set, 0, IPC_RMID);
    }
    object_count = 0;
}

/* Not SA_RESETHAND: it would let a second signal kill the process between the reset and the
 * removal. */
static void remove_and_end(int signal_number)
{
    remove_now();
    signal(signal_number, SIG_DFL);
    raise(signal_number); /* it ends the process on return, as it would have without us */
}

static void add_object(struct object object)
{
    if (object_count == MOST_OBJECTS)
        errx(EXIT_FAILURE, "more than %d objects to remove", MOST_OBJECTS);
    objects[object_count] = object;
    object_count++;
    static bool prepared;
    if (prepared)
        return;
    prepared = true;
    if (atexit(remove_now) != 0)
        errx(EXIT_FAILURE, "atexit");
    for (int i = 0; i < ENDINGS; i++) {
        struct sigaction new = {.sa_handler = remove_and_end}, old;
        sigaddset(&new.sa_mask, SIGCHLD); /* of the child that remove_now() kills */
        if (sigaction(endings[i], NULL, &old) == -1)
            err(EXIT_FAILURE, "sigaction");
        if (old.sa_handler != SIG_IGN && sigaction(endings[i], &new, NULL) == -1)
            err(EXIT_FAILURE, "sigaction");
    }
}

void unlink_at_exit(const char *path)
{
    add_object((struct object){.path = path, .queue = NONE, .set = NONE});
}

void remove_queue_at_exit(int id)
{
    add_object((struct object){.queue = id, .set = NONE});
}

void remove_set_at_exit(int id)
{
    add_object((struct object){.queue = NONE, .set = id});
}

static void change_endings(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < ENDINGS; i++)
        sigaddset(&set, endings[i]);
    if (sigprocmask(how, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
}

void hold_endings(void)
{
    change_endings(SIG_BLOCK);
}

void release_endings(void)
{
    change_endings(SIG_UNBLOCK);
}
