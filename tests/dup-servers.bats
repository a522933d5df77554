# dup/: edge, room and prefork.
load helper

# For perl: connect_socket() gives a socket that is connected to the port in the first argument.
perl_start='use strict; use warnings; use Socket; $| = 1; $SIG{PIPE} = "IGNORE";
    sub connect_socket {
        socket my $s, AF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
        connect $s, pack_sockaddr_in($ARGV[0], INADDR_LOOPBACK) or die "connect: $!\n";
        select((select($s), $| = 1)[0]);
        return $s;
    } '

foreign() {
    timeout 20 perl -e "$perl_start$1" "$port" 3>&-
}

# serve NAME PROGRAM [OPTION...] starts a server at a free port; $port is where.
serve() {
    start "$1" "./dup/$2" -p 0 "${@:3}"
    eventually grep -q '^port ' "$T/$1" || { cat "$T/$1.err"; return 1; }
    port=$(sed -n 's/^port //p' "$T/$1")
}

# end NAME ends that server, which must still be there.
end() {
    kill -TERM "${!1}"
    finish "$1"
    [ "$status" = 143 ]
}

# The resident memory of a process so far, at the most, in kB.
most_memory() {
    sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

@test "edge: read until EAGAIN, and an answer comes; -x: read once, and both sides sleep" {
    try ./dup/edge
    [ "$status" = 0 ]
    [ "$(grep -o 'server | recv([0-9]*) = .*' <<<"$stderr" | sed 's/.*= //')" = $'4096\n904\n-1 EAGAIN' ]
    assert_lesson "an edge is reported once"
    try ./dup/edge -x
    [ "$status" = 0 ]
    grep -q 'ioctl([0-9]*, FIONREAD) = 904' <<<"$stderr"
    grep -q 'the client sleeps' <<<"$stderr"
    assert_lesson "one event, one read"
}

@test "edge -m oneshot: one of two workers is woken until it says so; -x: both" {
    try ./dup/edge -m oneshot
    [ "$status" = 0 ]
    grep -q 'the other one still sleeps' <<<"$stderr"
    [ "$(grep -c 'worker .*| \.\.\. = 1$' <<<"$stderr")" = 1 ]
    assert_lesson "EPOLLONESHOT: one event wakes one worker"
    try ./dup/edge -m oneshot -x
    [ "$status" = 0 ]
    [ "$(grep -c 'worker .*| \.\.\. = 1$' <<<"$stderr")" = 2 ]
    assert_lesson "two workers read from one client"
    try ./dup/edge -m level
    [ "$status" = 2 ]
}

@test "room: each line goes to all others, whole, with the number of who said it" {
    serve room room
    [ "$(foreign 'my @s = map connect_socket(), 1 .. 3;
        print {$s[2]} "in\n"; for (@s[0, 1]) { my $got = ""; sysread $_, $got, 99, length $got until $got =~ /\n/ } # now all are in
        print {$s[2]} "not y"; print {$s[0]} "one\ntwo\n";
        for my $s (@s[1, 2]) { my $got = ""; sysread $s, $got, 99, length $got until $got =~ /two\n/; print $got =~ s/\d+: /N: /gr }
        print {$s[2]} "et\n"; shutdown $s[2], 1;
        for my $s (@s[0, 1]) { my $got = ""; sysread $s, $got, 99, length $got until $got =~ /\n/; print $got =~ s/\d+: /N: /gr }')" = \
        $'N: one\nN: two\nN: one\nN: two\nN: not yet\nN: not yet' ]
    end room
}

@test "room: chat and nc are its clients" {
    needs nc
    serve room room
    mkfifo "$T/keys"
    exec {keys}<>"$T/keys"
    start chat ./dup/chat -p "$port" <"$T/keys"
    start nc nc 127.0.0.1 "$port" < <(sleep 5)
    eventually eval '[ "$(grep -c accept4 "$T/room.err")" = 2 ]'
    echo "from chat" >&"$keys"
    eventually grep -q "from chat" "$T/nc"
    try nc -N 127.0.0.1 "$port" <<<"from nc"
    eventually grep -q "from nc" "$T/chat"
    kill "$nc" "$chat"
    finish nc
    finish chat
    exec {keys}>&-
    rm "$T/keys"
    end room
}

@test "room: 500 clients, silent, resetting and vanished ones among them: the others get every line; memory is bounded" {
    [ "$(ulimit -Hn)" -ge 520 ] || skip "needs 520 descriptors"
    serve room room
    cat >"$T/load.pl" <<END
$perl_start use Fcntl;
my (@s, %got, \$in); alarm 60;
for my \$i (0 .. 499) {
    push @s, connect_socket();
    setsockopt \$s[\$i], SOL_SOCKET, SO_RCVBUF, 4096 if \$i % 10 == 9;
}
# The last of ten never reads; one of ten resets, one closes its direction, one sends byte by byte.
my @readers = grep { \$_ % 10 < 6 } 0 .. 499;
for my \$i (grep { \$_ % 10 == 8 } 0 .. 499) { setsockopt \$s[\$i], SOL_SOCKET, SO_LINGER, pack "ii", 1, 0; close \$s[\$i] }
for my \$i (grep { \$_ % 10 == 7 } 0 .. 499) { shutdown \$s[\$i], 1 }
fcntl \$s[\$_], F_SETFL, O_NONBLOCK for @readers;
my @speakers = map \$_ * 50, 0 .. 9;
my (%queue, %text); \$queue{\$_} = join "", map { "line \$_ of speaker \\n" x 4 } 1 .. 50 for @speakers;
my \$lines = 200 * @speakers + 1;
\$got{\$_} = 0 for @readers;
print {\$s[499]} "all are in\n"; # the room takes them in turn, and this was the last one
my \$wait = ""; vec(\$wait, fileno \$s[0], 1) = 1; select \$wait, undef, undef, 30;
while (grep { \$got{\$_} < \$lines - ((\$_ % 50) ? 0 : 200) } @readers) {
    my (\$r, \$w) = ("", "");
    vec(\$r, fileno \$s[\$_], 1) = 1 for @readers;
    vec(\$w, fileno \$s[\$_], 1) = length \$queue{\$_} > 0 for @speakers;
    select \$r, \$w, undef, 30 or die "nothing moves\\n";
    for (@speakers) { next if !vec \$w, fileno \$s[\$_], 1; my \$n = syswrite \$s[\$_], \$queue{\$_}; substr \$queue{\$_}, 0, \$n // 0, "" }
    for (@readers) {
        next if !vec \$r, fileno \$s[\$_], 1;
        defined sysread \$s[\$_], my \$text, 65536 or next;
        \$text ne "" or die "client \$_ had to leave\\n";
        \$got{\$_} += \$text =~ tr/\\n//;
    }
}
print "all lines\\n";
END
    start load bash -c "ulimit -n 520; exec perl $T/load.pl $port"
    eventually ended "$load" || eventually ended "$load" || eventually ended "$load" || eventually ended "$load" || true
    finish load
    cat "$T/load.err"
    [ "$(<"$T/load")" = "all lines" ]
    [ "$(most_memory "$room")" -lt 60000 ] || [[ $B = */build/asan ]]
    end room
}

@test "room: a client that does not read has to leave, and holds up the others for half a second at most; it does not spin" {
    serve room room
    foreign 'my ($flood, $deaf, $reader) = map connect_socket(), 1 .. 3; alarm 15;
        setsockopt $deaf, SOL_SOCKET, SO_RCVBUF, 4096;
        my $got = 0;
        if (my $pid = fork) {
            while ($got < 400000) { sysread $reader, my $text, 65536 or die "the reader had to leave\n"; $got += $text =~ tr/\n// }
            print "got $got\n"; kill "KILL", $pid; wait;
        } else { print {$flood} "a line of the flood, which has some length, so that it does not take so many\n" for 1 .. 1000000; sleep 20 }' >"$T/got"
    grep -q "^got" "$T/got"
    grep -q "too slow" "$T/room.err"
    eventually asleep "$room"
    end room
}

@test "room and prefork: a story and a stdout that nobody reads do not stop them" {
    for program in room prefork; do
        blocked "./dup/$program" -p 0
        foreign 'for (1 .. 400) { my $s = connect_socket(); print $s "hello\n"; shutdown $s, 1; 1 while sysread $s, my $text, 9 }'
        end server
        unblock
    done
}

@test "room and prefork refuse another user" {
    other_user dup
    for program in room prefork; do
        serve "$program" "$program"
        try "${nobody[@]}" perl -e "$perl_start"'my $s = connect_socket(); print $s "intruder\n"; sysread $s, my $text, 9; print "got $text"' "$port"
        [ "$output" = "got " ]
        grep -q "user $other: refused" "$T/$program.err"
        end "$program"
    done
}

@test "room and prefork: out of descriptors they do not spin, and take the next one when a client leaves" {
    for program in room prefork; do
        mkfifo "$T/input"
        exec {hold}<>"$T/input"
        start server bash -c "ulimit -n 12; exec ./dup/$program -p 0"
        eventually grep -q "^port" "$T/server"
        port=$(sed -n 's/^port //p' "$T/server")
        start crowd perl -e "$perl_start"'my @s = map connect_socket(), 1 .. 40; print "connected\n"; <STDIN>; close $_ for @s; my $s = connect_socket();
            print $s "hello\n"; shutdown $s, 1; 1 while sysread $s, my $text, 9; print "served\n"' "$port" <"$T/input"
        eventually grep -q connected "$T/crowd"
        eventually asleep "$server"
        echo >&"$hold"
        finish crowd
        grep -q served "$T/crowd"
        end server
        exec {hold}>&-
        rm "$T/input"
    done
}

@test "prefork: what is sent comes back, through any of the workers; a dead worker is replaced" {
    serve parent prefork -w 2
    head -c 1000000 /dev/urandom >"$T/in"
    try ./dup/echo-client -p "$port" <"$T/in"
    [ "$status" = 0 ]
    cmp "$T/in" "$T/.output"
    workers=$(pgrep -P "$parent" prefork)
    [ "$(wc -l <<<"$workers")" = 2 ]
    mkfifo "$T/input"
    exec {hold}<>"$T/input"
    start one ./dup/echo-client -p "$port" <"$T/input"
    echo hello >&"$hold"
    eventually grep -q hello "$T/one"
    for worker in $workers; do kill -KILL "$worker"; done
    eventually eval '[ "$(grep -c "wait() = [0-9]*, status 137" "$T/parent.err")" = 2 ]'
    finish one
    [ "$status" = 1 ]
    try ./dup/echo-client -p "$port" "to the new ones"
    [ "$output" = "to the new ones" ]
    [ "$(pgrep -P "$parent" prefork | wc -l)" = 2 ]
    workers=$(pgrep -P "$parent" prefork)
    end parent
    for worker in $workers; do eventually ended "$worker"; done
    exec {hold}>&-
    rm "$T/input"
}

@test "prefork: a worker that is stopped holds up its own clients only" {
    serve parent prefork -w 2
    stop "$(pgrep -P "$parent" prefork | head -1)"
    foreign 'my @s = map connect_socket(), 1 .. 4; my $answers = 0;
        for (@s) { print $_ "hello\n" }
        my $r = ""; vec($r, fileno $_, 1) = 1 for @s;
        my $end = time + 5;
        while ($answers < 2 && time < $end) { select my $ready = $r, undef, undef, 0.5;
            for (@s) { if (vec $ready, fileno $_, 1) { sysread $_, my $text, 9; vec($r, fileno $_, 1) = 0; $answers++ } } }
        print $answers' >"$T/answers"
    [ "$(<"$T/answers")" = 2 ]
    end parent
}

@test "prefork: 500 clients at once, some flooding, silent, resetting, half-closing: bytes in are bytes out" {
    [ "$(ulimit -Hn)" -ge 520 ] || skip "needs 520 descriptors"
    sed -n "/^use strict;/,/^END$/p" "$BATS_TEST_DIRNAME/dup-echo.bats" | sed '/^END$/,$d' >"$T/load.pl"
    grep -q "nobody stops the flood" "$T/load.pl"
    serve parent prefork
    start load bash -c "ulimit -n 520; exec perl $T/load.pl $port 500"
    eventually ended "$load" || eventually ended "$load" || eventually ended "$load" || true
    finish load
    cat "$T/load" "$T/load.err" | tail -5
    [ "$status" = 0 ]
    read -r in out < <(awk '{ print $2 }' "$T/load" | paste -s -d ' ')
    [ "$in" -gt 7000000 ]
    [ "$in" = "$out" ]
    end parent
}

@test "prefork -x: the parent's copy keeps the connection open, and the client waits for its end" {
    serve parent prefork -x
    try ./dup/echo-client -p "$port" hello
    [ "$output" = hello ]
    grep -q "nothing for 300 ms; 0 of 6 bytes missing" <<<"$stderr"
    finish parent
    [ "$status" = 0 ]
    grep -q "TCP_INFO): CLOSE_WAIT" "$T/parent.err"
    [ "$(tail -1 "$T/parent.err")" = "=> the worker has closed the connection, the parent has not: it stays open" ]
}
