# sem/: System V semaphores by hand, with each other and with perl, ipcmk, ipcs and ipcrm; undo, init, mutex, order.
load helper

key=$(printf '0x5e%06x' $$) # of this test alone

create() {
    ./sem/create -k "$key" -v "$1" 2>"$T/create.err"
    id=$(stat_of id)
}

remove() {
    ./sem/rm -k "$key" 2>"$T/rm.err"
}

give() {
    ./sem/v -k "$key" 2>"$T/v.err"
}

# The number that sem/stat prints behind a name; and whether it is the one expected.
stat_of() {
    ./sem/stat -k "$key" | awk -v name="$1" '$1 == name { print $2 }'
}

stat_is() {
    [ "$(stat_of "$1")" = "$2" ]
}

# hold NAME PROGRAM: p -u or v -u in the background, whose stdin stays open until a line goes to $keyboard.
hold() {
    if [ ! -p "$T/keyboard" ]; then
        mkfifo "$T/keyboard"
        exec {keyboard}<>"$T/keyboard"
    fi
    start "$1" "./sem/$2" -u -k "$key" <"$T/keyboard"
    eventually grep -q until "$T/$1.err"
    eventually asleep "${!1}"
}

let_go() {
    exec {keyboard}>&-
    rm "$T/keyboard"
}

segments_are() {
    [ "$(wc -l </proc/sysvipc/shm)" = "$1" ]
}

@test "create, p, v, stat and rm meet without options, from any folder" {
    ! ./sem/stat >"$T/stat" 2>&1 || skip "this user has a semaphore already"
    cd /
    try "$B/sem/create"
    [[ $status = 0 && -z $output ]]
    cd "$T"
    try "$B/sem/p"
    [[ $status = 0 && -z $output ]]
    start p "$B/sem/p"
    cd /tmp
    eventually asleep "$p"
    try "$B/sem/v"
    [[ $status = 0 && -z $output ]]
    finish p
    [ "$status" = 0 ]
    try "$B/sem/stat"
    [[ $status = 0 && $output = *$'\nvalue 0\n'* ]]
    try "$B/sem/rm"
    [[ $status = 0 && -z $output ]]
}

@test "p, v, stat and rm without a set: one clear line, status 1" {
    for program in p v stat; do
        try "./sem/$program" -k "$key"
        [[ $status = 1 && $stderr = "$program: semget: ENOENT: no set has the key $key; first run ./sem/create" ]]
    done
    try ./sem/rm -k "$key"
    [[ $status = 1 && $stderr = "rm: semget: ENOENT: there is no set with key $key" ]]
}

@test "create makes a set of one with the value 1 or that of -v, for this user alone, and says how to look and remove" {
    needs ipcs ipcrm
    for value in 1 0 7 32767; do
        if [ $value = 1 ]; then try ./sem/create -k "$key"; else try ./sem/create -k "$key" -v $value; fi
        [ "$status" = 0 ]
        stat_is value $value
        [ "$(awk -v key=$((key)) '$1 == key { print $3, $4 }' /proc/sysvipc/sem)" = "600 1" ]
        id=$(stat_of id)
        [[ $stderr = *"ipcs -s -i $id"* && $stderr = *"ipcrm -s $id"* ]]
        ipcs -s -i "$id" | grep -q "^0 *$value "
        ipcrm -s "$id"
    done
}

@test "create leaves a set that is there as it is, and says how to remove it" {
    needs ipcrm
    create 5
    try ./sem/create -k "$key" -v 3
    [[ $status = 1 && $stderr = "create: semget: EEXIST: key $key has a set; to remove it: ipcrm -S $key" ]]
    stat_is value 5
    ipcrm -S "$key"
}

@test "a value above SEMVMX is ERANGE: create makes no set, v changes nothing" {
    try ./sem/create -k "$key" -v 40000
    [[ $status = 1 && $stderr = *"create: semctl SETVAL 40000: ERANGE: above SEMVMX, 32767: "* ]]
    try ./sem/stat -k "$key"
    [ "$status" = 1 ]
    create 32767
    try ./sem/v -k "$key"
    [[ $status = 1 && $stderr = *"v: semop: ERANGE: the value would pass SEMVMX, 32767: "* ]]
    stat_is value 32767
    remove
}

@test "p sleeps in semop() while the value is 0; v wakes it; the value never goes below 0" {
    create 0
    start p ./sem/p -k "$key"
    eventually stat_is ncount 1
    asleep "$p"
    stat_is value 0
    ! grep taken "$T/p.err" || false
    give
    finish p
    [ "$status" = 0 ]
    grep -q "taken" "$T/p.err"
    stat_is value 0
    stat_is ncount 0
    stat_is pid "$p"
    remove
}

@test "of three that wait, each v wakes one" {
    create 0
    for i in 1 2 3; do
        start "p$i" ./sem/p -k "$key"
        eventually stat_is ncount $i
    done
    for left in 2 1 0; do
        give
        stat_is ncount $left
        stat_is value 0
    done
    for i in 1 2 3; do
        finish "p$i"
        [ "$status" = 0 ]
    done
    remove
}

@test "a semaphore of value 3 lets three in at once" {
    create 3
    for _ in 1 2 3; do
        try ./sem/p -n -k "$key"
        [ "$status" = 0 ]
    done
    try ./sem/p -n -k "$key"
    [ "$status" = 1 ]
    remove
}

@test "p -n does not wait: EAGAIN" {
    create 0
    try ./sem/p -n -k "$key"
    [[ $status = 1 && $stderr = *"p: semop: EAGAIN: the value is 0: Resource temporarily unavailable" ]]
    stat_is ncount 0
    remove
}

@test "p -u holds the semaphore until it ends, by Enter, end of input or any signal; then the kernel adds the one" {
    create 1
    hold p p
    stat_is value 0
    echo >&"$keyboard"
    finish p
    [ "$status" = 0 ]
    stat_is value 1
    for signal in INT TERM HUP QUIT KILL; do
        hold p p
        stat_is value 0
        kill -$signal "$p"
        finish p
        [ "$status" = $((128 + $(kill -l $signal))) ]
        stat_is value 1
        stat_is pid "$p"
    done
    let_go
    try ./sem/p -u -k "$key" </dev/null
    [ "$status" = 0 ]
    stat_is value 1
    remove
}

@test "three terminals: the holder with -u is killed with -9, and the next one comes in" {
    create 1
    hold holder p
    start waiter ./sem/p -k "$key"
    eventually stat_is ncount 1
    kill -KILL "$holder"
    finish waiter
    [ "$status" = 0 ]
    finish holder
    [ "$status" = 137 ]
    let_go
    remove
}

@test "without -u the value stays lower when p has ended, and the next one waits until somebody gives" {
    create 1
    start first ./sem/p -k "$key"
    finish first
    [ "$status" = 0 ]
    start waiter ./sem/p -k "$key"
    eventually stat_is ncount 1
    stat_is pid "$first"
    [ ! -e "/proc/$first" ]
    give
    finish waiter
    [ "$status" = 0 ]
    remove
}

@test "a p that is ended while it waits takes nothing" {
    create 0
    for signal in INT TERM KILL; do
        for option in -k -uk; do
            start p ./sem/p $option "$key"
            eventually stat_is ncount 1
            kill -$signal "$p"
            finish p
            [ "$status" = $((128 + $(kill -l $signal))) ]
            stat_is ncount 0
            stat_is value 0
        done
    done
    remove
}

@test "semop is never restarted: p, stopped and continued, gets EINTR and waits again" {
    create 0
    start p ./sem/p -u -k "$key" </dev/null
    eventually stat_is ncount 1
    kill -STOP "$p"
    eventually stat_is ncount 0
    kill -CONT "$p"
    eventually stat_is ncount 1
    grep -q "p | ... = -1 EINTR" "$T/p.err"
    [ "$(grep -c 'p | semop([0-9]*, -1, SEM_UNDO) \.\.\.' "$T/p.err")" = 2 ]
    give
    finish p
    [ "$status" = 0 ]
    remove
}

@test "the set is removed while p waits: EIDRM" {
    create 0
    start p ./sem/p -k "$key"
    eventually stat_is ncount 1
    remove
    finish p
    [ "$status" = 1 ]
    grep -q "^p: semop: EIDRM: the set was removed: Identifier removed$" "$T/p.err"
}

@test "the set is removed while p -u holds: it ends as usual" {
    create 1
    hold p p
    remove
    echo >&"$keyboard"
    finish p
    [ "$status" = 0 ]
    let_go
}

@test "v -u: what it has given is taken off again when it ends, but the value does not go below 0" {
    create 0
    hold v v
    stat_is value 1
    kill -KILL "$v"
    finish v
    stat_is value 0
    hold v v
    ./sem/p -k "$key" 2>"$T/p.err"
    stat_is value 0
    echo >&"$keyboard"
    finish v
    [ "$status" = 0 ]
    stat_is value 0
    let_go
    remove
}

@test "p -u and then v from another process: at the end of p there is one too many" {
    create 1
    hold p p
    give
    echo >&"$keyboard"
    finish p
    stat_is value 2
    let_go
    remove
}

@test "SETVAL forgets what was to be undone" {
    needs perl
    create 1
    hold p p
    perl -MIPC::SysV=SETVAL -e 'semctl($ARGV[0], 0, SETVAL, 0) or die' "$id"
    echo >&"$keyboard"
    finish p
    stat_is value 0
    let_go
    remove
}

@test "what is to be undone stays with the process: not given to a child by fork, kept through exec" {
    needs perl
    create 1
    # shellcheck disable=SC2016 # perl's variables
    start perl perl -MIPC::SysV=SEM_UNDO -e '
        semop($ARGV[0], pack("s!3", 0, -1, SEM_UNDO)) or die;
        if (fork == 0) { exit }
        wait;
        exec "sleep", "30"' "$id"
    eventually grep -q '^sleep' "/proc/$perl/comm"
    stat_is value 0
    kill -TERM "$perl"
    finish perl
    stat_is value 1
    remove
}

@test "stat agrees with /proc/sysvipc/sem and ipcs" {
    needs ipcs
    create 4
    for step in new used; do
        [ $step = new ] || ./sem/p -k "$key" 2>"$T/p.err"
        # shellcheck disable=SC2046 # the columns of one line
        set -- $(awk -v id="$id" '$2 == id' /proc/sysvipc/sem)
        [[ $1 = $((key)) && $2 = $(stat_of id) && $3 = $(stat_of mode) && $5 = $(stat_of uid) ]]
        [[ $9 = $(stat_of otime) && ${10} = $(stat_of ctime) ]]
        [[ $key = $(stat_of key) ]]
        # shellcheck disable=SC2046
        set -- $(ipcs -s -i "$id" | grep '^0 ')
        [ "$2 $3 $4 $5" = "$(stat_of value) $(stat_of ncount) $(stat_of zcount) $(stat_of pid)" ]
        [ $step = used ] || stat_is otime 0
    done
    [ "$(stat_of otime)" -ge "$(stat_of ctime)" ]
    stat_is value 3
    remove
}

@test "stat counts apart who waits for more and who waits for zero" {
    needs perl
    create 1
    start zero perl -e 'semop($ARGV[0], pack("s!3", 0, 0, 0)) or die' "$id"
    eventually stat_is zcount 1
    stat_is ncount 0
    start two perl -e 'semop($ARGV[0], pack("s!3", 0, -2, 0)) or die' "$id"
    eventually stat_is ncount 1
    stat_is zcount 1
    stat_is value 1
    give
    finish two
    finish zero
    [ "$status" = 0 ]
    stat_is ncount 0
    stat_is zcount 0
    stat_is pid "$zero"
    remove
}

@test "what stat prints is not lost silently: a full disk is an error" {
    create 1
    try bash -c "./sem/stat -k $key >/dev/full"
    [[ $status = 1 && $stderr = "stat: stdout: No space left on device" ]]
    remove
}

@test "a set of another size at the same key is refused; rm removes it" {
    needs perl
    perl -MIPC::SysV=IPC_CREAT -e 'semget(hex $ARGV[0], 3, IPC_CREAT | 0600) // die' "$key"
    for program in p v stat; do
        try "./sem/$program" -k "$key"
        [ "$status" = 1 ]
        [[ $stderr = "$program: key $key has a set of 3 semaphores, not of one" ]]
    done
    try ./sem/create -k "$key"
    [[ $status = 1 && $stderr = *"EEXIST: key $key has a set"* ]]
    try ./sem/rm -k "$key"
    [ "$status" = 0 ]
}

@test "who asks an existing set for more semaphores than it has gets EINVAL, not a larger set" {
    needs perl
    create 1
    perl -e 'defined semget(hex $ARGV[0], 2, 0600) and exit 1; $!{EINVAL} or die "$!"' "$key"
    remove
}

@test "-k takes the key as ipcs prints it, or decimal" {
    create 2
    try ./sem/p -k $((key))
    [ "$status" = 0 ]
    stat_is value 1
    try ./sem/p -k 0
    [[ $status = 2 && $stderr = *IPC_PRIVATE* ]]
    remove
}

@test "perl wakes our p, our v wakes perl's P" {
    needs perl
    create 0
    start p ./sem/p -k "$key"
    eventually stat_is ncount 1
    perl -e 'semop($ARGV[0], pack("s!3", 0, 1, 0)) or die' "$id"
    finish p
    [ "$status" = 0 ]
    start perl perl -e 'semop($ARGV[0], pack("s!3", 0, -1, 0)) or die' "$id"
    eventually stat_is ncount 1
    give
    finish perl
    [ "$status" = 0 ]
    stat_is value 0
    remove
}

@test "a set that ipcmk has made is as good as ours, and ipcrm removes ours" {
    needs ipcmk ipcs ipcrm
    id=$(ipcmk -S 1 -p 600 | tr -dc 0-9)
    key=$(ipcs -s | awk -v id="$id" '$2 == id { print $1 }')
    stat_is id "$id"
    start p ./sem/p -k "$key"
    eventually stat_is ncount 1
    give
    finish p
    [ "$status" = 0 ]
    stat_is value 0
    ipcrm -S "$key"
}

@test "another user's set: refused, unchanged, not removed" {
    other_user sem
    create 1
    for program in create p v stat rm; do
        try "${nobody[@]}" "./sem/$program" -k "$key"
        [[ $status = 1 && -z $output ]] || { echo "$program: $status $output $stderr"; false; }
        case $program in
        create) [[ $stderr = "create: semget: EEXIST: key $key has a set"* ]] ;;
        rm) [[ $stderr = *"rm: semctl IPC_RMID $id: EPERM (its owner: ipcs -s): Operation not permitted" ]] ;;
        *) [[ $stderr = "$program: semget: EACCES: no permission for key $key (ipcs -s)" ]] ;;
        esac
    done
    stat_is value 1
    stat_is otime 0
    remove
}

@test "undo: the holder is killed while another sleeps in semop(); SEM_UNDO gives it the semaphore" {
    try ./sem/undo
    [[ $status = 0 && -z $output ]]
    [[ $stderr = *"the waiter sleeps in semop("*"GETVAL = 0, GETNCNT = 1"*"SIGKILL"* ]]
    grep -q "waiter | ... = 0$" <<<"$stderr"
    assert_lesson "SEM_UNDO: "
}

@test "undo -x: the waiter sleeps on, and the last to change the semaphore is the dead one" {
    try ./sem/undo -x
    [[ $status = 0 && -z $output ]]
    ! grep "waiter | ... = 0" <<<"$stderr" || false
    [[ $stderr = *"the waiter still sleeps in semop("*"GETVAL = 0, GETNCNT = 1"* ]]
    dead=$(sed -n 's/.*kill(\([0-9]*\), SIGKILL).*/\1/p' <<<"$stderr")
    grep -qF "GETPID = $dead, kill($dead, 0) = -1 ESRCH" <<<"$stderr"
    assert_lesson "without SEM_UNDO"
}

@test "undo -x -m p: SEM_UNDO on P alone, and the semaphore ends one too high" {
    try ./sem/undo -x -m p
    [[ $status = 0 && -z $output ]]
    grep -qE "worker \| semop\([0-9]+, -1, SEM_UNDO\) = 0" <<<"$stderr"
    grep -q "the worker has ended: GETVAL = 2$" <<<"$stderr"
    assert_lesson "SEM_UNDO on P and not on V"
    for command in "undo -m p" "undo -x -m v"; do
        try ./sem/$command
        [[ $status = 2 && ${#stderr_lines[@]} = 1 ]]
    done
}

@test "init: another process finds the set without a value, and waits for sem_otime: nothing is lost" {
    try ./sem/init
    [[ $status = 0 && $output = "expected 2 value 2" ]]
    [[ $stderr = *"= -1 EEXIST"*", sem_otime = 0"*"the second one sleeps in poll()"*"SETVAL, 0) = 0"*"sem_otime is set"* ]]
    assert_lesson "a new set is not ready"
}

@test "init -x: every process does SETVAL, and the second wipes out what the first has done" {
    try ./sem/init -x
    [[ $status = 0 && $output = "expected 2 value 1" ]]
    [ "$(grep -c "SETVAL, 0) = 0" <<<"$stderr")" = 2 ]
    assert_lesson "SETVAL by each process"
}

@test "mutex: all want in, one is inside, the others sleep in semop()" {
    for workers in 1 2 3 20 64; do
        try ./sem/mutex -w $workers
        [[ $status = 0 && $output = "most at once 1" ]]
        grep -q "all sleep: 1 inside, GETNCNT = $((workers - 1))$" <<<"$stderr"
        [ "$(grep -c "inside: 1 now" <<<"$stderr")" = $workers ]
    done
    assert_lesson "a semaphore of value 1"
}

@test "mutex -x: without the semaphore all are inside at once" {
    for workers in 2 3 64; do
        try ./sem/mutex -x -w $workers
        [[ $status = 0 && $output = "most at once $workers" ]]
        grep -q "all sleep: $workers inside, GETNCNT = 0$" <<<"$stderr"
    done
    assert_lesson "without a semaphore"
    try ./sem/mutex -x -w 1
    [ "$status" = 2 ]
}

@test "order: step 1 comes before step 2, whichever process starts first" {
    try ./sem/order
    [[ $status = 0 && $output = $'A: step 1\nB: step 2\nA: step 1\nB: step 2' ]]
    [[ $stderr = *"B starts first"*"B | semop("*", -1) ..."*"B sleeps in semop("*"A | semop("*", +1) = 0"* ]]
    [[ $stderr = *"A starts first"*"A | semop("*", +1) = 0"*"GETVAL = 1"*"B | semop("*", -1) ..."*"B | ... = 0"* ]]
    assert_lesson "a semaphore that starts at 0"
}

@test "barrier: a rendezvous, then nobody passes before all have come, in a thousand rounds and for any number" {
    for workers in 2 3 8 64; do
        try ./sem/barrier -w $workers -r 200
        echo "$workers: $status $output $stderr"
        [[ $status = 0 && $output = "workers $workers rounds 200" ]]
    done
    try ./sem/barrier
    [[ $status = 0 && $output = "workers 3 rounds 1000" ]]
    [[ $stderr = *"side 1 | semop(here1, +1) = 0"*"side 1 sleeps in semop("*"side 2 | semop(here2, +1) = 0"* ]]
    grep -q "first: GETVAL = 1, GETZCNT = 2$" <<<"$stderr"
    assert_lesson "two turnstiles"
}

@test "barrier -x: one turnstile used again: all sleep, and wait for 0" {
    for workers in 2 3 8 64; do
        try ./sem/barrier -x -w $workers
        echo "$workers: $status $output $stderr"
        [[ $status = 0 && $output =~ ^workers\ $workers\ rounds\ [0-9]+$ ]]
        grep -q "first, later: GETVAL = [1-9][0-9]*, GETZCNT = $workers$" <<<"$stderr"
        assert_lesson "one turnstile"
    done
    for command in "barrier -x -r 5" "barrier -w 1" "barrier -r 0"; do
        try ./sem/$command
        [[ $status = 2 && ${#stderr_lines[@]} = 1 ]]
    done
}

@test "each demo is as certain on one CPU" {
    needs taskset
    for demo in undo "undo -x" "undo -x -m p" init "init -x" mutex "mutex -x" order barrier "barrier -x"; do
        read -ra words <<<"$demo"
        for _ in 1 2 3; do
            try taskset -c 0 ./sem/"${words[0]}" "${words[@]:1}"
            [ "$status" = 0 ] || { echo "$demo: $stderr"; false; }
        done
    done
}

@test "SIGINT, SIGTERM and SIGHUP, at any moment, leave nothing behind" {
    for demo in undo "undo -x" init "init -x" mutex order barrier; do
        read -ra words <<<"$demo"
        for moment in 0 1 2 3 4 6 8; do
            for signal in INT TERM HUP; do
                try timeout -s $signal 0.00$moment ./sem/"${words[0]}" "${words[@]:1}"
                [ "$status" = 0 ] || [ "$status" = 124 ] || { echo "$demo: $status $stderr"; false; }
            done
        done
    done
}

@test "kill -9 of the parent leaves no process and no segment, but its set; ipcrm -s ID removes that" {
    needs ipcrm
    segments=$(wc -l </proc/sysvipc/shm)
    for demo in "undo -x" "mutex -w 64"; do
        read -ra words <<<"$demo"
        for _ in {1..20}; do # until it is killed in the middle
            start demo ./sem/"${words[0]}" "${words[@]:1}"
            until grep -q "[12r] | semop" "$T/demo.err"; do :; done
            kill -KILL "$demo" 2>/dev/null || true
            finish demo
            [ "$status" != 137 ] || break
        done
        [ "$status" = 137 ]
        eventually none_left
        id=$(sed -n 's/.*semget(IPC_PRIVATE) = \([0-9]*\)$/\1/p' "$T/demo.err")
        [ "$(awk -v id="$id" '$2 == id { print $1 }' /proc/sysvipc/sem)" = 0 ]
        eventually segments_are "$segments"
        ipcrm -s "$id"
    done
}
