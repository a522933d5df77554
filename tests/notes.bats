# The notes: every console block is run, and every demo has its place.
load helper

# compare FOLDER runs every console block of its notes.
compare() {
    "$BATS_TEST_DIRNAME/notes" "$BATS_TEST_DIRNAME/../$1/README.md" 3>&-
}

@test "every console block of pipe/README.md prints what the notes say" {
    compare pipe
}

@test "every console block of fifo/README.md prints what the notes say" {
    compare fifo
}

@test "every console block of msgq/README.md prints what the notes say" {
    compare msgq
}

@test "every console block of shm/README.md prints what the notes say" {
    compare shm
}

@test "every console block of sem/README.md prints what the notes say" {
    compare sem
}

@test "every console block of signals/README.md prints what the notes say" {
    compare signals
}

@test "every console block of dup/README.md prints what the notes say" {
    compare dup
}

@test "no line of a console block is longer than 80 columns" {
    cd "$BATS_TEST_DIRNAME/.."
    for folder in pipe fifo msgq shm sem signals dup; do
        awk '/^```/ { inside = $0 == "```console" }
            inside && length > 80 { print FILENAME ":" FNR ": " length " columns"; long = 1 }
            END { exit long }' "$folder/README.md"
    done
}

# Notes with a story and a status: $T/notes.md.
write_small_notes() {
    cat >"$T/notes.md" <<'NOTES'
Text with `$ backquotes` & a \ backslash.

```sh
$ this is not run
```

```console
$ for i in 1 2; do printf '%7.3f  writer | fork() = %d\n' $((RANDOM % 900)).$i $$; done
 12.300  writer | fork() = 4711
  0.456  writer | fork() = 4711
$ printf '  0.001  %-16sreader | read(3) = 5\n=> %s\n' '' 'the lesson'; false
  0.001                  reader | read(3) = 5
=> the lesson
$ echo $?
1
```

```console
$ echo 'a \ and "quotes"'
a \ and "quotes"
```
NOTES
    cp "$T/notes.md" "$T/copy.md"
}

notes() {
    try "$BATS_TEST_DIRNAME/notes" "$@" 3>&-
}

@test "notes are right if only times and pids differ; one wrong word in any lane is found" {
    write_small_notes
    notes "$T/notes.md"
    [ "$status" = 0 ] && [ -z "$output$stderr" ]
    for change in 's/^1$/2/' 's/= 5$/= 6/' 's/the lesson$/another &/' 's/^a ./b &/' 's/^ 12/    &/' \
        's/^  0.001   /&  /' '/0.456/d'; do
        sed "$change" "$T/notes.md" >"$T/wrong.md"
        notes "$T/wrong.md"
        [ "$status" = 1 ] || { echo "not found: $change"; false; }
    done
}

@test "where pages are larger, sizes may differ" {
    mkdir "$T/bin"
    printf '#!/bin/sh\necho 16384\n' >"$T/bin/getconf"
    chmod +x "$T/bin/getconf"
    printf '```console\n$ echo 16384 bytes\n4096 bytes\n```\n' >"$T/notes.md"
    notes "$T/notes.md"
    [ "$status" = 1 ]
    PATH=$T/bin:$PATH notes "$T/notes.md"
    [ "$status" = 0 ]
}

@test "notes -w changes nothing where the notes are right" {
    write_small_notes
    notes -w "$T/notes.md"
    [ "$status" = 0 ] && [ -z "$output$stderr" ]
    cmp "$T/notes.md" "$T/copy.md"
}

@test "notes -w writes a block that is wrong anew, and only that; a second time it changes nothing" {
    write_small_notes
    sed -i -e 's/= 5$/= 6/' "$T/notes.md"
    notes -w "$T/notes.md"
    [ "$status" = 0 ]
    [ "$output" = "$T/notes.md:7: written anew" ]
    cmp <(sed 's/^[ 0-9.]*writer.*/TIME/' "$T/notes.md") <(sed 's/^[ 0-9.]*writer.*/TIME/' "$T/copy.md")
    cmp -s "$T/notes.md" "$T/copy.md" && { echo "the times are not those of the run"; false; }
    cp "$T/notes.md" "$T/copy.md"
    notes -w "$T/notes.md"
    [ "$status" = 0 ] && [ -z "$output" ]
    cmp "$T/notes.md" "$T/copy.md"

    sed -i -e '/^a /d' "$T/notes.md" # no output at all
    notes -w "$T/notes.md"
    [ "$output" = "$T/notes.md:18: written anew" ]
    cmp "$T/notes.md" "$T/copy.md"
}

@test "each question to think about has an answer, and each answer a question" {
    local folder questions answers
    cd "$BATS_TEST_DIRNAME/.."
    for folder in pipe fifo msgq shm sem signals dup; do
        questions=$(grep -c '^\*To think about:\*' "$folder/README.md")
        answers=$(sed -n '/^## Answers/,$p' "$folder/README.md" | grep -c '^\*\*')
        [ "$questions" = "$answers" ] || { echo "$folder: $questions questions, $answers answers"; false; }
    done
}

@test "every program is in the notes of its folder, and in the map of README.md with the sentence of its source" {
    cd "$BATS_TEST_DIRNAME/.."
    for source in {pipe,fifo,msgq,shm,sem,signals,dup}/*.c; do
        name=$(basename "$source" .c)
        grep -q "$name" "$(dirname "$source")/README.md" || { echo "${source%.c}: not in its notes"; false; }
        sentence=$(sed -n '1s|^/\* [^ ]* - \(.*\)|\1|p' "$source" | sed 's| \*/$||; s/|/\\|/g')
        grep -qxF "| [$name]($source) | $sentence |" README.md || { echo "${source%.c}: not in the map: $sentence"; false; }
    done
}

@test "the tour goes through without a question where there is no terminal" {
    timeout 300 sh "$BATS_TEST_DIRNAME/../lib/tools/tour.sh" </dev/null >"$T/tour" 2>"$T/tour.err" 3>&-
    [[ $(<"$T/tour.err") != *"that failed"* ]]
}
