#!/usr/bin/env bats
# make truth finds what is not true. The program that is falsified stands here, so that no demo's wording matters.
load helper

setup_file() {
    ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    tree=$BATS_FILE_TMPDIR/tree
    export ROOT tree
    mkdir -p "$tree/tests" "$tree/pipe"
    cp "$ROOT"/tests/{truth,truth.pl,lines.bash,private} "$tree/tests"
    (cd "$BATS_FILE_TMPDIR" && cc -std=c17 -D_XOPEN_SOURCE=700 -c "$ROOT"/lib/*.c)
    cat >"$tree/original.c" <<'END'
#include "demo.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int fds[2];

static void be_reader(void)
{
    char text[16], rest[16];
    lane(1, "reader");
    close(fds[WRITE_END]);
    say("read(%d) ...", fds[READ_END]);
    const ssize_t got = read(fds[READ_END], text, sizeof text);
    say("... = %zd %s", got, quoted(text, (size_t)got));
    const ssize_t more = read(fds[READ_END], text, sizeof text);
    const ssize_t end = read(fds[READ_END], rest, sizeof rest);
    say("read(%d) = %zd %s", fds[READ_END], more, quoted(text, (size_t)more));
    say("read(%d) = %zd: end of file", fds[READ_END], end);
    exit(EXIT_SUCCESS);
}

static void be_other(const int *never)
{
    char byte;
    lane(2, "other");
    say("%d is mine", getpid());
    exit((int)read(never[READ_END], &byte, 1));
}

int main(int argc, char *argv[])
{
    int never[2];
    for (int fd = 3; fd < 20; fd++)
        close(fd); /* inherited */
    next_option(argc, argv, "", "");
    lane(0, "writer");
    pipe(never);
    say("pipe() = %d, %d", never[0], never[1]);
    const pid_t other = fork();
    if (other == 0)
        be_other(never);
    pipe(fds);
    say("pipe() = %d, %d", fds[0], fds[1]);
    const pid_t reader = fork();
    if (reader == 0)
        be_reader();
    say("fork() = %d", reader);
    wait_asleep_in(other, "read", never[READ_END]);
    say("the other sleeps in read(%d)", never[READ_END]);
    wait_asleep_in(reader, "read", fds[READ_END]);
    say("the reader sleeps in read(%d)", fds[READ_END]);
    const ssize_t sent = write(fds[WRITE_END], "hello", 5);
    say("write(%d, \"hello\") = %zd", fds[WRITE_END], sent);
    wait_asleep_in(reader, "read", fds[READ_END]);
    const int fd = open("/nonexistent", O_RDONLY);
    say("open(/nonexistent, O_RDONLY) = %d %s", fd, errno_name(errno));
    write(fds[WRITE_END], "bye", 3);
    close(fds[WRITE_END]);
    say("close(%d): the last write end", fds[WRITE_END]);
    int status;
    const pid_t ended = waitpid(reader, &status, 0);
    say("waitpid(%d) = %d, status %d", reader, ended, WEXITSTATUS(status));
    kill(other, SIGTERM);
    say("kill(%d, SIGTERM)", other);
    exit(reap(other) == 128 + SIGTERM ? EXIT_SUCCESS : EXIT_FAILURE);
}
END
}

# build SED... makes the program, with these changes to its source, each of which must change something.
build() {
    local before
    cp "$tree/original.c" "$tree/pipe/talk.c"
    for change; do
        before=$(<"$tree/pipe/talk.c")
        sed -i "$change" "$tree/pipe/talk.c"
        [ "$before" != "$(<"$tree/pipe/talk.c")" ] || { echo "changes nothing: $change"; return 1; }
    done
    cc -std=c17 -D_XOPEN_SOURCE=700 -w -I "$ROOT/lib" -include signal.h -o "$tree/pipe/talk" "$tree/pipe/talk.c" \
        "$BATS_FILE_TMPDIR"/*.o
}

# judge runs truth on the program.
judge() {
    echo '@pipe/talk' >"$tree/tests/runs"
    [ -e "$tree/tests/untruths" ] || : >"$tree/tests/untruths"
    try "$tree/tests/truth" "$tree"
    [[ $output != *"1 skipped"* ]] || skip "${lines[0]}"
    echo "$output" "$stderr"
}

# finds WORDS SED... - with these changes, truth finds just one line, with these words, to be false.
finds() {
    local words=$1
    shift
    build "$@" || return 1
    judge
    [ "$status" = 1 ] && [[ $output = *"FALSE: "*"$words"* && ${lines[-1]} = *" 1 failed" ]]
}

@test "a story that is true passes, every line of it" {
    build
    judge
    [ "$status" = 0 ]
    [ "${lines[-1]}" = "14 passed, 0 failed" ]
}

@test "a false result is found" {
    finds 'write(6, "hello") = 6' 's/WRITE_END\], sent)/WRITE_END], sent + 1)/'
    finds 'pipe() = 5, 7' 's/fds\[1\])/fds[1] + 1)/'
    finds 'status 1' 's/WEXITSTATUS(status))/1)/'
    finds '= 3 "bie"' 's/%zd %s", fds\[READ_END\], more, .*/%zd \\"bie\\"", fds[READ_END], more);/'
    finds 'O_RDONLY) = -1 EACCES' 's/errno_name(errno)/"EACCES"/'
    finds '... = 4 "hello"' 's/= %zd %s", got/= %zd %s", got - 1/'
}

@test "two results that are exchanged are found" {
    finds 'read(5) = 3' 's/%zd %s", fds\[READ_END\], more, .*/%zd", fds[READ_END], end);/' 's/end of file", fds\[READ_END\], end/end of file", fds[READ_END], more/'
}

@test "a false argument is found" {
    finds 'close(7): the last' 's/last write end", fds\[WRITE_END\]/last write end", fds[WRITE_END] + 1/'
    finds 'write(6, "hallo")' 's/say("write(%d, \\"hello/say("write(%d, \\"hallo/'
    finds 'SIGINT)' 's/say("kill(%d, SIGTERM/say("kill(%d, SIGINT/'
    finds 'open(/elsewhere' 's/say("open(.nonexistent/say("open(\/elsewhere/'
}

@test "a call is found that was not made, not made yet, or that failed" {
    finds 'dup(5) = 9' 's/^    kill(other/    say("dup(5) = 9");\n&/'
    finds 'kill(' '/^    kill(other/d' 's/^    say("kill(.*/&\n    kill(other, SIGTERM);/'
    finds 'close(9)' 's/^    kill(other/    close(9);\n    say("close(9): it fails");\n&/'
    finds 'pause() ...' 's/^    kill(other/    say("pause() ...");\n&/'
    finds '... = 5' 's/^    kill(other/    say("... = 5");\n&/'
}

@test "a call is used up by the line that reports it" {
    finds 'write(6, "hello") = 5' 's/^    say("write(.*/&\n&/'
}

@test "a process that does not sleep there is found, before and after it did" {
    local line='/^    say("the reader sleeps/d'
    finds 'the reader sleeps' "$line" 's/^    const pid_t reader/    say("the reader sleeps in read(5)");\n&/'
    finds 'the reader sleeps' "$line" 's/^    const pid_t ended.*/&\n    say("the reader sleeps in read(5)");/'
}

@test "a process that sleeps in another call is found, and another process" {
    finds 'sleeps in read(6)' 's/^    say("the reader sleeps.*/    say("the reader sleeps in read(6)");/'
    finds 'sleeps in write(5)' 's/^    say("the reader sleeps.*/    say("the reader sleeps in write(5)");/'
    finds 'the other sleeps in read(5)' 's/^    say("the reader sleeps.*/    say("the other sleeps in read(5)");/'
    finds 'the readers sleep' 's/^    say("the reader sleeps.*/    say("the readers sleep in write(5)");/'
    finds 'both sleep' 's/^    say("the reader sleeps.*/    say("both sleep in read(5)");/'
}

@test "a call of one process does not stand for that of another" {
    finds 'write(6, "bye") = 3' 's/^    say("%d is mine.*/    say("write(6, \\"bye\\") = 3");/'
}

@test "a program that fails is found" {
    build 's/^    exit(reap.*/    exit(3);/'
    judge
    [ "$status" = 1 ]
    [[ $output = *"the run ended with status 3"* ]]
}

@test "tests/untruths excuses a line, and must excuse one" {
    build 's/WRITE_END\], sent)/WRITE_END], sent + 1)/'
    printf 'pipe/talk\t/^write\\(\\d+, "hello"\\) = 6$/\tto be mended\n' >"$tree/tests/untruths"
    judge
    [ "$status" = 0 ]
    build
    judge
    rm "$tree/tests/untruths"
    [ "$status" = 1 ]
    [[ $output = *"excuses nothing"* ]]
}

@test "a line that cannot be judged is listed with its reason" {
    build 's/^    kill(other/    say("frobnicate(3) = 4");\n&/'
    judge
    [ "$status" = 0 ]
    [[ $output = *"not judged: "*"frobnicate(3) = 4"*"is unknown"* ]]
}

@test "where strace may not trace, it is skipped in one line" {
    mkdir "$T/bin"
    printf '#!/bin/sh\nexit 1\n' >"$T/bin/strace"
    chmod +x "$T/bin/strace"
    PATH=$T/bin:$PATH try "$tree/tests/truth" "$tree"
    [ "$status" = 0 ]
    [ "${lines[-1]}" = "0 passed, 0 failed, 1 skipped" ]
}
