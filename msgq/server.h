/* server.h - what server and client agree on
 *
 * A request has the type REQUEST and the text "PID TEXT". The answer is TEXT in capitals, and has
 * the PID as its type. The server holds a lock on a file that is named after the key.
 */
#ifndef SERVER_H
#define SERVER_H

#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REQUEST = 1, MOST_BYTES = 4096 };

struct message {
    long type;
    char text[MOST_BYTES];
};

#define SERVER_NAME "msgq-%08x"

/* Be the only server that has this name: hold a lock on a file in the private directory until this
 * process ends, however it ends; exit if another process holds it. See F_SETLK in fcntl(2). */
static inline void become_server(const char *name)
{
    const char *const path = demo_path(name);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat status;
    const int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    const int locked = fcntl(fd, F_SETLK, &lock);
    if (locked == -1 && (errno == EACCES || errno == EAGAIN))
        errx(EXIT_FAILURE, "fcntl F_SETLK: %s: there is a server already", errno_name(errno));
    if (locked == -1 || fstat(fd, &status) == -1)
        err(EXIT_FAILURE, "%s", path);
    if (status.st_nlink == 0)
        errx(EXIT_FAILURE, "a server was just about to end; try again");
    unlink_at_exit(path);
}

/* Whether there is one. See F_GETLK in fcntl(2). */
static inline bool has_server(const char *name)
{
    const char *const path = demo_path(name);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 && errno == ENOENT)
        return false;
    if (fd == -1 || fcntl(fd, F_GETLK, &lock) == -1)
        err(EXIT_FAILURE, "%s", path);
    close(fd);
    return lock.l_type != F_UNLCK;
}

#endif
