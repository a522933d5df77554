# ipc try: each system call of a program late, and failing.
load helper

setup_file() {
    command -v "${CC:-cc}" >/dev/null || return 0
    "${CC:-cc}" -D_GNU_SOURCE -w $LDFLAGS -o "$BATS_FILE_TMPDIR/homework" -x c - <<'C'
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void ignore(int signal) { (void)signal; }

static int right(void) /* each call is checked, nothing depends on time */
{
    int fds[2];
    char byte;
    if (pipe(fds) == -1)
        err(1, "pipe");
    const pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        if (write(fds[1], "x", 1) != 1)
            err(1, "write");
        _exit(0);
    }
    close(fds[1]);
    int status;
    if (read(fds[0], &byte, 1) != 1)
        err(1, "read");
    if (waitpid(child, &status, 0) == -1)
        err(1, "waitpid");
    if (status != 0)
        errx(1, "the child has failed");
    if (puts("right") == EOF || fflush(stdout) == EOF)
        err(1, "stdout");
    return 0;
}

static int luck(void) /* "20 ms are long enough" */
{
    const pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0) {
        signal(SIGUSR1, ignore);
        pause();
        _exit(0);
    }
    usleep(20000);
    kill(child, SIGUSR1);
    wait(NULL);
    return 0;
}

static int order(void)
{
    const pid_t child = fork();
    if (child == -1)
        err(1, "fork");
    if (child == 0)
        usleep(20000);
    if (write(1, child == 0 ? "second\n" : "first\n", child == 0 ? 7 : 6) == -1)
        err(1, "write");
    if (child > 0)
        wait(NULL);
    return 0;
}

int main(int argc, char *argv[])
{
    char line[100];
    const char *const which = argc == 2 ? argv[1] : "";
    if (strcmp(which, "right") == 0)
        return right();
    if (strcmp(which, "luck") == 0)
        return luck();
    if (strcmp(which, "order") == 0)
        return order();
    if (strcmp(which, "pid") == 0)
        return printf("%d\n", getpid()) < 0 || fflush(stdout) == EOF;
    if (strcmp(which, "pid-lost") == 0)
        return printf("%d\n", getpid()) < 0;
    if (strcmp(which, "lines") == 0) {
        for (time_t lines = time(NULL) % 60; lines >= 0; lines--)
            puts("line");
        return fflush(stdout) == EOF;
    }
    if (strcmp(which, "lost") == 0)
        write(1, "lost\n", 5);
    if (strcmp(which, "zombie") == 0) {
        if (fork() == 0)
            _exit(0);
        usleep(50000);
    }
    if (strcmp(which, "minus") == 0)
        return close(dup(0)) == -1 ? -1 : 0;
    if (strcmp(which, "queue") == 0)
        return msgget(IPC_PRIVATE, 0600) == -1;
    if (strcmp(which, "crash") == 0)
        return fgets(line, sizeof line, fopen("/etc/passwd", "r")) == NULL;
    if (strcmp(which, "orphan") == 0 && fork() == 0)
        pause();
    if (strcmp(which, "all") == 0) { /* fork() fails, and -1 means all processes */
        const pid_t child = fork();
        if (child == 0)
            pause();
        kill(child, SIGKILL);
        wait(NULL);
    }
    return 0;
}
C
}

# trying COMMAND... runs ipc try on it. Nothing that it starts can reach a process of ours.
trying() {
    needs strace
    strace -o /dev/null true 2>/dev/null || skip "strace is not allowed to trace"
    status=0
    timeout -k 1 100 sh "$BATS_TEST_DIRNAME/../lib/tools/try.sh" "$@" >"$T/.output" 2>"$T/.stderr" </dev/null 3>&- || status=$?
    output=$(<"$T/.output")
}

homework() {
    [ -x "$BATS_FILE_TMPDIR/homework" ] || skip "no C compiler"
    trying "$BATS_FILE_TMPDIR/homework" "$1"
}

# line PATTERN: the report has it.
line() {
    grep -qE -- "$1" <<<"$output" || { echo "no line: $1"; echo "$output"; return 1; }
}

@test "try: no false alarm on cat and sort, nor on a program that is right" {
    trying cat /etc/passwd
    [ "$status" = 0 ]
    line '^late: .* ends as it did$'
    line '^failing: .* reports it$'
    trying sort /etc/passwd
    [ "$status" = 0 ]
    homework right
    [ "$status" = 0 ]
    line '^as it is: status 0$'
    line '^failing: .* reports it$'
}

@test "try: a sleep instead of a handshake hangs when a call is late, and another order is seen" {
    homework luck
    [ "$status" = 1 ]
    line '^late: .* HANGS \(first: rt_sigaction no. 1\)$'
    homework order
    [ "$status" = 1 ]
    line '^late: .* prints SOMETHING ELSE, status 0 \(first: '
}

@test "try: output that is lost without a word, and a crash after a call that has failed" {
    homework lost
    [ "$status" = 1 ]
    line '^failing: .* prints SOMETHING ELSE, status 0 \(first: write no. 1 = E'
    homework crash
    [ "$status" = 1 ]
    line '^failing: .* is KILLED by signal 11 \(first: openat'
    homework minus # return -1: status 255, and no signal
    line '^failing: .* ends with status 255 WITHOUT A WORD \(first: dup no. 1 = E'
}

@test "try: a program that prints its pid or the time is not accused, but for a line that is lost" {
    homework pid
    line '^its output varies: only the status and the number of lines are compared$'
    line '^late: .* ends as it did$'
    [[ $output != *"SOMETHING ELSE"* ]]
    trying date +%s
    [ "$status" = 0 ]
    line '^its output varies: '
    homework lines
    line '^its output varies: only the status is compared$'
    [[ $output != *"SOMETHING ELSE"* ]]
    homework pid-lost
    [ "$status" = 1 ]
    line '^failing: .* prints SOMETHING ELSE, status 0 \(first: write no. 1 = E'
}

@test "try: a zombie, a queue and a process that are left behind" {
    homework zombie
    line '^as it is: status 0, children that it did not wait for: 1$'
    homework queue
    line '^as it is: status 0, leaves msg [0-9]+$'
    homework orphan
    line '^as it is: status 0, leaves processes that run: 1$'
}

@test "try: a program that kills all processes when fork() fails reaches none of ours" {
    [ -n "${IPC_TESTS_PRIVATE:-}" ] || skip "only in namespaces of our own"
    start bystander sleep 100
    homework all
    line '^failing: .* (is KILLED by signal 9|HANGS).* \(first: clone'
    asleep "$bystander"
    kill -KILL "$bystander"
    finish bystander
}

@test "try: interrupted, it leaves neither processes nor files" {
    needs strace
    strace -o /dev/null true 2>/dev/null || skip "strace is not allowed to trace"
    export TMPDIR=$T
    start tried sh "$BATS_TEST_DIRNAME/../lib/tools/try.sh" sleep 20
    files() { [ -n "$(ls -d "$T"/tmp.*/trace 2>/dev/null)" ]; }
    eventually files
    for pid in $(ours); do kill -INT "$pid" 2>/dev/null || true; done # like the terminal
    finish tried
    eventually none_left
    [ -z "$(ls -d "$T"/tmp.* 2>/dev/null)" ]
}

@test "try without a command, or with one that is not there: status 2" {
    needs strace
    try sh "$BATS_TEST_DIRNAME/../lib/tools/try.sh"
    [ "$status" = 2 ]
    try sh "$BATS_TEST_DIRNAME/../lib/tools/try.sh" /no/such/program
    [ "$status" = 2 ]
}
