# dup/: chat; with itself, and with perl, nc and socat.
load helper

find_port() {
    eventually grep -q '^port ' "$T/$1" || { cat "$T/$1.err"; return 1; }
    port=$(sed -n 's/^port //p' "$T/$1")
}

# A port that nobody uses, in $port.
free_port() {
    port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
}

# A server in perl: listens at any port, prints it, takes one client as $c and does what the argument says.
start_foreign_server() {
    start foreign perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
        print "port ", $s->sockport, "\n"; $c = $s->accept; $c->autoflush(1);'"$1"
    find_port foreign
}

# A client in perl: connects to $port as $c, for as long as it takes, and does what the argument says.
start_foreign_client() {
    start foreign perl -MIO::Socket::INET -e '$| = 1; until ($c = IO::Socket::INET->new("127.0.0.1:'"$port"'")) {
        select undef, undef, undef, 0.02 } $c->autoflush(1);'"$1"
}

# Whether the process sleeps, and does not run once while we look.
quiet() {
    local switches
    switches=$(grep ctxt "/proc/$1/status")
    for _ in {1..20}; do [ "$(state "$1")" = S ] || return 1; done
    [ "$switches" = "$(grep ctxt "/proc/$1/status")" ]
}

@test "chat: the same command twice; the first listens, the second connects, each prints what the other one says" {
    [ -n "$IPC_TESTS_PRIVATE" ] || skip "the port may be in use"
    cd /
    for _ in 1 2; do
        start one "$B/dup/chat" <<<"from one"
        eventually grep -q "the first, at port" "$T/one.err"
        start two "$B/dup/chat" <<<"from two"
        finish one
        [ "$status" = 0 ]
        finish two
        [ "$status" = 0 ]
        [ "$(<"$T/one")" = "from two" ]
        [ "$(<"$T/two")" = "from one" ]
        grep -q "the second" "$T/two.err"
        grep -q "9 bytes sent, 9 received" "$T/two.err"
    done
}

@test "chat: two that start at the same moment find each other" {
    free_port
    for _ in {1..10}; do
        start one ./dup/chat -p "$port" <<<"from one"
        start two ./dup/chat -p "$port" <<<"from two"
        finish one
        finish two
        [ "$(<"$T/one")" = "from two" ]
        [ "$(<"$T/two")" = "from one" ]
    done
}

@test "chat: megabytes both ways at once, from files and pipes to files and pipes, arrive unchanged" {
    head -c 3000000 /dev/urandom >"$T/a"
    head -c 5000000 /dev/urandom >"$T/b"
    start one ./dup/chat -p 0 <"$T/a"
    find_port one
    try bash -c "cat '$T/b' | ./dup/chat -p $port | cat >'$T/two'"
    [ "$status" = 0 ]
    finish one
    [ "$status" = 0 ]
    cmp "$T/a" "$T/two"
    tail -c +$((${#port} + 7)) "$T/one" | cmp "$T/b"
    grep -q "5000000 bytes sent, 3000000 received" <<<"$stderr"
}

@test "chat: stdout opened to append and stdin from /dev/null will do" {
    head -c 100000 /dev/urandom >"$T/a"
    start one ./dup/chat -p 0 <"$T/a"
    find_port one
    try bash -c "./dup/chat -p $port </dev/null >>'$T/two'"
    [ "$status" = 0 ]
    finish one
    cmp "$T/a" "$T/two"
}

@test "chat: an urgent byte of the peer arrives among the others" {
    start_foreign_server 'send($c, "before", 0); send($c, "!", MSG_OOB); send($c, " and after\n", 0); shutdown($c, 1); print <$c>'
    try ./dup/chat -p "$port" <<<hello
    [ "$status" = 0 ]
    [ "$output" = "before! and after" ]
    finish foreign
    [ "$(tail -1 "$T/foreign")" = hello ]
}

@test "chat: the end of stdin is a half-close; the answer to it still arrives" {
    start_foreign_server 'print $c "got ", length(join "", <$c>), "\n"'
    try ./dup/chat -p "$port" <<<hello
    [ "$status" = 0 ]
    [ "$output" = "got 6" ]
    [[ $stderr = *"SHUT_WR) = 0"*") = 0: peer"* ]]
    finish foreign

    free_port
    start_foreign_client 'print $c "hello\n"; shutdown($c, 1); print <$c>'
    try ./dup/chat -p "$port" <<<"good day"
    [ "$status" = 0 ]
    [ "$output" = hello ]
    finish foreign
    [ "$(<"$T/foreign")" = "good day" ]
}

@test "chat: nc and socat can be at the other end" {
    command -v nc >/dev/null || command -v socat >/dev/null || skip "neither nc nor socat is here"
    for peer in "nc -N 127.0.0.1 PORT" "socat - TCP:127.0.0.1:PORT"; do
        command -v "${peer%% *}" >/dev/null || continue
        [[ $peer != nc* ]] || nc -h 2>&1 | grep -q -- '-N' || continue
        start one ./dup/chat -p 0 <<<"from chat"
        find_port one
        try ${peer/PORT/$port} <<<"from ${peer%% *}"
        [ "$output" = "from chat" ]
        finish one
        [ "$(<"$T/one")" = "port $port"$'\n'"from ${peer%% *}" ]
    done
}

@test "chat: at a terminal, what is typed goes at once, and Ctrl-D ends it" {
    start one ./dup/chat -p 0 <<<"hello, terminal"
    find_port one
    mkfifo "$T/keys"
    exec {keys}<>"$T/keys"
    start two script -qec "./dup/chat -p $port" /dev/null <"$T/keys"
    eventually grep -q "hello, terminal" "$T/two"
    printf 'typed\n' >&$keys
    eventually grep -q typed "$T/one"
    ! ended "$one" || false
    printf '\004' >&$keys
    finish one
    [ "$status" = 0 ]
    finish two
    [ "$status" = 0 ]
    exec {keys}>&-
    rm "$T/keys"
}

@test "chat: while nothing comes it sleeps, and it sleeps while nobody takes what it prints" {
    mkfifo "$T/keys" "$T/slow"
    exec {keys}<>"$T/keys"
    start one ./dup/chat -p 0 <"$T/keys"
    find_port one
    start two ./dup/chat -p "$port" <"$T/keys"
    eventually grep -q "the second" "$T/two.err"
    eventually quiet "$one"
    eventually quiet "$two"
    kill "$one" "$two"
    finish one
    finish two

    # stdout is full: what comes from stdin goes on. Then both directions have ended, which is POLLHUP.
    exec {slow}<>"$T/slow"
    head -c 5000000 /dev/zero >"$T/zeros"
    start foreign perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
        print "port ", $s->sockport, "\n"; $c = $s->accept; print $c "x" x 100000; shutdown($c, 1); print <$c>'
    find_port foreign
    bash -c "exec env IPC_TEST='$IPC_TEST' ./dup/chat -p $port <'$T/zeros' >'$T/slow' 2>'$T/three.err'" 3>&- &
    three=$!
    finish foreign
    tail -c +$((${#port} + 7)) "$T/foreign" | cmp "$T/zeros"
    eventually quiet "$three"
    [ "$(head -c 100000 <"$T/slow" | wc -c)" = 100000 ]
    finish three
    [ "$status" = 0 ]
    exec {keys}>&- {slow}>&-
    rm "$T/keys" "$T/slow"
}

@test "chat: a peer that is killed, or resets the connection, is a clear error" {
    mkfifo "$T/keys"
    exec {keys}<>"$T/keys"
    start one ./dup/chat -p 0 <"$T/keys"
    find_port one
    start two ./dup/chat -p "$port" <"$T/keys"
    eventually grep -q "the second" "$T/two.err"
    kill -KILL "$two"
    finish two
    eventually grep -q ") = 0: peer" "$T/one.err" # so it looks from here, until one writes
    echo hello >&$keys
    finish one
    [ "$status" = 1 ]
    [ "$(tail -1 "$T/one.err")" = "chat: the peer is gone" ]

    start_foreign_server 'sysread $c, $_, 9; setsockopt($c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)); close $c'
    echo hello >&$keys
    try ./dup/chat -p "$port" <"$T/keys"
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "chat: read from peer: Connection reset by peer" ]
    finish foreign
    exec {keys}>&-
    rm "$T/keys"
}

@test "chat: stdout that is full or has lost its reader, stdin that cannot be read: one line of error" {
    start_foreign_server 'print $c "hello\n"; print <$c>'
    try bash -c "./dup/chat -p $port </dev/null >/dev/full"
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "chat: write to stdout: No space left on device" ]
    finish foreign
    start_foreign_server 'print $c "hello\n"; print <$c>'
    mkfifo "$T/fifo"
    try bash -c "exec 8<>'$T/fifo' 9>'$T/fifo' 8>&-; ./dup/chat -p $port </dev/null >&9 9>&-" # a pipe without a reader
    rm "$T/fifo"
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "chat: write to stdout: Broken pipe" ]
    finish foreign
    start_foreign_server 'print <$c>'
    try bash -c "./dup/chat -p $port <&-"
    [ "$status" = 1 ]
    [[ ${stderr_lines[-1]} = "chat: read from stdin: Bad file descriptor" ]]
    finish foreign
}

@test "chat: a third one does not disturb two that talk; it waits for a fourth" {
    free_port
    mkfifo "$T/keys"
    exec {keys}<>"$T/keys"
    for name in one two; do
        start $name ./dup/chat -p "$port" <"$T/keys"
        eventually grep -q ": the" "$T/$name.err"
    done
    start three ./dup/chat -p "$port" <<<"from three"
    eventually grep -q "the first, at port" "$T/three.err"
    try ./dup/chat -p "$port" <<<"from four"
    [ "$output" = "from three" ]
    finish three
    [ "$(<"$T/three")" = "from four" ]
    kill "$one" "$two"
    finish one
    finish two
    exec {keys}>&-
    rm "$T/keys"
}

@test "chat: a third one that connects before the first has closed its listening socket listens itself" {
    needs strace
    free_port
    mkfifo "$T/keys"
    exec {keys}<>"$T/keys"
    start one strace -f -qq -o "$T/trace" -e trace=close -e inject=close:delay_enter=700000 ./dup/chat -p "$port" <"$T/keys"
    eventually grep -q "the first, at port" "$T/one.err"
    start two ./dup/chat -p "$port" <"$T/keys"
    eventually grep -q "accept(" "$T/one.err"
    start three ./dup/chat -p "$port" <<<"from three"
    eventually grep -q "the first, at port" "$T/three.err"
    try ./dup/chat -p "$port" <<<"from four"
    [ "$output" = "from three" ]
    finish three
    [ "$status" = 0 ]
    kill "$(pgrep -P "$one" chat)" "$two"
    finish one
    finish two
    exec {keys}>&-
    rm "$T/keys"
}

@test "chat: SIGINT ends one that waits, and its port is free at once" {
    start one ./dup/chat -p 0
    find_port one
    kill -INT "$one"
    finish one
    [ "$status" = 130 ]
    start two ./dup/chat -p "$port" <<<"from two"
    eventually grep -q "the first, at port" "$T/two.err"
    try ./dup/chat -p "$port" <<<"from three"
    [ "$output" = "from two" ]
    finish two
}

@test "chat: a port that is bound, but where nobody listens, is an error" {
    start foreign perl -MSocket -e '$| = 1; socket(S, AF_INET, SOCK_STREAM, 0); bind(S, pack_sockaddr_in(0, INADDR_LOOPBACK));
        print "port ", (unpack_sockaddr_in(getsockname(S)))[0], "\n"; sleep 20'
    find_port foreign
    try ./dup/chat -p "$port" </dev/null
    [ "$status" = 1 ]
    [ "$stderr" = "chat: port $port is in use, but nobody listens there" ]
    kill "$foreign"
    finish foreign
}

@test "chat: another user is refused, and the one who listens goes on waiting" {
    other_user dup
    start one ./dup/chat -p 0 <<<"secret"
    find_port one
    try "${nobody[@]}" perl -MIO::Socket::INET -e '$c = IO::Socket::INET->new("127.0.0.1:'"$port"'") or die; print $c "intruder\n"; print <$c>'
    [ -z "$output" ]
    try ./dup/chat -p "$port" <<<"friend"
    [ "$output" = secret ]
    finish one
    [ "$(tail -1 "$T/one")" = friend ]
    ! grep -q intruder "$T/one" || false
    start foreign "${nobody[@]}" perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
        print "port ", $s->sockport, "\n"; $c = $s->accept; print "got ", <$c>'
    find_port foreign
    try ./dup/chat -p "$port" <<<secret
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "chat: connect to port $port: not yours" ]
    finish foreign
    ! grep -q secret "$T/foreign" || false
}

@test "chat: a terminal that takes no output does not stop what is typed" {
    needs python3
    try python3 - <<'END'
import os, pty, socket, subprocess, time
master, slave = pty.openpty()
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1)
keys, typed = os.pipe()
chat = subprocess.Popen(["./dup/chat", "-p", str(listener.getsockname()[1])], stdin=keys, stdout=slave, stderr=subprocess.DEVNULL)
peer = listener.accept()[0]
peer.setblocking(False)
blocked = 0
while blocked < 10:
    try:
        peer.send(b"x" * 1000)
        blocked = 0
    except BlockingIOError:
        blocked += 1
        time.sleep(0.05)
os.write(typed, b"hello\n")
peer.setblocking(True)
peer.settimeout(5)
print(peer.recv(100).decode(), end="")
chat.kill()
chat.wait()
END
    [ "$output" = hello ]
}
