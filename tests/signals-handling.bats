# signals/: what a signal does to a sleeping call and to a program.
load helper

children_of() {
    cat "/proc/$1/task/$1/children" 2>/dev/null
}

has_child_asleep() {
    local child
    child=$(children_of "$1")
    [ -n "$child" ] && asleep "${child%% *}"
}

# Its story has come to where the parent watches a child that sleeps.
watching() {
    grep -q "CONT\|again and again" "$T/program.err" && has_child_asleep "$1"
}

# start_stuck PROGRAM starts it with a stderr that takes nothing: it sleeps at the first line of its story.
start_stuck() {
    mkfifo "$T/stuck"
    exec {stuck}<>"$T/stuck"
    fill "$T/stuck"
    start program bash -c "exec ./signals/$1 2>$T/stuck"
}

# Now what it says is SIGPIPE.
end_stuck() {
    exec {stuck}>&-
    rm "$T/stuck"
}

private_objects() {
    awk 'FNR > 1 && $1 == 0' /proc/sysvipc/msg /proc/sysvipc/sem
}

# row CALL prints its two verdicts.
row() {
    sed -n "s/^$1  *\(EINTR\|goes on\)  *\(EINTR\|goes on\)\$/\1, \2/p" <<<"$output"
}

@test "restart: read(), wait(), accept() and sem_wait() fail with EINTR, and go on with SA_RESTART" {
    try ./signals/restart
    [ "$status" = 0 ]
    for call in read wait accept sem_wait; do
        [ "$(row $call)" = "EINTR, goes on" ] || { echo "$call: $(row $call)"; false; }
    done
    assert_lesson "SA_RESTART lets some calls go on; others fail with EINTR"
}

@test "restart: msgrcv(), semop(), poll() and nanosleep() fail with EINTR in spite of SA_RESTART" {
    try ./signals/restart
    for call in msgrcv semop poll nanosleep; do
        [ "$(row $call)" = "EINTR, EINTR" ] || { echo "$call: $(row $call)"; false; }
    done
    [[ $(row sem_timedwait) = "EINTR, "* ]] # and then, it depends on the C library
}

@test "restart: pthread_mutex_lock() never fails with EINTR; the table has a line for each call" {
    try ./signals/restart
    [ "$(row pthread_mutex_lock)" = "goes on, goes on" ]
    [ "${#lines[@]}" = 11 ]
}

@test "restart: read() was asleep when the signal came" {
    try ./signals/restart
    [ "$(grep -c 'the child sleeps in read([0-9]*)' <<<"$stderr")" = 2 ]
    [ "$(grep -c 'kill([0-9]*, SIGUSR1) = 0' <<<"$stderr")" = 2 ]
    [ "$(grep -c 'its handler has run, and it sleeps again' <<<"$stderr")" = 1 ]
}

@test "restart removes its queue and its semaphore when it is ended" {
    [ -z "$(private_objects)" ] || skip "private objects of others are there"
    for signal in INT TERM HUP; do
        start_stuck restart
        eventually has_child_asleep "$program"
        [ "$(private_objects | wc -l)" = 2 ]
        kill -$signal "$program"
        finish program
        [ "$status" = $((128 + $(kill -l $signal))) ]
        [ -z "$(private_objects)" ]
        end_stuck
    done
}

@test "eintr: read() is called again, and the word comes; -x: a reader that takes EINTR for a failure is gone" {
    try ./signals/eintr
    [ "$status" = 0 ]
    [ "$output" = hello ]
    [[ $stderr = *"... = -1 EINTR"*'... = 6 "hello\n"'* ]]
    assert_lesson "without SA_RESTART a handler ends read() with EINTR"
    try ./signals/eintr -x
    [ "$status" = 0 ]
    [ "$output" = EPIPE ]
    grep -q 'write([0-9]*, "hello\\n") = -1 EPIPE' <<<"$stderr"
    assert_lesson "EINTR is not a failure"
}

@test "handler: SIGUSR1 more often than the pipe has bytes, then SIGTERM: both are seen, by a pipe and by a signalfd" {
    for count in 4096 65536; do
        try ./signals/handler -c $count
        [ "$status" = 0 ]
        [ "$output" = "self-pipe SIGUSR1
self-pipe SIGUSR1
self-pipe SIGTERM
signalfd SIGUSR1
signalfd SIGUSR1
signalfd SIGTERM" ]
        [ "$(grep -c 'poll() = -1 EINTR' <<<"$stderr")" = 1 ] # a signalfd has no handler
        [[ $stderr = *"SIGTERM); write(): EAGAIN"* ]]
    done
    assert_lesson "make the signal an input"
}

@test "handler -x: where the byte says which signal it was, a full pipe loses SIGTERM" {
    try ./signals/handler -x
    [ "$status" = 0 ]
    [ "$output" = $'self-pipe SIGUSR1\nself-pipe SIGUSR1\nSIGTERM lost' ]
    assert_lesson "a full pipe drops the byte"
}

@test "unsafe: time() in the handler is harmless; -x: localtime() waits for ever for the lock that it interrupts" {
    try ./signals/unsafe
    [ "$status" = 0 ]
    [ "$output" = "no deadlock" ]
    for where in "" "taskset -c 0"; do
        try $where ./signals/unsafe -x
        [ "$status" = 0 ]
        [ "$output" = deadlock ]
        assert_lesson "the handler waits for a lock"
    done
}

@test "lost: sigsuspend() and ppoll() are woken by the signal that came between test and sleep" {
    for way in pause poll; do
        try ./signals/lost -m $way
        [ "$status" = 0 ]
        [ "$output" = "signals 1" ]
        [[ $stderr = *"sigprocmask(SIG_BLOCK, SIGUSR1)"*"raise(SIGSTOP)"*"ShdPnd: 0000000000000200"*"... = -1 EINTR, got is 1"* ]]
        assert_lesson "block, test,"
    done
    try ./signals/lost -m sleep
    [ "$status" = 2 ]
}

@test "lost -x: pause() and poll() sleep on, although the handler has run, until another signal comes" {
    for way in pause poll; do
        try ./signals/lost -x -m $way
        [ "$status" = 0 ]
        [ "$output" = "signals 2" ]
        [[ $stderr = *"the waiter still sleeps"*"ShdPnd: 0000000000000000"*"... = -1 EINTR, got is 2"* ]]
        assert_lesson "test, then sleep"
    done
}

# strace_lost FAULT [-f] runs lost -m poll with that fault, in the sender alone or in both.
strace_lost() {
    command -v strace >/dev/null || skip "no strace"
    strace -o "$T/trace" true 2>/dev/null || skip "strace is not allowed to trace"
    try env ASAN_OPTIONS=detect_leaks=0 strace -o "$T/trace" -e "inject=$1" ${2:-} ./signals/lost -m poll
    grep -q INJECTED "$T/trace" || skip "another system call"
}

@test "lost: a sleep that ends without the signal begins again, and the waiter does not stop again" {
    strace_lost ppoll:error=EINTR:when=1 -f
    [ "$status" = 0 ]
    [[ $stderr = *"= -1 EINTR, got is 0"*"= -1 EINTR, got is 1"* ]]
}

@test "a child that stays stopped is killed, and the program says so and fails" {
    strace_lost kill:retval=0:when=2 # SIGCONT
    [ "$status" = 1 ]
    grep -q "^lost: process [0-9]* is stopped, and does not end" <<<"$stderr"
    none_left
}

@test "loop: one epoll_wait() has the request, the end of the time, 65536 SIGUSR1 and then SIGTERM" {
    try ./signals/loop -c 65536
    [ "$status" = 0 ]
    [ "$output" = $'request\ntimeout\nSIGUSR1\nSIGTERM' ]
    assert_lesson "signals, time and sockets are descriptors"
}

@test "threads: the waiter takes SIGUSR1 and SIGTERM, and the worker is not interrupted; -x: it is" {
    try ./signals/threads -c 65536
    [ "$status" = 0 ]
    [ "$output" = "waiter: SIGUSR1, SIGTERM" ]
    [[ $stderr = *"was sent 65536 times"*"worker: read("*") = 1"* ]]
    assert_lesson "block the signals in all threads"
    try ./signals/threads -x
    [ "$status" = 0 ]
    [ "$output" = "worker: SIGUSR1" ]
    [[ $stderr = *"worker: read("*") = -1 EINTR"* ]]
    assert_lesson "a thread that does not block a signal may get it"
}

@test "segv: the handler of a stack overflow runs on another stack; -x: without one it cannot" {
    try ./signals/segv
    [ "$status" = 0 ]
    [ "$output" = "handled SIGSEGV" ]
    [[ $stderr = *"the handler ran: si_addr 0x"* ]]
    try ./signals/segv -x
    [ "$status" = 0 ]
    [ "$output" = "killed by SIGSEGV" ]
    [[ $stderr != *"the handler ran"* ]]
}

@test "a program takes no notice of children that it never forked: those of the shell that it was" {
    for program in child "child -x" "child -i" eintr restart group orphan; do
        for other in "sleep 0" "sleep 0.02" "sleep 5"; do
            try bash -c "$other & exec ./signals/$program"
            [ "$status" = 0 ]
            [[ ${stderr_lines[-1]} = "=> "* ]]
        done
    done
}

# Starts that program and stops it and its child, in the 200 ms in which it watches its child.
start_stopped() {
    start program setsid bash -c "exec ./signals/$1"
    eventually eval 'watching "$program" || ended "$program"'
    { kill -STOP -- "-$program" && stop "$program"; } || { finish program; return 1; }
}

@test "lost -x, unsafe -x: stopped and continued with their children while they watch, they watch on" {
    for program_and_option in "lost -x" "unsafe -x"; do
        tries 100 start_stopped "$program_and_option"
        kill -CONT -- "-$program"
        finish program
        [ "$status" = 0 ]
        [ "$(grep -c "^=> " "$T/program.err")" = 1 ]
    done
}

# Starts that program; its child sleeps.
start_in_the_middle() {
    start program bash -c "exec ./signals/$1"
    eventually eval 'has_child_asleep "$program" || ended "$program"'
    ! ended "$program" || { finish program; return 1; }
}

is_killed() {
    start_in_the_middle "$1" && kill -KILL "$program" && finish program && [ "$status" = 137 ]
}

@test "killed in the middle, a program leaves no process, and ends at once" {
    for program_and_option in "unsafe -x" "lost -x"; do
        tries 100 is_killed "$program_and_option"
        eventually none_left
    done
    start_stuck orphan
    eventually asleep "$program"
    kill -KILL "$program"
    finish program
    end_stuck
    eventually none_left
}

its_child_is_killed() {
    start_in_the_middle "$1" && kill -KILL "$(children_of "$program")" && finish program && [ "$status" = 1 ]
}

@test "when its child is killed, a program says so, in one line, and fails" {
    for program_and_option in "unsafe -x" "lost -x"; do
        tries 100 its_child_is_killed "$program_and_option"
        [ "$(grep -c "^${program_and_option% *}: " "$T/program.err")" = 1 ]
    done
}

@test "where stdout is full, the first line says so, and no line blames anything else" {
    for program_and_option in eintr "eintr -x" handler loop oob "oob -x" "threads -x" restart; do
        try bash -c "./signals/$program_and_option >/dev/full"
        [ "$status" = 1 ]
        [[ $stderr = *"${program_and_option% *}: stdout: No space left on device"* ]]
        [[ $stderr != *unexpected* ]]
    done
}
