# fifo/: programs in pairs, with each other and with cat, echo and yes.
load helper

# The server answers at $T/s; its pid is in $server.
start_server() {
    start server ./fifo/server -p "$T/s"
    eventually grep -q "ends it, and removes" "$T/server.err"
}

end_server() {
    kill -TERM "$server"
    finish server
    [ "$status" = 143 ]
    [ ! -e "$T/s" ]
}

@test "read and write meet by default, whoever starts first, in any folder" {
    [ ! -e "/tmp/ipc-$(id -u)/fifo" ] || skip "this user has a FIFO there already"
    cd /
    start read "$B/fifo/read"
    eventually asleep "$read"
    try "$B/fifo/write" hello "big world"
    [ "$status" = 0 ]
    finish read
    [ "$status" = 0 ]
    [ "$(<"$T/read")" = $'hello\nbig world' ]

    start write "$B/fifo/write" again
    eventually asleep "$write"
    try "$B/fifo/read"
    [ "$status" = 0 ]
    [ "$output" = again ]
    finish write
    [ "$status" = 0 ]
    rm "/tmp/ipc-$(id -u)/fifo"
}

@test "the FIFO stays, its size is 0, and only the user may open it" {
    start write ./fifo/write -p "$T/fifo" hello
    try ./fifo/read -p "$T/fifo"
    finish write
    [ "$(stat -c '%F %s %a' "$T/fifo")" = "fifo 0 600" ]
    grep -q "rm $T/fifo" "$T/write.err"
    rm "$T/fifo"
}

@test "read works with echo and yes, write with cat" {
    mkfifo "$T/fifo"
    start read ./fifo/read -p "$T/fifo"
    timeout 5 bash -c "echo from echo >$T/fifo"
    finish read
    [ "$(<"$T/read")" = "from echo" ]

    start read ./fifo/read -p "$T/fifo"
    timeout 5 bash -c "yes | head -100000 >$T/fifo"
    finish read
    [ "$status" = 0 ]
    [ "$(wc -l <"$T/read")" = 100000 ]

    start cat cat "$T/fifo"
    try ./fifo/write -p "$T/fifo" "for cat"
    finish cat
    [ "$(<"$T/cat")" = "for cat" ]
    rm "$T/fifo"
}

@test "write without TEXT copies stdin, any amount, unchanged" {
    head -c 5000000 /dev/urandom >"$T/in"
    start read ./fifo/read -p "$T/fifo"
    try ./fifo/write -p "$T/fifo" <"$T/in"
    [ "$status" = 0 ]
    finish read
    cmp "$T/in" "$T/read"
    rm "$T/fifo"
}

@test "write -n: without a reader open() fails with ENXIO; with one it does not wait" {
    try ./fifo/write -n -p "$T/fifo" hello
    [ "$status" = 1 ]
    [[ $stderr = *"write: open $T/fifo: ENXIO: it has no reader: No such device or address" ]]
    start read ./fifo/read -p "$T/fifo"
    eventually asleep "$read"
    head -c 1000000 /dev/zero >"$T/in"
    try ./fifo/write -n -p "$T/fifo" <"$T/in"
    [ "$status" = 0 ]
    finish read
    cmp "$T/in" "$T/read"
    rm "$T/fifo"
}

@test "read -n: without a writer end of file at once, with a silent one EAGAIN" {
    try ./fifo/read -n -p "$T/fifo"
    [ "$status" = 0 ]
    [[ $stderr = *"= 0: there is no writer"* ]]
    exec {silent}<>"$T/fifo"
    try ./fifo/read -n -p "$T/fifo"
    exec {silent}>&-
    [ "$status" = 0 ]
    [[ $stderr = *"-1 EAGAIN"* ]]
    rm "$T/fifo"
}

@test "a file that is no FIFO, a symbolic link, a folder without permission: refused" {
    echo precious >"$T/file"
    mkfifo "$T/fifo"
    ln -s fifo "$T/link"
    for program in "read" "write hello" server client; do
        read -ra words <<<"$program"
        try ./fifo/"${words[0]}" -p "$T/file" "${words[@]:1}" </dev/null
        [ "$status" = 1 ]
        [ "$(<"$T/file")" = precious ]
        try ./fifo/"${words[0]}" -p "$T/link" "${words[@]:1}" </dev/null
        [ "$status" = 1 ]
        [[ $stderr = *[Ss]"ymbolic link"* ]]
        try ./fifo/"${words[0]}" -p "$T" "${words[@]:1}" </dev/null
        [ "$status" = 1 ]
    done
    rm "$T/link" "$T/fifo"
}

@test "a socket is refused, too: it is no FIFO without a reader, although open() fails with ENXIO for both" {
    needs perl
    perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die' "$T/socket"
    for program in read "write hello" "write -n hello" server "client hello"; do
        read -ra words <<<"$program"
        try ./fifo/"${words[0]}" -p "$T/socket" "${words[@]:1}"
        [ "$status" = 1 ]
        [[ $stderr = *": open $T/socket: No such device or address" ]]
        [[ $stderr != *"no reader"* && $stderr != *"no server"* ]]
    done
    rm "$T/socket"
}

@test "another user's FIFO is refused: EACCES" {
    other_user fifo
    mkfifo -m 600 fifo/fifo
    for program in read write server client; do
        try "${nobody[@]}" "./fifo/$program" -p fifo/fifo
        [ "$status" = 1 ]
        [[ $stderr != *"no server yet"* ]] # nobody knows
        [[ $stderr = *"fifo/fifo: Permission denied"* ]]
    done
}

@test "the private directory must be the user's own and closed to others" {
    other_user fifo
    mkdir -m 755 "/tmp/ipc-$other"
    try "${nobody[@]}" ./fifo/read -n
    [ "$status" = 1 ]
    [ "$stderr" = "read: /tmp/ipc-$other: belongs to user 0 (export IPC_DIR=another)" ]
    chown "$other" "/tmp/ipc-$other"
    try "${nobody[@]}" ./fifo/read -n
    [ "$status" = 1 ]
    [[ $stderr = *"open to other users"* ]]
    rmdir "/tmp/ipc-$other"
    ln -s /tmp "/tmp/ipc-$other"
    try "${nobody[@]}" ./fifo/read -n
    [ "$status" = 1 ]
    [[ $stderr = *"not a directory (export IPC_DIR=another)" ]]
}

@test "the reader is killed with -9: the writer ends with an error, also while it waits for input" {
    mkfifo "$T/input"
    exec {hold}<>"$T/input"
    start read ./fifo/read -p "$T/fifo"
    start write ./fifo/write -p "$T/fifo" <"$T/input"
    eventually grep -qF "... =" "$T/write.err"
    kill -KILL "$read"
    finish read
    finish write
    exec {hold}>&-
    [ "$status" = 1 ]
    grep -q "^write: the reader is gone" "$T/write.err"
    start read ./fifo/read -p "$T/fifo"
    start write ./fifo/write -p "$T/fifo" </dev/zero
    eventually test -s "$T/read"
    kill -KILL "$read"
    finish read
    finish write
    [ "$status" = 1 ]
    grep -q "^write: .*\(gone\|Broken pipe\)" "$T/write.err"
    rm "$T/fifo" "$T/input"
}

@test "the writer is killed with -9: the reader sees end of file" {
    mkfifo "$T/input"
    exec {hold}<>"$T/input"
    start read ./fifo/read -p "$T/fifo"
    start write ./fifo/write -p "$T/fifo" <"$T/input"
    eventually grep -qF "... =" "$T/write.err"
    kill -KILL "$write"
    finish write
    finish read
    exec {hold}>&-
    [ "$status" = 0 ]
    rm "$T/fifo" "$T/input"
}

@test "SIGINT ends a program that waits in open()" {
    for program in read write; do
        start waiting ./fifo/$program -p "$T/fifo"
        eventually asleep "$waiting"
        kill -INT "$waiting"
        finish waiting
        [ "$status" = 130 ]
    done
    rm "$T/fifo"
}

@test "order: both come through; -x: both sleep in open() until they are killed" {
    try ./fifo/order
    [ "$status" = 0 ]
    [ "$(grep -c '\.\.\. = [0-9]' <<<"$stderr")" = 4 ]
    assert_lesson "open() waits for its partner"
    try ./fifo/order -x
    [ "$status" = 0 ]
    [[ $stderr != *"... = "* ]]
    assert_lesson "FIFOs opened in opposite orders: a deadlock"
}

@test "order: one process is killed with -9: the other one does not wait for ever" {
    kill_one() { # fails if it is too late
        start order ./fifo/order -x
        eventually eval '[ "$(pgrep -P "$order" | wc -l)" = 2 ]'
        kill -KILL "$(pgrep -P "$order" | "$1" -1)"
        finish order && eventually none_left && [ "$status" = 1 ]
    }
    tries 5 kill_one head
    tries 5 kill_one tail
}

@test "order: a story that nobody reads to its end leaves nothing behind" {
    try bash -c "./fifo/order 2>&1 | head -1"
    eventually none_left
}

@test "order: nothing is left behind when it is ended by SIGHUP, SIGINT or SIGTERM" {
    for signal in HUP INT TERM; do
        start order ./fifo/order -x
        eventually pgrep -P "$order" >/dev/null
        kill -$signal "$order"
        finish order
        [ "$status" = $((128 + $(kill -l $signal))) ]
        eventually none_left
    done
}

@test "client and server meet by default, whoever starts first; capitals come back, line by line" {
    start client ./fifo/client hello $'two\nlines' ""
    eventually grep -q "no server yet" "$T/client.err"
    start server ./fifo/server
    finish client
    [ "$status" = 0 ]
    [ "$(cat "$T/client"; echo .)" = $'HELLO\nTWO\nLINES\n\n.' ]
    try bash -c "printf 'a\nb\nno newline' | ./fifo/client"
    [ "$output" = $'A\nB\nNO NEWLINE' ]
    kill -TERM "$server"
    finish server
    [ "$status" = 143 ]
}

@test "200 clients at once, each with several requests, get their own answers" {
    start_server
    for i in $(seq 200); do
        start "client_$i" ./fifo/client -p "$T/s" "a$i" "b$i" "c$i"
    done
    for i in $(seq 200); do
        finish "client_$i"
        [ "$status" = 0 ]
        [ "$(<"$T/client_$i")" = "$(printf '%s\n' "A$i" "B$i" "C$i")" ]
    done
    end_server
}

@test "the server survives garbage, overlong lines, unfinished ones, and clients that are not there" {
    start_server
    timeout 5 bash -c "head -c 100000 /dev/urandom >$T/s"
    timeout 5 bash -c "head -c 100000 /dev/zero | tr '\0' 1 >$T/s"
    timeout 5 bash -c "printf '\n\n\n-5 x\n0 x\n99999999999999999999 x\n12\n12x\n ../../etc/passwd x\n999999 nobody\n1 unfinished' >$T/s"
    try ./fifo/client -p "$T/s" still there
    [ "$status" = 0 ]
    [ "$output" = $'STILL\nTHERE' ]
    end_server
}

@test "a client that never opens its FIFO, or is no FIFO, costs the server nothing" {
    start_server
    mkfifo "$T/s.77"
    echo file >"$T/s.78"
    ln -s file "$T/s.79"
    timeout 5 bash -c "printf '77 a\n78 b\n79 c\n' >$T/s"
    try ./fifo/client -p "$T/s" next
    [ "$output" = NEXT ]
    [ "$(<"$T/s.78")" = file ]
    rm -f "$T/s.77" "$T/s.79"
    end_server
}

@test "a client that does not read its answers does not block the server" {
    start_server
    mkfifo "$T/s.77"
    exec {silent}<>"$T/s.77"
    line="77 $(head -c 4000 /dev/zero | tr '\0' x)"
    for _ in $(seq 40); do echo "$line"; done | timeout 5 cat >"$T/s"
    try ./fifo/client -p "$T/s" next
    [ "$output" = NEXT ]
    grep -q "= -1 EAGAIN" "$T/server.err"
    exec {silent}>&-
    rm "$T/s.77"
    end_server
}

@test "a foreign client: echo the request, cat the answer" {
    start_server
    mkfifo "$T/s.4711"
    start cat cat "$T/s.4711"
    eventually asleep "$cat"
    timeout 5 bash -c "echo 4711 hello >$T/s"
    finish cat
    [ "$(<"$T/cat")" = HELLO ]
    rm "$T/s.4711"
    end_server
}

@test "a client that is killed between request and answer: the server goes on" {
    start_server
    kill -STOP "$server"
    eventually eval '[ "$(state "$server")" = T ]'
    start client ./fifo/client -p "$T/s" hello
    eventually grep -q "write(" "$T/client.err"
    kill -KILL "$client"
    finish client
    kill -CONT "$server"
    try ./fifo/client -p "$T/s" next
    [ "$output" = NEXT ]
    rm "$T/s.$client" # nobody else may know that it is of no use any more
    end_server
}

@test "the server is killed with -9 while the client waits for the user: the client ends with an error" {
    start_server
    mkfifo "$T/input"
    exec {hold}<>"$T/input"
    start client ./fifo/client -p "$T/s" <"$T/input"
    echo one >"$T/input"
    eventually grep -q ONE "$T/client"
    kill -KILL "$server"
    finish server
    finish client
    exec {hold}>&-
    [ "$status" = 1 ]
    grep -q "^client: the server is gone" "$T/client.err"
    rm "$T/input" "$T/s"
}

@test "the server is killed with -9: a waiting client ends with an error; the next server uses the FIFO" {
    start_server
    kill -STOP "$server"
    eventually eval '[ "$(state "$server")" = T ]'
    start client ./fifo/client -p "$T/s" hello
    eventually grep -q "write(" "$T/client.err"
    kill -KILL "$server"
    finish server
    finish client
    [ "$status" = 1 ]
    grep -q "^client: the server is gone" "$T/client.err"
    [ -p "$T/s" ]
    start_server
    try ./fifo/client -p "$T/s" again
    [ "$output" = AGAIN ]
    end_server
}

@test "a second server on the same FIFO is refused, and the first one goes on" {
    start_server
    try ./fifo/server -p "$T/s"
    [ "$status" = 1 ]
    [[ $stderr = *"server: flock $T/s: another server has it locked: "* ]]
    try ./fifo/client -p "$T/s" next
    [ "$output" = NEXT ]
    end_server
}

@test "the loser of two servers does not remove the FIFO of the winner, even if it has made it" {
    needs strace
    strace -o "$T/trace" true || skip "strace may not trace"
    start loser strace -o "$T/trace" -e trace=/mknod -e inject=/mknod:signal=STOP ./fifo/server -p "$T/s"
    eventually [ -p "$T/s" ]
    start_server
    kill -CONT "$(pgrep -P "$loser")"
    finish loser
    [ "$status" = 1 ]
    try ./fifo/client -p "$T/s" hello
    [ "$output" = HELLO ]
    end_server
}

@test "a stopped server is waited for, as long as it takes" {
    start_server
    kill -STOP "$server"
    start client ./fifo/client -p "$T/s" hello
    eventually grep -q "write(" "$T/client.err"
    asleep "$client"
    kill -CONT "$server"
    finish client
    [ "$status" = 0 ]
    [ "$(<"$T/client")" = HELLO ]
    end_server
}

@test "a client without a request has no sentence to remember" {
    start_server
    try ./fifo/client -p "$T/s" </dev/null
    [ "$status" = 0 ]
    [[ $stderr != *"=>"* ]]
    end_server
}

@test "\$IPC_DIR is another private directory" {
    IPC_DIR=$T/mine start read ./fifo/read
    IPC_DIR=$T/mine try ./fifo/write hello
    finish read
    [ "$(<"$T/read")" = hello ]
    rm "$T/mine/fifo"
    long=$T/$(printf 'x%.0s' {1..200}) # no path in it is cut off
    for command in fifo/order "fifo/bench -d 0.05 -s 64 -p same" dup/lock dup/offset dup/cloexec; do
        IPC_DIR=$long try ./$command
        [ "$status" = 0 ] || { echo "$command: $stderr"; false; }
    done
}

@test "a request that is too long is refused by the client" {
    start_server
    try ./fifo/client -p "$T/s" "$(head -c 4085 /dev/zero | tr '\0' x)"
    [ "$status" = 0 ]
    [ "${#output}" = 4085 ]
    try ./fifo/client -p "$T/s" "$(head -c 4096 /dev/zero | tr '\0' x)"
    [ "$status" = 1 ]
    [[ $stderr = *"client: a request of 4096 bytes is too long"* ]]
    end_server
}

@test "server -x: without a write end of its own it sees end of file after the first client" {
    start server ./fifo/server -x -p "$T/s"
    try ./fifo/client -p "$T/s" first
    [ "$output" = FIRST ]
    finish server
    [ "$status" = 0 ]
    grep -q "= 0: no writer is left" "$T/server.err"
    [ ! -e "$T/s" ]
}

@test "SIGINT, SIGTERM and SIGHUP end server and client, with their FIFOs removed" {
    for signal in INT TERM HUP; do
        start_server
        kill -STOP "$server"
        eventually eval '[ "$(state "$server")" = T ]'
        start client ./fifo/client -p "$T/s" hello
        eventually grep -q "write(" "$T/client.err"
        kill -$signal "$client"
        finish client
        [ "$status" = $((128 + $(kill -l $signal))) ]
        [ ! -e "$T/s.$client" ]
        kill -CONT "$server"
        kill -$signal "$server"
        finish server
        [ "$status" = $((128 + $(kill -l $signal))) ]
        [ ! -e "$T/s" ]
    done
}

@test "what is read from a FIFO is not lost silently: a full disk is an error" {
    start write ./fifo/write -p "$T/fifo" hello
    try bash -c "./fifo/read -p $T/fifo >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"read: stdout: No space left on device"* ]]
    finish write
    start_server
    try bash -c "./fifo/client -p $T/s hello >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"client: stdout: No space left on device"* ]]
    end_server
    rm "$T/fifo"
}
