# signals/: timers.
load helper

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

# The timer of that way, stopped before its 100 ms are over.
start_stopped() {
    start timer ./signals/timer -m "$1"
    eventually grep -q heeds "$T/timer.err"
    stop "$timer" || { finish timer; return 1; }
}

@test "timer -m shows one of the three, also when it is stopped and continued; another name is refused" {
    for way in alarm posix fd; do
        tries 20 start_stopped $way
        kill -CONT "$timer"
        finish timer
        [ "$status" = 0 ]
        [ "$(cut -d ' ' -f 1 "$T/timer" | uniq)" = $way ]
    done
    try ./signals/timer -m sun
    [ "$status" = 2 ]
    [ "$stderr" = "timer: -m 'sun': not alarm, posix or fd" ]
}
