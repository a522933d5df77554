/* pipeline - what the shell does for a | b | c: pipe, fork, dup2, exec
 *
 * Each command but the last writes into a new pipe, and each but the first reads from the pipe
 * before. The shell must close its own copies. With -x it keeps the last write end open: the last
 * command has read everything, and waits for an end of file that does not come.
 *
 * pipe(2), dup2(2), exec(3), wait(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NONE = -1, MOST_WORDS = 1000, WATCHED_MS = 100, PATIENCE_MS = 2000 };

static const char usage[] =
    "usage: pipeline [-x] COMMAND [ARG...] [: COMMAND [ARG...]]...\n"
    "  -x  the shell keeps a write end: the last command never sees end of file\n"
    "  ends with the status of the last command, 127 if there is no such command\n";

static char **commands[MOST_WORDS]; /* each as exec(3) wants it, ended by NULL */
static pid_t pids[MOST_WORDS];

/* Puts NULL in the place of each ":". Returns the number of commands. */
static int split(char *words[])
{
    int count = 0;
    for (bool at_start = true; *words != NULL; words++) {
        const bool is_bar = strcmp(*words, ":") == 0;
        if (is_bar && (at_start || words[1] == NULL))
            errx(USAGE_ERROR, "a command is missing beside ':' (-h for help)");
        if (at_start)
            commands[count++] = words;
        if (is_bar)
            *words = NULL;
        at_start = is_bar;
    }
    return count;
}

static void close_end(int fd)
{
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d)", fd);
}

/* Makes `standard`, 0 or 1, another number for the end of a pipe, and closes the old one. */
static void become(int standard, int fd)
{
    const int result = dup2(fd, standard);
    if (result == -1)
        err(EXIT_FAILURE, "dup2");
    say("dup2(%d, %d) = %d", fd, standard, result);
    close_end(fd);
}

/* Returns the write end that the shell keeps by mistake, or NONE. */
static int start_commands(int count, bool keep)
{
    const int last = count - 1;
    int previous = NONE, kept = NONE; /* previous: the read end of the pipe before */
    for (int i = 0; i <= last; i++) {
        int next[2] = {NONE, NONE};
        if (i < last) {
            if (pipe(next) == -1)
                err(EXIT_FAILURE, "pipe");
            say("pipe() = %d, %d", next[READ_END], next[WRITE_END]);
        }
        pids[i] = fork();
        if (pids[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (pids[i] == 0) {
            lane(1, basename(commands[i][0]));
            die_with_parent();
            if (i > 0)
                become(STDIN_FILENO, previous);
            if (i < last) {
                close_end(next[READ_END]);
                become(STDOUT_FILENO, next[WRITE_END]);
            }
            if (kept != NONE)
                close_end(kept); /* the mistake is the shell's alone */
            say("execvp(\"%s\") ...", commands[i][0]);
            execvp(commands[i][0], commands[i]);
            exec_failed(commands[i][0]);
        }
        say("fork() = %d: to run %s", (int)pids[i], commands[i][0]);
        if (i > 0)
            close_end(previous);
        if (keep && i == last - 1)
            kept = next[WRITE_END];
        else if (i < last)
            close_end(next[WRITE_END]);
        previous = next[READ_END];
    }
    return kept;
}

static int count_open_descriptors(void)
{
    enum { ENOUGH = 64 };
    int count = 0;
    for (int fd = 0; fd < ENOUGH; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* Closes the write end when the last command sleeps in read(0). Returns whether it did: it may have
 * ended, or wait for something else. */
static bool release_reader(pid_t reader, int kept)
{
    const double start = now_in_ms();
    bool waits = false;
    while (!waits && !has_ended(reader) && now_in_ms() - start < PATIENCE_MS) {
        poll(NULL, 0, 1); /* not a busy loop */
        waits = is_asleep_in(reader, "read", STDIN_FILENO) && still_asleep(reader, WATCHED_MS);
    }
    if (waits)
        say_asleep_in("the last command", reader, "read", STDIN_FILENO);
    else if (!has_ended(reader))
        say("%d ms later: the kernel does not show it in read(0)", PATIENCE_MS);
    close_end(kept);
    return waits;
}

int main(int argc, char *argv[])
{
    bool keep = false, waited = false;
    while (next_option(argc, argv, "x", usage) != -1)
        keep = true;
    check_operands(argc, argv, 1, MOST_WORDS);
    const int count = split(&argv[optind]);
    if (keep && count < 2)
        errx(USAGE_ERROR, "-x needs two commands");

    lane(0, "shell");
    const int before = count_open_descriptors(), kept = start_commands(count, keep);
    if (!keep && count_open_descriptors() != before)
        errx(EXIT_FAILURE, "the shell has left an end of a pipe open");
    int status = EXIT_SUCCESS;
    for (int i = 0; i < count; i++) {
        if (keep && i == count - 1)
            waited = release_reader(pids[i], kept);
        status = reap_command(pids[i]);
        say("wait() = %d: %s, status %d", (int)pids[i], commands[i][0], status);
    }
    if (waited)
        lesson("a pipe ends when its last write end is closed: the shell must close its own");
    else if (!keep && status == EXIT_SUCCESS)
        lesson("the shell makes the pipes; the commands just read 0 and write 1");
    return status;
}
