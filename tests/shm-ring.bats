# shm/: ring-write and ring-read, a stream through shared memory.
load helper

# A line of the story of $1 that says it waits alone.
waits() {
    grep -q 'waiting for a' "$T/$1.err"
}

clean_pair() {
    printf 'clean' >"$T/clean"
    start next_writer ./shm/ring-write <"$T/clean"
    try ./shm/ring-read
    [[ $status = 0 && $output = clean ]] || { echo "not clean: $status $stderr"; return 1; }
    finish next_writer
    [ "$status" = 0 ]
}

@test "ring: what goes in comes out unchanged, whoever starts first, from any folder" {
    head -c 20000000 /dev/urandom >"$T/in"
    cd /
    start reader "$B/shm/ring-read"
    eventually waits reader
    try "$B/shm/ring-write" <"$T/in"
    [ "$status" = 0 ]
    [ -z "$output" ]
    finish reader
    [ "$status" = 0 ]
    cmp "$T/in" "$T/reader"

    start writer "$B/shm/ring-write" <"$T/in"
    eventually waits writer
    cd "$T"
    start reader "$B/shm/ring-read"
    finish reader
    [ "$status" = 0 ]
    finish writer
    [ "$status" = 0 ]
    cmp "$T/in" "$T/reader"
    grep -q "reader | the end, after 20000000 bytes" "$T/reader.err"
}

@test "ring: sizes around the capacity, nothing at all, and one byte" {
    local size
    for size in 0 1 65535 65537 262143 262144 262145 524289; do
        head -c $size /dev/urandom >"$T/in"
        start writer ./shm/ring-write <"$T/in"
        start reader ./shm/ring-read
        finish reader
        [ "$status" = 0 ]
        finish writer
        [ "$status" = 0 ]
        cmp "$T/in" "$T/reader"
    done
}

@test "ring: a hundred megabytes in pieces of any size, with the same checksum" {
    start reader bash -c './shm/ring-read | cksum'
    head -c 100000000 /dev/urandom | tee >(cksum >"$T/sum") | ./shm/ring-write
    finish reader
    eventually test -s "$T/sum"
    [ "$(<"$T/reader")" = "$(<"$T/sum")" ]
}

@test "ring: a slow writer's bytes arrive at once" {
    mkfifo "$T/in"
    start reader ./shm/ring-read
    start writer ./shm/ring-write <>"$T/in"
    echo one >"$T/in"
    eventually grep -q one "$T/reader"
    echo two >"$T/in"
    eventually grep -q two "$T/reader"
    kill "$writer" "$reader"
    finish writer
    finish reader
    rm "$T/in"
}

# All the CPU time that the process has used, in ns.
cpu_time() {
    awk '{ print $1 }' "/proc/$1/schedstat"
}

@test "ring: an idle pair uses no CPU, and so does a reader or a writer alone" {
    mkfifo "$T/in"
    start reader ./shm/ring-read
    eventually waits reader
    local alone used=() pid
    alone=$(cpu_time "$reader")
    start writer ./shm/ring-write <>"$T/in"
    eventually grep -q "the reader is" "$T/writer.err"
    eventually asleep "$writer"
    eventually asleep "$reader"
    for pid in "$reader" "$writer"; do used+=("$(cpu_time "$pid")"); done
    start clock timeout 1 tail -f /dev/null
    finish clock
    for pid in "$reader" "$writer"; do
        (($(cpu_time "$pid") - used[0] < 5000000)) || { echo "$pid: $(cpu_time "$pid") - ${used[0]} ns"; false; }
        used=("${used[@]:1}")
    done
    ((alone < 50000000))
    kill "$writer" "$reader"
    finish writer
    finish reader
    rm "$T/in"
}

@test "ring: the segment is marked as soon as both are there, so that not even kill -9 of both leaves it" {
    start writer ./shm/ring-write </dev/zero
    eventually waits writer
    ipcs -m | grep -q "^0x52.* 1 *$"
    start reader bash -c 'exec ./shm/ring-read >/dev/null'
    eventually grep -q "the writer is" "$T/reader.err"
    ipcs -m | grep -q "^0x00000000.* 2 *dest"
    kill -KILL "$writer" "$reader"
    finish writer
    finish reader
    clean_pair
}

# end_one VICTIM OTHER MESSAGE: VICTIM is killed, and OTHER ends within two seconds and says so.
end_one() {
    local start_time=$EPOCHREALTIME
    kill -KILL "${!1}"
    finish "$2"
    local ms=$(((${EPOCHREALTIME/./} - ${start_time/./}) / 1000))
    [[ $status = 1 && $(grep '^ring-' "$T/$2.err") = "$3"* ]] || { echo "$status"; cat "$T/$2.err"; return 1; }
    ((ms < 2000)) || { echo "$ms ms"; return 1; }
    finish "$1"
    [ "$status" = 137 ]
}

@test "ring: the writer is killed, and the reader ends with an error within two seconds; the next pair starts clean" {
    # While it moves bytes.
    start reader bash -c 'exec ./shm/ring-read >/dev/null'
    start writer ./shm/ring-write </dev/zero
    eventually grep -q "the writer is" "$T/reader.err"
    end_one writer reader "ring-read: the writer, process $writer, is gone"
    clean_pair
    # While it waits for its stdin, and the reader in futex().
    mkfifo "$T/in"
    start reader ./shm/ring-read
    start writer ./shm/ring-write <>"$T/in"
    echo half >"$T/in"
    eventually grep -q half "$T/reader"
    end_one writer reader "ring-read: the writer"
    clean_pair
    # While the reader waits for a stdout that takes no more.
    start reader bash -c "exec ./shm/ring-read >&9" 9<>"$T/in"
    start writer ./shm/ring-write </dev/zero
    eventually grep -q "the writer is" "$T/reader.err"
    eventually asleep "$writer"
    eventually asleep "$reader"
    end_one writer reader "ring-read: the writer"
    clean_pair
    rm "$T/in"
}

@test "ring: the reader is killed, and the writer ends with an error within two seconds; the next pair starts clean" {
    start reader bash -c 'exec ./shm/ring-read >/dev/null'
    start writer ./shm/ring-write </dev/zero
    eventually grep -q "the reader is" "$T/writer.err"
    end_one reader writer "ring-write: the reader, process $reader, is gone"
    clean_pair
    # While the writer waits for its stdin.
    mkfifo "$T/in"
    start writer ./shm/ring-write <>"$T/in"
    start reader ./shm/ring-read
    eventually grep -q "the reader is" "$T/writer.err"
    end_one reader writer "ring-write: the reader"
    clean_pair
    # While the ring is full.
    start reader bash -c "exec ./shm/ring-read >&9" 9<>"$T/in"
    start writer ./shm/ring-write </dev/zero
    eventually grep -q "the reader is" "$T/writer.err"
    eventually asleep "$reader"
    eventually asleep "$writer"
    end_one reader writer "ring-write: the reader"
    clean_pair
    rm "$T/in"
}

@test "ring: one that was killed while it waited alone does not disturb the next pair" {
    for role in write read; do
        start alone ./shm/ring-$role </dev/null
        eventually waits alone
        kill -KILL "$alone"
        finish alone
        clean_pair
    done
}

@test "ring: SIGINT, SIGTERM and SIGHUP end either side, alone or not, and leave nothing" {
    for signal in INT TERM HUP; do
        for role in write read; do
            start alone ./shm/ring-$role </dev/null
            eventually waits alone
            kill -$signal "$alone"
            finish alone
            [ "$status" = $((128 + $(kill -l $signal))) ]
            [ "$(ipcs -m | grep -c '^0x52')" = 0 ]
        done
    done
    for victim in writer reader; do
        start writer ./shm/ring-write </dev/zero
        eventually waits writer
        start reader bash -c 'exec ./shm/ring-read >/dev/null'
        eventually grep -q "the writer is" "$T/reader.err"
        kill -INT "${!victim}"
        finish writer
        finish reader
    done
    clean_pair
}

@test "ring: a second reader or writer is refused, and harms nobody" {
    mkfifo "$T/in"
    start writer ./shm/ring-write <>"$T/in"
    eventually waits writer
    try ./shm/ring-write </dev/null
    [ "$status" = 1 ]
    [ "$stderr" = "ring-write: there is a writer already: process $writer" ]
    start reader ./shm/ring-read
    eventually grep -q "the writer is" "$T/reader.err"
    try ./shm/ring-write </dev/null
    [ "$status" = 1 ]
    [ "$stderr" = "ring-write: there is a writer already: process $writer" ]
    try ./shm/ring-read
    [ "$status" = 1 ]
    [ "$stderr" = "ring-read: there is a reader already: process $reader" ]
    echo still >"$T/in"
    eventually grep -q still "$T/reader"

    start other_writer ./shm/ring-write -k 0x52777777 </etc/passwd # another key, another pair
    try ./shm/ring-read -k 0x52777777
    [ "$status" = 0 ]
    finish other_writer
    kill "$writer" "$reader"
    finish writer
    finish reader
    rm "$T/in"
}

# How often the process has gone to sleep.
switches() {
    awk '/^voluntary/ { print $2 }' "/proc/$1/status"
}

@test "ring: a new reader takes nothing from the writer whose reader was killed; it waits until that has ended" {
    start writer ./shm/ring-write </dev/zero
    eventually waits writer
    start reader bash -c 'exec ./shm/ring-read >/dev/null'
    eventually grep -q "the writer is" "$T/reader.err"
    kill -KILL "$reader"
    finish reader
    start next_reader ./shm/ring-read
    finish writer
    [ "$status" = 1 ]
    grep -q "^ring-write: the reader, process $reader, is gone" "$T/writer.err"
    eventually waits next_reader
    try ./shm/ring-write <<<"clean"
    [ "$status" = 0 ]
    finish next_reader
    [ "$status" = 0 ]
    [ "$(<"$T/next_reader")" = clean ]
}

@test "ring: what the writer has announced still arrives; a new writer waits until the old reader has ended" {
    mkfifo "$T/out"
    exec {out}<>"$T/out"
    head -c 100000 /dev/urandom >"$T/in"
    head -c 5000 "$T/in" >&"$out" # so that a write of the reader fits in part only
    start writer ./shm/ring-write <"$T/in"
    start reader bash -c "exec ./shm/ring-read >$T/out"
    eventually grep -q "stdin has ended" "$T/writer.err"
    eventually asleep "$reader" # the FIFO is full
    kill -KILL "$writer"
    local woken
    woken=$(switches "$reader")
    eventually eval '[ "$(switches "$reader")" -gt $((woken + 1)) ]' # it has looked round
    start next_writer ./shm/ring-write </dev/null
    eventually grep -q "process $reader must end first" "$T/next_writer.err"
    timeout 5 head -c 105000 <&"$out" | tail -c 100000 | cmp - "$T/in"
    finish reader
    [ "$status" = 0 ]
    eventually waits next_writer
    try ./shm/ring-read
    [ "$status" = 0 ]
    finish next_writer
    [ "$status" = 0 ]
    finish writer
    exec {out}>&-
    rm "$T/out"
}

@test "ring: while a new writer waits for the end of an old reader, a third program is refused at once" {
    mkfifo "$T/out"
    exec {out}<>"$T/out"
    start reader bash -c "exec ./shm/ring-read >$T/out"
    start writer ./shm/ring-write </dev/zero
    eventually grep -q "the writer is" "$T/reader.err"
    eventually asleep "$writer"
    eventually asleep "$reader" # the FIFO is full
    kill -STOP "$reader" # or it would notice in a moment, and end
    kill -KILL "$writer"
    finish writer
    start next_writer ./shm/ring-write </dev/null
    eventually grep -q "process $reader must end first" "$T/next_writer.err"
    try ./shm/ring-write </dev/null
    [ "$status" = 1 ]
    [ "$stderr" = "ring-write: there is a writer already: process $next_writer" ]
    try ./shm/ring-read
    [ "$status" = 1 ]
    [ "$stderr" = "ring-read: there is a reader already: process $reader" ]
    kill -KILL "$reader"
    finish reader
    eventually waits next_writer
    try ./shm/ring-read
    [ "$status" = 0 ]
    finish next_writer
    exec {out}>&-
    rm "$T/out"
}

@test "ring: a segment that is no ring is refused and stays as it is" {
    ./shm/write -k 0x52111111 "no ring"
    for role in write read; do
        try ./shm/ring-$role -k 0x52111111 </dev/null
        [ "$status" = 1 ]
        [ "$stderr" = "ring-$role: segment 0x52111111 is not a ring of yours" ]
    done
    [ "$(./shm/read -k 0x52111111)" = "no ring" ]
    ./shm/rm -k 0x52111111
}

@test "ring: another user's is refused and stays as it is" {
    other_user shm
    start reader ./shm/ring-read -k 0x52111111
    eventually waits reader
    try "${nobody[@]}" ./shm/ring-write -k 0x52111111
    [ "$status" = 1 ]
    [[ $stderr = "ring-write: shmctl 0x52111111 "*"Permission denied" ]]
    kill "$reader"
    finish reader
    start reader "${nobody[@]}" ./shm/ring-read -k 0x52111111
    eventually waits reader
    try ./shm/ring-write -k 0x52111111 </dev/null
    [ "$status" = 1 ]
    [[ $stderr = "ring-write: segment 0x52111111 is not a ring of yours" ||
        $stderr = "ring-write: shmctl 0x52111111 "*"Permission denied" ]] # without CAP_IPC_OWNER
    kill "$reader"
    finish reader
}

@test "ring: one whose segment is removed while it waits alone says so" {
    start reader ./shm/ring-read
    eventually waits reader
    ipcrm -M "$(grep -o '0x[0-9a-f]*' "$T/reader.err")"
    finish reader
    [ "$status" = 1 ]
    grep -q "^ring-read: the segment was removed meanwhile" "$T/reader.err"
    clean_pair
}

@test "ring: a stdout or stdin that fails is an error on both sides" {
    start writer ./shm/ring-write </dev/zero
    try bash -c './shm/ring-read >/dev/full'
    [ "$status" = 1 ]
    [[ $stderr = *"ring-read: stdout: No space left on device" ]]
    finish writer
    [ "$status" = 1 ]
    grep -q "^ring-write: the reader" "$T/writer.err"
    start reader ./shm/ring-read
    try ./shm/ring-write </
    [ "$status" = 1 ]
    [[ $stderr = *"ring-write: stdin: Is a directory" ]]
    finish reader
    [ "$status" = 1 ]
    grep -q "^ring-read: the writer" "$T/reader.err"
    clean_pair
}

@test "ring: either side killed at a random moment, again and again" {
    local i victim other
    for i in {1..6}; do
        start writer ./shm/ring-write </dev/zero
        start reader bash -c 'exec ./shm/ring-read >/dev/null'
        victim=writer other=reader
        ((i % 2)) || victim=reader other=writer
        read -r -t "0.0$((RANDOM % 3))$((RANDOM % 10))" <&"$never" || true
        kill -KILL "${!victim}"
        finish "$victim"
        # The other one had met it, and ends; or it waits alone.
        eventually eval 'ended "${!other}" || [[ $(tail -1 "$T/$other.err") = *"waiting for a"* ]]'
        kill -TERM "${!other}" 2>/dev/null || true
        finish "$other"
        [[ $status = @(1|143) ]]
    done
    clean_pair
} {never}<> <(:)

@test "ring: two pid namespaces with the same System V objects, as in containers that share them" {
    [[ $(id -u) = 0 && ${IPC_TESTS_PRIVATE:-} = yes ]] || skip "needs root, in a namespace of its own"
    for first in read write; do
        echo foreign >"$T/in"
        start one unshare --pid --fork --mount-proc --kill-child "./shm/ring-$first" <"$T/in"
        eventually waits one
        [ "$first" = read ] && second="write" || second="read"
        start two "./shm/ring-$second" <"$T/in"
        finish one
        [ "$status" = 0 ]
        finish two
        [ "$status" = 0 ]
        [ "$(cat "$T/one" "$T/two")" = foreign ]
        grep -q "is process 0: in another pid namespace" "$T/one.err"
    done
}
