# sem/: the classical problems: prodcons, philosophers, rwlock, robust.
load helper

# What sem/rwlock prints of one kind: number_of readers overtaken, number_of writers wait.
number_of() {
    case $2 in
    entries) awk -v kind="$1" '$1 == kind { print $3 }' <<<"$output" ;;
    wait) awk -v kind="$1" '$1 == kind { print int($6) }' <<<"$output" ;;
    overtaken) awk -v kind="$1" '$1 == kind { print $9 }' <<<"$output" ;;
    esac
}

# children_are PID COUNT: the process has so many; their pids go to ${children[@]}, the oldest first.
children_are() {
    mapfile -t children < <(pgrep -P "$1" | sort -n)
    [ "${#children[@]}" = "$2" ]
}

# The ring: each waits for the next one.
circle_of() {
    for ((i = 1; i <= $1; i++)); do
        echo "philosopher $i waits for philosopher $((i % $1 + 1))"
    done
}

@test "prodcons: every item arrives once, both ways, with one slot and with many, whoever is more" {
    for way in sem monitor; do
        for slots in 1 2 1000; do
            for parties in "-p 1 -c 1" "-p 4 -c 1" "-p 1 -c 4" "-p 3 -c 3"; do
                try ./sem/prodcons -m $way -s $slots -i 300 $parties
                echo "$way $slots $parties: $status $output $stderr"
                [ "$status" = 0 ]
                [ "$output" = "produced 300 consumed 300" ]
            done
        done
    done
}

@test "prodcons: a hundred thousand items through many slots, for many at once: none lost, none twice" {
    for way in sem sem monitor; do
        try ./sem/prodcons -m $way -i 100000 -s 1000 -p 4 -c 4
        [[ $status = 0 && $output = "produced 100000 consumed 100000" ]]
    done
}

@test "prodcons: one item, or fewer than there are parties" {
    try ./sem/prodcons -i 1
    [[ $status = 0 && $output = "produced 1 consumed 1" ]]
    try ./sem/prodcons -m monitor -i 3 -p 32 -c 32
    [[ $status = 0 && $output = "produced 3 consumed 3" ]]
}

@test "prodcons: while the consumers wait for an item the lock is free; at the end all is as it was" {
    try ./sem/prodcons -s 7
    assert_lesson "wait for the slot first"
    grep -q "the consumers sleep: lock 1, items 0, free 7$" <<<"$stderr"
    grep -q "all have ended: lock 1, items 0, free 7$" <<<"$stderr"
    try ./sem/prodcons -m monitor -s 7
    assert_lesson "pthread_cond_wait() gives the mutex back"
    grep -q "the consumers sleep: the mutex is free, items 0, free 7$" <<<"$stderr"
    grep -q "all have ended: the mutex is free, items 0, free 7$" <<<"$stderr"
}

@test "prodcons -x: the lock before the item is a deadlock; it prints who has the lock and who waits for what" {
    for options in "" "-s 1" "-i 2" "-m monitor" "-m monitor -s 1"; do
        try ./sem/prodcons -x $options
        [ "$status" = 0 ]
        [ "$output" = "consumer 1 has the lock, waits for an item
consumer 2 waits for the lock
producer 1 waits for the lock
producer 2 waits for the lock
produced 0 consumed 0" ]
        assert_lesson "it sleeps with the lock in hand"
    done
    try ./sem/prodcons -x -c 1 -p 1
    [ "${#lines[@]}" = 3 ]
    grep -q "all sleep: lock 0, items 0, free 4$" <<<"$stderr"
    try ./sem/prodcons -x -m monitor
    grep -q "all sleep: the mutex is free, items 0, free 4$" <<<"$stderr"
}

@test "prodcons: a party is killed with -9: one line that names it, status 1, and nobody stays" {
    needs pgrep
    names=("consumer 1" "consumer 2" "producer 1" "producer 2")
    for way in sem monitor; do
        for i in 0 1 2 3; do
            start prodcons ./sem/prodcons -i 10000000 -m $way
            eventually children_are "$prodcons" 4
            kill -KILL "${children[i]}"
            finish prodcons
            [ "$status" = 1 ]
            [ "$(grep -c '^prodcons: ' "$T/prodcons.err")" = 1 ]
            grep -q "^prodcons: ${names[i]} was killed, signal 9: ending all$" "$T/prodcons.err"
            [ ! -s "$T/prodcons" ]
            eventually none_left
        done
    done
}

@test "philosophers: 2 to 64, each way: all eat their rounds, and each line tells meals and longest wait" {
    for way in state both order; do
        for count in 2 3 5 64; do
            try ./sem/philosophers -m $way -n $count -r 4
            [ "$status" = 0 ]
            [ "${#lines[@]}" = $count ]
            for ((i = 1; i <= count; i++)); do
                [[ ${lines[i - 1]} =~ ^philosopher\ $i\ meals\ 4\ longest\ wait\ [0-9]+\.[0-9]\ ms$ ]]
            done
            grep -q "$((4 * count)) meals, and never did two neighbours eat at once" <<<"$stderr"
        done
    done
}

somebody_waits() {
    try ./sem/philosophers -m "$1" -n 2
    awk '$7 >= 1 { long++ } END { exit long == 0 }' <<<"$output"
}

@test "philosophers: the longest wait of somebody is a meal at least, for neighbours do not eat together" {
    for way in state both order; do
        tries 20 somebody_waits $way # if both have a CPU at the same time
    done
}

@test "philosophers -x: the left fork first is a deadlock, and the circle is printed" {
    for count in 2 3 5 64; do
        try ./sem/philosophers -x -n $count
        [ "$status" = 0 ]
        [ "$output" = "$(circle_of $count)" ]
        assert_lesson "each holds what its neighbour waits for"
        [ "$(grep -c "GETVAL = 0, GETPID = [0-9]*, GETNCNT = 1" <<<"$stderr")" = $count ]
    done
}

@test "philosophers: one is killed with -9: one line that names it, status 1, the set is removed" {
    needs pgrep
    for way in state both order; do
        start philosophers ./sem/philosophers -m $way -r 10000
        eventually children_are "$philosophers" 5
        kill -KILL "${children[2]}"
        finish philosophers
        [ "$status" = 1 ]
        [ "$(grep -c '^philosophers: ' "$T/philosophers.err")" = 1 ]
        grep -q "^philosophers: philosopher 3 was killed, signal 9: ending all$" "$T/philosophers.err"
        eventually none_left
    done
}

@test "prodcons and philosophers end by SIGINT and SIGTERM without a word, and leave nothing" {
    needs pgrep
    for signal in INT TERM; do
        for command in "prodcons -i 10000000" "prodcons -m monitor -i 10000000" \
            "philosophers -r 10000" "philosophers -r 10000 -m both" "philosophers -r 10000 -m order"; do
            start program ./sem/$command
            eventually pgrep -P "$program" >"$T/pids"
            kill -$signal "$program"
            finish program
            [ "$status" = $((128 + $(kill -l $signal))) ]
            ! grep -E '^(prodcons|philosophers): ' "$T/program.err" || false
            eventually none_left
            [ "$(objects)" = "$before" ]
        done
    done
}

@test "the main process is killed with -9: the others end with it" {
    needs pgrep ipcrm
    for command in "prodcons -i 10000000" "philosophers -r 10000"; do
        start program ./sem/$command
        eventually pgrep -P "$program" >"$T/pids"
        kill -KILL "$program"
        eventually none_left
    done
    # A set is left after SIGKILL: nothing could remove it.
    while read -r id; do
        grep -q "^/proc/sysvipc/sem 0 $id$" <<<"$before" || ipcrm -s "$id"
    done < <(awk 'FNR > 1 && $1 == 0 { print $2 }' /proc/sysvipc/sem)
}

@test "semop() that takes both forks can starve: a later one passes who waits, again and again" {
    needs perl
    perl -MIPC::SysV=IPC_PRIVATE,IPC_RMID,SETALL,GETNCNT,IPC_NOWAIT -e '
        my $set = semget(IPC_PRIVATE, 4, 0600) // die;
        END { semctl($set, 0, IPC_RMID, 0) if $set }
        semctl($set, 0, SETALL, pack("s!*", (1) x 4)) or die;
        sub both { semop($set, pack("s!6", $_[0], $_[1], IPC_NOWAIT, $_[0] + 1, $_[1], IPC_NOWAIT)) }
        both(0, -1) or die; # the left neighbour eats
        my $pid = fork // die;
        if ($pid == 0) { semop($set, pack("s!6", 1, -1, 0, 2, -1, 0)); require POSIX; POSIX::_exit(0) }
        my $waits = sub { semctl($set, 1, GETNCNT, 0) + semctl($set, 2, GETNCNT, 0) > 0 };
        select undef, undef, undef, 0.01 until $waits->();
        for (1 .. 10) {
            both(2, -1) or die "the right one cannot pass"; # asked later, is served first
            both(0, 1);
            $waits->() or die "the one between was served";
            both(0, -1) or die "the left one cannot pass";
            both(2, 1);
            $waits->() or die "the one between was served";
        }
        both(0, 1);
        waitpid $pid, 0;'
}

@test "semop() hands what is given to the one who sleeps for it: the giver cannot take it again" {
    needs perl
    perl -MIPC::SysV=IPC_PRIVATE,IPC_RMID,SETVAL,GETNCNT,IPC_NOWAIT -e '
        my $set = semget(IPC_PRIVATE, 1, 0600) // die;
        END { semctl($set, 0, IPC_RMID, 0) if $set }
        semctl($set, 0, SETVAL, 0) // die;
        my $pid = fork // die;
        if ($pid == 0) { semop($set, pack("s!3", 0, -1, 0)); require POSIX; POSIX::_exit(0) }
        select undef, undef, undef, 0.01 until semctl($set, 0, GETNCNT, 0) > 0;
        semop($set, pack("s!3", 0, 1, 0)) or die;
        semop($set, pack("s!3", 0, -1, IPC_NOWAIT)) and die "taken again";
        $!{EAGAIN} or die "$!";
        waitpid $pid, 0;'
}

@test "rwlock -m readers: every reader that comes later passes the writers, who wait for all of them" {
    try ./sem/rwlock
    [ "$status" = 0 ]
    [ "$(number_of readers overtaken)" = 0 ]
    [ "$(number_of writers overtaken)" = 199 ]
    [ "$(number_of writers wait)" -ge 66 ] # 199 stays of 1 ms, three at a time
    assert_lesson "readers first"
}

@test "rwlock -m writers: every writer that comes later passes the readers, who wait for all of them" {
    try ./sem/rwlock -m writers
    [ "$status" = 0 ]
    [ "$(number_of readers overtaken)" = 197 ]
    [ "$(number_of writers overtaken)" = 0 ]
    [ "$(number_of readers wait)" -ge 197 ] # 197 stays of 1 ms, one at a time
    assert_lesson "writers first"
}

@test "rwlock -m fair: nobody is overtaken" {
    try ./sem/rwlock -m fair
    [ "$status" = 0 ]
    [ "$(number_of readers overtaken)" = 0 ]
    [ "$(number_of writers overtaken)" = 0 ]
    assert_lesson "in the order of arrival"
}

@test "rwlock: the load is the same under each policy, and all of it gets in, however many there are" {
    for parties in "-r 2 -w 32" "-r 32 -w 2"; do
        for policy in readers writers fair; do
            try ./sem/rwlock $parties -m $policy
            echo "$parties $policy: $status $output $stderr"
            [ "$status" = 0 ]
            [ "$(number_of readers entries)" = 200 ]
            [ "$(number_of writers entries)" = 200 ]
        done
    done
}

@test "rwlock: one is killed with -9: one line that names it, status 1" {
    needs pgrep
    for i in 0 1; do
        status=0
        for ((attempt = 0; status == 0 && attempt < 20; attempt++)); do # it may have ended before
            start rwlock ./sem/rwlock -m writers -r 2 -w 2
            eventually children_are "$rwlock" 4 || true
            kill -KILL "${children[i]}" 2>/dev/null || true
            finish rwlock
        done
        [ "$status" = 1 ]
        [ "$(grep -c '^rwlock: ' "$T/rwlock.err")" = 1 ]
        grep -qE "^rwlock: (reader|writer) [12] was killed, signal 9: ending all$" "$T/rwlock.err"
        eventually none_left
    done
}

@test "robust: EOWNERDEAD, the repair, and after pthread_mutex_consistent() all is well" {
    try ./sem/robust
    [[ $status = 0 && $output = "sum 100" ]]
    assert_lesson "EOWNERDEAD: the mutex is yours"
    grep -q "left 70, right 0, and not yet done" <<<"$stderr"
    [ "$(grep -c "next | ... = EOWNERDEAD" <<<"$stderr")" = 2 ]
    grep -q "pthread_mutex_trylock() = 0: as good as new" <<<"$stderr"
}

@test "robust: unlocked without pthread_mutex_consistent(), the mutex is lost: ENOTRECOVERABLE" {
    try ./sem/robust
    [ "$status" = 0 ]
    [ "$(grep -c "consistent() = 0" <<<"$stderr")" = 1 ]
    [[ ${stderr_lines[-2]} = *"watcher | pthread_mutex_trylock() = ENOTRECOVERABLE: lost to all" ]]
}

@test "robust -x: a mutex that is not robust stays locked by the dead, and the next one waits for ever" {
    try ./sem/robust -x
    [[ $status = 0 && $output = "sum 70" ]]
    assert_lesson "a mutex that is not robust stays locked"
    grep -q "200 ms later the next one still sleeps" <<<"$stderr"
    grep -q "pthread_mutex_trylock() = EBUSY" <<<"$stderr"
}

@test "no number and no way that is not offered: one line, status 2" {
    for command in "prodcons -i 0" "prodcons -s 0" "prodcons -s 1001" "prodcons -p 33" "prodcons -c 0" \
        "prodcons -m both" "prodcons -m semaphore" "prodcons -x -i 1" "philosophers -n 1" "philosophers -n 65" \
        "philosophers -r 0" "philosophers -m stat" "rwlock -r 1" "rwlock -w 33" "rwlock -m reader"; do
        try ./sem/$command
        [[ $status = 2 && -z $output && ${#stderr_lines[@]} = 1 ]]
    done
}

@test "what -x prints is not lost silently: a full disk is an error" {
    for program in prodcons philosophers robust; do
        try bash -c "./sem/$program -x >/dev/full"
        [ "$status" = 1 ]
        grep -q "^$program: stdout: No space left on device" <<<"$stderr"
    done
}

@test "all of it on one CPU, with another process that is always busy there" {
    needs taskset
    start busy taskset -c 0 bash -c 'while :; do :; done'
    for command in "prodcons" "prodcons -m monitor -s 1" "prodcons -x" "philosophers" "philosophers -m both" \
        "philosophers -m order" "philosophers -x" "rwlock -m fair" "robust" "robust -x"; do
        try taskset -c 0 ./sem/$command
        echo "$command: $status $stderr"
        [ "$status" = 0 ]
    done
    kill "$busy"
    finish busy
}
