/* duplex - question and answer: one pipe for each direction
 *
 * A pipe goes one way. With one pipe for both directions (-x) whoever reads first gets the bytes:
 * here the asker, since the answerer does not start to read before. A socket pair (-s) goes both
 * ways.
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

static const char usage[] = "usage: duplex [-sx]\n"
                            "  -s  one socket pair instead of two pipes\n"
                            "  -x  one pipe for both directions: the asker reads its own question\n"
                            "  prints what the asker reads as the answer\n";

enum { TEXT_SIZE = 64, WATCHED_MS = 100 };

struct side { /* what one of the two processes reads from and writes to */
    int in, out;
};

/* The three ways to connect two processes. */

static void connect_by_two_pipes(struct side *asker, struct side *answerer)
{
    int questions[2], answers[2];
    if (pipe(questions) == -1 || pipe(answers) == -1)
        err(EXIT_FAILURE, "pipe");
    *asker = (struct side){.in = answers[READ_END], .out = questions[WRITE_END]};
    *answerer = (struct side){.in = questions[READ_END], .out = answers[WRITE_END]};
    say("pipe() = %d, %d for questions", questions[READ_END], questions[WRITE_END]);
    say("pipe() = %d, %d for answers", answers[READ_END], answers[WRITE_END]);
}

static void connect_by_socketpair(struct side *asker, struct side *answerer)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
        err(EXIT_FAILURE, "socketpair");
    *asker = (struct side){.in = pair[0], .out = pair[0]};
    *answerer = (struct side){.in = pair[1], .out = pair[1]};
    say("socketpair() = %d, %d: each goes both ways", pair[0], pair[1]);
}

static void connect_by_one_pipe(struct side *asker, struct side *answerer)
{
    int both[2];
    if (pipe(both) == -1)
        err(EXIT_FAILURE, "pipe");
    *asker = *answerer = (struct side){.in = both[READ_END], .out = both[WRITE_END]};
    say("pipe() = %d, %d for both directions", both[READ_END], both[WRITE_END]);
}

static void close_side(struct side side)
{
    if (close(side.in) == -1 || (side.out != side.in && close(side.out) == -1))
        err(EXIT_FAILURE, "close");
}

static size_t read_text(int fd, char text[TEXT_SIZE])
{
    const ssize_t count = read(fd, text, TEXT_SIZE);
    if (count == -1)
        err(EXIT_FAILURE, "read");
    if (count == 0)
        say("read(%d) = 0: end of file", fd);
    else
        say("read(%d) = %zd %s", fd, count, quoted(text, (size_t)count));
    return (size_t)count;
}

static void write_text(int fd, const char *text, size_t length)
{
    const ssize_t count = write(fd, text, length);
    if (count == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, %s) = %zd", fd, quoted(text, length), count);
}

static void print_text(const char *text, size_t length)
{
    printf("%.*s\n", (int)length, text);
    flush_stdout();
}

/* Answer in capitals until end of file. */
static void answer_all(struct side side)
{
    char text[TEXT_SIZE];
    for (size_t length; (length = read_text(side.in, text)) > 0;) {
        for (size_t i = 0; i < length; i++)
            text[i] = (char)toupper((unsigned char)text[i]);
        write_text(side.out, text, length);
    }
    _exit(EXIT_SUCCESS);
}

static int ask(struct side asker, struct side answerer)
{
    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        lane(1, "answerer");
        die_with_parent();
        close_side(asker);
        answer_all(answerer);
    }
    close_side(answerer);
    char text[TEXT_SIZE];
    write_text(asker.out, "hello", strlen("hello"));
    const size_t length = read_text(asker.in, text);
    print_text(text, length);
    close_side(asker);
    say("close(%d): no more questions", asker.out);
    return reap(pid);
}

/* Both sides are the same pipe. The answerer is started late, so that it is certain who reads
 * first. */
static int ask_oneself(struct side both)
{
    char text[TEXT_SIZE];
    write_text(both.out, "hello", strlen("hello"));
    const size_t length = read_text(both.in, text);
    print_text(text, length);

    const pid_t pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        lane(1, "answerer");
        die_with_parent();
        answer_all(both);
    }
    wait_asleep(pid);
    if (!still_asleep(pid, WATCHED_MS))
        errx(EXIT_FAILURE, "the answerer woke up");
    say("the answerer sleeps in read(): the question is gone");
    if (kill(pid, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM)", (int)pid);
    return reap(pid) == 128 + SIGTERM ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
    bool one_socketpair = false, one_pipe = false;
    for (int letter; (letter = next_option(argc, argv, "sx", usage)) != -1;)
        *(letter == 's' ? &one_socketpair : &one_pipe) = true;
    check_operands(argc, argv, 0, 0);
    if (one_socketpair && one_pipe)
        errx(USAGE_ERROR, "-s and -x exclude each other");

    lane(0, "asker");
    struct side asker, answerer;
    if (one_socketpair)
        connect_by_socketpair(&asker, &answerer);
    else if (one_pipe)
        connect_by_one_pipe(&asker, &answerer);
    else
        connect_by_two_pipes(&asker, &answerer);

    if ((one_pipe ? ask_oneself(asker) : ask(asker, answerer)) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the answerer failed");
    lesson(one_pipe         ? "in one pipe both ways a process reads its own words: take two pipes"
           : one_socketpair ? "a socket pair carries data both ways, each way by itself"
                            : "a pipe carries data one way: question and answer take two");
    return EXIT_SUCCESS;
}
