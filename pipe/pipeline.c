/* pipeline - what the shell does for a | b | c: pipe, fork, dup2, exec
 *
 * Each command but the last writes into a new pipe, which the next one reads. The shell must close
 * its own copies. With -x it keeps a write end: the last command waits for an end of file for ever.
 *
 * pipe(2), dup2(2), exec(3), wait(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WORDS = 1000, WATCHED_MS = 100, PATIENCE_MS = 2000 };

static const char usage[] =
    "usage: pipeline [-x] COMMAND [ARG...] [: COMMAND [ARG...]]...\n"
    "  -x  the shell keeps a write end: the last command never sees end of file\n"
    "  ends with the status of the last command, 127 if there is no such command\n";

static char **commands[MOST_WORDS]; /* each as exec(3) wants it, ended by NULL */
static pid_t pids[MOST_WORDS];
static int pipes[MOST_WORDS][2]; /* each from a command to the next one */
static bool *leaks;              /* in shared memory: a command has an end besides 0 and 1 */

/* Puts NULL in the place of each ":". Returns the number of commands. */
static int split(char *words[])
{
    int count = 1;
    for (commands[0] = words; *words != NULL; words++) {
        if (strcmp(*words, ":") != 0)
            continue;
        if (words == commands[count - 1] || words[1] == NULL)
            errx(USAGE_ERROR, "a command is missing beside ':' (-h for help)");
        *words = NULL;
        commands[count++] = words + 1;
    }
    return count;
}

static void close_end(int fd)
{
    if (close(fd) == -1)
        err(EXIT_FAILURE, "close");
    say("close(%d)", fd);
}

static void become(int standard, int fd)
{
    const int result = dup2(fd, standard);
    if (result == -1)
        err(EXIT_FAILURE, "dup2");
    say("dup2(%d, %d) = %d", fd, standard, result);
    close_end(fd);
}

static int count_open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 100; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static void start_commands(int last, bool keep)
{
    const int before = count_open_descriptors();
    for (int i = 0; i <= last; i++) {
        if (i < last && pipe(pipes[i]) == -1)
            err(EXIT_FAILURE, "pipe");
        if (i < last)
            say("pipe() = %d, %d", pipes[i][READ_END], pipes[i][WRITE_END]);
        if ((pids[i] = fork()) == -1)
            err(EXIT_FAILURE, "fork");
        if (pids[i] == 0) {
            lane(1, basename(commands[i][0]));
            die_with_parent();
            if (i > 0)
                become(STDIN_FILENO, pipes[i - 1][READ_END]);
            if (i < last) {
                close_end(pipes[i][READ_END]);
                become(STDOUT_FILENO, pipes[i][WRITE_END]);
            }
            if (keep && i == last)
                close_end(pipes[i - 1][WRITE_END]); /* the mistake is the shell's alone */
            if (count_open_descriptors() != before) {
                *leaks = true;
                _exit(EXIT_FAILURE);
            }
            say("execvp(\"%s\") ...", commands[i][0]);
            execvp(commands[i][0], commands[i]);
            exec_failed(commands[i][0]);
        }
        say("fork() = %d: to run %s", (int)pids[i], commands[i][0]);
        if (i > 0)
            close_end(pipes[i - 1][READ_END]);
        if (i < last && !(keep && i == last - 1))
            close_end(pipes[i][WRITE_END]);
    }
    if (!keep && count_open_descriptors() != before)
        errx(EXIT_FAILURE, "fcntl: the shell has left an end of a pipe open");
}

static bool close_when_it_sleeps(pid_t reader, int write_end)
{
    const double start = now_in_ms();
    bool waits = false;
    while (!waits && !has_ended(reader) && now_in_ms() - start < PATIENCE_MS)
        waits = still_asleep(reader, WATCHED_MS) && is_asleep_in(reader, "read", STDIN_FILENO);
    if (waits)
        say_asleep_in("the last command", reader, "read", STDIN_FILENO);
    else if (!has_ended(reader))
        say("the kernel does not show the last command in read(0)");
    close_end(write_end);
    return waits;
}

int main(int argc, char *argv[])
{
    bool keep = false;
    while (next_option(argc, argv, "x", usage) != -1)
        keep = true;
    check_operands(argc, argv, 1, MOST_WORDS);
    const int last = split(&argv[optind]) - 1;
    if (keep && last == 0)
        errx(USAGE_ERROR, "-x needs two commands");

    lane(0, "shell");
    leaks = share_memory(sizeof *leaks);
    start_commands(last, keep);
    bool waited = false, all_ran = true;
    int status = EXIT_SUCCESS;
    for (int i = 0; i <= last; i++) {
        if (keep && i == last)
            waited = close_when_it_sleeps(pids[i], pipes[i - 1][WRITE_END]);
        status = reap_command(pids[i]);
        all_ran = all_ran && status != NOT_FOUND && status != NOT_EXECUTABLE;
        say("wait() = %d: %s, status %d", (int)pids[i], commands[i][0], status);
    }
    if (*leaks)
        errx(EXIT_FAILURE, "fcntl: a command had an end of a pipe besides 0 and 1");
    if (waited)
        lesson("a pipe ends when its last write end is closed: the shell must close its own");
    else if (!keep && last > 0 && all_ran && status == EXIT_SUCCESS)
        lesson("the shell makes the pipes; the commands just read 0 and write 1");
    return status;
}
