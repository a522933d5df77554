# tests/faults finds a program that hangs when a call fails, and has patience with one that is only slow.
load helper

# program NAME: stdin is its source.
program() {
    gcc -static -x c -o "$BATS_FILE_TMPDIR/pipe/$1" - 3>&-
}

setup_file() {
    mkdir "$BATS_FILE_TMPDIR/pipe"
    program hang <<'END'
#include <unistd.h>
int main(void)
{
    int fds[2];
    char byte;
    if (pipe(fds) == -1)
        return 1;
    close(fds[1]); /* if this fails, the process waits for itself */
    return read(fds[0], &byte, 1) == 0 ? 0 : 1;
}
END
    program slow <<'END'
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    int fds[2];
    if (pipe(fds) == -1) {
        perror("slow: pipe");
        sleep(2);
        return 1;
    }
    sleep(3);
    return 0;
}
END
    program careless <<'END'
#include <unistd.h>
int main(void)
{
    int fds[2];
    return pipe(fds) == -1 ? 1 : 0;
}
END
}

# faults LINE is the whole table; the output goes to $output.
faults() {
    strace -o /dev/null true 2>/dev/null || skip "strace is not allowed to trace"
    echo "$1" >"$T/runs"
    status=0
    output=$(cd "$BATS_TEST_DIRNAME/.." && RUNS=$T/runs LIMIT=1 MOST=1 tests/faults "$BATS_FILE_TMPDIR" 3>&- 2>&1) ||
        status=$?
    echo "$output"
}

@test "a program that hangs when a call fails is reported" {
    faults @pipe/hang
    [ "$status" = 1 ]
    [[ $output = *"--- HANG: @pipe/hang: close EIO 1, status 137"* ]]
}

@test "a program that takes seconds anyway has more time when a call fails" {
    faults @pipe/slow
    [ "$status" = 0 ]
    [[ $output = *" passed, 0 failed" ]]
}

@test "a failure that is not reported by its name, and a line that fails without one, are wrong" {
    faults @pipe/careless
    [ "$status" = 1 ]
    [[ $output = *"--- UNNAMED: @pipe/careless: pipe"*" EMFILE 1, status 1"* ]]
    faults '@pipe/careless && false'
    [ "$status" = 1 ]
    [[ $output = *"--- BROKEN: @pipe/careless && false"* ]]
    [[ $output = *"0 passed, 1 failed" ]]
}
