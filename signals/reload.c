/* reload - a program that reads its settings again on SIGHUP, and ends on SIGTERM
 *
 * When a terminal hangs up, the kernel sends SIGHUP to the shell, and bash passes it on. Daemons
 * have no terminal, so by convention they take it to mean: read the settings again.
 *
 * sigwaitinfo(2), si_code in sigaction(2), SIGHUP in signal(7), daemon(7)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    FILE *const file = fopen(path, "wx"); /* x: a file that exists is left alone */
    if (file == NULL && errno == EEXIST)
        return;
    if (file == NULL || fputs("hello\n", file) == EOF || fclose(file) == EOF)
        err(EXIT_FAILURE, "%s", path);
    say("made %s", path);
}

/* All or nothing: returns whether FILE is one line of text; prints why not. */
static bool read_settings(const char *path)
{
    char text[MOST_BYTES + 2] = "";
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* not to wait in a FIFO */
    const ssize_t count = fd == -1 ? -1 : read_full(fd, text, MOST_BYTES + 1);
    const bool is_line = count > 1 && count <= MOST_BYTES && strchr(text, '\n') == text + count - 1;
    if (count == -1)
        warn("%s %s", fd == -1 ? "open" : "read", path);
    else if (!is_line)
        warnx("%s: not one line of 1 to %d bytes", path, MOST_BYTES - 1);
    else
        snprintf(greeting, sizeof greeting, "%.*s", (int)count - 1, text);
    if (fd != -1)
        close(fd);
    return is_line;
}

static void serve(const sigset_t *set, const char *path)
{
    struct pollfd terminal = {.fd = open("/dev/tty", O_RDONLY | O_CLOEXEC)}; /* poll() skips -1 */
    for (siginfo_t info;;) {
        say("the greeting is %s", quoted(greeting, strlen(greeting)));
        print_received(greeting, strlen(greeting));
        while (sigwaitinfo(set, &info) == -1)
            continue; /* EINTR: stopped and continued */
        say("sigwaitinfo() = %s, si_pid %d%s", signal_name(info.si_signo), (int)info.si_pid,
            info.si_code == SI_KERNEL ? ", SI_KERNEL" : "");
        const int hung_up = poll(&terminal, 1, 0);
        if (hung_up == 1)
            say("poll(%d) = %d, %s: hung up", terminal.fd, hung_up, poll_events(terminal.revents));
        if (hung_up == 1 || info.si_code == SI_KERNEL || info.si_signo == SIGTERM)
            return;
        if (!read_settings(path))
            say("the old greeting stays");
    }
}

int main(int argc, char *argv[])
{
    const char *path = NULL;
    while (next_option(argc, argv, "f:", usage) != -1)
        path = optarg;
    check_operands(argc, argv, 0, 0);

    pair_lane("reload");
    const sigset_t set = set_of_two(SIGHUP, SIGTERM);
    block(&set); /* before anybody knows the pid */
    if (!say_set(getpid(), "SigBlk", SIGHUP))
        errx(EXIT_FAILURE, "unexpected: SIGHUP is not blocked");
    signal(SIGHUP, SIG_DFL); /* nohup(1) has it ignored, and what is ignored is never pending */
    if (path == NULL)
        make_file(path = demo_path("reload.conf"));
    if (!read_settings(path))
        return EXIT_FAILURE;
    printf("%d\n", (int)getpid());
    serve(&set, path);
    lesson("SIGHUP means \"hung up\"; by convention a daemon then rereads its settings");
    return EXIT_SUCCESS;
}
