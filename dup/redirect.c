/* redirect - what the shell does for COMMAND > FILE: open, dup2 and exec
 *
 * A command writes to descriptor 1 and does not ask what that is. The shell opens FILE in the
 * child, makes 1 a second number for it, and only then becomes the command. That is why fork and
 * exec are two calls: what the child changes in between, the command gets, and the shell keeps its
 * own stdout.
 *
 * dup2(2), O_APPEND in open(2), exec(3)
 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: redirect [-a] FILE COMMAND [ARG...]\n"
    "  -a  like the shell's >>: O_APPEND, every write goes to the end of FILE\n"
    "  without -a, like >: FILE is emptied first\n"
    "  ends with the status of COMMAND, 127 if there is no such command\n"
    "  example: ./dup/redirect out ls -l; cat out\n";

/* A status flag belongs to the open file: set through one number, it is seen through the other. */
static bool is_one_open_file(int one, int other)
{
    const int flags = fcntl(one, F_GETFL);
    if (flags == -1 || fcntl(one, F_SETFL, flags | O_NONBLOCK) == -1)
        err(EXIT_FAILURE, "fcntl");
    const int seen = fcntl(other, F_GETFL);
    if (seen == -1 || fcntl(one, F_SETFL, flags) == -1)
        err(EXIT_FAILURE, "fcntl");
    return (seen & O_NONBLOCK) != 0;
}

static void run(const char *file, bool append, char *command[])
{
    lane(1, "child");
    die_with_parent();
    const int fd = open(file, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC) | O_CLOEXEC,
                        S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH); /* and umask */
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", file);
    say("open(O_CREAT|%s|O_CLOEXEC) = %d", append ? "O_APPEND" : "O_TRUNC", fd);

    /* fd cannot be 1 already: next_option() has seen to that. dup2(1, 1) would do nothing, and the
     * exec would close 1. */
    const int copy = dup2(fd, STDOUT_FILENO);
    if (copy == -1)
        err(EXIT_FAILURE, "dup2");
    if (!is_one_open_file(fd, STDOUT_FILENO))
        errx(EXIT_FAILURE, "1 does not lead to this open file");
    const int flags = fcntl(STDOUT_FILENO, F_GETFL), cloexec = fcntl(fd, F_GETFD);
    if (((flags & O_APPEND) != 0) != append || cloexec != FD_CLOEXEC)
        errx(EXIT_FAILURE, "fcntl: the flags are not those of the open()");
    say("dup2(%d, 1) = %d: two numbers, one open file", fd, copy);
    say("execvp(%s) ...", *command);
    execvp(*command, command);
    exec_failed(*command);
}

int main(int argc, char *argv[])
{
    bool append = false;
    while (next_option(argc, argv, "a", usage) != -1)
        append = true;
    check_operands(argc, argv, 2, INT_MAX);
    const char *const file = argv[optind];
    char **const command = &argv[optind + 1];

    lane(0, "shell");
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        run(file, append, command);
    say("fork() = %d", (int)child);
    const int status = reap_command(child);
    say("wait() = %d, status %d", (int)child, status);
    if (status == EXIT_SUCCESS)
        lesson("the command writes to 1; what 1 leads to was decided between fork and exec");
    return status;
}
