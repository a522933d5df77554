# signals/: TCP urgent data: oob-recv and oob-send.
load helper

# start_recv [-i] listens at $port.
start_recv() {
    start recv ./signals/oob-recv "$@" -p 0
    eventually grep -q port "$T/recv"
    port=$(sed 's/port //;q' "$T/recv")
}

# What the receiver has printed, but for the port.
received() {
    tail -n +2 "$T/recv"
}

@test "oob-recv and oob-send meet by default, whoever starts first, in any folder" {
    cd /
    start send "$B/signals/oob-send" hello
    eventually grep -q waiting "$T/send.err"
    try "$B/signals/oob-recv"
    [ "$status" = 0 ]
    [[ ${lines[0]} =~ ^port\ [0-9]+$ ]]
    [ "${lines[1]}" = "normal hello" ]
    finish send
    [ "$status" = 0 ]
}

@test "oob: the urgent byte keeps its place; each of several is read, none is lost" {
    start_recv
    try ./signals/oob-send -p "$port" hello '!X' world '!A' '!B' '!stop' end '!'
    [ "$status" = 0 ]
    [ -z "$output" ]
    finish recv
    [ "$status" = 0 ]
    [ "$(received)" = $'normal hello\nurgent X\nnormal world\nurgent A\nurgent B\nnormal sto\nurgent p\nnormal end\nnormal !' ]
}

@test "oob: SIGURG comes to the owner of the socket, once for each urgent byte" {
    start_recv
    try ./signals/oob-send -p "$port" hello '!Y' '!Z'
    finish recv
    [ "$status" = 0 ]
    grep -o "F_SETOWN\|SIGURG has come: [0-9]" "$T/recv.err" >"$T/seen"
    [ "$(<"$T/seen")" = $'F_SETOWN\nSIGURG has come: 1\nSIGURG has come: 2' ]
}

# The receiver is stopped when it has accepted a sender and read its first line.
start_and_stop_recv() {
    start_recv "$@"
    mkfifo "$T/lines"
    exec {lines}<>"$T/lines"
    start send ./signals/oob-send -p "$port" <"$T/lines"
    echo first >&$lines
    eventually grep -qx "normal first" "$T/recv"
    eventually asleep "$recv"
    stop "$recv"
}

# send_lines LINE... - the sender waits a second for the receiver, and then no more.
send_lines() {
    printf '%s\n' "$@" >&$lines
    eventually grep -q "send(.*, $(($# + 1)))\|\"${!#}" "$T/send.err"
    kill -CONT "$recv"
    kill -TERM "$send" # the input stays open
    finish send
    finish recv
    exec {lines}>&-
    rm "$T/lines"
}

@test "oob: a second urgent byte makes an unread first one ordinary, or it is lost if it comes next" {
    start_and_stop_recv
    send_lines hello '!X' mid '!Y' end
    [ "$(received)" = $'normal first\nnormal hello\nnormal X\nnormal mid\nurgent Y\nnormal end' ]
    grep -q 'recv([0-9]*) = 12 "hello\\nX\\nmid\\n"' "$T/recv.err"
    start_and_stop_recv
    send_lines '!X' mid '!Y' end
    [ "$(received)" = $'normal first\nnormal \nnormal mid\nurgent Y\nnormal end' ]
    start_and_stop_recv -i
    send_lines '!X' mid '!Y' end
    [ "$(received)" = $'normal first\nnormal X\nnormal mid\nurgent Y\nnormal end' ]
}

@test "oob-recv -i: the byte stays in line, and the mark says which it is; nothing is lost" {
    start_recv -i
    try ./signals/oob-send -p "$port" hello '!stop' world '!X'
    finish recv
    [ "$status" = 0 ]
    [ "$(received)" = $'normal hello\nnormal sto\nurgent p\nnormal world\nurgent X' ]
    grep -q "=> SO_OOBINLINE" "$T/recv.err"
}

@test "oob: the urgent byte comes in its place; a second one makes the first ordinary" {
    try ./signals/oob
    [ "$status" = 0 ]
    [ "$output" = "hello stop aXbY" ]
    [[ $stderr = *"POLLPRI"*'recv() = 3 "sto"'*"sockatmark("*") = 1"*'recv(MSG_OOB) = 1 "p"'*'recv() = 3 "aXb"'* ]]
    assert_lesson "the urgent byte comes no sooner"
}

@test "oob -x: a handler that reads the urgent byte at once has it, but not its place" {
    try ./signals/oob -x
    [ "$status" = 0 ]
    [ "$output" = "hello psto YaXb" ]
    assert_lesson "without the mark"
}

# A sender that is not ours: perl PORT BYTES...; BYTES that start with ! are urgent, "wait" waits for the receiver.
foreign_sender='use Socket; use IO::Handle; $| = 1; my $port = shift;
    socket(S, AF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in($port, INADDR_LOOPBACK)) or die;
    for (@ARGV) {
        if ($_ eq "wait") { print "ready\n"; <STDIN> }
        elsif ($_ eq "reset") { setsockopt(S, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) or die }
        elsif (s/^!//) { defined send(S, $_, MSG_OOB) or die }
        else { defined send(S, $_, 0) or die }
    }
    exit if grep { $_ eq "reset" } @ARGV;
    shutdown(S, 1); sysread(S, my $rest, 1)' # a receiver can tell whose we are as long as we are here

@test "oob-recv works with a foreign sender, with or without newlines" {
    start_recv
    mkfifo "$T/go"
    exec {go}<>"$T/go"
    start perl perl -e "$foreign_sender" "$port" abc wait '!def' wait ghi <"$T/go"
    eventually grep -qx "normal abc" "$T/recv"
    echo >&$go
    eventually grep -qx "urgent f" "$T/recv"
    echo >&$go
    finish perl
    finish recv
    exec {go}>&-
    rm "$T/go"
    [ "$status" = 0 ]
    [ "$(received)" = $'normal abc\nnormal de\nurgent f\nnormal ghi' ]
    grep -q "SIGURG has come: 1" "$T/recv.err"
    start_recv
    try perl -e "$foreign_sender" "$port" abc '!X' def
    finish recv
    [ "$(received)" = $'normal abc\nurgent X\nnormal def' ]
}

@test "oob-recv: a foreign sender resets the connection: an error; closes it: the end" {
    start_recv
    mkfifo "$T/go"
    exec {go}<>"$T/go"
    start perl perl -e "$foreign_sender" "$port" abc wait reset <"$T/go"
    eventually grep -qx "normal abc" "$T/recv"
    echo >&$go
    finish perl
    finish recv
    exec {go}>&-
    rm "$T/go"
    [ "$status" = 1 ]
    grep -q "^oob-recv: recv: ECONNRESET: Connection reset by peer" "$T/recv.err"
    start_recv
    try perl -e "$foreign_sender" "$port"
    finish recv
    [ "$status" = 0 ]
    [ -z "$(received)" ]
}

@test "oob-recv: a megabyte before the urgent byte, which is further away than its pointer can say" {
    start_recv
    try perl -e "$foreign_sender" "$port" "$(head -c 120000 /dev/zero | tr '\0' a)" "!$(head -c 120000 /dev/zero | tr '\0' b)U" "after"
    finish recv
    [ "$status" = 0 ]
    [ "$(received | grep -v '^normal [ab]*$')" = $'urgent U\nnormal after' ]
    [ "$(received | grep '^normal [ab]*$' | sed 's/normal //' | tr -d '\n' | wc -c)" = 240000 ]
}

@test "oob-send works with a foreign receiver: by SIGURG and MSG_OOB, or one that knows nothing" {
    start perl perl -e 'use Socket; use Fcntl; $| = 1;
        socket(L, AF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in(0, INADDR_LOOPBACK)); listen(L, 1);
        print ((sockaddr_in(getsockname(L)))[0], "\n");
        $SIG{URG} = sub { recv(S, my $byte, 1, MSG_OOB); print "urgent $byte\n" };
        accept(S, L); fcntl(S, F_SETOWN, $$ + 0) or die; print "owner\n";
        while (1) { my $n = sysread(S, my $bytes, 100); next unless defined $n; last unless $n; $bytes =~ s/\n/./g; print "read $bytes\n" }'
    eventually test -s "$T/perl"
    mkfifo "$T/input"
    exec {input}<>"$T/input"
    start send ./signals/oob-send -p "$(head -1 "$T/perl")" <"$T/input"
    eventually grep -q owner "$T/perl"
    echo hello >&$input
    eventually grep -q hello "$T/perl"
    echo '!X' >&$input
    eventually grep -q "urgent X" "$T/perl"
    echo world >&$input
    eventually grep -q world "$T/perl"
    kill -KILL "$send" # the input stays open
    finish send
    finish perl
    exec {input}>&-
    rm "$T/input"
    [ "$(tail -n +3 "$T/perl" | grep -v 'read \.')" = $'read hello.\nurgent X\nread world.' ]

    start perl perl -e 'use Socket; $| = 1;
        socket(L, AF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in(0, INADDR_LOOPBACK)); listen(L, 1);
        print ((sockaddr_in(getsockname(L)))[0], "\n"); accept(S, L); print while <S>'
    eventually test -s "$T/perl"
    try ./signals/oob-send -p "$(head -1 "$T/perl")" hello '!stop' world
    [ "$status" = 0 ]
    finish perl
    [ "$(tail -n +2 "$T/perl")" = $'hello\nsto\nworld' ]
}

@test "oob-send: a receiver that reads some and closes is an error while there is more to send" {
    start perl perl -e 'use Socket; $| = 1;
        socket(L, AF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in(0, INADDR_LOOPBACK)); listen(L, 1);
        print ((sockaddr_in(getsockname(L)))[0], "\n"); accept(S, L); print scalar <S>'
    eventually test -s "$T/perl"
    try bash -c "yes | ./signals/oob-send -p $(head -1 "$T/perl")"
    [ "$status" = 1 ]
    [[ $stderr =~ oob-send:\ .*(the\ receiver\ is\ gone|EPIPE|ECONNRESET) ]]
    finish perl
}

@test "oob-send: a receiver that only says no more still reads" {
    start perl perl -e 'use Socket; $| = 1;
        socket(L, AF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in(0, INADDR_LOOPBACK)); listen(L, 1);
        print ((sockaddr_in(getsockname(L)))[0], "\n"); accept(S, L); shutdown(S, 1); print while <S>'
    eventually test -s "$T/perl"
    mkfifo "$T/input"
    exec {input}<>"$T/input"
    start send ./signals/oob-send -p "$(head -1 "$T/perl")" <"$T/input"
    for word in one two three; do
        echo $word >&$input
        eventually grep -q $word "$T/perl"
    done
    kill -KILL "$send" # the input stays open
    finish send
    finish perl
    exec {input}>&-
    rm "$T/input"
    [ "$(tail -n +2 "$T/perl")" = $'one\ntwo\nthree' ]
}

@test "oob-send leaves its command line as it is" {
    start_recv
    stop "$recv"
    start send ./signals/oob-send -p "$port" hello world
    eventually grep -q "send(" "$T/send.err"
    [ "$(tr '\0' ' ' <"/proc/$send/cmdline")" = "./signals/oob-send -p $port hello world " ]
    kill -CONT "$recv"
    finish recv
    finish send
    [ "$status" = 0 ]
}

@test "oob-send without TEXT sends the lines of stdin; the last one needs no newline; any length" {
    start_recv
    try bash -c "printf 'one\n\n!X\nlast' | ./signals/oob-send -p $port"
    [ "$status" = 0 ]
    finish recv
    [ "$(received)" = $'normal one\nnormal \nurgent X\nnormal last' ]
    head -c 300000 /dev/zero | tr '\0' z >"$T/long"
    start_recv
    try ./signals/oob-send -p "$port" <"$T/long"
    [ "$status" = 0 ]
    finish recv
    [ "$(received | sed 's/normal //' | tr -d '\n' | wc -c)" = 300000 ]
}

@test "oob: the sender is killed with -9: end of file; the receiver is: an error, also while it waits for a line" {
    mkfifo "$T/input"
    exec {input}<>"$T/input"
    start_recv
    start send ./signals/oob-send -p "$port" <"$T/input"
    echo hello >&$input
    eventually grep -q hello "$T/recv"
    kill -KILL "$send"
    finish send
    finish recv
    [ "$status" = 0 ]
    start_recv
    start send ./signals/oob-send -p "$port" <"$T/input"
    echo hello >&$input
    eventually grep -q hello "$T/recv"
    kill -KILL "$recv"
    finish recv
    eventually eval 'ended "$send" || { echo more >&$input; false; }' # the answer to a line is a reset
    finish send
    exec {input}>&-
    rm "$T/input"
    [ "$status" = 1 ]
    grep -q "^oob-send: .*the receiver is gone" "$T/send.err"
}

@test "oob: the receiver is killed with -9 before it has read: the sender ends with an error" {
    start_recv
    stop "$recv"
    start send ./signals/oob-send -p "$port" hello world
    eventually grep -q "send(" "$T/send.err"
    kill -KILL "$recv"
    finish recv
    finish send
    [ "$status" = 1 ]
    grep -qE "^oob-send: (.*the receiver is gone|send: (ECONNRESET|EPIPE))" "$T/send.err" # as it comes before or after a poll()
}

@test "oob: SIGINT ends either, wherever it waits; nothing is left" {
    start_recv
    kill -INT "$recv"
    finish recv
    [ "$status" = 130 ]
    start send ./signals/oob-send -p "$port" hello
    eventually grep -q "waiting" "$T/send.err"
    kill -INT "$send"
    finish send
    [ "$status" = 130 ]
}

@test "oob-recv: stdout is full: an error, and the sender hears of it" {
    start send ./signals/oob-send hello '!X' world
    try bash -c "./signals/oob-recv >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"oob-recv: stdout: No space left on device" ]]
    kill -TERM "$send" 2>/dev/null || ended "$send" # it waits for a server, or was connected and has heard of the end
    finish send
}

@test "oob-recv listens on the loopback interface alone; a port that is in use is refused" {
    start_recv
    grep -q "0100007F:$(printf %04X "$port") 00000000:0000 0A\|7F000001:$(printf %04X "$port") 00000000:0000 0A" /proc/net/tcp
    try ./signals/oob-recv -p "$port"
    [ "$status" = 1 ]
    [ -z "$output" ]
    [[ $stderr = *"oob-recv: bind to port $port: Address"* ]]
    try ./signals/oob-send -p "$port" bye
    finish recv
    try ./signals/oob-recv -p 65536
    [ "$status" = 2 ]
    try ./signals/oob-send -p x
    [ "$status" = 2 ]
    try ./signals/oob-send -p 0
    [ "$status" = 2 ]
}
