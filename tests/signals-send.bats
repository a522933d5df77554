# signals/: who sent what, what waits and what is queued.
load helper

# start_recv SIGNAL... starts it; its pid is in $recv. It is ready when it has printed that.
start_recv() {
    start recv ./signals/recv "$@"
    eventually grep -q . "$T/recv" || { cat "$T/recv.err"; return 1; }
    [ "$(<"$T/recv")" = "$recv" ]
}

end_recv() {
    kill -TERM "$recv"
    finish recv
    [ "$status" = 0 ]
}

# has_lines LINE... - what recv has printed after its pid.
has_lines() {
    diff <(tail -n +2 "$T/recv") <(printf '%s\n' "$@")
}

@test "recv prints its pid first, then who sent each signal, by which call and with what value, until SIGTERM" {
    start_recv
    kill -USR1 "$recv"
    eventually grep -q SIGUSR1 "$T/recv"
    start send ./signals/send -q 42 "$recv" USR2
    finish send
    [ "$status" = 0 ]
    queued=$send
    eventually grep -q SIGUSR2 "$T/recv"
    end_recv
    has_lines "SIGUSR1 from $BASHPID" "SIGUSR2 from $queued value 42" "SIGTERM from $BASHPID"
    grep -q " | SIGUSR1: SI_USER, si_uid $(id -u)$" "$T/recv.err"
    grep -q " | SIGUSR2: SI_QUEUE, si_uid $(id -u)$" "$T/recv.err"
    [[ $(tail -1 "$T/recv.err") = "=> SA_SIGINFO says who sent a signal"* ]]
}

@test "send tells of the call that it made, prints nothing, and does not wait" {
    start_recv
    stop "$recv"
    try ./signals/send "$recv" USR1
    [ "$status" = 0 ]
    [ -z "$output" ]
    [[ $stderr = *" sender | kill($recv, SIGUSR1) = 0" ]]
    try ./signals/send -q -5 "$recv" USR2
    [[ $stderr = *" sender | sigqueue($recv, SIGUSR2, -5) = 0" ]]
    kill -CONT "$recv"
    end_recv
}

@test "a signal is USR1, SIGUSR1, usr1 or a number; real-time ones count from RTMIN or back from RTMAX" {
    start_recv sigusr1 12 Rtmin+2 RTMAX RTMIN winch SIGRTMAX-1
    count=1
    for name in USR1 sigusr1 10 SigUsr2 rtmin RTMIN+2 rtmax-1 SIGRTMAX WINCH; do
        try ./signals/send "$recv" "$name"
        [ "$status" = 0 ]
        count=$((count + 1))
        eventually bash -c "[ \$(wc -l <$T/recv) = $count ]"
    done
    end_recv
    last=$(sed -n 's/^SIGRTMIN+\([0-9][0-9]\) .*/\1/p' "$T/recv" | tail -1) # 30, or 29 with musl
    diff <(tail -n +2 "$T/recv" | cut -d ' ' -f 1) \
        <(printf 'SIG%s\n' USR1 USR1 USR1 USR2 RTMIN RTMIN+2 RTMIN+$((last - 1)) "RTMIN+$last" WINCH TERM)
}

@test "recv and send know every standard signal by the name that kill -l gives it" {
    names=()
    for number in {1..31}; do
        case $number in 9 | 15 | 19) ;; *) names+=("$(kill -l "$number")") ;; esac
    done
    start_recv "${names[@]}"
    for name in "${names[@]}"; do # one by one: a pending SIGCONT takes SIGTSTP away, and the other way round
        try ./signals/send "$recv" "$name"
        [ "$status" = 0 ]
        eventually grep -q "^SIG$name from" "$T/recv"
    done
    end_recv
    diff <(printf 'SIG%s\n' "${names[@]}" TERM | sort) <(tail -n +2 "$T/recv" | cut -d ' ' -f 1 | sort)
}

@test "CLD, IOT and POLL are other names of CHLD, ABRT and IO" {
    start_recv CLD IOT POLL
    for name in SIGCLD iot POLL; do
        try ./signals/send "$recv" "$name"
        [ "$status" = 0 ]
    done
    eventually bash -c "[ \$(wc -l <$T/recv) = 4 ]"
    end_recv
    diff <(printf 'SIG%s\n' ABRT CHLD IO TERM) <(tail -n +2 "$T/recv" | cut -d ' ' -f 1 | sort)
}

@test "a name or number that is no signal is refused with status 2" {
    for name in "" SIG X 1x +1 -0 65 99999999999999999999 RTMIN+ RTMIN+99 RTMIN-1 RTMIN2 RTMAX+1 RTMAX-99 RTMIN+1x \
        "$(printf 'x%.0s' {1..3000})" $'US\nR1'; do
        try ./signals/recv -- USR1 "$name"
        [ "$status" = 2 ]
        [ -z "$output" ]
        [ "${#stderr_lines[@]}" = 1 ]
        try ./signals/send $$ "$name"
        [ "$status" = 2 ]
        [ "${#stderr_lines[@]}" = 1 ]
    done
    try ./signals/recv 0
    [ "$status" = 2 ]
}

@test "SIGKILL, SIGSTOP and what the C library keeps cannot be caught: EINVAL, and no pid is printed" {
    for name in KILL STOP 32; do
        try ./signals/recv USR1 "$name"
        [ "$status" = 1 ]
        [ -z "$output" ]
        [[ $stderr = "recv: "*" cannot be caught: sig"*": Invalid argument" ]]
    done
}

@test "without arguments recv takes SIGUSR1, SIGUSR2 and all real-time signals, but not Ctrl-C or a hangup" {
    start_recv
    [ "$(./signals/send "$recv" RTMIN 2>&1)" ]
    [ "$(./signals/send "$recv" RTMAX 2>&1)" ]
    eventually bash -c "[ \$(wc -l <$T/recv) = 3 ]"
    kill -INT "$recv"
    finish recv
    [ "$status" = 130 ]
    start_recv
    kill -HUP "$recv"
    finish recv
    [ "$status" = 129 ]
}

@test "no real-time signal is lost, and all that came before SIGTERM is printed before it" {
    start_recv
    stop "$recv"
    expected=()
    for value in {1..60}; do
        ./signals/send -q "$value" "$recv" RTMIN+3 2>/dev/null
        expected+=("SIGRTMIN+3 value $value")
    done
    ./signals/send -q 7 "$recv" RTMIN+1 2>/dev/null
    kill -TERM "$recv"
    kill -CONT "$recv"
    finish recv
    [ "$status" = 0 ]
    diff <(printf '%s\n' "SIGRTMIN+1 value 7" "${expected[@]}") \
        <(tail -n +2 "$T/recv" | head -n -1 | sed 's/ from [0-9]*//')
    [[ $(tail -1 "$T/recv") = "SIGTERM from "* ]]
}

@test "a standard signal that is sent again before it is taken comes once, from its first sender" {
    start_recv
    stop "$recv"
    start send ./signals/send -q 1 "$recv" USR1
    finish send
    for value in 2 3 4; do
        ./signals/send -q "$value" "$recv" USR1 2>/dev/null
    done
    kill -CONT "$recv"
    eventually grep -q USR1 "$T/recv"
    end_recv
    has_lines "SIGUSR1 from $send value 1" "SIGTERM from $BASHPID"
}

@test "a value is any int, and goes with standard signals too" {
    start_recv USR1
    for value in 0 -1 2147483647 -2147483648; do
        try ./signals/send -q "$value" "$recv" USR1
        [ "$status" = 0 ]
        eventually grep -q -- "value $value$" "$T/recv"
    done
    try ./signals/send -q 2147483648 "$recv" USR1
    [ "$status" = 2 ]
    end_recv
}

@test "recv hears kill(1), its -q, and perl" {
    start_recv 40 USR1
    start kill env kill -USR1 "$recv"
    finish kill
    eventually grep -q "^SIGUSR1 from $kill$" "$T/recv"
    start perl perl -e 'kill USR1 => $ARGV[0]' "$recv"
    finish perl
    eventually grep -q "^SIGUSR1 from $perl$" "$T/recv"
    if env kill --help 2>&1 | grep -q -- --queue; then
        start kill env kill -q 12345 -40 "$recv" # procps has the number first
        finish kill
        [ "$status" = 0 ] || { start kill env kill -q 12345 -s 40 "$recv"; finish kill; }
        eventually grep -q "^SIGRTMIN+[0-9]* from $kill value 12345$" "$T/recv"
    fi
    end_recv
}

@test "send is heard by perl: the pid, the user, the code and the value" {
    cat >"$T/listen" <<'END'
use Config;
use POSIX;
$| = 1;
sigaction(SIGUSR1, POSIX::SigAction->new(sub {
    my ($name, $info, $raw) = @_;
    print "$name $$info{pid} $$info{uid} $$info{code} ", unpack($Config{longsize} == 8 ? "x24 i" : "x20 i", $raw), "\n";
    exit if ++$count == 2;
}, POSIX::SigSet->new, SA_SIGINFO));
print "ready\n";
select undef, undef, undef, 0.1 while 1;
END
    start perl perl "$T/listen"
    eventually grep -q ready "$T/perl"
    start send ./signals/send "$perl" USR1
    finish send
    eventually grep -q "^USR1 $send $(id -u) 0 " "$T/perl"
    start send ./signals/send -q -77 "$perl" SIGUSR1
    finish send
    finish perl
    grep -qx "USR1 $send $(id -u) -1 -77" "$T/perl"
}

@test "a key of the terminal is a signal from nobody: PID 0, SI_KERNEL" {
    command -v script >/dev/null || skip "needs script(1)"
    mkfifo "$T/keys"
    exec {keys}<>"$T/keys"
    start script script -qec "exec ./signals/recv INT >$T/got 2>$T/story" /dev/null <"$T/keys"
    eventually grep -q . "$T/got"
    printf '\003' >&"$keys"
    eventually grep -qx "SIGINT from 0" "$T/got"
    grep -q "SIGINT: SI_KERNEL, si_uid 0" "$T/story"
    kill -TERM "$(head -1 "$T/got")"
    finish script
    [ "$status" = 0 ]
    exec {keys}>&-
    rm "$T/keys"
}

@test "PID 0 and negative ones would be groups, perhaps everybody: refused with status 2" {
    for pid in 0 -1 "-$BASHPID"; do
        try ./signals/send -- "$pid" 0
        [ "$status" = 2 ]
        [[ $stderr = "send: PID $pid: "*group* ]]
    done
    try ./signals/send 4294967297 0
    [ "$status" = 2 ]
}

@test "recv: at the limit, kill() of a real-time signal five times is one signal; with room for them, five" {
    command -v prlimit >/dev/null || skip "needs prlimit(1)"
    for limit in 0 "$(ulimit -i)"; do
        start recv prlimit --sigpending="$limit:$limit" ./signals/recv RTMIN
        eventually grep -q . "$T/recv"
        stop "$recv"
        for _ in 1 2 3 4 5; do ./signals/send "$recv" RTMIN 2>/dev/null; done
        kill -CONT "$recv"
        eventually grep -q SIGRTMIN "$T/recv"
        end_recv
        [ "$(grep -c SIGRTMIN "$T/recv")" = "$([ "$limit" = 0 ] && echo 1 || echo 5)" ]
    done
}

@test "recv: the sender's name is its own word where si_code is negative, and the story shows the code" {
    [ "$(uname -m)" = x86_64 ] || skip "the number of rt_sigqueueinfo(2) is that of x86"
    start_recv USR1
    # si_signo 10, si_errno 0, si_code -2, si_pid 1, si_uid 0
    perl -MConfig -e 'my ($call, $info) = $Config{longsize} == 8 ? (129, pack "i4 i2 x104", 10, 0, -2, 0, 1, 0)
            : (178, pack "i3 i2 x108", 10, 0, -2, 1, 0);
        syscall($call, $ARGV[0] + 0, 10, $info) == 0 or die "$!"' "$recv"
    eventually grep -qx "SIGUSR1 from 1" "$T/recv"
    grep -q "SIGUSR1: si_code -2, si_uid 0" "$T/recv.err"
    end_recv
}

@test "send: SIGNAL before PID, as kill(1) has it, is refused with a word about the order" {
    try ./signals/send USR1 1
    [ "$status" = 2 ]
    [ "$stderr" = 'send: PID "USR1": not a number; PID comes first, then SIGNAL' ]
    for option in -USR1 -9 -s; do
        try ./signals/send "$option" 1
        [ "$status" = 2 ]
        [ "$stderr" = "send: \"$option\": not an option; SIGNAL comes after PID: send PID USR1" ]
    done
}

@test "send to a process that is not there: ESRCH; signal 0 only asks" {
    sleep 0 &
    wait $!
    gone=$!
    try ./signals/send "$gone" USR1
    [ "$status" = 1 ]
    [ "$stderr" = "send: kill($gone): ESRCH: No such process" ]
    try ./signals/send -q 1 "$gone" 0
    [ "$status" = 1 ]
    [ "$stderr" = "send: sigqueue($gone): ESRCH: No such process" ]
    try ./signals/send $$ 0
    [ "$status" = 0 ]
    start_recv
    kill -KILL "$recv"
    finish recv
    try ./signals/send "$recv" USR1
    [ "$status" = 1 ]
}

@test "another user's process: EPERM; root may signal anybody, and recv tells its uid" {
    other_user signals
    start_recv
    try "${nobody[@]}" ./signals/send "$recv" USR1
    [ "$status" = 1 ]
    [ "$stderr" = "send: kill($recv): EPERM: Operation not permitted" ]
    end_recv
    has_lines "SIGTERM from $BASHPID"
    start recv "${nobody[@]}" ./signals/recv
    eventually grep -q . "$T/recv"
    ./signals/send "$recv" USR1 2>/dev/null
    eventually grep -q "SIGUSR1: SI_USER, si_uid 0" "$T/recv.err"
    end_recv
}

@test "at the limit of queued signals: EAGAIN for a real-time one with a value, a signal from nobody without" {
    command -v prlimit >/dev/null || skip "needs prlimit(1)"
    start recv prlimit --sigpending=0 ./signals/recv
    eventually grep -q . "$T/recv"
    try ./signals/send -q 5 "$recv" RTMIN
    [ "$status" = 1 ]
    [[ $stderr = "send: sigqueue($recv): EAGAIN, at RLIMIT_SIGPENDING (ulimit -i)" ]]
    try ./signals/send "$recv" RTMIN
    [ "$status" = 0 ]
    eventually grep -qx "SIGRTMIN from 0" "$T/recv"
    try ./signals/send -q 5 "$recv" USR1
    [ "$status" = 0 ]
    eventually grep -qx "SIGUSR1 from 0" "$T/recv"
    end_recv
}

@test "recv works although its signals were blocked or ignored when it was started" {
    for how in 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(1 .. 31))' '$SIG{$_} = "IGNORE" for qw(USR1 USR2 TERM HUP)'; do
        start recv perl -e "use POSIX; $how; exec './signals/recv'"
        eventually grep -q . "$T/recv"
        kill -USR1 "$recv"
        eventually grep -q "^SIGUSR1 from" "$T/recv"
        end_recv
    done
}

@test "recv: a full disk or a reader that is gone is an error" {
    start recv ./signals/recv
    eventually grep -q . "$T/recv"
    end_recv
    try bash -c './signals/recv >/dev/full'
    [ "$status" = 1 ]
    [[ $stderr = "recv: stdout: No space left on device" ]]
    mkfifo "$T/out"
    start recv bash -c "exec ./signals/recv PIPE USR1 >$T/out"
    try head -1 "$T/out"
    [ "$output" = "$recv" ]
    kill -USR1 "$recv"
    finish recv
    rm "$T/out"
    [ "$status" = 1 ]
    [[ $(<"$T/recv.err") = *"recv: stdout: Broken pipe" ]]
}

@test "pending: sent five times while blocked, delivered once; the kernel's sets show both" {
    try ./signals/pending
    [ "$status" = 0 ]
    [ "$output" = "sent 5 delivered 1" ]
    [[ $stderr =~ "its SigBlk: "[0-9a-f]{13}2|3|6|7|a|b|e|f[0-9a-f]{2} ]]
    [ "$(grep -c 'sender | kill([0-9]*, SIGUSR1) = 0' <<<"$stderr")" = 5 ]
    grep -q "its ShdPnd: 0000000000000200" <<<"$stderr"
    grep -q "the sender has ended; the handler has run 0 times" <<<"$stderr"
    grep -q "sigpending(): SIGUSR1 is in the set" <<<"$stderr"
    assert_lesson "a blocked standard signal is pending or not"
}

@test "queue: real-time signals come in order, with each value, the lowest number first; a standard one once" {
    try ./signals/queue
    [ "$status" = 0 ]
    [ "$output" = "SIGUSR1 value 1
SIGRTMIN+1 value 1
SIGRTMIN+1 value 2
SIGRTMIN+1 value 3
SIGRTMIN+2 value 1
SIGRTMIN+2 value 2
SIGRTMIN+2 value 3" ]
    [ "$(grep -o 'sigqueue(SIG[^)]*) = 0' <<<"$stderr" | sed -n '1p;4p;7p' | xargs)" = \
        "sigqueue(SIGRTMIN+2, 1) = 0 sigqueue(SIGRTMIN+1, 1) = 0 sigqueue(SIGUSR1, 1) = 0" ]
    [ "$(grep -c 'sigqueue(SIGUSR1, [123]) = 0' <<<"$stderr")" = 3 ]
    grep -q "sigtimedwait() = -1 EAGAIN" <<<"$stderr"
    grep -q "sigqueue(SIGRTMIN+2, 0) = -1 EAGAIN" <<<"$stderr"
    [[ $stderr = *"kill("*"SIGRTMIN+2) = 0"*"kill("*"SIGRTMIN+2) = 0"*"sigtimedwait() = SIGRTMIN+2"*"= -1 EAGAIN"* ]]
    assert_lesson "sigqueue() queues real-time signals in order, or fails"
}

@test "queue: what cannot be queued is an error, not a loss" {
    command -v prlimit >/dev/null || skip "needs prlimit(1)"
    try prlimit --sigpending=0 ./signals/queue
    [ "$status" = 1 ]
    [ "$(grep "^queue: " <<<"$stderr" | head -n 1)" = "queue: sigqueue: EAGAIN, at RLIMIT_SIGPENDING (ulimit -i)" ]
    [[ $stderr != *unexpected* ]]
    try prlimit --sigpending=0 ./signals/timer -m posix
    [ "$status" = 1 ]
    [ "$stderr" = "timer: timer_create: EAGAIN, at RLIMIT_SIGPENDING (ulimit -i)" ]
    try prlimit --sigpending=0 ./signals/bench -d 0.05 -p same
    [ "$status" = 1 ]
    [[ $stderr = *"bench: sigqueue: EAGAIN, at RLIMIT_SIGPENDING (ulimit -i)"* ]]
}

@test "of what is pending, the thread's own signals come before those of the process, the lowest number first in each" {
    build_peer ./signals/queue <<'END'
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGUSR1);
    raise(SIGRTMIN + 3);
    raise(SIGTERM);
    for (int number; (number = sigtimedwait(&all, NULL, &(struct timespec){0})) != -1;)
        printf("%s\n", number == SIGTERM ? "TERM" : number == SIGUSR1 ? "USR1" : number == SIGUSR2 ? "USR2" : "RTMIN+3");
    return 0;
}
END
    peer_or_skip
    try "$peer"
    [ "$output" = $'TERM\nRTMIN+3\nUSR1\nUSR2' ]
}
