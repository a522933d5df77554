/* reload - a program that reads its settings again on SIGHUP, and ends on SIGTERM
 *
 * SIGHUP means that the terminal has hung up, and its default action ends the process. Daemons have
 * no terminal, so by convention it means to them: read the settings again. SI_KERNEL in si_code
 * tells the terminal's apart. Both signals are blocked before anybody knows the pid, and taken by
 * sigwaitinfo(): none comes too early. The old settings stay unless all of FILE is right.
 *
 * sigwaitinfo(2), si_code in sigaction(2), SIGHUP in signal(7), daemon(7)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 100 };

static const char usage[] =
    "usage: reload [-f FILE]\n"
    "  -f FILE  one line, the greeting (/tmp/ipc-UID/reload.conf, made if missing)\n"
    "  prints its pid, then the greeting, at the start and on each SIGHUP\n"
    "  other terminal: kill -HUP PID; kill PID ends it\n";

static char greeting[MOST_BYTES];

static void make_file(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd == -1 && errno == EEXIST)
        return;
    if (fd == -1 || write(fd, "hello\n", strlen("hello\n")) == -1 || close(fd) == -1)
        err(EXIT_FAILURE, "%s", path);
    say("made %s", path);
}

/* All or nothing: returns whether FILE is one line of text; prints why not. */
static bool read_settings(const char *path)
{
    char text[MOST_BYTES + 1];
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* not to wait in a FIFO */
    const ssize_t count = fd == -1 ? -1 : read_full(fd, text, sizeof text - 1);
    if (fd == -1 || count == -1)
        warn("%s %s", fd == -1 ? "open" : "read", path);
    if (fd != -1)
        close(fd);
    if (count == -1)
        return false;
    text[count] = '\0';
    const size_t line = strcspn(text, "\n");
    if (line == 0 || line >= MOST_BYTES || line + 1 < (size_t)count || text[line] != '\n') {
        warnx("%s: not one line of 1 to %d bytes", path, MOST_BYTES - 1);
        return false;
    }
    text[line] = '\0';
    strcpy(greeting, text);
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
        if (number == -1)
            continue; /* EINTR: stopped and continued */
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
    const unsigned long long blocked = status_field(getpid(), "SigBlk", 16);
    say("its SigBlk: %016llx", blocked);
    if (!is_in_set(SIGHUP, blocked) || !is_in_set(SIGTERM, blocked))
        errx(EXIT_FAILURE, "unexpected: SIGHUP and SIGTERM are not blocked");
    signal(SIGHUP, SIG_DFL); /* nohup(1) has it ignored, and what is ignored is never pending */
    if (path == NULL)
        make_file(path = demo_path("reload.conf"));
    if (!read_settings(path))
        return EXIT_FAILURE;
    printf("%d\n", (int)getpid());
    greet();
    serve(&set, path);
    lesson("SIGHUP means \"hung up\"; that a daemon rereads its settings is a convention");
    return EXIT_SUCCESS;
}
