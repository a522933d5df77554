/* place.c - names of objects, and their removal */
#include "demo.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_OBJECTS = 4 };

static struct object {
    enum object_kind kind;
    int id;
    const char *path; /* of A_FILE */
} objects[MOST_OBJECTS];
static volatile sig_atomic_t object_count;
volatile pid_t user_of_objects;

static const int endings[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM};
enum { ENDINGS = sizeof endings / sizeof *endings };

/* ---- Names ---- */

const char *demo_path(const char *name)
{
    static char path[PATH_MAX];
    char directory[PATH_MAX - NAME_MAX];
    const char *const chosen = getenv("IPC_DIR");
    if (chosen != NULL && *chosen != '\0')
        snprintf(directory, sizeof directory, "%s", chosen);
    else
        snprintf(directory, sizeof directory, "/tmp/ipc-%u", (unsigned)geteuid());
    if (mkdir(directory, S_IRWXU) == -1 && errno != EEXIST)
        err(EXIT_FAILURE, "mkdir %s (export IPC_DIR=another)", directory);

    struct stat status;
    if (lstat(directory, &status) == -1)
        err(EXIT_FAILURE, "%s", directory);
    if (!S_ISDIR(status.st_mode))
        errx(EXIT_FAILURE, "%s: not a directory (export IPC_DIR=another)", directory);
    if (status.st_uid != geteuid())
        errx(EXIT_FAILURE, "%s: belongs to user %u (export IPC_DIR=another)", directory,
             (unsigned)status.st_uid);
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        errx(EXIT_FAILURE, "%s: open to other users (chmod go= %s)", directory, directory);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

const char *private_file(const char *name, const char *content)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s-XXXXXX", demo_path(name));
    hold_endings();
    const int fd = mkstemp(path);
    if (fd == -1)
        err(EXIT_FAILURE, "mkstemp %s", path);
    unlink_at_exit(path);
    release_endings();
    if (write_full(fd, content, strlen(content)) == -1 || close(fd) == -1)
        err(EXIT_FAILURE, "write or close %s", path);
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

bool is_socket(const char *path)
{
    struct stat status;
    const int saved_errno = errno;
    const bool socket = lstat(path, &status) == 0 && S_ISSOCK(status.st_mode);
    errno = saved_errno;
    return socket;
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
    const unsigned long key = strtoul(option, &end, strncmp(option, "0x", 2) == 0 ? 16 : 10);
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

_Noreturn void get_failed(const char *call, key_t key)
{
    const bool queue = strcmp(call, "msgget") == 0, set = strcmp(call, "semget") == 0;
    const char *const object = queue ? "queue" : set ? "set" : "segment";
    const char option = queue ? 'q' : set ? 's' : 'm';
    const char *const limits = queue ? "msgmni" : set ? "sem" : "shmmni, shmall";
    const char *const name = errno_name(errno);
    if (errno == ENOENT)
        errx(EXIT_FAILURE, "%s: %s: there is no %s with key 0x%08x", call, name, object,
             (unsigned)key);
    if (errno == EACCES)
        errx(EXIT_FAILURE, "%s: %s: no permission for key 0x%08x (ipcs -%c)", call, name,
             (unsigned)key, option);
    if (errno == ENOSPC)
        errx(EXIT_FAILURE, "%s: %s: no more %ss: /proc/sys/kernel/%s", call, name, object, limits);
    if (errno == EINVAL)
        errx(EXIT_FAILURE, "%s: %s: larger than /proc/sys/kernel/%s allows", call, name,
             set ? "sem" : "shmmax");
    if (errno == ENOSYS)
        errx(EXIT_FAILURE, "%s: %s: this kernel has no System V IPC", call, name);
    err(EXIT_FAILURE, "%s 0x%08x: %s", call, (unsigned)key, name);
}

/* ---- Removal ---- */

/* Only system calls, so that a signal handler may do it on Linux; signal-safety(7) does not promise
 * it of msgctl(), shmctl() and semctl(). */
void remove_now(void)
{
    if (getpid() != main_process)
        return; /* a child of fork(2) has inherited the list, but owns nothing */
    if (user_of_objects > 0)
        kill(user_of_objects, SIGKILL);
    for (int i = 0; i < object_count; i++)
        if (objects[i].kind == A_FILE)
            unlink(objects[i].path);
        else if (objects[i].kind == A_QUEUE)
            msgctl(objects[i].id, IPC_RMID, NULL);
        else if (objects[i].kind == A_SEGMENT)
            shmctl(objects[i].id, IPC_RMID, NULL);
        else
            semctl(objects[i].id, 0, IPC_RMID);
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

static void remove_at_endings(void)
{
    struct sigaction new = {.sa_handler = remove_and_end}, old;
    sigemptyset(&new.sa_mask);
    sigaddset(&new.sa_mask, SIGCHLD); /* of the child that remove_now() kills */
    if (atexit(remove_now) != 0)
        errx(EXIT_FAILURE, "atexit");
    for (int i = 0; i < ENDINGS; i++) {
        if (sigaction(endings[i], NULL, &old) == -1 ||
            (old.sa_handler != SIG_IGN && sigaction(endings[i], &new, NULL) == -1))
            err(EXIT_FAILURE, "sigaction");
    }
}

static void add_object(struct object object)
{
    static bool prepared;
    if (object_count == MOST_OBJECTS)
        errx(EXIT_FAILURE, "more than %d objects to remove", MOST_OBJECTS);
    objects[object_count] = object;
    atomic_signal_fence(memory_order_release); /* a handler that counts it, sees it */
    object_count++;
    if (!prepared)
        remove_at_endings();
    prepared = true;
}

void unlink_at_exit(const char *path)
{
    const char *const copy = strdup(path);
    if (copy == NULL)
        err(EXIT_FAILURE, "strdup");
    add_object((struct object){.kind = A_FILE, .path = copy});
}

void remove_at_exit(enum object_kind kind, int id)
{
    add_object((struct object){.kind = kind, .id = id});
}

int private_queue(void)
{
    hold_endings();
    const int id = msgget(IPC_PRIVATE, S_IRUSR | S_IWUSR);
    if (id == -1)
        get_failed("msgget", IPC_PRIVATE);
    remove_at_exit(A_QUEUE, id);
    release_endings();
    return id;
}

int private_set(int semaphores)
{
    hold_endings();
    const int id = semget(IPC_PRIVATE, semaphores, S_IRUSR | S_IWUSR);
    if (id == -1)
        get_failed("semget", IPC_PRIVATE);
    remove_at_exit(A_SET, id);
    release_endings();
    return id;
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
