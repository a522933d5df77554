# shm/: race, torn, litmus and aba: several processes use the same memory at once.
load helper

@test "race counts all increments, with each guard, with 8 workers and a million in total" {
    for guard in mutex atomic; do
        try ./shm/race -m $guard -w 8 -c 125000
        [ "$status" = 0 ]
        [ "$output" = "expected 1000000 counted 1000000" ]
    done
    assert_lesson "a guard, or one atomic operation"
    try ./shm/race -m mutex -w 2 -c 2000000 # long enough for the two to meet
    [ "$output" = "expected 4000000 counted 4000000" ]
    try ./shm/race -m sem -w 8 -c 2000 # the million takes a while
    [ "$status" = 0 ]
    [ "$output" = "expected 16000 counted 16000" ]
    try ./shm/race
    [ "$status" = 0 ]
    [ "$output" = "expected 10000 counted 10000" ]
    assert_lesson "a guard, or one atomic operation"
}

@test "race: while worker 1 stands between load and store, the kernel says that the others sleep at the guard" {
    try ./shm/race
    [ "$(grep -c 'another worker sleeps in semop' <<<"$stderr")" = 3 ]
    [[ $stderr = *"load x: 0"*"worker 1 sleeps in read"*"another worker"*"store x: 1"* ]]
    try ./shm/race -m mutex -w 2
    [ "$(grep -c 'another worker sleeps in futex' <<<"$stderr")" = 1 ]
}

@test "race -x: the plain loop loses by itself on two CPUs; in slow motion what is stored last is what counts, on one CPU too" {
    local losses=0
    for i in {1..5}; do
        for where in "env" "taskset -c 0"; do
            try $where ./shm/race -x
            [[ $status = 0 && $output = "expected 20000000 counted 5000000" ]] || { echo "$output $stderr"; false; }
            # On one CPU it is up to the compiler: an increment of one instruction loses nothing there.
            [ "$where" != env ] || ((losses += $(grep "x = x + 1: expected" <<<"$stderr" | grep -vc "counted 20000000"))) || true
            assert_lesson "x = x + 1 is a load and a store"
        done
    done
    [ "$(nproc)" = 1 ] || [ "$losses" -ge 5 ] # of 15: where others keep a CPU busy, the workers may take turns
    try ./shm/race -x -w 2 -c 1
    [ "$output" = "expected 2 counted 1" ]
    [[ $stderr = *"load x: 0"*"another worker has ended: x is 1"*"store x: 1"* ]]
    try ./shm/race -x -w 1
    [ "$status" = 2 ]
}

@test "race -x -m atomic: x = x + 1 on an _Atomic loses too, on one CPU too" {
    for i in {1..5}; do
        for where in "env" "taskset -c 0"; do
            try $where ./shm/race -x -m atomic
            [[ $status = 0 && $output = "expected 4000000 counted "* && ${output##* } -lt 4000000 ]]
            assert_lesson "x = x + 1 on an _Atomic"
        done
    done
}

@test "race: a guard of another name is refused" {
    try ./shm/race -m spin
    [ "$status" = 2 ]
    [ "$stderr" = "race: -m 'spin': not one of sem, mutex, atomic, none" ]
    for options in "-x -m sem" "-x -m mutex" "-m none"; do
        try ./shm/race $options
        [ "$status" = 2 ]
    done
}

@test "race: a worker that is killed ends all of it with an error, and nothing stays" {
    for guard in sem mutex; do
        start race ./shm/race -m $guard -c 30000000
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
    start race ./shm/race -c 30000000
    eventually eval '[ "$(pgrep -P "$race" | wc -l)" = 4 ]'
    id=$(awk 'FNR > 1 { print $2 }' /proc/sysvipc/sem | sort -n | tail -1)
    eventually eval 'ipcs -s -i "$id" | awk "\$1 == 0 && \$3 > 0 { waits = 1 } END { exit !waits }"'
    kill -INT "$race"
    finish race
    [ "$status" = 130 ]
    eventually none_left
}

@test "race: kill -9 leaves no worker; it leaves the set, which ipcrm removes" {
    local sets new
    sets=$(awk 'FNR > 1 { print $2 }' /proc/sysvipc/sem)
    for guard in mutex sem; do
        start race ./shm/race -m $guard -c 30000000
        eventually eval '[ "$(pgrep -P "$race" | wc -l)" = 4 ]'
        kill -KILL "$race"
        finish race
        eventually none_left
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
    assert_lesson "compare-and-swap took A for the old A"
}

@test "aba -c: four processes at once, and no node is lost or in two hands, on one CPU and on two" {
    try ./shm/aba -c 1000000
    [ "$status" = 0 ]
    [ "${lines[3]}" = "nodes at the end 3" ]
    try taskset -c 0 ./shm/aba -c 200000
    [ "$status" = 0 ]
    [ "${lines[3]}" = "nodes at the end 3" ]
}

@test "torn -x: copies are half old, half new, on one CPU too; with the sequence lock never" {
    for where in "env" "taskset -c 0"; do
        try $where ./shm/torn -x
        [ "$status" = 0 ]
        [ "$output" = "torn copies: yes" ]
        assert_lesson "a copy is not one step"
        try $where ./shm/torn
        [ "$status" = 0 ]
        [ "$output" = "torn copies: never" ]
        [[ $stderr = *" copies, "[1-9]*" repeated, 0 torn"* ]]
    done
}

@test "litmus -x: both read 0; with a full fence never; on one CPU it says so" {
    try taskset -c 0 ./shm/litmus -x
    [ "$status" = 0 ]
    [ -z "$output" ]
    [[ $stderr = *"one CPU sees its own stores in order: nothing to show" ]]
    [ "$(nproc)" -gt 1 ] || skip "one CPU only"
    try ./shm/litmus -x
    [ "$status" = 0 ]
    [ "$output" = "both 0: yes" ]
    assert_lesson "both have read 0"
    try ./shm/litmus
    [ "$status" = 0 ]
    [ "$output" = "both 0: never" ]
    assert_lesson "a full fence"
}
