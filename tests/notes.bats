# The notes: every console block is run, and every demo has its place.
load helper

@test "every console block of the notes prints what the notes say" {
    wrong=
    for notes in "$BATS_TEST_DIRNAME"/../*/README.md; do
        "$BATS_TEST_DIRNAME/notes" "$notes" 3>&- || wrong+=" $notes"
    done
    [ -z "$wrong" ]
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
