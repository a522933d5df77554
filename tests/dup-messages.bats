# dup/: flags and vectors of one call: peek and iov.
load helper

@test "peek: each flag changes one call: what is left, whether it sleeps, how much it waits for" {
    try ./dup/peek
    [ "$status" = 0 ]
    [ "$output" = 'MSG_DONTWAIT -1 EAGAIN
MSG_PEEK 5 "hello"
MSG_PEEK 5 "hello"
0 5 "hello"
MSG_PEEK|MSG_DONTWAIT -1 EAGAIN
MSG_WAITALL 8 "one two "
MSG_PEEK|MSG_TRUNC 10 ""
0 4 "a da"
0 11 "another one"' ]
    assert_lesson "MSG_PEEK leaves it"
}

@test "peek: MSG_WAITALL has taken the first half, and sleeps on until the second comes" {
    try ./dup/peek
    grep -A 1 'parent | send([0-9]*, "one ") = 4' <<<"$stderr" | grep -q 'parent | ioctl([0-9]*, FIONREAD) = 0'
    grep -q 'parent | the receiver still sleeps' <<<"$stderr"
    grep -q 'receiver | \.\.\. = 8 "one two "' <<<"$stderr"
}

@test "peek: MSG_WAITALL is cut short where the receiver is stopped and continued; the rest is taken too" {
    start peek ./dup/peek
    eventually grep -q '| send([0-9]*, "one ") = 4' "$T/peek.err"
    receiver=$(pgrep -P "$peek" peek) || true # it may be late, and then there is nothing to stop
    [ -z "$receiver" ] || ! kill -STOP "$receiver" || kill -CONT "$receiver"
    finish peek
    [ "$status" = 0 ]
    [ "$(grep -o '^MSG_WAITALL .*' "$T/peek" | grep -o '"[^"]*"' | tr -d '"\n')" = "one two " ]
}

@test "iov: a short message goes in one writev() and comes in one readv()" {
    try ./dup/iov
    [ "$status" = 0 ]
    [ "$output" = hello ]
    grep -q 'writer | writev([0-9]*, 16 + 6 bytes) \.\.\.$' <<<"$stderr"
    grep -q 'writer | \.\.\. = 22$' <<<"$stderr"
    grep -q 'reader | readv([0-9]*, 2 buffers) = 22$' <<<"$stderr"
    assert_lesson "writev() sends many buffers in one call"
}

@test "iov: a body of any size arrives unchanged, in parts where the pipe is full" {
    for size in 0 1 65519 65520 65521 131072 3000000; do
        head -c "$size" /dev/urandom >"$T/body"
        try ./dup/iov "$T/body"
        [ "$status" = 0 ]
        cmp "$T/body" "$T/.output"
        grep -q "reader | the body is the same: $size of $size" <<<"$stderr"
    done
    grep -q 'writer | writev([0-9]*, 0 + [0-9]* bytes) \.\.\.$' <<<"$stderr"
    try ./dup/iov <(head -c 100000 /dev/zero)
    [ "$(stat -c %s "$T/.output")" = 100000 ]
}

@test "iov: a FILE that is not there, or is a folder, is an error" {
    try ./dup/iov "$T/none"
    [ "$status" = 1 ]
    [ "$stderr" = "iov: open $T/none: No such file or directory" ]
    try ./dup/iov "$T"
    [ "$status" = 1 ]
    [[ $stderr = "iov: read $T: Is a directory" ]]
    try ./dup/iov /dev/zero
    [ "$status" = 1 ]
    [ "$stderr" = "iov: /dev/zero: 268435456 bytes or more" ]
}

@test "iov: the reader is killed, or cannot print: the writer ends with an error" {
    mkfifo "$T/out"
    exec {hold}<>"$T/out"
    start iov bash -c "exec ./dup/iov <(head -c 1000000 /dev/zero) >$T/out"
    eventually grep -q "reader | header" "$T/iov.err"
    reader=$(pgrep -P "$iov" iov)
    eventually asleep "$reader"
    kill -KILL "$reader"
    finish iov
    exec {hold}>&-
    [ "$status" = 1 ]
    grep -q "^iov: the reader failed" "$T/iov.err"
    rm "$T/out"
    try bash -c './dup/iov >/dev/full'
    [ "$status" = 1 ]
    grep -q '^iov: stdout: No space left' <<<"$stderr"
}

@test "iov -x: the whole list again after a part, and the reader finds a header in the body" {
    try ./dup/iov -x
    [ "$status" = 0 ]
    [ -z "$output" ]
    grep -q 'reader | byte [0-9]* of the body: " *[0-9]*\\n"' <<<"$stderr"
    assert_lesson "writing the whole list again after a part"
    try ./dup/iov -x /etc/passwd
    [ "$status" = 2 ]
}

@test "timeout: each of the four ways ends the wait, and says how" {
    try ./dup/timeout
    [ "$status" = 0 ]
    [ "$output" = "alarm -1 EINTR
poll 0
rcvtimeo -1 EAGAIN
connect -1 EINPROGRESS" ]
    [ "$(grep -c '^=> ' <<<"$stderr")" = 4 ]
    for way in alarm poll rcvtimeo connect; do
        try ./dup/timeout -m $way
        [ "$status" = 0 ]
        [[ $output = "$way "* ]]
        [ "${#lines[@]}" = 1 ]
    done
    try ./dup/timeout -m never
    [ "$status" = 2 ]
}
