/* duplex - question and answer: one pipe for each direction
 *
 * A pipe carries data one way. With one pipe for both directions (-x) a question may be read by the
 * process that has just asked it. A socket pair (-s) carries data both ways.
 *
 * pipe(7), socketpair(2), unix(7)
 */
#include "../lib/demo.h"

#include <ctype.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] = "usage: duplex [-s | -x]\n"
                            "  -s  one socket pair instead of two pipes\n"
                            "  -x  one pipe for both directions: the asker reads its own question\n"
                            "  prints what the asker reads as the answer\n";

enum way { TWO_PIPES, SOCKET_PAIR, ONE_PIPE };

static struct side { /* the descriptors of one of the two processes */
    int in, out;
} asker, answerer;

static char text[64]; /* what this process has read */

static void connect_by_two_pipes(void)
{
    int questions[2], answers[2];
    if (pipe(questions) == -1 || pipe(answers) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d: for questions", questions[READ_END], questions[WRITE_END]);
    say("pipe() = %d, %d: for answers", answers[READ_END], answers[WRITE_END]);
    asker = (struct side){.in = answers[READ_END], .out = questions[WRITE_END]};
    answerer = (struct side){.in = questions[READ_END], .out = answers[WRITE_END]};
}

static void connect_by_socketpair(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
        err(EXIT_FAILURE, "socketpair");
    say("socketpair() = %d, %d: one for each process", pair[0], pair[1]);
    asker = (struct side){.in = pair[0], .out = pair[0]};
    answerer = (struct side){.in = pair[1], .out = pair[1]};
}

static void connect_by_one_pipe(void)
{
    int both[2];
    if (pipe(both) == -1)
        err(EXIT_FAILURE, "pipe");
    say("pipe() = %d, %d: for both directions", both[READ_END], both[WRITE_END]);
    asker = answerer = (struct side){.in = both[READ_END], .out = both[WRITE_END]};
}

static void close_side(struct side side)
{
    if (close(side.in) == -1 || (side.out != side.in && close(side.out) == -1))
        err(EXIT_FAILURE, "close");
}

static void read_text(int fd)
{
    const ssize_t count = read(fd, text, sizeof text - 1);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    text[count] = '\0';
    say("read(%d) = %zd %s", fd, count, quoted(text, (size_t)count));
}

static void write_text(int fd, const char *string)
{
    const ssize_t count = write(fd, string, strlen(string));
    if (count == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, %s) = %zd", fd, quoted(string, strlen(string)), count);
}

static void answer_in_capitals(void)
{
    read_text(answerer.in);
    for (char *letter = text; *letter != '\0'; letter++)
        *letter = (char)toupper((unsigned char)*letter);
    write_text(answerer.out, text);
    _exit(EXIT_SUCCESS);
}

/* Returns false if the question itself comes back. */
static bool ask(enum way way)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        lane(1, "answerer");
        die_with_parent();
        if (way != ONE_PIPE)
            close_side(asker);
        answer_in_capitals();
    }
    if (way != ONE_PIPE)
        close_side(answerer);

    write_text(asker.out, "hello");
    read_text(asker.in);
    const bool answered = strcmp(text, "hello") != 0;
    if (!answered) {
        say_asleep_in("the answerer", pid, "read", answerer.in);
        if (kill(pid, SIGTERM) == -1)
            err(EXIT_FAILURE, "kill");
        say("kill(%d, SIGTERM)", (int)pid);
    }
    if (reap(pid) != (answered ? EXIT_SUCCESS : 128 + SIGTERM))
        errx(EXIT_FAILURE, "the answerer failed");
    return answered;
}

int main(int argc, char *argv[])
{
    enum way way = TWO_PIPES;
    for (int letter; (letter = next_option(argc, argv, "sx", usage)) != -1;) {
        if (way != TWO_PIPES)
            errx(USAGE_ERROR, "-s and -x exclude each other");
        way = letter == 's' ? SOCKET_PAIR : ONE_PIPE;
    }
    check_operands(argc, argv, 0, 0);

    lane(0, "asker");
    if (way == TWO_PIPES)
        connect_by_two_pipes();
    else if (way == SOCKET_PAIR)
        connect_by_socketpair();
    else
        connect_by_one_pipe();
    while (ask(way) && way == ONE_PIPE)
        continue; /* it may go well a few times */
    puts(text);
    lesson(way == ONE_PIPE      ? "with one pipe for both directions a process reads its own words"
           : way == SOCKET_PAIR ? "a socket pair carries data both ways"
                                : "a pipe carries data one way: question and answer take two");
    return EXIT_SUCCESS;
}
