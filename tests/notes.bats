# The notes: every console block is run, and every demo has its place.
load helper

check_notes() {
    "$BATS_TEST_DIRNAME/notes" "$BATS_TEST_DIRNAME/../$1/README.md" 3>&-
}

@test "every console block of pipe/README.md prints what the notes say" { check_notes pipe; }
@test "every console block of fifo/README.md prints what the notes say" { check_notes fifo; }
@test "every console block of msgq/README.md prints what the notes say" { check_notes msgq; }
@test "every console block of shm/README.md prints what the notes say" { check_notes shm; }
@test "every console block of sem/README.md prints what the notes say" { check_notes sem; }
@test "every console block of signals/README.md prints what the notes say" { check_notes signals; }
@test "every console block of dup/README.md prints what the notes say" { check_notes dup; }

@test "no line of a console block is longer than 80 columns" {
    cd "$BATS_TEST_DIRNAME/.."
    pending="msgq shm sem signals dup" # their notes still have the wide form
    for notes in README.md */README.md; do
        [[ " $pending " != *" ${notes%/*} "* ]] || continue
        awk -v notes="$notes" '
            /^```console$/ { inside = 1; next }
            /^```/         { inside = 0 }
            inside && length > 80 { print notes ":" FNR ": " $0; long = 1 }
            END { exit long }' "$notes"
    done
}

@test "notes -w changes nothing where the notes are right, and mends what is wrong" {
    cat >"$T/notes.md" <<'END'
# Notes

```console
$ echo hello
hello
$ echo world
world
```

Text that stays.
END
    cp "$T/notes.md" "$T/right.md"
    try "$BATS_TEST_DIRNAME/notes" -w "$T/notes.md"
    [ "$status" = 0 ]
    cmp "$T/notes.md" "$T/right.md"
    sed -i 's/^world/word/' "$T/notes.md"
    try "$BATS_TEST_DIRNAME/notes" "$T/notes.md"
    [ "$status" = 1 ]
    try "$BATS_TEST_DIRNAME/notes" -w "$T/notes.md"
    cmp "$T/notes.md" "$T/right.md"
}

@test "every program is in the notes of its folder and in the map of README.md" {
    cd "$BATS_TEST_DIRNAME/.."
    for source in {pipe,fifo,msgq,shm,sem,signals,dup}/*.c; do
        [ -f "$source" ] || continue
        name=$(basename "$source" .c)
        grep -q "$name" "$(dirname "$source")/README.md" || { echo "${source%.c}: not in its notes"; false; }
        grep "^| \[$(dirname "$source")\]" README.md | grep -q "\`$name\`" || { echo "${source%.c}: not in the map"; false; }
    done
}

@test "the tour goes through without a question where there is no terminal" {
    try sh "$BATS_TEST_DIRNAME/../lib/tools/tour.sh" </dev/null
    [ "$status" = 0 ]
    [[ $stderr != *"that failed"* ]]
}
