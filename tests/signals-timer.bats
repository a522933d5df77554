# signals/: timers and times.
load helper

@test "timer: setitimer() stands still until SIGALRM is taken; a POSIX timer and a timerfd count all periods" {
    try ./signals/timer
    [ "$status" = 0 ]
    [ "${#lines[@]}" = 3 ]
    [[ ${lines[0]} =~ ^alarm\ periods\ ([0-9]+)\ told\ 1$ ]] && [ "${BASH_REMATCH[1]}" -ge 5 ]
    for i in 1 2; do
        [[ ${lines[i]} =~ ^(posix|fd)\ periods\ ([0-9]+)\ told\ ([0-9]+)$ ]]
        [ "${BASH_REMATCH[2]}" -ge 5 ]
        [ "${BASH_REMATCH[3]}" -ge "${BASH_REMATCH[2]}" ]
    done
    [[ $stderr = *"timer_getoverrun() = "* ]]
    assert_lesson "read() from a timerfd returns how often it has expired"
}

# The timer of that way, stopped before its 100 ms are over.
start_stopped() {
    start timer ./signals/timer -m "$1"
    eventually grep -q "every 20 ms" "$T/timer.err"
    stop "$timer" || { finish timer; return 1; }
}

@test "timer -m shows one of the three, also when it is stopped and continued; another name is refused" {
    for way in alarm posix fd; do
        tries 100 start_stopped $way
        kill -CONT "$timer"
        finish timer
        [ "$status" = 0 ]
        [ "$(cut -d ' ' -f 1 "$T/timer")" = $way ]
    done
    try ./signals/timer -m sun
    [ "$status" = 2 ]
    [ "$stderr" = 'timer: -m "sun": not alarm, posix or fd' ]
    try ./signals/timer -x -m fd
    [ "$status" = 2 ]
}

@test "timer -x: an alarm that comes before read() does not limit it" {
    try ./signals/timer -x
    [ "$status" = 0 ]
    [ "$output" = "no limit" ]
    [[ $stderr = *"alarm(1) = 0"*"SIGALRM has come"*"read("*"the reader still sleeps"* ]]
    assert_lesson "alarm(), then read()"
}

# start_reader: the reader of timer -x is held up before its read().
start_reader() {
    start timer ./signals/timer -x
    eventually grep -q "alarm(1) = 0" "$T/timer.err"
    reader=$(xargs <"/proc/$timer/task/$timer/children")
}

stop_and_continue() {
    local stopped=no
    start_reader
    ! { stop "$timer" && stop "$reader"; } || stopped=yes
    kill -CONT "$timer" "$reader"
    finish timer
    [ $stopped = yes ]
}

kill_reader() {
    start_reader
    kill -KILL "$reader"
    finish timer
    [ "$status" != 0 ]
}

@test "timer -x: Ctrl-Z and fg before the alarm change nothing; a reader that is killed is an error" {
    tries 25 stop_and_continue
    [ "$status" = 0 ]
    [ "$(<"$T/timer")" = "no limit" ]
    tries 25 kill_reader
    [ "$status" = 1 ]
    grep -q "^timer: process $reader has ended, it should sleep in read" "$T/timer.err"
}

@test "deadline: an absolute time ends the sleep although EINTR comes again and again; -x: a relative one has no end" {
    try ./signals/deadline
    [ "$status" = 0 ]
    [ "$output" = ended ]
    assert_lesson "an absolute deadline stays where it is"
    try ./signals/deadline -x
    [ "$status" = 0 ]
    [ "$output" = "no end" ]
    assert_lesson "a relative time that starts over"
}
