# why: of the demos that hang, it names the culprit that their stories name.
load helper

teardown() {
    for child in ${children:-}; do kill -CONT "$child" 2>/dev/null || true; done
}

# children_of PID: of all threads of that process the children, in the order of their forks.
children_of() {
    cat "/proc/$1/task"/*/children 2>/dev/null
}

# hold NAME COUNT PATTERN COMMAND... stops the demo that watches its children, when so many of them sleep and its story
# has such a line; a machine under load may be too late, and COMMAND has ended: then again. Sets $children.
hold() {
    tries 100 caught "$@"
}

caught() {
    local name=$1 count=$2 pattern=$3
    start "$name" "${@:4}"
    if eventually is_ready "$name" "$count" "$pattern" && stop "${!name}" && sleepers "$name" "$count"; then
        return 0
    fi
    kill -CONT "${!name}" 2>/dev/null || true
    finish "$name"
    return 1
}

is_ready() {
    { says "$1" "$3" && sleepers "$1" "$2"; } || ended "${!1}"
}

sleepers() {
    local child asleep=0
    children=$(children_of "${!1}")
    for child in $children; do [ "$(state "$child")" != S ] || asleep=$((asleep + 1)); done
    [ "$asleep" = "$2" ]
}

# go_on NAME: it ends as ever.
go_on() {
    kill -CONT "${!1}"
    finish "$1"
}

# why PID: what it says, each "waits for" in the line of the one before; see why in why.bats.
why() {
    try ./lib/tools/why "$@"
    [ "$status" = 0 ]
    output=$(sed -E 's/, of those that can be seen$//; s/none that can be seen$/no other process/' <<<"$output" |
        sed -E ':a; N; $!ba; s/\n   (waits|which)/ \1/g')
}

# line PATTERN: it says so.
line() {
    grep -qE -- "$1" <<<"$output" || { echo "no line: $1"; echo "$output"; return 1; }
}

may_trace() {
    needs strace
    strace -o /dev/null true 2>/dev/null || skip "strace is not allowed to trace"
}

# names PID PATTERN: as soon as that process sleeps, it says so.
names() {
    eventually finds "$@" || line "$2"
}

finds() {
    why "$1" && grep -qE -- "$2" <<<"$output"
}

# number NAME PATTERN: the one that the story of that program has there.
number() {
    sed -n "s/.*$2.*/\\1/p" "$T/$1.err" | tail -n 1
}

@test "pipe/eof -x: the reader holds the last write end itself" {
    hold eof 1 'the last write end' ./pipe/eof -x
    reader=$(number eof 'fork() = \([0-9]*\)')
    why "$reader"
    line "could write: $reader eof itself \(descriptor [0-9]\)"
    line "^=> only $reader itself could write$"
    go_on eof
}

@test "pipe/coproc -x: each waits for the other to read" {
    hold coproc 2 'fork()' ./pipe/coproc -x cat </dev/zero
    filter=$(number coproc 'fork() = \([0-9]*\)')
    writer=${children//$filter/}
    writer=${writer// /}
    why "$writer"
    line "^    [0-9] is pipe:\[[0-9]*\], full$"
    line "^=> stuck: $writer coproc waits for $filter cat waits for $writer coproc: a closed circle$"
    go_on coproc
}

@test "fifo/order -x: each sleeps in open(), and waits for the other" {
    hold order 2 'B | open' ./fifo/order -x
    read -r a b <<<"$children"
    why "$a"
    line "^    it opens /.*-one$"
    line "^=> perhaps stuck: $a order waits for $b order waits for $a order: a closed circle$"
    why "$b"
    line "^    it opens /.*-two$"
    go_on order
}

@test "msgq/full: the last receiver is the one that could make room" {
    may_trace
    start trace strace -qq -f -o /dev/null -e trace=msgctl -e inject=msgctl:delay_enter=2000000:when=2 ./msgq/full
    eventually sleeper_in_msgsnd
    why "$sender"
    line "^    queue [0-9]+: messages 16, bytes 16384 of 16384$"
    line "^    full for its message of 1024 bytes$"
    line "^    the last receiver: $full full"
    finish trace
}

sleeper_in_msgsnd() {
    full=$(children_of "$trace") && full=${full// /} && sender=$(children_of "$full") && sender=${sender// /} &&
        says trace '= 1024' && ./lib/tools/why "$sender" 2>/dev/null | grep -q 'sleeps in msgsnd'
}

@test "sem/undo -x: the last to change the semaphore is dead" {
    hold undo 1 'SIGKILL' ./sem/undo -x
    holder=$(number undo 'kill(\([0-9]*\), SIGKILL)')
    why "${children// /}"
    line "^    semaphore\[0\] of set [0-9]+ is 0, and it wants to take 1$"
    line "^    the last to change it: $holder, which has ended$"
    go_on undo
}

@test "sem/prodcons -x: three wait for the lock; the only other one with that memory is consumer 1" {
    hold prodcons 4 'prod 1 | sem_wait' ./sem/prodcons -x
    read -r one two _ <<<"$children"
    why "$two"
    [ "$(grep -c '^    waits there, too' <<<"$output")" = 2 ]
    [ "$(grep '^    has the same memory: [0-9]* prodcons, sleeps' <<<"$output")" = "    has the same memory: $one prodcons, sleeps in futex()" ]
    why "$one"
    [ "$(grep -c '^    waits there, too' <<<"$output")" = 0 ]
    go_on prodcons
}

@test "sem/monitor -x: each waits for an item, or for the mutex of the consumer that found nothing and has ended" {
    may_trace
    start trace strace -qq -f -o /dev/null -e trace=kill -e inject=kill:delay_enter=3000000:when=1 ./sem/monitor -x
    eventually consumers_sleep
    asleep=()
    for child in $children; do [ "$(state "$child")" != S ] || asleep+=("$child"); done
    why "${asleep[@]}"
    [ "$(grep -cE '^    its owner, [0-9]+, has ended$|: it names no owner$' <<<"$output")" = "${#asleep[@]}" ]
    while read -r owner; do ended "$owner"; done < <(sed -n 's/^    its owner, \([0-9]*\), has ended$/\1/p' <<<"$output")
    finish trace
}

consumers_sleep() {
    local monitor
    says trace 'but count = 0' && monitor=$(children_of "$trace") && children=$(children_of "${monitor// /}") &&
        [ "$(for child in $children; do state "$child"; done | grep -c S)" -gt 1 ]
}

@test "sem/philosophers -x: each waits for its neighbour, in a circle of five" {
    hold philosophers 5 'phil 4' ./sem/philosophers -x
    read -r a b c d e <<<"$children"
    why "$a"
    line "^=> perhaps stuck: $a philosophers waits for $b philosophers waits for $c philosophers waits for $d philosophers waits for $e philosophers waits for $a philosophers: a closed circle$"
    go_on philosophers
}

@test "sem/barrier -x: all sleep at the one turnstile" {
    hold barrier 3 'worker 1' ./sem/barrier -x
    why "${children%% *}"
    line '^    sleepers there: [23]$'
    line '^=> perhaps stuck: .*: a closed circle$'
    go_on barrier
}

@test "sem/robust -x: the owner of the mutex has ended" {
    hold robust 1 'SIGKILL' ./sem/robust -x
    clerk=$(number robust 'kill(\([0-9]*\), SIGKILL)')
    why "${children// /}"
    line "^    its owner, $clerk, has ended$"
    line "^=> no process could wake it$"
    go_on robust
}

@test "signals/lost -x: it waits for a signal that has been, and none is pending" {
    hold lost 1 'pause()' ./signals/lost -x
    why "${children// /}"
    line 'sleeps in pause\(\)$'
    line '^    signals that it waits for: SIGUSR1 SIGXFSZ$' # the second so that ulimit -f is an error
    line '^    arrived, but blocked: none$'
    go_on lost
}

@test "dup/halfclose-client -m dup: the server waits for the client, which has the connection open" {
    tries 25 stopped_client
    names "$server" "could send: $client halfclose-clien \(descriptor [0-9]+\), is stopped$"
    [ "$(grep -c 'could send' <<<"$output")" = 1 ]
    kill -CONT "$client"
    finish client
    finish server
}

# The client gives up after 200 ms.
stopped_client() {
    start server ./dup/halfclose-server -p 0
    eventually test -s "$T/server"
    start client ./dup/halfclose-client -m dup -p "$(sed 's/port //' "$T/server")"
    eventually says client 'fclose(): write' && stop "$client" && ! says client 'poll(' && return 0
    kill -CONT "$client" 2>/dev/null || true
    finish client
    finish server
    return 1
}

@test "dup/prefork -x: the client waits for the parent, which keeps its copy" {
    start prefork ./dup/prefork -x -w 1 -p 0
    eventually test -s "$T/prefork"
    start client ./dup/echo-client -p "$(sed 's/port //' "$T/prefork")" hello
    eventually says prefork 'worker | close('
    children=$client
    stop "$prefork"
    names "$client" "could send: $prefork prefork \(descriptor [0-9]+\), is stopped$"
    [ "$(grep -c 'could send' <<<"$output")" = 1 ]
    kill -CONT "$prefork"
    kill -TERM "$prefork" 2>/dev/null || true
    finish prefork
    finish client
}
