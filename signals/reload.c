/* reload - a program that reads its settings again on SIGHUP, and ends on SIGTERM
 *
 * SIGHUP means that the terminal has hung up, and its default action ends the process. Daemons have
 * no terminal, so by convention it has another meaning for them: read the settings again. Who sent
 * it tells the two apart: SI_KERNEL in si_code is the terminal. Both signals are blocked before
 * anybody knows the pid, and taken by sigwaitinfo(): none comes too early, and there is no handler.
 *
 * The new settings are used only if all of FILE is right. Otherwise the old ones stay.
 *
 * sigwaitinfo(2), si_code in sigaction(2), SIGHUP in signal(7), daemon(7)
 */
#include "../lib/demo.h"
#include "sets.h"

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

enum { MOST_BYTES = 100 };

static const char usage[] =
    "usage: reload [-f FILE]\n"
    "  -f FILE  one line, the greeting (/tmp/ipc-UID/reload.conf, made if it is missing)\n"
    "  prints its pid, then the greeting, at the start and on each SIGHUP\n"
    "  other terminal: kill -HUP PID; kill PID ends it\n";

static char greeting[MOST_BYTES];

static void make_file(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd == -1 && errno == EEXIST)
        return;
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    if (write_full(fd, "hello\n", strlen("hello\n")) == -1 || close(fd) == -1)
        err(EXIT_FAILURE, "write %s", path);
    say("made %s", path);
}

/* All or nothing: returns whether FILE is one line of text; prints why not. */
static bool read_settings(const char *path)
{
    char text[MOST_BYTES + 1];
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* not to wait in a FIFO */
    if (fd == -1) {
        warn("open %s", path);
        return false;
    }
    const ssize_t count = read_full(fd, text, sizeof text);
    if (count == -1)
        warn("read %s", path);
    close(fd);
    if (count == -1)
        return false;
    const size_t length = (size_t)count;
    const char *const newline = memchr(text, '\n', length);
    const size_t line = newline == NULL ? length : (size_t)(newline - text);
    if (line == 0 || line >= MOST_BYTES || line + 1 < length || memchr(text, '\0', line) != NULL) {
        warnx("%s: not one line of 1 to %d bytes", path, MOST_BYTES - 1);
        return false;
    }
    memcpy(greeting, text, line);
    greeting[line] = '\0';
    return true;
}

static void greet(void)
{
    say("the greeting is %s", quoted(greeting, strlen(greeting)));
    puts(greeting);
    flush_stdout();
}

static void serve(const sigset_t *set, const char *path)
{
    siginfo_t info;
    for (;;) {
        const int number = sigwaitinfo(set, &info);
        if (number == -1 && errno != EINTR) /* EINTR: stopped and continued */
            err(EXIT_FAILURE, "sigwaitinfo");
        if (number == -1)
            continue;
        if (number == SIGTERM || info.si_code == SI_KERNEL) {
            say("sigwaitinfo() = %s%s", number == SIGTERM ? "SIGTERM" : "SIGHUP",
                info.si_code == SI_KERNEL ? ", SI_KERNEL: the terminal has gone" : "");
            return;
        }
        say("sigwaitinfo() = SIGHUP, si_pid %d", (int)info.si_pid);
        if (!read_settings(path))
            say("the old greeting stays");
        greet();
    }
}

int main(int argc, char *argv[])
{
    const char *path = NULL;
    while (next_option(argc, argv, "f:", usage) != -1)
        path = optarg;
    check_operands(argc, argv, 0, 0);

    pair_lane("reload");
    sigset_t set = set_of(SIGHUP);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    say("sigprocmask(SIG_BLOCK, SIGHUP and SIGTERM) = 0");
    signal(SIGHUP, SIG_DFL); /* nohup(1) has it ignored, and what is ignored is never pending */
    if (path == NULL) {
        path = demo_path("reload.conf");
        make_file(path);
    }
    if (!read_settings(path))
        return EXIT_FAILURE;
    printf("%d\n", (int)getpid());
    greet();
    serve(&set, path);
    lesson("SIGHUP means \"hung up\"; that a daemon rereads its settings is a convention");
    return EXIT_SUCCESS;
}
