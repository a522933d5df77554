# tests/prove cannot be fooled: a stand-in for a demo, in a small tree of its own, and edits of every kind.
load helper

# The stand-in notices that its guard is gone; pipe/other has its guard in a header and in lib/.
setup_file() {
    export TREE=$BATS_FILE_TMPDIR
    cd "$BATS_TEST_DIRNAME/.." || return 1
    mkdir "$TREE/tests" "$TREE/pipe" "$TREE/lib"
    cp Makefile "$TREE"
    cp tests/prove tests/private tests/lines.bash tests/runs "$TREE/tests"
    cat >"$TREE/pipe/point.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
    int guarded = 0;
    guarded = 1; /* the guard */
    fprintf(stderr, "  0.001  point | this line has no guard\n");
    if (guarded)
        return EXIT_SUCCESS;
    fprintf(stderr, "point: there is no guard\n"); /* the report */
    return EXIT_FAILURE;
}
END
    sed -e 's/guarded = 0/guarded = GUARDED/' -e '/the guard/d' -e '1i#include "other.h"' "$TREE/pipe/point.c" \
        >"$TREE/pipe/other.c"
    printf 'int part(void);\n#define GUARDED part()\n' >"$TREE/pipe/other.h"
    printf 'int part(void);\nint part(void)\n{\n    return 1;\n}\n' >"$TREE/lib/part.c"
    make -s -C "$TREE" build/lib.a pipe/point pipe/other O=build SAN= CC=gcc CFLAGS="-O1" 3>&-
}

# row PROGRAM RUN LINE... is the whole table.
row() {
    {
        echo "$1: the guard"
        printf '    %s\n' "run   $2" "${@:3}"
    } >"$T/table"
}

# prove [N [PATTERN]] runs it; the output goes to $output.
prove() {
    status=0
    output=$(env -u MAKEFLAGS -u MAKELEVEL TABLE="$T/table" N="${1:-1}" LIMIT=${LIMIT:-10} \
        "$TREE/tests/prove" "$TREE" "${2:-}" 3>&- 2>&1) || status=$?
    output=$(grep -v ': one after another$\|^# not in namespaces' <<<"$output") # where there are no namespaces
}

# fails WORDS: the row must fail, with these words.
fails() {
    prove
    echo "$output"
    [ "$status" = 1 ] && [[ $output = *FAILED* ]] && [[ $output = *"$1"* ]] && [[ $output = *"0 passed, 1 failed" ]]
}

says='says  there is no guard'

@test "a mutant that reports the loss of its guard and exits 1 passes" {
    row pipe/point @pipe/point 'edit  /the guard/d' "$says"
    prove 3
    [ "$status" = 0 ]
    [ "$output" = " 3 of 3  pipe/point: the guard"$'\n'"1 passed, 0 failed" ]
}

@test "the guard may be in a header or in lib/, and two programs may be built from the copy" {
    for where in 'pipe/other.h edit s/part()$/0/' 'lib/part.c edit s/1/0/'; do
        row pipe/other '@pipe/other 2>$T/peer || @pipe/point' "in ${where% edit*}" "edit ${where#* edit }" \
            'in pipe/point.c' 'edit /the guard/d' "$says"
        prove
        echo "$output"
        [ "$status" = 0 ]
    done
}

@test "an edit that changes nothing fails: the line is gone" {
    row pipe/point @pipe/point 'edit  /the guard/d' 'edit  /no such line/d' "$says"
    fails "the line is gone: /no such line/d"
}

@test "an edit after which the program cannot be built fails" {
    row pipe/point @pipe/point 'edit  /int guarded/d' "$says"
    fails "the copy could not be made"
}

@test "a row without an edit, or without the words, fails" {
    row pipe/point @pipe/point "$says"
    fails "the row has no line"
    row pipe/point @pipe/point 'edit  /the guard/d'
    fails "the row has no line"
}

@test "a mutant that exits 0, or with another status than 1, fails" {
    row pipe/point @pipe/point 'edit  /the guard/d' 'edit  s/EXIT_FAILURE/EXIT_SUCCESS/' "$says"
    fails "its exit status was 0"
    row pipe/point @pipe/point 'edit  /the guard/d' 'edit  s/EXIT_FAILURE/2/' "$says"
    fails "its exit status was 2"
}

@test "a mutant that hangs fails" {
    row pipe/point @pipe/point 'edit  s/guarded = 1;/pause();/' "$says"
    LIMIT=1 fails "it did not end within"
}

@test "a mutant that a signal kills fails, whatever it has reported" {
    row pipe/point @pipe/point 'edit  /the guard/d' 'edit  s/return EXIT_FAILURE/abort()/' "$says"
    fails "its exit status was 134"
}

@test "a mutant that fails with other words fails, and a line of the story does not count" {
    row pipe/point @pipe/point 'edit  /the guard/d' 'edit  /the report/d' "$says"
    fails "no error line says: there is no guard"
    row pipe/point @pipe/point 'edit  /the guard/d' 'edit  /the report/d' 'says  has no guard'
    fails "no error line says: has no guard"
}

@test "a mutant that leaves a process or an object behind fails" {
    row pipe/point @pipe/point 'edit  /the guard/d' "$says" \
        'edit  s/return EXIT_FAILURE/if (fork() == 0) for (;;) pause(); &/'
    fails "it left behind"
    row pipe/point @pipe/point 'edit  /the guard/d' "$says" \
        'edit  s/return EXIT_FAILURE/system("ipcmk -Q >\/dev\/null; mkfifo $T\/pipe"); &/'
    fails "it left behind"
}

@test "a program that fails unchanged fails" {
    row pipe/point '@pipe/point && false' 'edit  /the guard/d' "$says"
    fails "unchanged, its exit status was 1"
}

@test "19 of 20 are enough, 18 are not; all of fewer" {
    export COUNT=$T/count
    # The first run is that of the unchanged program, so "2" misses once.
    misses='edit  s/guarded = 1/const char *misses = getenv("MISSES"); guarded = misses != NULL/'
    for case in "2 20 0" "3 20 1" "2 5 1"; do
        read -r last_miss n expected <<<"$case"
        rm -f "$COUNT"
        row pipe/point "echo >>\$COUNT; c=\$(wc -l <\$COUNT); [ \$c -gt $last_miss ] || export MISSES=1; @pipe/point" \
            "$misses" "$says"
        prove "$n"
        echo "$case: $output"
        [ "$status" = "$expected" ]
        [[ $output = *"$((n - last_miss + 1)) of $n "* ]]
    done
}

@test "a row that needs more CPUs than there are is skipped, and counted apart" {
    row pipe/point @pipe/point 'cpus  2000' 'edit  /the guard/d' "$says"
    prove
    [ "$status" = 0 ]
    [ "$output" = "skipped   pipe/point: the guard: needs 2000 CPUs"$'\n'"0 passed, 0 failed, 1 skipped" ]
    row pipe/point @pipe/point 'cpus  1' 'edit  /the guard/d' "$says"
    prove
    [ "$output" = " 1 of 1  pipe/point: the guard"$'\n'"1 passed, 0 failed" ]
}

@test "a PATTERN that no row has is no success" {
    row pipe/point @pipe/point 'edit  /the guard/d' "$says"
    prove 1 pipe/eof
    [ "$status" = 1 ]
    [ "$output" = "0 passed, 0 failed" ]
}
