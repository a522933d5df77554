# sem/: the classical problems: prodcons, monitor, philosophers, rwlock, robust.
load helper

# What sem/rwlock prints of one kind: number_of readers overtaken, number_of writers wait.
number_of() {
    case $2 in
    entries) awk -v kind="$1" '$1 == kind { print $3 }' <<<"$output" ;;
    wait) awk -v kind="$1" '$1 == kind { print int($6) }' <<<"$output" ;;
    own) awk -v kind="$1" '$1 == kind { print $NF }' <<<"$output" ;;
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

@test "prodcons and monitor: every item arrives once, with one slot and with many, whichever kind is more" {
    for program in prodcons monitor; do
        for slots in 1 2 1000; do
            for load in "-p 1 -c 1" "-p 4 -c 1" "-p 1 -c 4" "-p 3 -c 3"; do
                try ./sem/$program -s $slots -i 300 $load
                echo "$program $slots $load: $status $output $stderr"
                [ "$status" = 0 ]
                [ "$output" = "produced 300 consumed 300" ]
            done
        done
    done
}

@test "prodcons and monitor: ten thousand items through many slots: none lost, none twice" {
    for program in prodcons monitor; do
        try ./sem/$program -i 10000 -s 1000 -p 4 -c 4
        echo "$program: $status $output $stderr"
        [[ $status = 0 && $output = "produced 10000 consumed 10000" ]]
    done
}

@test "prodcons and monitor: one item, or fewer than there are processes" {
    try ./sem/prodcons -i 1
    [[ $status = 0 && $output = "produced 1 consumed 1" ]]
    try ./sem/monitor -i 3 -p 32 -c 32
    [[ $status = 0 && $output = "produced 3 consumed 3" ]]
}

@test "prodcons: P P put V V in the story; while the consumers sleep the lock is free; at the end all is as it was" {
    try ./sem/prodcons -s 7
    assert_lesson "wait for the slot first"
    grep -q "the consumers sleep: lock 1, items 0, free 7$" <<<"$stderr"
    grep -q "all have ended: lock 1, items 0, free 7$" <<<"$stderr"
    [ "$(sed -n 's/.*prod 1 | //p' <<<"$stderr")" = "sem_wait(free) = 0
sem_wait(lock) = 0
sem_post(lock) = 0
sem_post(items) = 0" ]
    [ "$(sed -n 's/.*cons 1 | \(sem_.*\)/\1/p' <<<"$stderr")" = "sem_wait(items) = 0
sem_wait(lock) = 0
sem_post(lock) = 0
sem_post(free) = 0" ]
}

@test "monitor: the calls of one item, and a wait that comes back" {
    try ./sem/monitor
    assert_lesson "the wait unlocks the mutex while it sleeps"
    grep -q "the consumers sleep: count 0$" <<<"$stderr"
    [ "$(sed -n 's/.*cons 1 | \(pthread.*\)/\1/p' <<<"$stderr" | head -n 2)" = "pthread_mutex_lock() = 0
pthread_cond_wait() = 0" ]
}

@test "prodcons -x: the lock before the item is a deadlock; it prints who has the lock and who waits for what" {
    for options in "" "-s 2" "-i 2"; do
        try ./sem/prodcons -x $options
        [ "$status" = 0 ]
        [ "$output" = "consumer 1 has the lock, waits for an item
consumer 2 waits for the lock
producer 1 waits for the lock
producer 2 waits for the lock
produced 0 consumed 0" ]
        grep -q "consumer 1 sleeps in futex(&items)$" <<<"$stderr"
        [ "$(grep -c "sleeps in futex(&lock)$" <<<"$stderr")" = 3 ]
        assert_lesson "a consumer sleeps with the lock"
    done
    try ./sem/prodcons -x -s 1
    grep -q "^producer [12] waits for a free slot$" <<<"$output"
    try ./sem/prodcons -x -c 1 -p 1
    [ "${#lines[@]}" = 3 ]
    grep -q "all still sleep: lock 0, items 0, free 3$" <<<"$stderr"
}

@test "monitor -x: if instead of while, one condition, a signal at the edge: each does harm" {
    try ./sem/monitor -x
    [ "$status" = 0 ]
    grep -q "cons [1-4] | pthread_cond_wait(): awake, but count = 0$" <<<"$stderr"
    assert_lesson "pthread_cond_wait() returned, and there was no item"
    try ./sem/monitor -x -m one
    [ "$status" = 0 ]
    grep -q "producer [1-4] sleeps in futex(&not_empty)$" <<<"$stderr"
    assert_lesson "one condition for both sides"
    try ./sem/monitor -x -m edge
    [ "$status" = 0 ]
    grep -q "count [12], and all that are left still sleep$" <<<"$stderr"
    grep -q "consumer [1-4] sleeps in futex(&not_empty)$" <<<"$stderr"
    assert_lesson "a signal at the edge only"
}

@test "prodcons and monitor: one is killed with -9: one line that names it, status 1, and nobody stays" {
    needs pgrep
    names=("consumer 1" "consumer 2" "producer 1" "producer 2")
    for name in prodcons monitor; do
        for i in 0 1 2 3; do
            start program ./sem/$name -i 10000000 -p 2 -c 2
            eventually children_are "$program" 4
            kill -KILL "${children[i]}"
            finish program
            [ "$status" = 1 ]
            [ "$(grep -c "^$name: " "$T/program.err")" = 1 ]
            grep -q "^$name: ${names[i]} was killed, signal 9: ending all$" "$T/program.err"
            [ ! -s "$T/program" ]
            eventually none_left
        done
    done
}

@test "philosophers: 2 to 64, each way: all eat their rounds, and each line has meals and longest wait" {
    for way in state both order footman; do
        for count in 2 3 5 64; do
            try ./sem/philosophers -m $way -n $count -r 4
            echo "$way $count: $status $stderr"
            [ "$status" = 0 ]
            [ "${#lines[@]}" = $count ]
            for ((i = 1; i <= count; i++)); do
                [[ ${lines[i - 1]} =~ ^philosopher\ $i\ meals\ 4\ longest\ wait\ [0-9]+\.[0-9]\ ms$ ]]
            done
            grep -q "$((4 * count)) meals, and two neighbours never ate at once" <<<"$stderr"
        done
    done
}

somebody_waits() {
    try ./sem/philosophers -m "$1" -n 2
    awk '$7 >= 1 { long++ } END { exit long == 0 }' <<<"$output"
}

@test "philosophers: the longest wait of one of them is a meal at least, for neighbours do not eat together" {
    for way in state both order footman; do
        tries 20 somebody_waits $way # if both have a CPU at the same time
    done
}

@test "philosophers -m both: philosopher 2 starves while its neighbours eat; with three it cannot" {
    for count in 4 5; do
        try ./sem/philosophers -m both -n $count
        [ "$status" = 0 ]
        [ "$(grep -c "philosopher 2 sleeps in semop(" <<<"$stderr")" = 2 ]
        grep -q "the forks of 1 or 3, 200 times: GETNCNT of 2's forks = 1$" <<<"$stderr"
        assert_lesson "no deadlock; but while its neighbours eat alternately, philosopher 2 starves"
    done
    try ./sem/philosophers -m both -n 3
    [ "$status" = 0 ]
    assert_lesson "both forks at once or none: no deadlock"
}

@test "philosophers -x: the left fork first is a deadlock, and the kernel shows the circle" {
    for count in 2 3 5 64; do
        try ./sem/philosophers -x -n $count
        [ "$status" = 0 ]
        [ "$output" = "$(circle_of $count)" ]
        assert_lesson "each holds the fork its neighbour is waiting for"
        [ "$(grep -c "GETNCNT = 1, GETPID = [0-9]*: philosopher" <<<"$stderr")" = $count ]
    done
}

@test "-x of the philosophers is a way of its own, and -m of the monitor a mistake: together or apart, one line, status 2" {
    for command in "philosophers -x -m both" "philosophers -m order -x" "monitor -m if" "prodcons -m monitor"; do
        try ./sem/$command
        [[ $status = 2 && -z $output && ${#stderr_lines[@]} = 1 ]]
    done
}

@test "philosophers: one is killed with -9: one line that names it, status 1, the set is removed" {
    needs pgrep
    for way in state both order footman; do
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

@test "prodcons, monitor, philosophers and barrier end by SIGINT and SIGTERM without a word, and leave nothing" {
    needs pgrep
    for signal in INT TERM; do
        for command in "prodcons -i 10000000" "monitor -i 10000000" "barrier -r 1000000" "philosophers -r 10000" \
            "philosophers -r 10000 -m both" "philosophers -r 10000 -m order" "philosophers -r 10000 -m footman"; do
            start program ./sem/$command
            eventually pgrep -P "$program" >"$T/pids"
            kill -$signal "$program"
            finish program
            [ "$status" = $((128 + $(kill -l $signal))) ]
            ! grep -E '^(prodcons|monitor|philosophers|barrier): ' "$T/program.err" || false
            eventually none_left
            [ "$(objects)" = "$before" ]
        done
    done
}

@test "the main process is killed with -9: the others end with it" {
    needs pgrep ipcrm
    for command in "prodcons -i 10000000" "monitor -i 10000000" "philosophers -r 10000"; do
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

@test "rwlock -m lightswitch: two semaphores, readers first" {
    try ./sem/rwlock -m lightswitch
    [ "$status" = 0 ]
    [ "$(number_of readers overtaken)" = 0 ]
    [ "$(number_of writers overtaken)" = 199 ]
    [[ $stderr = *"reader 1 | sem_wait(lock) = 0"*"reader 1 | sem_wait(empty) = 0"*"writer 1 | sem_post(empty) = 0"* ]]
    assert_lesson "while readers keep coming the light stays on"
}

@test "rwlock: a writer is overtaken by writers, too; only -m fair keeps an order within a kind" {
    try ./sem/rwlock -m writers -w 16
    [ "$status" = 0 ]
    [ "$(number_of writers own)" -gt 0 ]
    try ./sem/rwlock -m fair -w 16
    [ "$(number_of writers own)" = 0 ]
    [ "$(number_of readers own)" = 0 ]
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
        for policy in lightswitch readers writers fair; do
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
    assert_lesson "EOWNERDEAD: you own the mutex"
    grep -q "left 70, right 0: not yet done" <<<"$stderr"
    [ "$(grep -c "next | ... = EOWNERDEAD" <<<"$stderr")" = 2 ]
    grep -q "pthread_mutex_trylock() = 0: as good as new" <<<"$stderr"
}

@test "robust: unlocked without pthread_mutex_consistent(), the mutex is lost: ENOTRECOVERABLE" {
    try ./sem/robust
    [ "$status" = 0 ]
    [ "$(grep -c "consistent() = 0" <<<"$stderr")" = 1 ]
    [[ ${stderr_lines[-2]} = *"watcher | pthread_mutex_trylock() = ENOTRECOVERABLE: lost" ]]
}

@test "robust -x: a mutex that is not robust stays locked by the dead, and the next one waits for ever" {
    try ./sem/robust -x
    [[ $status = 0 && $output = "sum 70" ]]
    assert_lesson "a mutex that is not robust stays locked"
    grep -q "the next one still sleeps in futex()" <<<"$stderr"
    grep -q "pthread_mutex_trylock() = EBUSY" <<<"$stderr"
}

@test "no number and no way that is not offered: one line, status 2" {
    for command in "prodcons -i 0" "prodcons -s 0" "prodcons -s 1001" "prodcons -p 33" "prodcons -c 0" \
        "monitor -x -m both" "monitor -s 0" "prodcons -x -i 1" "philosophers -n 1" "philosophers -n 65" \
        "philosophers -r 0" "philosophers -m stat" "rwlock -r 1" "rwlock -w 33" "rwlock -m reader"; do
        try ./sem/$command
        [[ $status = 2 && -z $output && ${#stderr_lines[@]} = 1 ]]
    done
}

@test "what -x prints is not lost silently: a full disk is an error" {
    for program in prodcons monitor barrier philosophers robust init mutex; do
        try bash -c "./sem/$program -x >/dev/full"
        [ "$status" = 1 ]
        grep -q "^$program: stdout: No space left on device" <<<"$stderr"
    done
}

@test "all of it on one CPU, with another process that is always busy there" {
    needs taskset
    start busy taskset -c 0 bash -c 'while :; do :; done'
    for command in "prodcons" "prodcons -x" "monitor -s 1" "monitor -x" "monitor -x -m one" "monitor -x -m edge" \
        "philosophers" "philosophers -m both" "philosophers -m order" "philosophers -m footman" "philosophers -x" \
        "rwlock -m fair" "rwlock -m lightswitch" "barrier" "barrier -x" "robust" "robust -x"; do
        TRY_FOR=60 try taskset -c 0 ./sem/$command # 1000 items take long where others want that CPU, too
        echo "$command: $status $stderr"
        [ "$status" = 0 ]
    done
    kill "$busy"
    finish busy
}
