# signals/: timers, the daemon, TCP urgent data.
load helper

pid_file() {
    echo "/tmp/ipc-$(id -u)/reload.pid"
}

# There is one for each user: in namespaces of our own, none but ours.
alone() {
    [ -n "${IPC_TESTS_PRIVATE:-}" ] || [ ! -e "$(pid_file)" ] || skip "this user has a reload at work, or its pid file"
    rm -f "$(pid_file)"
}

# The daemon or the foreground program reads $T/conf.
settings() {
    printf 'greeting = %s\ntimes = %s\n' "$1" "$2" >"$T/conf"
}

start_reload() {
    alone
    start reload ./signals/reload -f "$T/conf"
    eventually grep -q "greeting" "$T/reload.err"
}

end_reload() {
    kill -TERM "$reload"
    finish reload
    [ "$status" = 0 ]
    [ ! -e "$(pid_file)" ]
}

# The daemon is no child of ours.
start_daemon() {
    alone
    try ./signals/reload -d -f "$T/conf"
    [ "$status" = 0 ]
    daemon=$(<"$(pid_file)")
}

end_daemon() {
    kill -TERM "$daemon"
    eventually ended "$daemon"
    [ ! -e "$(pid_file)" ]
}

# start_recv [-i] listens at $port.
start_recv() {
    start recv ./signals/oob-recv "$@" -p 0
    eventually grep -q port "$T/recv"
    port=$(sed 's/port //;q' "$T/recv")
}

stop() {
    kill -STOP "$1"
    eventually eval '[ "$(state "'"$1"'")" = T ]'
}

# What the receiver has printed, but for the port.
received() {
    tail -n +2 "$T/recv"
}

@test "timer: five unheeded expirations are one SIGALRM; a POSIX timer and a timerfd tell all; none is early" {
    try ./signals/timer
    [ "$status" = 0 ]
    [ "${#lines[@]}" = 6 ]
    [[ ${lines[0]} =~ ^alarm\ expired\ ([0-9]+)\ told\ ([0-9]+)$ ]]
    [ "${BASH_REMATCH[1]}" -ge 5 ]
    [ "${BASH_REMATCH[2]}" -lt "${BASH_REMATCH[1]}" ]
    [[ ${lines[2]} =~ ^posix\ expired\ ([0-9]+)\ told\ ([0-9]+)$ ]]
    [ "${BASH_REMATCH[1]}" -ge 5 ]
    [ "${BASH_REMATCH[2]}" = "${BASH_REMATCH[1]}" ]
    [[ ${lines[4]} =~ ^fd\ expired\ ([0-9]+)\ told\ ([0-9]+)$ ]]
    [ "${BASH_REMATCH[1]}" -ge 5 ]
    [ "${BASH_REMATCH[2]}" = "${BASH_REMATCH[1]}" ]
    assert_lesson "an unheeded SIGALRM is lost"
    for i in 1 3 5; do # late, or very late, never early
        [[ ${lines[i]} =~ \ late\ ([0-9]+\.[0-9]{3})\ ms\ to\ ([0-9]+\.[0-9]{3})\ ms$ ]]
        awk "BEGIN { exit !(${BASH_REMATCH[1]} <= ${BASH_REMATCH[2]}) }"
    done
}

@test "timer -m shows one of the three, also when it is stopped and continued; another name is refused" {
    for way in alarm posix fd; do
        start timer ./signals/timer -m $way
        eventually grep -q heeds "$T/timer.err"
        stop "$timer"
        kill -CONT "$timer"
        finish timer
        [ "$status" = 0 ]
        [ "$(cut -d ' ' -f 1 "$T/timer" | uniq)" = $way ]
    done
    try ./signals/timer -m sun
    [ "$status" = 2 ]
    [ "$stderr" = "timer: -m 'sun': not alarm, posix or fd" ]
}

@test "reload prints the greeting, rereads FILE on SIGHUP, and ends on SIGTERM" {
    settings hello 1
    start_reload
    [ "$(<"$(pid_file)")" = "$reload" ]
    [ "$(stat -c %a "$(pid_file)")" = 600 ]
    settings "good evening" 2
    kill -HUP "$reload"
    eventually grep -q evening "$T/reload"
    kill -TERM "$reload"
    finish reload
    [ "$status" = 0 ]
    [ "$(<"$T/reload")" = $'hello\ngood evening\ngood evening' ]
    [ ! -e "$(pid_file)" ]
    grep -q "SIGHUP from process $$" "$T/reload.err"
    grep -q "SIGTERM from process $$: the end" "$T/reload.err"
}

@test "reload: a broken FILE changes nothing, says where it is broken, and nothing of it is used" {
    settings hello 1
    start_reload
    local broken=0
    for text in 'greeting = new\ntimes = 0' 'greeting = new\ntimes = 10' 'greeting = new\ntimes = x' \
        'times = 3' 'greeting = new' '' 'greeting = new\ntimes = 2\ncolour = red' 'greeting =\ntimes = 2' \
        'greeting = new\ntimes = 2 3' 'greeting = new\ntimes 2' "greeting = $(printf %0100d 0)\ntimes = 2" \
        "greeting = new\ntimes = 2\n#$(printf %05000d 0)" 'greeting = new\ntimes = 2\n\0nonsense'; do
        printf '%b\n' "$text" >"$T/conf"
        kill -HUP "$reload"
        broken=$((broken + 1))
        eventually eval '[ "$(grep -c "the old settings stay" "$T/reload.err")" = $broken ]'
    done
    eventually eval '[ "$(grep -cx hello "$T/reload")" = $((broken + 1)) ]' # the old settings are still in force
    grep -q "^reload: $T/conf:2: no setting: \"times = 0\"" "$T/reload.err"
    grep -q "^reload: $T/conf:3: no setting: \"colour = red\"" "$T/reload.err"
    grep -q "^reload: $T/conf: it must have both settings" "$T/reload.err"
    grep -q "^reload: $T/conf: a NUL byte is no text" "$T/reload.err"
    rm "$T/conf"
    kill -HUP "$reload"
    eventually grep -q "^reload: open $T/conf: No such file" "$T/reload.err"
    mkdir "$T/conf"
    kill -HUP "$reload"
    eventually grep -q "^reload: read $T/conf: Is a directory" "$T/reload.err"
    rmdir "$T/conf"
    printf '# a comment\n\n  times=3\ngreeting=at last' >"$T/conf"
    kill -HUP "$reload"
    eventually grep -q last "$T/reload"
    end_reload
    [ "$(uniq "$T/reload")" = $'hello\nat last' ]
    [ "$(grep -c last "$T/reload")" = 3 ]
}

@test "reload: a FIFO in the place of FILE does not hold it up" {
    settings hello 1
    start_reload
    rm "$T/conf"
    mkfifo "$T/conf"
    kill -HUP "$reload"
    eventually grep -q "the old settings stay" "$T/reload.err"
    end_reload
    rm "$T/conf"
}

@test "reload: a missing or broken FILE at the start is an error, and leaves no pid file" {
    alone
    for option in "" -d; do
        try ./signals/reload $option -f "$T/none"
        [ "$status" = 1 ]
        [[ $stderr = *"reload: open $T/none: No such file or directory"* ]]
        echo nonsense >"$T/conf"
        try ./signals/reload $option -f "$T/conf"
        [ "$status" = 1 ]
        [[ $stderr = *"reload: $T/conf:1: no setting: \"nonsense\""* ]]
        [ -z "$output" ]
        [ ! -e "$(pid_file)" ]
    done
    [[ $stderr = *"reload: the daemon has ended before"* ]]
}

@test "reload makes the default FILE if it is missing, and leaves one that is there alone" {
    alone
    conf=/tmp/ipc-$(id -u)/reload.conf
    [ ! -e "$conf" ] || skip "this user has settings already"
    scratch=("$conf")
    start reload ./signals/reload
    eventually grep -q hello "$T/reload"
    end_reload
    printf 'greeting = mine\ntimes = 1\n' >"$conf"
    start reload ./signals/reload
    eventually grep -q mine "$T/reload"
    rm "$conf"
    try ./signals/reload # refused: it makes no file
    [ "$status" = 1 ]
    [ ! -e "$conf" ]
    end_reload
}

@test "reload: many SIGHUPs while it is stopped are one; FILE is read as it is then" {
    settings one 1
    start_reload
    stop "$reload"
    for i in 1 2 3 4 5; do
        settings "change $i" 1
        kill -HUP "$reload"
    done
    kill -CONT "$reload"
    eventually grep -q "change 5" "$T/reload"
    end_reload
    [ "$(<"$T/reload")" = $'one\nchange 5' ]
}

@test "reload hears SIGHUP although nohup has it ignored, and SIGTERM although it comes first" {
    alone
    settings hello 1
    start reload nohup ./signals/reload -f "$T/conf"
    eventually grep -q hello "$T/reload"
    settings again 1
    kill -HUP "$reload"
    eventually grep -q again "$T/reload"
    end_reload
    start reload ./signals/reload -f "$T/conf"
    eventually test -s "$(pid_file)"
    kill -HUP "$reload" # it may not have read FILE for the first time yet
    end_reload
}

@test "reload in the foreground ends by SIGINT too, and removes its pid file" {
    settings hello 1
    start_reload
    kill -INT "$reload"
    finish reload
    [ "$status" = 130 ]
    [ ! -e "$(pid_file)" ]
}

@test "reload: stdout is full: an error, and no pid file" {
    alone
    settings hello 1
    try bash -c "./signals/reload -f '$T/conf' >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"reload: stdout: No space left on device" ]]
    [ ! -e "$(pid_file)" ]
}

@test "reload -d: no parent of ours, a session without a leader or a terminal, / as its folder, no umask" {
    settings hello 1
    start_daemon
    [ "$(ps -o ppid= -p "$daemon")" -ne $$ ]
    [ "$(ps -o tty= -p "$daemon")" = "?" ]
    sid=$(ps -o sid= -p "$daemon")
    [ "$sid" -ne "$daemon" ]
    [ "$sid" -ne "$(ps -o sid= -p $$)" ]
    eventually ended $sid
    [ "$(readlink "/proc/$daemon/cwd")" = / ]
    [ "$(awk '/^Umask/ { print $2 }' "/proc/$daemon/status")" = 0000 ]
    end_daemon
}

@test "reload -d: stdin and stdout are /dev/null, stderr is the log, nothing else is open but the pid file" {
    settings hello 1
    exec {leak}<"$T/conf"
    start_daemon
    exec {leak}<&-
    [ "$(readlink /proc/$daemon/fd/0)" = /dev/null ]
    [ "$(readlink /proc/$daemon/fd/1)" = /dev/null ]
    [ "$(readlink /proc/$daemon/fd/2)" = "/tmp/ipc-$(id -u)/reload.log" ]
    others=$(find /proc/$daemon/fd -type l ! -name '[012]' -printf '%l\n')
    [ "$others" = "$(pid_file)" ]
    end_daemon
    [ "$(stat -c %a "/tmp/ipc-$(id -u)/reload.log")" = 600 ]
}

@test "reload -d: when the caller returns, the daemon is ready; its story goes on in the log" {
    settings hello 1
    start_daemon
    log=/tmp/ipc-$(id -u)/reload.log
    settings new 3
    kill -HUP "$daemon"
    eventually grep -q 'greeting "new", times 3' "$log"
    echo rubbish >"$T/conf"
    kill -HUP "$daemon"
    eventually grep -q "the old settings stay" "$log"
    grep -q "^reload: $T/conf:1: no setting" "$log"
    end_daemon
    eventually grep -q "^=> SIGHUP says" "$log"
    [[ $stderr = *"read(3): process $daemon is ready"* ]]
    [[ $stderr != *"=>"* ]]
}

@test "reload -d finds FILE again from /, though it was given by a relative path" {
    settings hello 1
    program=$PWD/signals/reload
    alone
    cd "$T"
    try "$program" -d -f conf
    [ "$status" = 0 ]
    daemon=$(<"$(pid_file)")
    settings again 1
    kill -HUP "$daemon"
    eventually grep -q 'greeting "again"' "/tmp/ipc-$(id -u)/reload.log"
    end_daemon
}

@test "reload: a second one is refused, is told the pid of the first, and does it no harm" {
    settings hello 1
    start_daemon
    for option in "" -d; do
        try ./signals/reload $option -f "$T/conf"
        [ "$status" = 1 ]
        [[ $stderr = *"reload: $(pid_file): process $daemon has the lock"* ]]
        [ "$(<"$(pid_file)")" = "$daemon" ]
    done
    echo nonsense >"$(pid_file)" # the lock counts, not the text
    try ./signals/reload -f "$T/conf"
    [ "$status" = 1 ]
    [[ $stderr = *"process $daemon has the lock"* ]]
    end_daemon
}

@test "reload: of many that start at once, one comes through" {
    settings hello 1
    alone
    for i in 1 2 3 4 5 6 7 8 9 10; do
        start "many_$i" ./signals/reload -d -f "$T/conf"
    done
    through=0
    for i in 1 2 3 4 5 6 7 8 9 10; do
        finish "many_$i"
        [ "$status" != 0 ] || through=$((through + 1))
    done
    [ "$through" = 1 ]
    daemon=$(<"$(pid_file)")
    end_daemon
}

@test "reload: one may start while another ends; whoever runs owns the pid file" {
    settings hello 1
    start_daemon
    for i in 1 2 3 4 5 6 7 8; do
        old=$daemon
        kill -TERM "$old"
        until try ./signals/reload -d -f "$T/conf" && [ "$status" = 0 ]; do
            [[ $stderr = *"process $old has the lock"* ]]
        done
        daemon=$(<"$(pid_file)")
        [ "$daemon" != "$old" ]
        kill -HUP "$daemon"
        eventually ended "$old"
        [ "$(<"$(pid_file)")" = "$daemon" ]
    done
    end_daemon
}

@test "reload: a lock on a file that has lost its name is worth nothing: it makes a new one" {
    command -v strace >/dev/null || skip "no strace"
    strace -o "$T/trace" true 2>/dev/null || skip "strace is not allowed to trace"
    settings hello 1
    start_reload
    # Between open() and F_SETLK, its fourth fcntl(), the first one ends and removes the file.
    start second env ASAN_OPTIONS=detect_leaks=0 strace -o "$T/trace" -e trace=open,openat,fcntl -e inject=fcntl:delay_enter=1000000:when=4 \
        ./signals/reload -f "$T/conf"
    eventually grep -q reload.pid "$T/trace"
    kill -TERM "$reload"
    finish reload
    eventually grep -q hello "$T/second"
    reload=$(<"$(pid_file)")
    [ "$(grep -c 'open.*reload.pid' "$T/trace")" = 2 ]
    kill -TERM "$reload"
    finish second
    [ "$status" = 0 ]
    [ ! -e "$(pid_file)" ]
}

@test "reload: the pid file of one that was killed with -9 is no obstacle" {
    settings hello 1
    start_reload
    kill -KILL "$reload"
    finish reload
    [ -s "$(pid_file)" ]
    rm -f "$T/reload"
    start reload ./signals/reload -f "$T/conf"
    eventually grep -q hello "$T/reload"
    [ "$(<"$(pid_file)")" = "$reload" ]
    end_reload
}

@test "reload -d: a caller that cannot fork or open the log fails, and no daemon is left" {
    alone
    settings hello 1
    log=/tmp/ipc-$(id -u)/reload.log
    rm -f "$log"
    mkdir "$log"
    try ./signals/reload -d -f "$T/conf"
    rmdir "$log"
    [ "$status" = 1 ]
    [[ $stderr = *"reload: open $log: Is a directory"* ]]
    [ ! -e "$(pid_file)" ]
    none_left
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

@test "oob: SIGURG comes only when the socket has an owner; POLLPRI, select and epoll know either way" {
    start_recv
    try ./signals/oob-send -p "$port" '!X' hello '!Y' '!Z'
    finish recv
    [ "$status" = 0 ]
    grep -n -o "no SIGURG: without an owner\|F_SETOWN\|SIGURG: number [0-9]" "$T/recv.err" | cut -d : -f 2- >"$T/seen"
    [ "$(<"$T/seen")" = $'no SIGURG: without an owner\nF_SETOWN\nSIGURG: number 1\nSIGURG: number 2' ]
    grep -o "select(): .*" "$T/recv.err" >"$T/seen"
    [ "$(<"$T/seen")" = $'select(): exceptional; epoll: EPOLLPRI\nselect(): nothing; epoll: nothing' ]
}

@test "oob: no read goes past the mark; a second urgent byte makes an unread first one ordinary" {
    start_recv
    stop "$recv"
    try ./signals/oob-send -p "$port" hello '!X' mid '!Y' end
    [ "$status" = 0 ]
    [[ $stderr = *"6 bytes unread: waits no more"* ]]
    [[ $stderr = *"the last one is unread, and there is one mark"* ]]
    kill -CONT "$recv"
    finish recv
    [ "$(received)" = $'normal hello\nnormal X\nnormal mid\nurgent Y\nnormal end' ]
    grep -q 'recv() = 12 "hello\\nX\\nmid\\n"' "$T/recv.err"
    grep -q 'recv() = 5 "\\nend\\n"' "$T/recv.err"
}

@test "oob: an unread urgent byte at the mark is lost when the next one comes" {
    start_recv
    stop "$recv"
    try ./signals/oob-send -p "$port" '!X' mid '!Y' end
    kill -CONT "$recv"
    finish recv
    [ "$(received)" = $'normal \nnormal mid\nurgent Y\nnormal end' ]
}

@test "oob-recv -i: the byte stays in line, recv(MSG_OOB) is EINVAL, the mark tells; nothing is lost" {
    start_recv -i
    try ./signals/oob-send -p "$port" hello '!stop' world '!X'
    finish recv
    [ "$status" = 0 ]
    [ "$(received)" = $'normal hello\nnormal sto\nurgent p\nnormal world\nurgent X' ]
    grep -q "recv(MSG_OOB) = -1 EINVAL" "$T/recv.err"
    grep -q "=> SO_OOBINLINE" "$T/recv.err"
    start_recv -i
    stop "$recv"
    try ./signals/oob-send -p "$port" '!X' mid '!Y' end
    kill -CONT "$recv"
    finish recv
    [ "$(received)" = $'normal X\nnormal mid\nurgent Y\nnormal end' ]
}

# A sender that is not ours: perl PORT BYTES...; BYTES that start with ! are urgent, "wait" waits for the receiver.
foreign_sender='use Socket; use IO::Handle; $| = 1; my $port = shift;
    socket(S, AF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in($port, INADDR_LOOPBACK)) or die;
    for (@ARGV) {
        if ($_ eq "wait") { print "ready\n"; <STDIN> }
        elsif ($_ eq "reset") { setsockopt(S, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) or die }
        elsif (s/^!//) { defined send(S, $_, MSG_OOB) or die }
        else { defined send(S, $_, 0) or die }
    }'

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
    grep -q "SIGURG: number 1" "$T/recv.err"
    start_recv
    try perl -e "$foreign_sender" "$port" abc '!X' def
    finish recv
    [ "$(received)" = $'normal abc\nurgent X\nnormal def' ]
}

@test "oob-recv: a foreign sender resets the connection: an error; closes it: the end" {
    start_recv
    try perl -e "$foreign_sender" "$port" reset
    finish recv
    [ "$status" = 1 ]
    grep -q "^oob-recv: recv: Connection reset by peer" "$T/recv.err"
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

@test "oob-send: a receiver that reads some and closes is no error at the end, but it is before" {
    start perl perl -e 'use Socket; $| = 1;
        socket(L, AF_INET, SOCK_STREAM, 0); bind(L, sockaddr_in(0, INADDR_LOOPBACK)); listen(L, 1);
        print ((sockaddr_in(getsockname(L)))[0], "\n"); accept(S, L); print scalar <S>'
    eventually test -s "$T/perl"
    try ./signals/oob-send -p "$(head -1 "$T/perl")" one two
    [ "$status" = 1 ]
    [[ $stderr = *"oob-send: "*"the receiver has gone"* ]]
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
    echo more >&$input # the end of the stream is no word of that; the answer to this is
    finish send
    exec {input}>&-
    rm "$T/input"
    [ "$status" = 1 ]
    grep -q "^oob-send: .*the receiver has gone" "$T/send.err"
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
    grep -q "^oob-send: .*the receiver has gone" "$T/send.err"
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
    kill -TERM "$send" # it goes on waiting for a server
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
