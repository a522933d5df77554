# tests/prove cannot be fooled: rows of a small program of our own, each with another end.
load helper

# A tree with one program, whose guard is the line that sets `guarded`.
setup_tree() {
    local lib=$B/lib.a
    command -v gcc >/dev/null || skip "no gcc"
    [ -f "$lib" ] || lib=$B/build/lib.a
    mkdir -p "$T/tree/tests" "$T/tree/demo" "$T/tree/lib" "$T/tree/build"
    cp "$BATS_TEST_DIRNAME"/{prove,private,lines.bash,runs} "$T/tree/tests"
    cp "$BATS_TEST_DIRNAME/../Makefile" "$T/tree"
    cp "$BATS_TEST_DIRNAME"/../lib/*.[ch] "$T/tree/lib"
    cp "$lib" "$T/tree/build/lib.a"
    cat >"$T/tree/demo/guard.c" <<'CODE'
#include <err.h>
#include <unistd.h>
int main(void)
{
    int guarded = 0;
    guarded = 1;
    if (!guarded)
        errx(1, "not guarded");
    return 0;
}
CODE
    gcc -o "$T/tree/demo/guard" "$T/tree/demo/guard.c"
}

# prove EDIT: the last line of what tests/prove prints, and its status.
prove() {
    printf 'demo/guard: the guard\n    run   @demo/guard\n    edit  %s\n    says  not guarded\n' "$1" >"$T/table"
    try env TABLE="$T/table" N=3 LIMIT=1 "$T/tree/tests/prove" "$T/tree"
}

@test "a copy without its guard that says so three times of three passes" {
    setup_tree
    prove '/guarded = 1/d'
    [ "$status" = 0 ]
    [ "${lines[-1]}" = "1 passed, 0 failed" ]
}

@test "an edit that changes nothing fails" {
    setup_tree
    prove '/no such line/d'
    [ "$status" = 1 ]
    [[ $output = *"the line is gone"* ]]
}

@test "a copy that ends with status 0, says something else, hangs, or is killed by a signal fails" {
    setup_tree
    prove 's/guarded = 1/guarded = 2/'
    [ "$status" = 1 ] && [[ $output = *"0 of 3"*"its exit status was 0"* ]]
    prove 's/guarded = 1;/errx(1, "something else");/'
    [ "$status" = 1 ] && [[ $output = *"no error line says"* ]]
    prove 's/guarded = 1;/pause();/'
    [ "$status" = 1 ] && [[ $output = *"did not end"* ]]
    prove 's/guarded = 1;/__builtin_trap();/'
    [ "$status" = 1 ] && [[ $output = *"its exit status was 13"* ]]
}

@test "a row fails if the program as it is fails" {
    setup_tree
    printf '#!/bin/sh\nexit 1\n' >"$T/tree/demo/guard"
    prove '/guarded = 1/d'
    [ "$status" = 1 ] && [[ $output = *"unchanged, its exit status was 1"* ]]
}
