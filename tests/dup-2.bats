# dup/, second part: half-close (halfclose-server, halfclose-client) and chat; with each other, and with perl, nc and socat.
load helper

# The server at any free port, which is then in $port.
start_server() {
    start server ./dup/halfclose-server -p 0
    find_port server
}

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

stopped() {
    [ "$(state "$1")" = T ]
}

@test "shutdown(SHUT_WR) of one copy: the server sees end of file at once, and its answer arrives" {
    start_server
    try ./dup/halfclose-client -m shutdown -p "$port"
    [ "$status" = 0 ]
    [ "$output" = "lines 3 bytes 14" ]
    socket=$(sed -n 's/.*connect() = \([0-9]*\),.*/\1/p' <<<"$stderr")
    copy=$(sed -n "s/.*dup($socket) = //p" <<<"$stderr")
    [[ $stderr = *"shutdown($copy, SHUT_WR): end of file, $socket is open"* ]]
    assert_lesson "shutdown(SHUT_WR) ends one direction, for all copies; the answer still arrives"
    finish server
    [ "$status" = 0 ]
    [ "$(<"$T/server")" = "port $port"$'\none\ntwo\nthree' ]
    grep -q "TIOCOUTQ: 0 left" "$T/server.err"
}

@test "fclose() of one stream closes the other one too: EBADF, and the answer meets an RST" {
    start_server
    try ./dup/halfclose-client -m fclose -p "$port"
    [ "$status" = 0 ]
    [ -z "$output" ]
    [[ $stderr = *"fgets() = NULL, EBADF"*"fclose() = EOF, EBADF"* ]]
    assert_lesson "two streams on one descriptor"
    finish server
    [ "$status" = 0 ]
    [ "$(<"$T/server")" = "port $port"$'\none\ntwo\nthree' ]
    grep -q 'write([0-9]*, "lines 3 bytes 14\\n") = 17' "$T/server.err"
    grep -q "POLLERR: an RST" "$T/server.err"
}

@test "dup() before fclose(): no end of file is sent, and both sides wait until the client gives up" {
    start_server
    try ./dup/halfclose-client -m dup -p "$port"
    [ "$status" = 0 ]
    [ -z "$output" ]
    copy=$(sed -n 's/.*dup([0-9]*) = //p' <<<"$stderr")
    [[ $stderr = *"fclose(): write($copy) of the buffer, close($copy)"*"no answer for 200 ms"*"TCP_INFO: ESTABLISHED"* ]]
    assert_lesson "fclose() of a copy sends no end of file"
    finish server
    [ "$status" = 0 ]
    waited=$(sed -n 's/.*read([0-9]*) = 0: end of file, after \([0-9]*\) ms/\1/p' "$T/server.err")
    [ "$waited" -ge 150 ]
    grep -q "POLLERR: an RST" "$T/server.err"
}

@test "halfclose: they meet by default, whoever starts first, in any folder" {
    [ -n "$IPC_TESTS_PRIVATE" ] || skip "the port may be in use"
    cd /
    start server "$B/dup/halfclose-server"
    eventually asleep "$server"
    try "$B/dup/halfclose-client"
    [ "$output" = "lines 3 bytes 14" ]
    finish server
    [ "$status" = 0 ]

    start client "$B/dup/halfclose-client"
    eventually grep -q "waiting" "$T/client.err"
    try "$B/dup/halfclose-server"
    [ "$status" = 0 ]
    finish client
    [ "$status" = 0 ]
    [ "$(<"$T/client")" = "lines 3 bytes 14" ]
}

@test "halfclose-server takes foreign clients: in pieces, without a newline, nothing at all, a megabyte" {
    for request in 'print $c "a\n"; sleep 0; print $c "b\nc"' '' 'print $c "x" x 999999, "\n"'; do
        start_server
        start_foreign_client "$request; shutdown(\$c, 1); print <\$c>"
        finish foreign
        [ "$status" = 0 ]
        finish server
        [ "$status" = 0 ]
        grep -q "TIOCOUTQ: 0 left" "$T/server.err"
        case $request in
        *b*) [ "$(<"$T/foreign")" = "lines 2 bytes 5" ] ;;
        *x*) [ "$(<"$T/foreign")" = "lines 1 bytes 1000000" ] ;;
        *) [ "$(<"$T/foreign")" = "lines 0 bytes 0" ] ;;
        esac
    done
}

@test "halfclose-client takes foreign servers, all three ways" {
    local answer='my $got = ""; $got .= $_ while <$c>; print $got; print $c "got ", length $got, "\n"'
    start_foreign_server "$answer"
    try ./dup/halfclose-client -p "$port"
    [ "$status" = 0 ]
    [ "$output" = "got 14" ]
    finish foreign
    [ "$(<"$T/foreign")" = "port $port"$'\none\ntwo\nthree' ]

    for way in fclose dup; do
        start_foreign_server "\$SIG{PIPE} = 'IGNORE'; $answer"
        try ./dup/halfclose-client -m $way -p "$port"
        [ "$status" = 0 ]
        [ -z "$output" ]
        finish foreign
        [ "$(<"$T/foreign")" = "port $port"$'\none\ntwo\nthree' ]
    done
}

@test "halfclose: nc -N and socat send end of file as shutdown does" {
    command -v nc >/dev/null || command -v socat >/dev/null || skip "neither nc nor socat is here"
    if command -v nc >/dev/null && nc -h 2>&1 | grep -q -- '-N'; then
        start_server
        try nc -N 127.0.0.1 "$port" <<<hello
        [ "$output" = "lines 1 bytes 6" ]
        finish server
        [ "$status" = 0 ]
    fi
    if command -v socat >/dev/null; then
        start_server
        try socat - "TCP:127.0.0.1:$port" <<<hello
        [ "$output" = "lines 1 bytes 6" ]
        finish server
        free_port
        start server socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr" "SYSTEM:wc -c"
        try ./dup/halfclose-client -p "$port"
        [ "$output" = 14 ]
        finish server
    fi
}

@test "halfclose: a silent client is given up, and so is a silent server, each with one line of error" {
    start_server
    start_foreign_client 'print $c "one\n"; print <$c>'
    start silent perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
        print "port ", $s->sockport, "\n"; $c = $s->accept; sleep 20'
    find_port silent
    try ./dup/halfclose-client -p "$port"
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "halfclose-client: no answer for 5 seconds" ]
    finish server
    [ "$status" = 1 ]
    [ "$(tail -1 "$T/server.err")" = "halfclose-server: for 5 seconds no data, and no end of file" ]
    finish foreign
    kill "$silent"
    finish silent
}

@test "halfclose: a server that goes without an answer, or is killed, is an error" {
    start_foreign_server 'my @all = <$c>'
    try ./dup/halfclose-client -p "$port"
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "halfclose-client: the server has gone without an answer" ]
    finish foreign

    start_server
    kill -STOP "$server"
    eventually stopped "$server"
    start client ./dup/halfclose-client -p "$port"
    eventually grep -q 'shutdown(' "$T/client.err"
    kill -KILL "$server"
    finish server
    finish client
    [ "$status" = 1 ]
    grep -qE '^halfclose-client: (fgets: read: Connection reset|the server has gone)' "$T/client.err"
}

@test "halfclose: a server that answers before the end of file does not show what -m dup promises: status 1" {
    start_foreign_server 'print $c "too early\n"; my @all = <$c>'
    try ./dup/halfclose-client -m dup -p "$port"
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "halfclose-client: the server does not wait for the end of file" ]
    finish foreign
}

@test "halfclose: a client that is killed is an end of file too; one that resets the connection is an error" {
    start_server
    start_foreign_client 'print $c "one\n"; sleep 20'
    eventually grep -q 'one' "$T/server"
    kill -KILL "$foreign"
    finish foreign
    finish server
    [ "$status" = 0 ]
    grep -q "POLLERR: an RST" "$T/server.err"

    start_server
    start_foreign_client 'print $c "one\n"; setsockopt($c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)); close $c'
    finish foreign
    finish server
    [ "$status" = 1 ]
    grep -q '^halfclose-server: read: Connection reset by peer' "$T/server.err"
}

@test "halfclose-server is told by EPIPE, and not killed by SIGPIPE, that the client has gone before the answer" {
    start_server
    start_foreign_client 'print $c "one\n"; <STDIN>; shutdown($c, 1); setsockopt($c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0));
        close $c' < <(eventually grep -q one "$T/server"; kill -STOP "$server"; eventually stopped "$server"; echo)
    finish foreign
    kill -CONT "$server"
    finish server
    [ "$status" = 0 ]
    grep -q "= -1 EPIPE: the client has gone" "$T/server.err"
}

@test "halfclose-server serves one: a second client is refused meanwhile, not left waiting" {
    start_server
    start_foreign_client 'print $c "one\n"; sleep 20'
    eventually grep -q 'one' "$T/server"
    try perl -MIO::Socket::INET -e 'exit !!IO::Socket::INET->new("127.0.0.1:'"$port"'")'
    [ "$status" = 0 ]
    kill "$foreign"
    finish foreign
    finish server
}

@test "halfclose: a port that is taken, or not ours to take, is an error of bind" {
    start_server
    try ./dup/halfclose-server -p "$port"
    [ "$status" = 1 ]
    [[ $stderr = "halfclose-server: bind to port $port: Address "*"in use" ]]
    kill -INT "$server"
    finish server
    [ "$status" = 130 ]
    try timeout -s INT 0.2 ./dup/halfclose-server -p "$port" # free again at once
    [ "$output" = "port $port" ]
    [ "$(id -u)" = 0 ] || skip "needs root, to be another user"
    cp dup/halfclose-server dup/chat "$BATS_RUN_TMPDIR"
    chmod 755 "$BATS_RUN_TMPDIR"
    for program in halfclose-server chat; do
        try setpriv --reuid 65534 --clear-groups "$BATS_RUN_TMPDIR/$program" -p 7
        [ "$status" = 1 ]
        [[ $stderr = "$program: bind to port 7: Permission denied" ]]
    done
}

@test "SHUT_RD: TCP still takes and gives what the peer sends, a UNIX socket refuses it; unconnected: ENOTCONN" {
    try perl -MSocket -e '
        $SIG{PIPE} = "IGNORE";
        socket(L, AF_INET, SOCK_STREAM, 0) && bind(L, pack_sockaddr_in(0, INADDR_LOOPBACK)) && listen(L, 1) or die;
        socket(A, AF_INET, SOCK_STREAM, 0);
        shutdown(A, SHUT_WR) or print "shutdown: $!\n";
        connect(A, getsockname(L)) && accept(B, L) or die;
        socketpair(C, D, AF_UNIX, SOCK_STREAM, 0) or die;
        for ([*A, *B], [*C, *D]) {
            ($we, $peer) = @$_;
            shutdown($we, SHUT_RD);
            print syswrite($peer, "hello") // "$!", " ", sysread($we, $text, 9), " ", sysread($we, $text, 9), "\n";
        }'
    [ "$output" = $'shutdown: Transport endpoint is not connected\n5 5 0\nBroken pipe 0 0' ]
}

@test "halfclose and chat refuse a wrong -m and a wrong -p with status 2" {
    for words in "halfclose-client -m close" "halfclose-client -p 0" "halfclose-client -p 65536" \
        "halfclose-server -p x" "chat -p -1"; do
        try ./dup/${words}
        [ "$status" = 2 ]
        [ -z "$output" ]
        [ "${#stderr_lines[@]}" = 1 ]
    done
}

@test "halfclose: a full disk is an error on either side" {
    try bash -c './dup/halfclose-server -p 0 >/dev/full'
    [ "$status" = 1 ]
    [[ $stderr = *"stdout: No space left on device" ]]
    start_server
    try bash -c "./dup/halfclose-client -p $port >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"stdout: No space left on device" ]]
    finish server
}

@test "chat: the same command twice; the first listens, the second connects, each prints what the other one says" {
    [ -n "$IPC_TESTS_PRIVATE" ] || skip "the port may be in use"
    cd /
    for _ in 1 2; do
        start one "$B/dup/chat" <<<"from one"
        eventually grep -q "the first, waits" "$T/one.err"
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
    grep -q "splice(stdin) = 4096, the first" "$T/one.err"
    grep -q "splice(stdin) = 4096, the first" <<<"$stderr"
}

@test "chat: where splice() cannot (EINVAL), read() and write() do the same" {
    head -c 100000 /dev/urandom >"$T/a"
    start one ./dup/chat -p 0 <"$T/a"
    find_port one
    try bash -c "./dup/chat -p $port </dev/null >>'$T/two'"
    [ "$status" = 0 ]
    [[ $stderr = *"splice(pipe, stdout): EINVAL, so write()"* ]]
    [[ $stderr = *"read(peer) = "* ]]
    finish one
    cmp "$T/a" "$T/two"
}

@test "chat: an urgent byte of the peer, at which splice() stops for ever, stops nothing" {
    start_foreign_server 'send($c, "before", 0); send($c, "!", MSG_OOB); send($c, " and after\n", 0); shutdown($c, 1); print <$c>'
    try ./dup/chat -p "$port" <<<hello
    [ "$status" = 0 ]
    [ "$output" = "before and after" ]
    finish foreign
    [ "$(tail -1 "$T/foreign")" = hello ]
}

@test "chat: the end of stdin is a half-close; the answer to it still arrives" {
    start_foreign_server 'print $c "got ", length(join "", <$c>), "\n"'
    try ./dup/chat -p "$port" <<<hello
    [ "$status" = 0 ]
    [ "$output" = "got 6" ]
    [[ $stderr = *"stdin has ended: shutdown(SHUT_WR)"*"the peer sends no more"* ]]
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
    eventually grep -q "the peer sends no more" "$T/one.err" # so it looks from here, until one writes
    echo hello >&$keys
    finish one
    [ "$status" = 1 ]
    [ "$(tail -1 "$T/one.err")" = "chat: the peer has gone" ]

    start_foreign_server 'setsockopt($c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)); close $c'
    try ./dup/chat -p "$port" <"$T/keys"
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "chat: splice from peer: Connection reset by peer" ]
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
    [ "${stderr_lines[-1]}" = "chat: splice to stdout: Broken pipe" ]
    finish foreign
    start_foreign_server 'print <$c>'
    try bash -c "./dup/chat -p $port <&-"
    [ "$status" = 1 ]
    [[ ${stderr_lines[-1]} = "chat: splice from stdin: Bad file descriptor" ]]
    finish foreign
}

@test "chat: a third one does not disturb two that talk; it waits for a fourth" {
    free_port
    mkfifo "$T/keys"
    exec {keys}<>"$T/keys"
    for name in one two; do
        start $name ./dup/chat -p "$port" <"$T/keys"
        eventually grep -q "= 0: the" "$T/$name.err"
    done
    start three ./dup/chat -p "$port" <<<"from three"
    eventually grep -q "the first, waits" "$T/three.err"
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

@test "chat: SIGINT ends one that waits, and its port is free at once" {
    start one ./dup/chat -p 0
    find_port one
    kill -INT "$one"
    finish one
    [ "$status" = 130 ]
    start two ./dup/chat -p "$port" <<<"from two"
    eventually grep -q "the first, waits" "$T/two.err"
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
