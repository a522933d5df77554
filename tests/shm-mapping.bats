# shm/: mapfile, fork, sigbus and memfd: what lies behind a page.
load helper

@test "mapfile: what one process stores, the other one and read() see" {
    try ./shm/mapfile "$T/file"
    [ "$status" = 0 ]
    [ "$output" = "writer Hello"$'\n'"reader Hello"$'\n'"file Hello" ]
    [ "$(cat "$T/file")" = Hello ]
    assert_lesson "MAP_SHARED"
}

@test "mapfile -x: a change in MAP_PRIVATE memory is seen by nobody, and is not in the file" {
    try ./shm/mapfile -x "$T/file"
    [ "$status" = 0 ]
    [ "$output" = "writer Hello"$'\n'"reader hello"$'\n'"file hello" ]
    [ "$(cat "$T/file")" = hello ]
    assert_lesson "MAP_PRIVATE"
}

@test "mapfile changes the first letter of a file that exists, and no other byte, and back again" {
    printf 'some text\nof two lines' >"$T/file"
    try ./shm/mapfile "$T/file"
    [ "$(cat "$T/file")" = "Some text"$'\n'"of two lines" ]
    try ./shm/mapfile "$T/file"
    [ "$(cat "$T/file")" = "some text"$'\n'"of two lines" ]
}

@test "mapfile takes a file of megabytes and a line that is longer than a page" {
    head -c 5000000 /dev/zero | tr '\0' z >"$T/file"
    try ./shm/mapfile "$T/file"
    [ "$status" = 0 ]
    [ "${#lines[1]}" = $((7 + $(getconf PAGESIZE))) ]
    [ "$(head -c 2 "$T/file")" = Zz ]
}

@test "mapfile refuses what is no regular file, or does not begin with a letter, and leaves it alone" {
    try ./shm/mapfile /dev/null
    [ "$status" = 1 ]
    [ "$stderr" = "mapfile: /dev/null: not a regular file" ]
    try ./shm/mapfile "$T"
    [ "$status" = 1 ]
    echo 1234 >"$T/file"
    try ./shm/mapfile "$T/file"
    [ "$status" = 1 ]
    [[ ${stderr_lines[-1]} = "mapfile: $T/file: does not begin with a letter" ]]
    [ "$(cat "$T/file")" = 1234 ]
}

@test "mapfile: an empty file gets the text, a missing right is told" {
    touch "$T/file"
    try ./shm/mapfile "$T/file"
    [ "$(cat "$T/file")" = Hello ]
    other_user shm
    chmod 644 "$T/file"
    mv "$T/file" shm
    try "${nobody[@]}" ./shm/mapfile shm/file
    [ "$status" = 1 ]
    [ "$stderr" = "mapfile: open shm/file: Permission denied" ]
}

@test "mapfile: another program sees the change in the file while the mapping is there" {
    mkfifo "$T/stdout"
    start mapfile bash -c "./shm/mapfile '$T/file' >'$T/stdout'"
    exec 5<"$T/stdout"
    read -r line <&5
    [ "$line" = "writer Hello" ]
    [ "$(cat "$T/file")" = Hello ]
    cat <&5 >/dev/null
    exec 5<&-
    finish mapfile
    [ "$status" = 0 ]
    rm "$T/stdout"
}

@test "fork: nothing is copied by fork or by reading, what is written is copied once, MAP_SHARED never" {
    try ./shm/fork
    [ "$status" = 0 ]
    [ "${lines[0]}" = "fork copied 0 MiB" ]
    [ "${lines[1]}" = "reading 64 MiB copied 0 MiB" ]
    [ "${lines[2]}" = "writing 16 MiB copied 16 MiB" ]
    [ "${lines[3]}" = "writing them again copied 0 MiB" ]
    [ "${lines[4]}" = "writing 64 MiB of MAP_SHARED copied 0 MiB" ]
    grep -q "writing them again: 0 faults" <<<"$stderr"
}

@test "fork: a page that is written is a page fault" {
    try ./shm/fork
    faults=$(sed -n 's/.*writing 16 MiB: \([0-9]*\) faults/\1/p' <<<"$stderr")
    [ "$faults" -ge $((16 * 1024 * 1024 / $(getconf PAGESIZE))) ]
}

@test "fork -x: a result in an ordinary variable does not come back, one in MAP_SHARED memory does" {
    try ./shm/fork -x
    [ "$status" = 0 ]
    [ "$output" = "ordinary 0"$'\n'"MAP_SHARED 42" ]
    assert_lesson "a child that stores in an ordinary variable"
}

@test "sigbus: an object that has its size can be touched to its last byte" {
    try ./shm/sigbus
    [ "$status" = 0 ]
    page=$(getconf PAGESIZE)
    [ "$output" = "byte 0: stored"$'\n'"byte $((2 * page - 1)): stored" ]
}

@test "sigbus -x: a byte of an object of size 0 is SIGBUS; one byte makes a whole page" {
    try ./shm/sigbus -x
    [ "$status" = 0 ]
    page=$(getconf PAGESIZE)
    [ "${lines[0]}" = "byte 0: SIGBUS" ]
    [ "${lines[1]}" = "byte 0: stored" ]
    [ "${lines[2]}" = "byte $((page - 1)): stored" ]
    [ "${lines[3]}" = "byte $page: SIGBUS" ]
    [ -z "$(find . /tmp -maxdepth 1 -name 'core*' -newer "$T")" ]
}

@test "sigbus: RLIMIT_FSIZE is an error, and no signal" {
    try bash -c 'ulimit -f 1; ./shm/sigbus 2>&1 | cat; exit "${PIPESTATUS[0]}"'
    [ "$status" = 1 ]
    [ "${lines[-1]}" = "sigbus: ftruncate: EFBIG: File too large" ]
}

@test "memfd: a process that has only the descriptor reads the text; the seals keep its maker from shrinking it" {
    try ./shm/memfd
    [ "$status" = 0 ]
    [ "$output" = "hello from nowhere" ]
    [[ $stderr = *"F_ADD_SEALS, SHRINK|GROW|WRITE|SEAL) = 0"*"F_GET_SEALS) = 0xf"*"ftruncate("?", 0) = -1 EPERM"* ]]
    assert_lesson "sealed: not even the sender can change"
}

@test "memfd -x: without seals the object is shrunk, and its reader is killed by SIGBUS" {
    try ./shm/memfd -x
    [ "$status" = 0 ]
    [ -z "$output" ]
    [[ $stderr = *"F_GET_SEALS) = 0"*"ftruncate("?", 0) = 0"*"the receiver was killed by SIGBUS"* ]]
    assert_lesson "an object without seals"
    [ -z "$(find . /tmp -maxdepth 1 -name 'core*' -newer "$T")" ]
}

@test "SIGINT and SIGTERM end fork in the middle, and leave nothing" {
    ended_by() { # it may be faster than the signal
        start fork ./shm/fork
        eventually test -s "$T/fork.err"
        kill -"$1" "$fork" 2>/dev/null && finish fork && [ "$status" -gt 128 ]
    }
    for signal in INT TERM; do
        tries 10 ended_by "$signal"
    done
}
