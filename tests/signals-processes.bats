# signals/: what a new process or program keeps, whom kill() reaches, and how children end.
load helper

# start_short_of_words NAME COMMAND... starts it with room for 600 bytes of its story: it sleeps in the middle.
start_short_of_words() {
    mkfifo "$T/words"
    exec {words}<>"$T/words"
    head -c 64936 /dev/zero >&"$words"
    start "$1" bash -c 'exec "$@" 2>"$0"' "$T/words" "${@:2}" {words}>&-
}

@test "inherit: fork keeps all but what is pending, exec keeps all but the handlers" {
    for ignored in "" "trap '' USR1 ALRM PIPE;"; do
        try bash -c "$ignored ./signals/inherit"
        [ "$status" = 0 ]
        [ "$output" = "         fork     exec
handler  kept     reset
ignored  kept     kept
mask     kept     kept
pending  cleared  kept" ]
        grep -q "child: SigCgt [0-9a-f]*200: SIGUSR1" <<<"$stderr"
        [ "$(grep -c 'ShdPnd 0000000000002000: SIGALRM' <<<"$stderr")" = 2 ]
        [ "$(grep -c 'ShdPnd 0000000000000000: no SIGALRM' <<<"$stderr")" = 1 ]
        [ "$(grep -c 'SigBlk 0000000000002000: SIGALRM' <<<"$stderr")" = 3 ]
        [ "$(grep -c 'SigIgn .*: SIGUSR2' <<<"$stderr")" = 3 ]
        [ "$(grep -c 'SigCgt .*: SIGUSR1' <<<"$stderr")" = 2 ]
        [ "$(grep -c 'SigCgt .*: no SIGUSR1' <<<"$stderr")" = 1 ]
        grep -q "child | ... = -1 EINTR: the handler has run" <<<"$stderr"
        assert_lesson "fork() copies all this but pending signals"
    done
}

@test "inherit works where its signals were blocked, and says so where there is no cat" {
    try perl -e 'use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(1 .. 31)); exec "./signals/inherit"'
    [ "$status" = 0 ]
    try env PATH=/nowhere "$PWD/signals/inherit"
    [ "$status" = 1 ]
    grep -q "^inherit: execlp cat: No such file or directory" <<<"$stderr"
}

@test "group: a pid reaches one, 0 the sender's group and the sender, -PGID the group; zombies exist, the reaped do not" {
    try ./signals/group
    [ "$status" = 0 ]
    [ "$(head -5 <<<"$output")" = "kill(B, SIGUSR1): B
kill(0, SIGUSR1): A B
kill(-PGID, SIGUSR1): A B
kill(zombie, 0): 0
kill(reaped, 0): ESRCH" ]
    [ "${#lines[@]}" = 6 ]
    a=$(sed -n 's/.*setpgid(\([0-9]*\), \([0-9]*\)): A/\1/p' <<<"$stderr")
    grep -q " A | kill(0, SIGUSR1) = 0$" <<<"$stderr"
    grep -q " A | SIGUSR1 from $a$" <<<"$stderr"
    assert_lesson "kill(PID): one process"
}

@test "group: without the right to signal process 1, EPERM" {
    [ "$(id -u)" = 0 ] || ! kill -0 1 2>/dev/null || skip "process 1 belongs to this user"
    try ./signals/group
    [ "${lines[5]}" = "kill(1, 0): EPERM" ]
    [ "$(id -u)" != 0 ] || grep -q "setresuid(65534) = 0" <<<"$stderr"
}

@test "group: a root that may not change its user says so, and goes on" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    try setpriv --bounding-set -setuid --inh-caps -setuid ./signals/group
    [ "$status" = 0 ]
    [[ $stderr = *"setresuid(65534) = -1 EPERM"* ]]
}

@test "group reaches nobody else: neither its parent, nor whoever stands in the same group" {
    try bash -c 'trap "echo hit" USR1 USR2 TERM; sleep 10 & ./signals/group >/dev/null 2>&1; kill -0 $! && kill $!'
    [ "$status" = 0 ]
    [ -z "$output" ]
}

@test "group: a terminal that stops the output of background groups (stty tostop) does not stop it" {
    command -v script >/dev/null || skip "needs script(1)"
    try script -qec "stty tostop; ./signals/group" /dev/null </dev/null
    [ "$status" = 0 ]
    [[ $output = *"kill(reaped, 0): ESRCH"* ]]
}

@test "killed in the middle, group and inherit leave nobody behind" {
    for program in group inherit; do
        for signal in INT TERM KILL; do
            start_short_of_words middle "./signals/$program"
            eventually bash -c "[ -n \"\$(pgrep -P $middle)\" ]"
            kill -"$signal" "$middle"
            finish middle
            [ "$status" = $((128 + $(kill -l "$signal"))) ]
            eventually none_left
            exec {words}>&-
            rm "$T/words"
        done
    done
}

@test "child: five children end, one SIGCHLD comes, and a loop waits for all five" {
    try ./signals/child
    [ "$status" = 0 ]
    [ "$output" = "ended 5 signals 1 waits 5 zombies 0" ]
    assert_lesson "one SIGCHLD may stand for many children"
}

@test "child -x: one wait for each SIGCHLD leaves as many zombies as predicted" {
    try ./signals/child -x
    [ "$status" = 0 ]
    [ "$output" = "ended 5 signals 1 waits 1 zombies 4" ]
    [[ $stderr = *"5 zombies"*"ShdPnd of the parent: 0000000000010000"*"4 zombies, and no SIGCHLD"* ]]
    assert_lesson "one wait for each SIGCHLD is too few"
}

@test "child -i: where SIGCHLD is ignored there are no zombies, and wait() is ECHILD" {
    try ./signals/child -i
    [ "$status" = 0 ]
    [ "$output" = "ended 5 signals 0 waits 0 zombies 0" ]
    [[ $stderr = *"wait() = -1 ECHILD"* ]]
    assert_lesson "SIG_IGN leaves no zombies"
}

@test "child works, too, when it is started with SIGCHLD ignored" {
    try perl -e '$SIG{CHLD} = "IGNORE"; exec "./signals/child"'
    [ "$status" = 0 ]
    [ "$output" = "ended 5 signals 1 waits 5 zombies 0" ]
}

@test "orphan: process 1 adopts it where nobody is a subreaper, else the program that is one" {
    try ./signals/orphan
    [ "$status" = 0 ]
    [[ ${lines[0]} = "no subreaper here: adopted by process "* ]]
    [ -z "$IPC_TESTS_PRIVATE" ] || [ "${lines[0]##* }" = 1 ]
    [ "${lines[1]}" = "a subreaper here: adopted by it" ]
    [ "${#lines[@]}" = 2 ]
    own=$(sed -n 's/.*| process \([0-9]*\), a child of.*/\1/p' <<<"$stderr")
    [ "$(grep -c "orphan | getppid() = $own\$" <<<"$stderr")" = 1 ]
    assert_lesson "an orphan becomes the child of the nearest subreaper above it"
}

@test "orphan: an ancestor that is a subreaper comes before process 1" {
    [ "$(uname -m)" = x86_64 ] || skip "the number of prctl(2) is that of x86"
    try perl -MConfig -e 'syscall($Config{longsize} == 8 ? 157 : 172, 36, 1, 0, 0, 0) == 0 or die;
        fork or exec "./signals/orphan";
        1 while wait != -1; print "perl $$\n"'
    [ "$status" = 0 ]
    perl=$(sed -n 's/^perl //p' <<<"$output")
    [ "${lines[0]}" = "no subreaper here: adopted by process $perl" ]
    [ "${lines[1]}" = "a subreaper here: adopted by it" ]
}

@test "orphan: as process 1 of its namespace it adopts both" {
    unshare --pid --fork --mount-proc true 2>/dev/null || skip "needs the right to make namespaces"
    try unshare --pid --fork --mount-proc ./signals/orphan
    [ "$status" = 0 ]
    [ "${lines[0]}" = "no subreaper here: adopted by process 1" ]
    [ "${lines[1]}" = "a subreaper here: adopted by it" ]
}

@test "orphan works where /proc hides the processes of others" {
    other_user signals
    unshare --mount true 2>/dev/null || skip "needs the right to make namespaces"
    # A new instance of proc: remounting the old one would change it for everybody.
    try unshare --mount bash -c 'mount -t proc -o hidepid=2 proc /proc || exit 77; exec "$@"' bash \
        "${nobody[@]}" ./signals/orphan
    [ "$status" != 77 ] || skip "hidepid is not allowed"
    [ "$status" = 0 ]
    [ "${lines[1]}" = "a subreaper here: adopted by it" ]
}

@test "pidfd: a signal for a process that is gone does not reach the one that has got its pid; with -x it does" {
    export ASAN_OPTIONS=detect_leaks=0 # that fails in a pid namespace
    for option in "" -x; do
        try ./signals/pidfd $option
        [ "$status" = 0 ]
        [[ $output != "not to be shown here"* ]] || skip "no pid namespace"
        [ "$(grep -c 'fork() = 2: a' <<<"$stderr")" = 2 ]
        if [ -z "$option" ]; then
            [ "$output" = "the stranger lives" ]
            [[ $stderr = *"pidfd_send_signal(3, SIGTERM) = -1 ESRCH"* ]]
            assert_lesson "a pidfd stays with its process"
        else
            [ "$output" = "the stranger was killed" ]
            [[ $stderr = *"kill(2, SIGTERM) = 0"* ]]
            assert_lesson "a pid may belong to another process"
        fi
    done
}

@test "pidfd says so where it may not have pids of its own" {
    command -v strace >/dev/null || skip "no strace"
    strace -o "$T/trace" true 2>/dev/null || skip "strace is not allowed to trace"
    try env ASAN_OPTIONS=detect_leaks=0 strace -f -o "$T/trace" -e trace=unshare -e inject=unshare:error=EPERM ./signals/pidfd
    [ "$status" = 0 ]
    [[ $output = "not to be shown here"* ]]
    [[ $stderr = *"unshare(CLONE_NEWPID) = -1 EPERM"* ]]
    [[ $stderr != *"=> "* ]]
}

@test "pidfd says so where it may not choose a pid; any other error is one" {
    command -v strace >/dev/null || skip "no strace"
    strace -o "$T/trace" true 2>/dev/null || skip "strace is not allowed to trace"
    export ASAN_OPTIONS=detect_leaks=0
    try ./signals/pidfd
    [[ $output != "not to be shown here"* ]] || skip "no pid namespace"
    for error in EACCES EROFS EMFILE; do
        try strace -f -o "$T/trace" -P /proc/sys/kernel/ns_last_pid -e "inject=?open,openat:error=$error" ./signals/pidfd
        if [ $error = EMFILE ]; then
            [ "$status" = 1 ]
            [[ -z $output && $stderr = *"pidfd: open, write or close ns_last_pid: EMFILE"* ]]
        else
            [ "$status" = 0 ]
            [ "$output" = "not to be shown here: no pid can be chosen" ]
            [[ $stderr = *"open(ns_last_pid) = -1 $error"* ]]
        fi
        [[ $stderr != *"=> "* ]]
    done
    try strace -f -o "$T/trace" -e inject=pidfd_send_signal:error=ENOSYS ./signals/pidfd
    [ "$status" = 1 ]
    [[ $stderr = *"pidfd_send_signal(3, SIGTERM) = -1 ENOSYS"*unexpected* && $stderr != *"=> "* ]]
}
