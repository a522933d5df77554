# dup/: halfclose-server and halfclose-client; with each other, and with perl, nc and socat.
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

@test "shutdown(SHUT_WR) of one copy: the server sees end of file at once, and its answer arrives" {
    start_server
    try ./dup/halfclose-client -m shutdown -p "$port"
    [ "$status" = 0 ]
    [ "$output" = "lines 3 bytes 14" ]
    socket=$(sed -n 's/.*connect(\([0-9]*\)): port.*/\1/p' <<<"$stderr")
    copy=$(sed -n "s/.*dup($socket) = //p" <<<"$stderr")
    [[ $stderr = *"shutdown($copy, SHUT_WR) = 0: end of file, and $socket is open"* ]]
    assert_lesson "shutdown(SHUT_WR) ends one direction for all copies; the answer arrives"
    finish server
    [ "$status" = 0 ]
    [ "$(<"$T/server")" = "port $port"$'\none\ntwo\nthree' ]
    grep -q "ioctl([0-9]*, TIOCOUTQ) = 0: acknowledged" "$T/server.err"
}

@test "fclose() of one stream closes the other one too: EBADF, and the answer meets an RST" {
    start_server
    try ./dup/halfclose-client -m fclose -p "$port"
    [ "$status" = 0 ]
    [ -z "$output" ]
    [[ $stderr = *"fgets(): read("*"), EBADF"*"fclose(): close("*") = -1 EBADF"* ]]
    assert_lesson "two streams on one descriptor"
    finish server
    [ "$status" = 0 ]
    [ "$(<"$T/server")" = "port $port"$'\none\ntwo\nthree' ]
    grep -q 'write([0-9]*, "lines 3 bytes 14\\n") = 17' "$T/server.err"
    grep -q "= 1, POLLERR|POLLHUP: an RST" "$T/server.err"
}

@test "dup() before fclose(): no end of file is sent, and both sides wait until the client gives up" {
    start_server
    try ./dup/halfclose-client -m dup -p "$port"
    [ "$status" = 0 ]
    [ -z "$output" ]
    socket=$(sed -n 's/.*dup(\([0-9]*\)) = .*/\1/p' <<<"$stderr")
    copy=$(sed -n 's/.*dup([0-9]*) = //p' <<<"$stderr")
    [[ $stderr = *"fclose(): write($copy) of the buffer, close($copy)"*"poll($socket, POLLIN, 200 ms) = 0"*"TCP_INFO): ESTABLISHED"* ]]
    assert_lesson "fclose() of a copy sends no end of file"
    finish server
    [ "$status" = 0 ]
    waited=$(sed -n 's/.*read([0-9]*) = 0: the end, after \([0-9]*\) ms/\1/p' "$T/server.err")
    [ "$waited" -ge 150 ]
    grep -q "= 1, POLLERR|POLLHUP: an RST" "$T/server.err"
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
        grep -q "ioctl([0-9]*, TIOCOUTQ) = 0: acknowledged" "$T/server.err"
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
    [ "${stderr_lines[-1]}" = "halfclose-client: the server closed without an answer" ]
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
    grep -qE '^halfclose-client: (fgets: read: Connection reset|the server closed)' "$T/client.err"
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
    grep -q "= 1, POLLERR|POLLHUP: an RST" "$T/server.err"

    start_server
    start_foreign_client 'print $c "one\n"; <STDIN>; setsockopt($c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)); close $c' \
        < <(eventually grep -q one "$T/server"; echo)
    finish foreign
    finish server
    [ "$status" = 1 ]
    grep -q '^halfclose-server: read: Connection reset by peer' "$T/server.err"
}

@test "halfclose-server is told by EPIPE, and not killed by SIGPIPE, that the client is gone before the answer" {
    start_server
    start_foreign_client 'print $c "one\n"; <STDIN>; shutdown($c, 1); setsockopt($c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0));
        close $c' < <(eventually grep -q one "$T/server"; kill -STOP "$server"; eventually stopped "$server"; echo)
    finish foreign
    kill -CONT "$server"
    finish server
    [ "$status" = 0 ]
    grep -q 'write([0-9]*, .*) = -1 EPIPE'  "$T/server.err"
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
    start server ./dup/halfclose-server -p "$port" # free again at once
    find_port server
    kill -INT "$server"
    finish server
    [ "$status" = 130 ]
    other_user dup
    for program in halfclose-server chat; do
        try "${nobody[@]}" "./dup/$program" -p 7
        [ "$status" = 1 ]
        [[ $stderr = "$program: bind "*" port 7: Permission denied" ]]
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

@test "halfclose: another user is refused, as client and as server; also one that closes at once" {
    other_user dup
    start_server
    for how in '' 'sleep 1'; do
        try "${nobody[@]}" perl -MIO::Socket::INET -e '$c = IO::Socket::INET->new("127.0.0.1:'"$port"'") or die; $c->autoflush(1); print $c "intruder\n";'"$how"
        eventually grep -q "refused" "$T/server.err"
    done
    try ./dup/halfclose-client -p "$port"
    [ "$output" = "lines 3 bytes 14" ]
    finish server
    ! grep -q intruder "$T/server" || false
    start foreign "${nobody[@]}" perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
        print "port ", $s->sockport, "\n"; $c = $s->accept; print "got ", <$c>'
    find_port foreign
    try ./dup/halfclose-client -p "$port"
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "halfclose-client: connect to port $port: not a server of yours" ]
    finish foreign
    ! grep -q three "$T/foreign" || false
}

@test "halfclose-server: at a terminal control characters of the client become question marks" {
    start_port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
    port=$start_port
    start terminal script -qec "./dup/halfclose-server -p $port" /dev/null
    start_foreign_client 'print $c "\e]0;title\a \x9b31m tab\there \xc3\xa9\n"; shutdown($c, 1); print <$c>'
    finish foreign
    finish terminal
    grep -q $'^?]0;title? ?31m tab\there \xc3\xa9' "$T/terminal"
}
