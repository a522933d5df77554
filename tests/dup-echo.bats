# dup/: echo-server and echo-client: many clients, three ways to wait for them.
load helper

ways="select poll epoll"

# serve NAME [OPTION...] starts a server at a free port; $port is where.
serve() {
    start "$1" ./dup/echo-server -p 0 "${@:2}"
    eventually grep -q "waits for clients" "$T/$1.err"
    port=$(sed -n 's/^port //p' "$T/$1")
}

# end NAME ends that server, which must still be there.
end() {
    kill -TERM "${!1}"
    finish "$1"
    [ "$status" = 143 ]
}

# For perl: connect_socket() gives a socket that is connected to the port in the first argument.
perl_start='use strict; use warnings; use Socket; $| = 1;
    sub connect_socket {
        socket my $s, AF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
        connect $s, pack_sockaddr_in($ARGV[0], INADDR_LOOPBACK) or die "connect: $!\n";
        return $s;
    } '

foreign() {
    timeout 10 perl -e "$perl_start$1" "$port" 3>&-
}

# A foreign server at a free port, for one client at $c; $port is where.
foreign_server() {
    start foreign perl -MIO::Socket::INET -e '$| = 1;
        my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die "listen: $!\n";
        print "port ", $l->sockport, "\n";
        my $c = $l->accept; '"$1"
    eventually grep -q "^port" "$T/foreign"
    port=$(sed -n 's/^port //p' "$T/foreign")
}

# 500 clients in one process. Prints how many bytes went in and out of those that were not reset.
write_load() {
    cat >"$T/load" <<'END'
use strict;
use warnings;
use Fcntl;
use Socket;

my ($port, $count) = @ARGV;
my @kinds = qw(ordinary half ordinary half slow ordinary silent reset ordinary half);
my %length = (ordinary => 20000, half => 30000, slow => 200, silent => 0, reset => 5000, flood => 1e12);
my (@clients, $in, $out);
$SIG{PIPE} = "IGNORE";
alarm 60;

# What a client sends: an endless sequence of lines of its own.
sub piece {
    my ($client, $offset, $length) = @_;
    my $block = $client->{block} //= join "", map { "client $client->{number} line $_\n" } 1 .. 300;
    my $start = $offset % length $block;
    return substr $block x (1 + ($start + $length) / length $block), $start, $length;
}

for my $i (0 .. $count - 1) {
    my $kind = $i % 50 == 9 ? "flood" : $kinds[$i % @kinds];
    socket my $socket, AF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 4096 if $kind eq "flood" || $kind eq "slow";
    setsockopt $socket, SOL_SOCKET, SO_SNDBUF, 4096 if $kind eq "flood";
    connect $socket, pack_sockaddr_in($port, INADDR_LOOPBACK) or die "connect: $!\n";
    fcntl $socket, F_SETFL, O_NONBLOCK or die "fcntl: $!\n";
    push @clients, { socket => $socket, number => $i, kind => $kind, length => $length{$kind},
        most => $kind eq "slow" ? 7 : 65536, sent => 0, got => 0 };
}

sub send_some {
    my $client = shift;
    my $left = $client->{length} - $client->{sent};
    my $most = $left < $client->{most} ? $left : $client->{most};
    my $done = send $client->{socket}, piece($client, $client->{sent}, $most), 0;
    defined $done or $!{EAGAIN} ? return : die "client $client->{number} ($client->{kind}): send: $!\n";
    $client->{sent} += $done;
    shutdown $client->{socket}, 1 if $client->{kind} eq "half" && $client->{sent} == $client->{length};
}

sub receive_some {
    my $client = shift;
    defined recv $client->{socket}, my $text, $client->{most}, 0
        or $!{EAGAIN} ? return : die "client $client->{number} ($client->{kind}): recv: $!\n";
    $text eq piece($client, $client->{got}, length $text) or die "client $client->{number}: got other bytes\n";
    $client->{got} += length $text;
    $client->{ended} = $text eq "";
}

# Sends and receives for these clients until each is done, or none can move.
sub run {
    my ($done, @left) = @_;
    while (@left = grep { !$done->($_) } @left) {
        my ($reading, $writing) = ("", "");
        for (@left) {
            vec($reading, fileno $_->{socket}, 1) = $_->{length} < 1e12;
            vec($writing, fileno $_->{socket}, 1) = $_->{sent} < $_->{length};
        }
        my $ready = select $reading, $writing, undef, $left[0]{length} < 1e12 ? 20 : 0.2;
        last if $ready == 0;
        for (@left) {
            receive_some($_) if vec $reading, fileno $_->{socket}, 1;
            send_some($_) if vec $writing, fileno $_->{socket}, 1;
        }
    }
    return @left;
}

sub of { my %wanted = map { $_ => 1 } @_; return grep { $wanted{$_->{kind}} } @clients }

sub none { die scalar @_, " clients do not get their answers, one is number $_[0]{number}, $_[0]{kind}\n" if @_ }

# The flood first: all others must be served while it stands.
run(sub { 0 }, of("flood")) == of("flood") or die "nobody stops the flood\n";
my @busy = of(qw(ordinary half slow reset));
none(run(sub { $_[0]{got} == $_[0]{length} && ($_[0]{ended} || $_[0]{kind} ne "half") }, @busy));
for (of("reset")) {
    send $_->{socket}, "more", 0;
    setsockopt $_->{socket}, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
    close $_->{socket};
}
$_->{length} = $_->{sent} for of("flood");
none(run(sub { $_[0]{got} == $_[0]{length} }, of("flood")));
my @open = of(qw(ordinary slow silent flood));
shutdown $_->{socket}, 1 for @open;
none(run(sub { $_[0]{ended} }, @open));
for (of(qw(ordinary half slow flood))) {
    $in += $_->{sent};
    $out += $_->{got};
}
print "in $in\nout $out\n";
END
}

# The CPU time of a process so far, in ticks, and how often it has gone to sleep by itself.
work_of() {
    awk '{ print $14 + $15 }' "/proc/$1/stat"
    grep '^voluntary' "/proc/$1/status"
}

@test "server and client meet by default, whoever starts first; a line comes back, in each way" {
    try ss -Hltn "sport = :$((20002 + 10 * ($(id -u) % 1201)))"
    [ -z "$output" ] || skip "this user has a server there already"
    for way in $ways; do
        start client ./dup/echo-client hello "big world" ""
        eventually grep -q "waiting for a server" "$T/client.err"
        start server ./dup/echo-server -m $way
        finish client
        [ "$status" = 0 ]
        [ "$(cat "$T/client"; echo .)" = $'hello\nbig world\n\n.' ]
        try ./dup/echo-client </dev/null
        [ "$status" = 0 ]
        [ -z "$output" ]
        grep -q "$way.*) = 1" "$T/server.err"
        end server
    done
}

@test "an urgent byte comes back too, in each way" {
    for way in $ways; do
        serve server -m "$way"
        foreign 'my $s = connect_socket(); send $s, "hello!", MSG_OOB; shutdown $s, 1; print while <$s>' >"$T/out"
        [ "$(<"$T/out")" = "hello!" ]
        end server
    done
}

@test "a server whose story nobody reads any more serves on" {
    mkfifo "$T/story"
    start server bash -c "exec ./dup/echo-server -p 0 2>$T/story"
    head -1 "$T/story" >"$T/head"
    port=$(sed -n 's/^port //p' "$T/server")
    for text in hello again; do
        try ./dup/echo-client -p "$port" "$text"
        [ "$output" = "$text" ]
    done
    end server
    rm "$T/story"
}

@test "each way serves 500 clients at once, slow, silent, half-closing, resetting and flooding ones among them" {
    [ "$(ulimit -Hn)" -ge 520 ] || skip "needs 520 descriptors"
    write_load
    for way in $ways; do
        serve "server_$way" -m "$way"
        start "load_$way" bash -c "ulimit -n 520; exec perl $T/load $port 500"
    done
    for way in $ways; do
        eventually ended "$(eval "echo \$load_$way")" || true # more time than finish gives
        finish "load_$way"
        cat "$T/load_$way" "$T/load_$way.err"
        [ "$status" = 0 ]
        read -r in out < <(awk '{ print $2 }' "$T/load_$way" | paste -s -d ' ')
        [ "$in" -gt 7000000 ]
        [ "$in" = "$out" ]
        pid=$(eval "echo \$server_$way")
        [ "$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")" -lt 60000 ] || [[ $B = */build/asan ]]
        eventually grep -q "0 clients left" "$T/server_$way.err"
        [ "$(wc -l <"$T/server_$way.err")" -lt 100 ]
        ! grep "^echo-server" "$T/server_$way.err" || false
        end "server_$way"
    done
}

@test "any amount comes back unchanged, through any of the ways" {
    head -c 2000000 /dev/urandom >"$T/in"
    for way in $ways; do
        serve server -m $way
        try ./dup/echo-client -p "$port" <"$T/in"
        [ "$status" = 0 ]
        cmp "$T/in" "$T/.output"
        assert_lesson "a stream has two directions"
        end server
    done
}

@test "a client that sends and reads without end does not keep the others waiting" {
    for way in $ways; do
        serve server -m $way
        start busy bash -c "exec ./dup/echo-client -p $port < <(exec yes) >/dev/null"
        eventually grep -q "send" "$T/busy.err"
        try ./dup/echo-client -p "$port" hello
        [ "$output" = hello ]
        kill -KILL "$busy"
        finish busy
        end server
    done
}

@test "out of descriptors the server tells it, does not spin, and takes the next one when a client leaves" {
    for way in $ways; do
        start server bash -c "ulimit -n 10; exec ./dup/echo-server -p 0 -m $way"
        eventually grep -q "waits for clients" "$T/server.err"
        port=$(sed -n 's/^port //p' "$T/server")
        mkfifo "$T/input"
        exec {hold}<>"$T/input"
        start crowd perl -e "$perl_start"'my @s = map connect_socket(), 1 .. 8; print "8 connected\n"; <STDIN>;
            for (@s) { syswrite $_, "hello"; sysread $_, my $text, 9; print "$text\n"; close $_ }' "$port" <"$T/input"
        eventually grep -q "| accept4([0-9]*) = -1 EMFILE: [0-9]* client" "$T/server.err"
        eventually grep -q "connected" "$T/crowd"
        eventually asleep "$server"
        earlier=$(work_of "$server")
        for i in 1 2 3 4 5; do # something to do for others
            try ./dup/echo-client -h
        done
        diff <(work_of "$server") <(echo "$earlier") >"$T/difference" || # it may have looked again, once a second
            [ "$(awk '/^[<>] vol/ { n = $3 - n } END { print n < 0 ? -n : n }' "$T/difference")" -lt 10 ]
        echo go >&"$hold"
        finish crowd
        [ "$(grep -c hello "$T/crowd")" = 8 ]
        exec {hold}>&-
        rm "$T/input"
        try ./dup/echo-client -p "$port" hello
        [ "$output" = hello ]
        end server
    done
}

@test "select: a descriptor that an fd_set cannot hold is not given out; with poll all clients are served at once" {
    [ "$(ulimit -Hn)" -ge 1200 ] || skip "needs 1200 descriptors"
    for way in select poll; do
        serve server -m $way
        mkfifo "$T/go"
        cat >"$T/crowd.pl" <<END
$perl_start my @s = map connect_socket(), 1 .. 1100;
open my \$go, "<", "$T/go"; my \$got;
for (@s) { send \$_, "hello\n", 0; sysread \$_, \$got, 6; close \$_; \$got eq "hello\n" or die }
print "1100 served\n"
END
        start crowd bash -c "ulimit -Sn 1200; exec perl $T/crowd.pl $port"
        if [ $way = select ]; then
            eventually grep -q "accept4([0-9]*) = -1 EMFILE" "$T/server.err"
        else
            eventually eval '[ "$(find "/proc/$server/fd" -type l | wc -l)" -ge 1104 ]'
        fi
        : >"$T/go"
        finish crowd
        rm "$T/go"
        [ "$(<"$T/crowd")" = "1100 served" ] || { cat "$T/crowd.err"; return 1; }
        end server
    done
}

@test "echo-server: -m takes no other word" {
    for words in "-m epoll-et" "-m kqueue" "-m ''" -x; do
        eval "try ./dup/echo-server $words"
        [ "$status" = 2 ]
        [ "${#stderr_lines[@]}" = 1 ]
    done
}

@test "echo-server: a story and a stdout that nobody reads cannot stop it" {
    for way in $ways; do
        blocked ./dup/echo-server -p 0 -m "$way"
        foreign 'for (1 .. 300) { my $s = connect_socket(); send $s, "hello", 0; sysread $s, my $text, 9; $text eq "hello" or die }'
        end server
        unblock
    done
}

@test "echo: another user is refused, as client and as server" {
    other_user dup
    serve server
    try "${nobody[@]}" perl -e "$perl_start"'$SIG{PIPE} = "IGNORE"; my $s = connect_socket(); send $s, "hello", 0; sysread $s, my $text, 9; print "got $text"' "$port"
    [ "$output" = "got " ]
    grep -q "user $other: refused" "$T/server.err"
    ! grep -q hello "$T/server.err" || false
    try "${nobody[@]}" ./dup/echo-client -p "$port" hello
    [ "$status" = 1 ]
    grep -q "connect to port $port: not a server of yours" <<<"$stderr"
    try ./dup/echo-client -p "$port" hello
    [ "$output" = hello ]
    end server

    start foreign "${nobody[@]}" perl -MIO::Socket::INET -e '$| = 1; my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1");
        print "port ", $l->sockport, "\n"; my $c = $l->accept; print "got ", <$c>'
    eventually grep -q "^port" "$T/foreign"
    port=$(sed -n 's/^port //p' "$T/foreign")
    try ./dup/echo-client -p "$port" secret
    [ "$status" = 1 ]
    grep -q "user $other: refused" <<<"$stderr"
    finish foreign
    ! grep -q secret "$T/foreign" || false
}

@test "a foreign client: it sends in pieces, closes its direction, and gets the rest" {
    for way in $ways; do
        serve server -m $way
        [ "$(foreign 'my $s = connect_socket(); syswrite $s, "one "; syswrite $s, "two\nthree"; shutdown $s, 1;
            print while sysread $s, $_, 100')" = $'one two\nthree' ]
        end server
    done
}

@test "a foreign server: the client sends it any amount, and counts what comes back" {
    head -c 3000000 /dev/urandom >"$T/in"
    foreign_server 'while (sysread $c, my $text, 10000) { print {$c} $text }'
    try ./dup/echo-client -p "$port" <"$T/in"
    [ "$status" = 0 ]
    cmp "$T/in" "$T/.output"
    finish foreign
    foreign_server 'sysread $c, my $text, 100; print {$c} "$text and more\n"; sysread $c, $text, 1'
    try ./dup/echo-client -p "$port" hello
    [ "$status" = 1 ]
    grep -q "^echo-client: more came back than was sent" <<<"$stderr"
    finish foreign
    foreign_server 'sysread $c, my $text, 3; close $c'
    try ./dup/echo-client -p "$port" hello
    [ "$status" = 1 ]
    grep -q "^echo-client: .*6 of 6 bytes missing" <<<"$stderr"
    finish foreign
}

@test "a server that answers nothing: the client tells what lies where, and does not wait for ever" {
    foreign_server 'sysread $c, my $text, 2; sleep'
    try ./dup/echo-client -p "$port" hello
    [ "$status" = 1 ]
    grep -q "6 of 6 bytes missing" <<<"$stderr"
    grep -q "4 bytes unread at the server" <<<"$stderr"
    grep -q "^echo-client: no answer for 3000 ms: 6 of 6 bytes missing" <<<"$stderr"
    kill -TERM "$foreign"
    finish foreign
    foreign_server 'sleep'
    try bash -c "printf x | ./dup/echo-client -p $port"
    grep -q "1 byte unread at the server" <<<"$stderr"
    grep -q "^echo-client: no answer for 3000 ms: 1 of 1 byte missing" <<<"$stderr"
    kill -TERM "$foreign"
    finish foreign
}

@test "a server that is stopped and continued goes on, and what has piled up comes back too" {
    head -c 60000 /dev/zero | tr '\0' x >"$T/in"
    for way in $ways; do
        serve server -m $way
        kill -STOP "$server"
        eventually eval '[ "$(state "$server")" = T ]'
        start client ./dup/echo-client -p "$port" <"$T/in"
        eventually grep -q "[0-9] bytes unread at the server" "$T/client.err"
        grep -q "60000 of 60000 bytes missing" "$T/client.err"
        kill -CONT "$server"
        finish client
        [ "$status" = 0 ]
        cmp "$T/in" "$T/client"
        end server
    done
}

@test "the client closes its direction when all is back, and waits for the server to close the other" {
    mkfifo "$T/input"
    exec {hold}<>"$T/input"
    foreign_server 'while (sysread $c, my $text, 100) { print {$c} $text } print "end of file\n"; <STDIN>' <"$T/input"
    start client ./dup/echo-client -p "$port" hello
    eventually grep -q "end of file" "$T/foreign"
    eventually asleep "$client"
    echo go >&"$hold"
    finish client
    [ "$status" = 0 ]
    finish foreign
    exec {hold}>&-
    rm "$T/input"
}

@test "the server is killed with -9: a client ends with an error, whether it waits for an answer or for input" {
    mkfifo "$T/input"
    exec {hold}<>"$T/input"
    serve server
    start idle ./dup/echo-client -p "$port" <"$T/input"
    eventually grep -q "accept4" "$T/server.err"
    eventually asleep "$server"
    kill -STOP "$server"
    eventually eval '[ "$(state "$server")" = T ]'
    start waiting ./dup/echo-client -p "$port" hello
    eventually grep -q "send" "$T/waiting.err"
    kill -KILL "$server"
    finish server
    finish idle
    [ "$status" = 1 ]
    grep -q "^echo-client: the server has closed" "$T/idle.err"
    finish waiting
    [ "$status" = 1 ]
    grep -q "^echo-client: recv: 6 of 6 bytes missing: Connection reset by peer" "$T/waiting.err"
    exec {hold}>&-
    rm "$T/input"
}

@test "clients that are killed with -9 in the middle, SIGPIPE and resets do not end the server" {
    for way in $ways; do
        serve server -m $way
        sockets() { find "/proc/$server/fd" -lname 'socket:*' | wc -l; }
        before_busy=$(sockets)
        start busy bash -c "exec ./dup/echo-client -p $port < <(exec yes) >/dev/null"
        eventually grep -q "send" "$T/busy.err"
        eventually eval '[ "$(sockets)" -gt "$before_busy" ]'
        kill -KILL "$busy"
        finish busy
        eventually eval '[ "$(sockets)" = "$before_busy" ]'
        foreign 'for (1 .. 50) {
            my $s = connect_socket(); syswrite $s, "x" x 100000;
            setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0; close $s }'
        kill -STOP "$server" # so that data, the end of file and the reset are there before it looks
        eventually eval '[ "$(state "$server")" = T ]'
        foreign 'my $s = connect_socket(); syswrite $s, "x" x 20000; shutdown $s, 1;
            setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0; close $s'
        kill -CONT "$server"
        try ./dup/echo-client -p "$port" hello
        [ "$output" = hello ]
        end server
    done
}

@test "a second server at the same port is refused; after the first one's end the port is free at once" {
    serve server
    try ./dup/echo-server -p "$port"
    [ "$status" = 1 ]
    [[ $stderr = *"echo-server: bind to port $port: Address "*"in use" ]]
    try ./dup/echo-client -p "$port" hello
    [ "$output" = hello ]
    kill -INT "$server"
    finish server
    [ "$status" = 130 ]
    start server ./dup/echo-server -p "$port"
    eventually grep -q "waits for clients" "$T/server.err"
    end server
}

@test "what cannot be printed is an error" {
    try bash -c "./dup/echo-server -p 0 >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"echo-server: stdout: No space left on device"* ]]
    serve server
    try bash -c "./dup/echo-client -p $port hello >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"echo-client: stdout: No space left on device"* ]]
    try bash -c "./dup/echo-client -p $port <&-"
    [ "$status" = 1 ]
    [[ $stderr = *"echo-client: stdin: Bad file descriptor"* ]]
    end server
}

@test "SIGINT ends a client that waits for its input, and one that waits for a server" {
    mkfifo "$T/input"
    exec {hold}<>"$T/input"
    serve server
    start client ./dup/echo-client -p "$port" <"$T/input"
    eventually grep -q "connect" "$T/client.err"
    kill -INT "$client"
    finish client
    [ "$status" = 130 ]
    exec {hold}>&-
    rm "$T/input"
    end server
    start client ./dup/echo-client -p "$port" hello
    eventually grep -q "waiting for a server" "$T/client.err"
    kill -INT "$client"
    finish client
    [ "$status" = 130 ]
}

@test "epoll has no memory in common with the kernel: the events are copied to the caller's buffer" {
    serve server -m epoll
    readlink "/proc/$server/fd/"* | grep -q "anon_inode:\[eventpoll\]"
    ! grep -q eventpoll "/proc/$server/maps" || false
    end server
}
