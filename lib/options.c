/* options.c - the command line, and stdout */
#include "demo.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A descriptor that is closed at the start would be given to the next pipe(2). Reading the stand-in
 * for stdin, or writing that for stdout, fails with EBADF as it would have without it. */
static void open_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1)
            if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == -1)
                exit(EXIT_FAILURE);
}

pid_t main_process;

int next_option(int argc, char *argv[], const char *letters, const char *usage)
{
    static bool started;
    if (!started) {
        started = true;
        main_process = getpid();
        /* Whoever started us may have had them ignored or blocked, and that is inherited; see
         * execve(2). */
        signal(SIGCHLD, SIG_DFL); /* or wait() fails with ECHILD */
        signal(SIGTERM, SIG_DFL); /* or a child that is ended by it lives on */
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        open_standard_descriptors();
        setvbuf(stderr, NULL, _IOLBF,
                BUFSIZ); /* err(3) too writes its line at once (not with musl) */
    }
    static char dash_h[] = "-h";
    if (optind < argc && strcmp(argv[optind], "--help") == 0)
        argv[optind] = dash_h;
    char all_letters[64];
    snprintf(all_letters, sizeof all_letters, "+:h%s", letters);
    opterr = 0;
    const int letter = getopt(argc, argv, all_letters);
    switch (letter) {
    case 'h':
        fputs(usage, stdout);
        flush_stdout();
        exit(EXIT_SUCCESS);
    case '?':
        errx(USAGE_ERROR, "unknown option -%c (-h for help)", optopt);
    case ':':
        errx(USAGE_ERROR, "option -%c needs an argument (-h for help)", optopt);
    default:
        return letter;
    }
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
    if (isspace((unsigned char)*text) || end == text || *end != '\0' || errno != 0 ||
        number < least || number > most)
        errx(USAGE_ERROR, "%s %s: not a number from %ld to %ld", what, quoted(text, strlen(text)),
             least, most);
    return number;
}

void flush_stdout(void)
{
    if (fflush(stdout) == EOF || ferror(stdout))
        err(EXIT_FAILURE, "stdout");
}
