# ./ipc: the learner's front command.
load helper

setup_ipc() {
    IPC=$BATS_TEST_DIRNAME/../ipc
    [ "$B" = "$(cd "$BATS_TEST_DIRNAME/.." && pwd)" ] || skip "ipc runs the programs beside their sources"
}

@test "ipc alone prints one screen, -h the same; an unknown option is refused" {
    setup_ipc
    try "$IPC"
    [ "$status" = 0 ]
    [ "${#lines[@]}" -le 24 ]
    awk 'length > 80 { exit 1 }' <<<"$output"
    first=$output
    try "$IPC" -h
    [ "$output" = "$first" ]
    try "$IPC" -Z
    [ "$status" = 2 ]
    try "$IPC" ""
    [ "$status" = 2 ]
}

@test "ipc DEMO runs it with its options and status, from any folder and through a symbolic link" {
    setup_ipc
    ln -s "$IPC" "$T/other-name"
    cd /
    try "$T/other-name" hello "some text"
    [ "$status" = 0 ]
    [ "$output" = "some text" ]
    try "$IPC" sigpipe -i
    [ "$output" = EPIPE ]
    try "$IPC" hello -Z
    [ "$status" = 2 ]
    rm "$T/other-name"
}

@test "ipc: a name that several folders have is asked for; an unknown one gets a suggestion" {
    setup_ipc
    try "$IPC" stat
    [ "$status" = 2 ]
    [[ $stderr = *"which 'stat'? msgq/stat shm/stat sem/stat"* ]]
    try "$IPC" pipe/eof -h
    [ "$status" = 0 ]
    try "$IPC" pipelines
    [ "$status" = 2 ]
    [[ $stderr = *"pipe/pipeline"* ]]
}

@test "ipc list has every demo with its sentence, 80 columns wide" {
    setup_ipc
    try "$IPC" list
    [ "$status" = 0 ]
    for source in "$BATS_TEST_DIRNAME"/../{pipe,fifo,msgq,shm,sem,signals,dup}/*.c; do
        name=${source%.c}
        grep -q "^${name#"$BATS_TEST_DIRNAME/../"} " <<<"$output" || { echo "no $name"; false; }
    done
    awk 'length > 80 { print; exit 1 }' <<<"$output"
    try "$IPC" list fifo
    [ "$(grep -c '^[a-z]*/' <<<"$output")" = "$(find "$BATS_TEST_DIRNAME/../fifo" -maxdepth 1 -name "*.c" | wc -l)" ]
    try "$IPC" list nosuch
    [ "$status" = 2 ]
}

@test "ipc tour: one folder, from a number on, without a question where there is no terminal" {
    setup_ipc
    try "$IPC" tour pipe 2 </dev/null
    [ "$status" = 0 ]
    [[ $output = *"2 of "*"./pipe/eof"* ]]
    [[ $output != *"1 of "* ]]
    [[ $output != *"./fifo/"* ]]
    try "$IPC" tour pipe 99 </dev/null
    [ "$status" = 2 ]
}

@test "ipc find knows a call, an errno and a word, and says so where it knows nothing" {
    setup_ipc
    for word in mkfifo EAGAIN deadlock; do
        try "$IPC" find $word
        [ "$status" = 0 ]
        [[ $output = *README.md:* ]]
    done
    try "$IPC" find xyzzy
    [ "$status" = 1 ]
    try bash -c "'$IPC' find EAGAIN | head -n 1"
    [ -z "$stderr" ]
    try "$IPC" find fflush # a comment in a block is no heading
    [[ $output != *"It serves one client"* ]]
}

@test "ipc find shows the rows of the course: of a book's example, of a claim" {
    setup_ipc
    try "$IPC" find oob_send.c
    [[ $output = *"COURSE.md: From a book to a demo"$'\n'"    Yoon "*" | 13: oob_send.c,"*" | signals/oob "* ]]
    try "$IPC" find TLPI 44 # the cell with the book stands some rows above
    [[ $output = *"TLPI | 44 (pipes"*"pipe/hello"* ]]
    try "$IPC" find poll
    fits_80 "$output"
    try "$IPC" find "10 KiB"
    [[ $output = *" | ./pipe/full"* ]]
}

@test "ipc step prints the same as the demo, with its status" {
    setup_ipc
    try "$IPC" step sigpipe -i </dev/null
    [ "$status" = 0 ]
    [[ $output = *"EPIPE"* ]]
    try "$IPC" step hello -Z </dev/null
    [ "$status" = 2 ]
}

@test "ipc tidy lists what is left and removes it if the answer is y, and nothing of others" {
    setup_ipc
    try ./msgq/send hello
    try ./sem/create
    mkfifo "/tmp/ipc-$(id -u)/fifo"
    other=$(ipcmk -Q | grep -o '[0-9]*$')
    try "$IPC" tidy <<<n
    [ "$status" = 0 ]
    [ "$(grep -c '^ipcrm\|^rm' <<<"$output")" -ge 3 ]
    [ -p "/tmp/ipc-$(id -u)/fifo" ]
    try "$IPC" tidy <<<y
    [ "$status" = 0 ]
    [ ! -e "/tmp/ipc-$(id -u)/fifo" ]
    try ./msgq/stat
    [ "$status" = 1 ]
    try "$IPC" tidy <<<y
    [ "$output" = "nothing is left" ]
    ipcrm -q "$other"
}

@test "ipc doctor names the kernel, the limits, and whether sleeping calls are seen" {
    setup_ipc
    try "$IPC" doctor
    [ "$status" = 0 ]
    [[ $output = *"$(uname -r)"*"sleeping calls"* ]]
}

@test "make install puts ipc into PREFIX/bin, and it runs from there" {
    setup_ipc
    command -v make >/dev/null || skip "no make"
    quietly=$(make -s -C "$BATS_TEST_DIRNAME/.." install PREFIX="$T/prefix" 2>&1)
    cd /
    try "$T/prefix/bin/ipc" hello installed
    [ "$output" = installed ]
    try "$T/prefix/bin/ipc" list pipe
    [[ $output = *"pipe/eof"* ]]
    start sleeper sleep 100
    eventually asleep "$sleeper"
    try "$T/prefix/bin/ipc" why "$sleeper"
    [[ $output = "$sleeper sleep sleeps"* ]]
    kill -KILL "$sleeper"
    finish sleeper
    try "$T/prefix/bin/ipc" draw -h
    [ "$status" = 0 ]
    rm -r "$T/prefix"
}
