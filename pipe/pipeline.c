/* pipeline - what the shell does for a | b | c: pipe, fork, dup2, exec
 *
 * Each command but the last gets a pipe for its stdout, each but the first the one before for its
 * stdin. The shell must close all of its own copies. With -x it keeps the last write end open: the
 * last command has read everything, and waits for an end of file that does not come.
 *
 * pipe(2), dup2(2), exec(3), wait(2)
 */
#define _GNU_SOURCE /* pipe2 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WATCHED_MS = 100 };

static const char usage[] =
    "usage: pipeline [-x] COMMAND [ARG...] [: COMMAND [ARG...]]...\n"
    "  -x  the shell keeps a write end: the last command never sees end of file\n"
    "  ends with the status of the last command, 127 if there is no such command\n"
    "  example: ./pipe/pipeline seq 100 : sort -r : head -3\n";

/* Cuts the words at each ":" by putting NULL there, as exec wants it. Returns the number of
 * commands. */
static int split(char *words[], char ***commands)
{
    int count = 0;
    for (bool at_start = true; *words != NULL; words++) {
        if (strcmp(*words, ":") != 0) {
            if (at_start)
                commands[count++] = words;
            at_start = false;
        } else if (at_start || words[1] == NULL) {
            errx(USAGE_ERROR, "a command is missing beside ':' (-h for help)");
        } else {
            *words = NULL;
            at_start = true;
        }
    }
    return count;
}

/* Becomes the command. `in` and `out` may be stdin and stdout themselves. */
static void run(char *command[], int in, int out)
{
    die_with_parent();
    /* The copies that dup2 makes survive the exec; all the pipes' own descriptors are CLOEXEC. */
    if (dup2(in, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1)
        err(EXIT_FAILURE, "dup2");
    execvp(*command, command);
    const int status = errno == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
    warn("%s", *command);
    _exit(status);
}

static void close_end(int fd)
{
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d)", fd);
}

/* Starts the commands, each with its own pids[i]. Returns the write end that the shell keeps, or
 * -1. */
static int start(char **commands[], int count, bool keep, pid_t pids[])
{
    int in = STDIN_FILENO, kept = -1;
    for (int i = 0; i < count; i++) {
        const bool is_last = i == count - 1;
        int fds[2] = {-1, STDOUT_FILENO};
        if (!is_last) {
            if (pipe2(fds, O_CLOEXEC) == -1)
                err(EXIT_FAILURE, "pipe2");
            say("pipe2() = %d, %d", fds[READ_END], fds[WRITE_END]);
        }
        pids[i] = fork();
        if (pids[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (pids[i] == 0)
            run(commands[i], in, fds[WRITE_END]);
        say("fork() = %d: dup2(%d, 0), dup2(%d, 1), exec %s", (int)pids[i], in, fds[WRITE_END],
            *commands[i]);
        if (in != STDIN_FILENO)
            close_end(in);
        if (keep && i == count - 2)
            kept = fds[WRITE_END];
        else if (!is_last)
            close_end(fds[WRITE_END]);
        in = fds[READ_END];
    }
    return kept;
}

/* All other writers have ended. Watch the reader sleep on an empty pipe, then let it see the end.
 * Returns whether it waited for that. */
static bool show_the_copy(pid_t reader, const char *name, int kept)
{
    for (int bytes = 1; bytes > 0 || !still_asleep(reader, WATCHED_MS);) {
        if (has_ended(reader)) {
            say("%s has ended without waiting for end of file", name);
            return false;
        }
        if (ioctl(kept, FIONREAD, &bytes) == -1)
            err(EXIT_FAILURE, "ioctl FIONREAD");
    }
    say("the pipe is empty, %s sleeps on: the shell holds %d", name, kept);
    close_end(kept);
    return true;
}

/* Waits until any of the commands has ended. Returns which; it is still to be reaped. */
static int wait_for_one(const pid_t pids[], int count)
{
    for (;;) {
        const pid_t pid = wait_for_any();
        for (int i = 0; i < count; i++)
            if (pids[i] == pid)
                return i;
        reap_command(pid); /* a child of whoever was this process before its exec */
    }
}

int main(int argc, char *argv[])
{
    bool keep = false;
    while (next_option(argc, argv, "x", usage) != -1)
        keep = true;
    check_operands(argc, argv, 1, INT_MAX);
    char ***const commands = calloc((size_t)argc, sizeof *commands);
    pid_t *const pids = calloc((size_t)argc, sizeof *pids);
    if (commands == NULL || pids == NULL)
        err(EXIT_FAILURE, "calloc");
    const int count = split(&argv[optind], commands);
    if (count < (keep ? 2 : 1))
        errx(USAGE_ERROR, keep ? "-x needs two commands" : "no command");

    lane(0, "shell");
    const int kept = start(commands, count, keep, pids);
    const int last = count - 1;
    int status = -1; /* of the last command, once it has ended */
    bool waited = false;
    for (int left = count; left > 0; left--) {
        if (keep && left == 1 && status == -1)
            waited = show_the_copy(pids[last], *commands[last], kept);
        const int i = wait_for_one(pids, count);
        const int status_of_one = reap_command(pids[i]);
        say("wait() = %d: %s has ended, status %d", (int)pids[i], *commands[i], status_of_one);
        if (i == last)
            status = status_of_one;
    }
    free(commands);
    free(pids);
    if (waited)
        lesson("a pipe ends when its last write end is closed: the shell must close its own");
    else if (!keep)
        lesson("the shell makes the pipes; a command reads 0, writes 1 and knows nothing of them");
    return status;
}
