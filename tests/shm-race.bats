# shm/: race and aba: several processes change the same word.
load helper

segments() {
    awk 'FNR > 1' /proc/sysvipc/shm | wc -l
}

@test "race counts all increments, with each guard, with 8 workers and a million in total" {
    for guard in mutex atomic; do
        try ./shm/race -m $guard -w 8 -c 125000
        [ "$status" = 0 ]
        [ "$output" = "expected 1000000 counted 1000000" ]
        try ./shm/race -m $guard -w 2 -c 5000000 # long enough for the two to meet
        [ "$status" = 0 ]
        [ "$output" = "expected 10000000 counted 10000000" ]
    done
    try ./shm/race -m sem -w 8 -c 2000 # the million takes a while
    [ "$status" = 0 ]
    [ "$output" = "expected 16000 counted 16000" ]
    try ./shm/race
    [ "$status" = 0 ]
    [ "$output" = "expected 10000 counted 10000" ]
    assert_lesson "x = x + 1 in shared memory must be guarded"
}

@test "race -x loses updates on every run, on one CPU too: what is stored last is what counts" {
    for i in {1..10}; do
        for where in "env" "taskset -c 0"; do
            try $where ./shm/race -x
            [[ $status = 0 && $output = "expected 10000 counted 2500" ]] || { echo "$output $stderr"; false; }
            assert_lesson "x = x + 1 is a load and a store"
        done
    done
    try ./shm/race -x -w 2 -c 1
    [ "$output" = "expected 2 counted 1" ]
    try ./shm/race -x -m mutex -w 3 -c 7
    [ "$output" = "expected 21 counted 7" ]
    try ./shm/race -x -w 1
    [ "$status" = 2 ]
}

@test "race -x tells what each does: load, the others' increments, store" {
    try ./shm/race -x -w 2 -c 5
    [[ $stderr = *"load: 0;"*"worker 1 sleeps"*"the counter is at 5"*"store: 1;"* ]]
}

@test "race: a guard of another name is refused" {
    try ./shm/race -m spin
    [ "$status" = 2 ]
    [ "$stderr" = "race: -m 'spin': not sem, mutex or atomic" ]
}

@test "race: a worker that is killed ends all of it with an error, and nothing stays" {
    for guard in sem mutex; do
        start race ./shm/race -m $guard -c 100000000
        eventually eval '[ "$(pgrep -P "$race" | wc -l)" = 4 ]'
        kill -KILL "$(pgrep -o -P "$race")"
        finish race
        [ "$status" = 1 ]
        grep -q "^race: a worker failed" "$T/race.err"
        eventually none_left
    done
}

@test "race: its workers wait for the semaphore; Ctrl-C ends all of it, and removes the set" {
    local id
    start race ./shm/race -c 100000000
    eventually eval '[ "$(pgrep -P "$race" | wc -l)" = 4 ]'
    id=$(awk 'FNR > 1 { print $2 }' /proc/sysvipc/sem | sort -n | tail -1)
    eventually eval 'ipcs -s -i "$id" | awk "\$1 == 0 && \$3 > 0 { waits = 1 } END { exit !waits }"'
    kill -INT "$race"
    finish race
    [ "$status" = 130 ]
    eventually none_left
}

@test "race: kill -9 leaves no segment and no worker; it leaves the set, which ipcrm removes" {
    local others sets new
    others=$(segments)
    sets=$(awk 'FNR > 1 { print $2 }' /proc/sysvipc/sem)
    for guard in mutex sem; do
        start race ./shm/race -m $guard -c 100000000
        eventually eval '[ "$(pgrep -P "$race" | wc -l)" = 4 ]'
        [ "$(segments)" = $((others + 1)) ]
        kill -KILL "$race"
        finish race
        eventually none_left
        [ "$(segments)" = "$others" ]
    done
    new=$(awk 'FNR > 1 { print $2 }' /proc/sysvipc/sem | grep -vxF "$sets")
    ipcrm -s "$new"
}

@test "attach and race end at once by SIGINT, SIGTERM or SIGHUP at any moment, and leave nothing" {
    local i signals=(INT TERM HUP) programs=(attach "race -x" "race -m sem" "race -m mutex")
    for i in {1..36}; do
        start victim ./shm/${programs[i % 4]}
        read -r -t "0.00$((RANDOM % 10))" <&"$never" || true
        kill -"${signals[i % 3]}" "$victim" 2>/dev/null || true
        finish victim
        [[ $status = @(0|129|130|143) ]] || { echo "${programs[i % 4]}: $status"; false; }
    done
    eventually none_left
} {never}<> <(:)

@test "aba: with a version the old top is not taken for the new one" {
    try ./shm/aba
    [ "$status" = 0 ]
    [ "$output" = "before A B C"$'\n'"between A C"$'\n'"after C" ]
}

@test "aba -x: without a version the exchange succeeds, a node has two owners and another one is lost" {
    try ./shm/aba -x
    [ "$status" = 0 ]
    [ "$output" = "before A B C"$'\n'"between A C"$'\n'"after B" ]
    assert_lesson "compare-and-swap compares values"
}

@test "aba -c: four processes at once, and no node is lost or in two hands, on one CPU and on two" {
    try ./shm/aba -c 1000000
    [ "$status" = 0 ]
    [ "${lines[3]}" = "nodes at the end 3" ]
    try taskset -c 0 ./shm/aba -c 200000
    [ "$status" = 0 ]
    [ "${lines[3]}" = "nodes at the end 3" ]
}
