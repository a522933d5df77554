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
    grep -q "CONT\|until one comes" "$T/program.err" && has_child_asleep "$1"
}

# start_stuck PROGRAM starts it with a stderr that takes nothing: it sleeps at the first line of its story.
start_stuck() {
    mkfifo "$T/stuck"
    exec {stuck}<>"$T/stuck"
    head -c 65536 /dev/zero >&"$stuck"
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

@test "eintr: read(), wait(), accept() and sem_wait() fail with EINTR, and go on with SA_RESTART" {
    try ./signals/eintr
    [ "$status" = 0 ]
    for call in read wait accept sem_wait; do
        [ "$(row $call)" = "EINTR, goes on" ] || { echo "$call: $(row $call)"; false; }
    done
    assert_lesson "SA_RESTART lets some calls go on; others fail with EINTR"
}

@test "eintr: msgrcv(), semop(), poll() and nanosleep() fail with EINTR in spite of SA_RESTART" {
    try ./signals/eintr
    for call in msgrcv semop poll nanosleep; do
        [ "$(row $call)" = "EINTR, EINTR" ] || { echo "$call: $(row $call)"; false; }
    done
    [[ $(row sem_timedwait) = "EINTR, "* ]] # and then, it depends on the C library
}

@test "eintr: pthread_mutex_lock() never fails with EINTR; the table has a line for each call" {
    try ./signals/eintr
    [ "$(row pthread_mutex_lock)" = "goes on, goes on" ]
    [ "${#lines[@]}" = 11 ]
}

@test "eintr: /proc says that read() was asleep when the signal came" {
    try ./signals/eintr
    [ "$(grep -c '/proc/[0-9]*/syscall: it sleeps in read([0-9]*)' <<<"$stderr")" = 2 ]
    [ "$(grep -c 'kill([0-9]*, SIGUSR1)' <<<"$stderr")" = 2 ]
    [ "$(grep -c 'its handler has run, and it sleeps again' <<<"$stderr")" = 1 ]
}

@test "eintr -x: a reader that takes EINTR for a failure is gone when the word comes" {
    try ./signals/eintr -x
    [ "$status" = 0 ]
    [ "$output" = EPIPE ]
    grep -q 'write([0-9]*, "hello") = -1 EPIPE: lost' <<<"$stderr"
    assert_lesson "EINTR is no failure"
}

@test "eintr removes its queue and its semaphore when it is ended" {
    [ -z "$(private_objects)" ] || skip "private objects of others are there"
    for signal in INT TERM HUP; do
        start_stuck eintr
        eventually has_child_asleep "$program"
        [ "$(private_objects | wc -l)" = 2 ]
        kill -$signal "$program"
        finish program
        [ "$status" = $((128 + $(kill -l $signal))) ]
        [ -z "$(private_objects)" ]
        end_stuck
    done
}

@test "handler: the signal comes to poll() through a pipe and through a signalfd" {
    try ./signals/handler
    [ "$status" = 0 ]
    [ "$output" = $'self-pipe SIGUSR1\nsignalfd SIGUSR1' ]
    [ "$(grep -c 'poll() = -1 EINTR' <<<"$stderr")" = 1 ] # a signalfd has no handler
    [ "$(grep -c 'end of the input' <<<"$stderr")" = 2 ]
    assert_lesson "let a signal become input"
}

@test "handler -x: localtime() in a handler waits for ever for the lock that it interrupts" {
    try ./signals/handler -x
    [ "$status" = 0 ]
    [ "$output" = deadlock ]
    grep -q '/proc/[0-9]*/syscall: it sleeps in futex(0x[0-9a-f]*), a lock' <<<"$stderr"
    assert_lesson "a handler must not call what it may be interrupting"
}

@test "handler -x, on one CPU: the same" {
    for ((i = 0; i < 3; i++)); do
        try taskset -c 0 ./signals/handler -x
        [ "$status" = 0 ]
        [ "$output" = deadlock ]
    done
}

@test "lost: sigsuspend() is woken by the signal that came between test and sleep" {
    try ./signals/lost
    [ "$status" = 0 ]
    [ "$output" = "signals 1" ]
    [[ $stderr = *"it is pending"* ]]
    [[ $stderr = *"... sigsuspend() = -1 EINTR"* ]]
    assert_lesson "block, test, sigsuspend()"
}

@test "lost -x: pause() sleeps on, although the handler has run, until another signal comes" {
    try ./signals/lost -x
    [ "$status" = 0 ]
    [ "$output" = "signals 2" ]
    [[ $stderr = *"200 ms later it sleeps, and nothing is pending"*"... pause() = -1 EINTR"* ]]
    [[ $stderr = *"the handler has run twice"* ]]
    assert_lesson "test, then pause()"
}

@test "a program takes no notice of children that it never forked: those of the shell that it was" {
    for program in child "child -x" eintr group orphan; do
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

@test "lost -x, handler -x: stopped and continued with their children while they watch, they watch on" {
    for program_and_option in "lost -x" "handler -x"; do
        tries 20 start_stopped "$program_and_option"
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
    for program_and_option in "handler -x" "lost -x"; do
        tries 20 is_killed "$program_and_option"
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
    for program_and_option in "handler -x" "lost -x"; do
        tries 20 its_child_is_killed "$program_and_option"
        [ "$(grep -c "^${program_and_option% *}: " "$T/program.err")" = 1 ]
    done
}
