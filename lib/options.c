/* options.c - the command line, and a clean start */
#include "demo.h"

#include <ctype.h>
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

void reopen(int fd, int blocking_flag)
{
    char path[32];
    struct stat status;
    const int flags = fcntl(fd, F_GETFL);
    if (flags == -1 || (flags & O_NONBLOCK) == blocking_flag || fstat(fd, &status) == -1 ||
        S_ISREG(status.st_mode))
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int own = open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own == -1)
        return;
    if (fcntl(own, F_SETFL, (flags & ~O_NONBLOCK) | blocking_flag) == -1 || dup2(own, fd) == -1 ||
        close(own) == -1)
        err(EXIT_FAILURE, "fcntl, dup2 or close of descriptor %d", fd);
}

static void do_nothing(int signal_number)
{
    (void)signal_number;
}

static void start(void)
{
    main_process = getpid();
    signal(SIGCHLD, SIG_DFL); /* or wait() fails with ECHILD */
    signal(SIGTERM, SIG_DFL); /* or a child that is ended by it lives on */
    /* Or a write(2) beyond RLIMIT_FSIZE ends the program silently; now it fails with EFBIG. */
    sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = do_nothing}, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* One that is closed would be given to the next pipe(2). Reading the stand-in for stdin, or
         * writing that for stdout, fails with EBADF as it would have without it. */
        if (fcntl(fd, F_GETFD) == -1 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == -1)
            exit(EXIT_FAILURE);
        reopen(fd, 0);
    }
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* err(3) writes its line at once (not with musl) */
}

int next_option(int argc, char *argv[], const char *letters, const char *usage)
{
    static char dash_h[] = "-h";
    if (main_process == 0)
        start();
    if (optind < argc && strcmp(argv[optind], "--help") == 0)
        argv[optind] = dash_h;
    else if (optind < argc && strncmp(argv[optind], "--", 2) == 0 && argv[optind][2] != '\0')
        errx(USAGE_ERROR, "unknown option %s (-h for help)", argv[optind]);
    char all_letters[64];
    snprintf(all_letters, sizeof all_letters, "+:h%s", letters);
    opterr = 0;
    const int letter = getopt(argc, argv, all_letters);
    if (letter == 'h') {
        fputs(usage, stdout);
        flush_stdout();
        exit(EXIT_SUCCESS);
    }
    if (letter == '?')
        errx(USAGE_ERROR, "unknown option -%c (-h for help)", optopt);
    if (letter == ':')
        errx(USAGE_ERROR, "option -%c needs an argument (-h for help)", optopt);
    return letter;
}

void check_operands(int argc, char *argv[], int least, int most)
{
    if (argc - optind < least)
        errx(USAGE_ERROR, "an argument is missing (-h for help)");
    if (argc - optind > most)
        errx(USAGE_ERROR, "one argument too many: '%s' (-h for help)", argv[optind + most]);
}

long parse_long(const char *what, const char *text, long least, long most)
{
    char *end;
    errno = 0;
    const long number = strtol(text, &end, 10);
    if (!isspace((unsigned char)*text) && end != text && *end == '\0' && errno == 0 &&
        number >= least && number <= most)
        return number;
    if (most == LONG_MAX)
        errx(USAGE_ERROR, "%s %s: not a number from %ld up", what, quoted(text, strlen(text)),
             least);
    errx(USAGE_ERROR, "%s %s: not a number from %ld to %ld", what, quoted(text, strlen(text)),
         least, most);
}

int parse_choice(const char *text, const char *const names[], int count)
{
    char all[80] = "";
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    errx(USAGE_ERROR, "-m '%s': not one of %s", text, all);
}
