# shm/: System V segments, by hand, in pairs, and with perl, ipcmk, ipcrm and ipcs at the other end.
load helper

# stat's value of that name.
value() {
    ./shm/stat "${@:2}" | awk -v name="$1" '$1 == name { print $2 }'
}

# Column NAME of the segment ID in /proc/sysvipc/shm, whose first line has the names.
column() {
    awk -v name="$1" -v id="$2" 'FNR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["shmid"] == id { print $at[name] }' /proc/sysvipc/shm
}

need() {
    command -v "$1" >/dev/null || skip "no $1"
    [ "$1" != perl ] || perl -MIPC::SysV -e 1 2>/dev/null || skip "perl has no IPC::SysV"
}

# as_another_user PROGRAM ARGUMENT... runs a copy that others may execute, too.
as_another_user() {
    local folder
    folder=$(mktemp -d)
    chmod 755 "$folder"
    cp "shm/$1" "$folder"
    try setpriv --reuid 65534 --clear-groups "$folder/$1" "${@:2}"
    rm -r "$folder"
}

segments() {
    awk 'FNR > 1' /proc/sysvipc/shm | wc -l
}

# ---- write, read, stat, rm ----

@test "what write writes, read reads, from any folder, as often as it likes" {
    cd /
    try "$B/shm/write" "hello, world"
    [ "$status" = 0 ]
    [ -z "$output" ]
    cd "$T"
    for i in 1 2; do
        try "$B/shm/read"
        [ "$status" = 0 ]
        [ "$output" = "hello, world" ]
    done
    [[ $stderr = *"it stays: ipcs -m -i "*"to remove it: ipcrm -m "* ]]
    try "$B/shm/write" "second"
    try "$B/shm/read"
    [ "$output" = second ]
    eval "$(grep -o 'ipcrm -m .*' <<<"$stderr")"
}

@test "read may come first: it makes the segment, and a fresh one is an empty text" {
    try ./shm/read
    [ "$status" = 0 ]
    [ "$(od -c "$T/.output" | head -1)" = "0000000  \\n" ]
    [[ $stderr = *"made"*'0 bytes ""'* ]]
    try ./shm/write first
    [[ $stderr = *"found"* ]]
    try ./shm/read
    [ "$output" = first ]
    try ./shm/rm
    [ "$status" = 0 ]
}

@test "the key is that of ftok, the mode 600, and the printed commands look at it and remove it" {
    try ./shm/write hello
    local key
    key=$(perl -MIPC::SysV=ftok -e 'printf "0x%08x", ftok("/tmp/ipc-$>/", ord "m")') || key=$(value key)
    [ "$(value key)" = "$key" ]
    [ "$(value mode)" = 0600 ]
    local look remove
    look=$(grep -o 'ipcs -m -i .*' <<<"$stderr")
    remove=$(grep -o 'ipcrm -m .*' <<<"$stderr")
    [[ $($look) = *"mode=0600"*"bytes=4096"*"nattch=0"* ]]
    $remove
    try ./shm/stat
    [ "$status" = 1 ]
    [[ $stderr = "stat: key $key has no segment"* ]]
}

@test "a text as long as the segment fits; one byte more is refused and changes nothing" {
    try ./shm/write -s 10 0123456789
    [ "$status" = 0 ]
    [ "$(value bytes)" = 10 ]
    try ./shm/read
    [ "$output" = 0123456789 ]
    try ./shm/write 0123456789X
    [ "$status" = 1 ]
    [ "${stderr_lines[-1]}" = "write: the text is longer than the segment (10 bytes)" ]
    try bash -c 'yes | ./shm/write'
    [ "$status" = 1 ]
    [[ $stderr = *"longer than the segment"* ]]
    try ./shm/read
    [ "$output" = 0123456789 ]
    ./shm/rm
    head -c 4096 /dev/zero | tr '\0' a >"$T/page" # no NUL behind it
    ./shm/write <"$T/page"
    try ./shm/read
    [ "$status" = 0 ]
    [ "$output" = "$(<"$T/page")" ]
    ./shm/rm
}

@test "write without TEXT takes stdin: all but the last newline, no NUL; an empty text is a text" {
    printf 'two\nlines\n' | ./shm/write -s 9
    try ./shm/read
    [ "$output" = $'two\nlines' ]
    printf 'two\nlines\n\n' >"$T/in"
    try ./shm/write <"$T/in"
    [ "$status" = 1 ]
    [[ $stderr = *"longer than the segment"* ]]
    printf 'a\0b' >"$T/in"
    try ./shm/write <"$T/in"
    [ "$status" = 1 ]
    [[ $stderr = *"write: stdin: a NUL byte"* ]]
    try ./shm/write <&-
    [ "$status" = 1 ]
    [[ $stderr = *"write: stdin: Bad file descriptor" ]]
    try ./shm/read
    [ "$output" = $'two\nlines' ]
    try ./shm/write ""
    try ./shm/read
    [ "$status" = 0 ]
    [ -z "$output" ]
    ./shm/rm
}

@test "EINVAL of shmget is explained: the segment is smaller, even inside the same page" {
    ./shm/write -s 100 hello
    try ./shm/write -s 200 other
    [ "$status" = 1 ]
    [ "$stderr" = "write: shmget: EINVAL: the segment exists and has 100 bytes, not 200 (ipcrm -m $(value id))" ]
    try ./shm/write -s 50 smaller
    [ "$status" = 0 ]
    [ "$(value bytes)" = 100 ]
    try ./shm/write -s 0 none
    [ "$status" = 2 ]
    ./shm/rm
    try ./shm/write -s 9223372036854775807 large
    [ "$status" = 1 ]
    [[ $stderr = "write: shmget 0x"* ]]
}

@test "where the kernel allows no segment of that size, EINVAL is explained as that" {
    [[ $(id -u) = 0 && ${IPC_TESTS_PRIVATE:-} = yes ]] || skip "needs root, in a namespace of its own"
    old=$(</proc/sys/kernel/shmmax)
    echo 5000 >/proc/sys/kernel/shmmax
    try ./shm/write -s 5001 large
    echo "$old" >/proc/sys/kernel/shmmax
    [ "$status" = 1 ]
    [ "$stderr" = "write: shmget: EINVAL: 5001 bytes are more than /proc/sys/kernel/shmmax" ]
}

@test "-k takes a key as ipcs prints it, or in decimal; IPC_PRIVATE and words are refused" {
    ./shm/write -k 0x6d112233 hello
    [ "$(./shm/read -k 1829839411)" = hello ]
    [ "$(value key -k 1829839411)" = 0x6d112233 ]
    ipcs -m | grep -q '^0x6d112233'
    ./shm/rm -k 0x6d112233
    for key in 0 word -1 0x 4294967296; do
        for program in write read stat rm ring-write ring-read; do
            try ./shm/$program -k "$key" </dev/null
            [ "$status" = 2 ] || { echo "$program -k $key: $status"; false; }
        done
    done
}

@test "stat agrees with /proc/sysvipc/shm and with ipcs, whatever the values" {
    need perl
    local key=0x6d778899 id second pair word
    id=$(perl -e 'print shmget(hex shift, 12345, 01600)' "$key")
    if [ "$(id -u)" = 0 ]; then # another owner, and a mode that shows in octal only
        perl -e 'use IPC::SysV qw(IPC_STAT IPC_SET); shmctl($ARGV[0], IPC_STAT, $d = "") or die $!;
            substr($d, 4, 4) = pack "L", 4000000000; substr($d, 20, 4) = pack "L", 0460;
            shmctl($ARGV[0], IPC_SET, $d) or die $!' "$id"
        [ "$(value uid -k "$key")" = 4000000000 ]
        [ "$(value mode -k "$key")" = 0460 ]
    fi
    [ "$(value atime -k "$key")" = 0 ]
    second=$EPOCHSECONDS # atime shall differ from ctime
    eventually eval '[ "$EPOCHSECONDS" != "$second" ]'
    start holder perl -MIPC::SysV=shmat -e '
        defined shmat($ARGV[0], undef, 0) && defined shmat($ARGV[0], undef, 0) or die; $| = 1; print "on\n"; sleep' "$id"
    eventually grep -q on "$T/holder"

    try ./shm/stat -k "$key"
    local -A stat
    while read -r word second; do stat[$word]=$second; done <<<"$output"
    [ "${stat[id]}" = "$id" ]
    [ "${stat[nattch]}" = 2 ]
    [ "${stat[bytes]}" = 12345 ]
    [ "${stat[lpid]}" = "$holder" ]
    [ "${stat[dtime]}" = 0 ]
    [ "${stat[atime]}" -gt "${stat[ctime]}" ]
    [ "${stat[mode]}" = "0$(column perms "$id")" ]
    [ "$((stat[key]))" = "$(column key "$id")" ]
    for pair in bytes=size nattch=nattch cpid=cpid lpid=lpid uid=uid gid=gid cuid=cuid cgid=cgid atime=atime \
        dtime=dtime ctime=ctime; do
        [ "${stat[${pair%=*}]}" = "$(column "${pair#*=}" "$id")" ] || { echo "$pair"; echo "$output"; false; }
    done
    for word in uid cuid mode bytes lpid cpid nattch; do
        [[ $(ipcs -m -i "$id") = *"$word=${stat[$word]}"[[:space:]]* ]] || { echo "$word"; ipcs -m -i "$id"; false; }
    done
    kill "$holder"
    finish holder
    ./shm/rm -k "$key"
}

@test "perl reads what write writes, and read reads what perl writes" {
    need perl
    ./shm/write -s 100 "for perl"
    local id
    id=$(value id)
    try perl -e 'shmread($ARGV[0], $text, 0, 100) or die $!; print unpack "Z*", $text' "$id"
    [ "$output" = "for perl" ]
    perl -e 'shmwrite($ARGV[0], "from perl", 0, 100) or die $!' "$id"
    try ./shm/read
    [ "$output" = "from perl" ]
    perl -e 'shmwrite($ARGV[0], "x" x 100, 0, 100) or die $!' "$id" # no NUL anywhere
    try ./shm/read
    [ "$output" = "$(printf 'x%.0s' {1..100})" ]
    ./shm/rm
}

@test "a segment of ipcmk is as good as ours, and ipcrm removes ours" {
    need ipcmk
    local id key
    id=$(ipcmk -M 50 | grep -o '[0-9]*$')
    key=$(ipcs -m | awk -v id="$id" '$2 == id { print $1 }')
    try ./shm/read -k "$key"
    [ "$status" = 0 ]
    [ -z "$output" ]
    try ./shm/write -k "$key" hello
    [ "$(./shm/read -k "$key")" = hello ]
    [ "$(value bytes -k "$key")" = 50 ]
    ipcrm -M "$key"
    try ./shm/rm -k "$key"
    [ "$status" = 1 ]
    [ "$stderr" = "rm: key $key has no segment" ]
}

@test "a segment that is removed while attached: the key is free, the memory stays until the last detach" {
    need perl
    ./shm/write -s 64 "old text"
    local id new
    id=$(value id)
    start holder perl -MIPC::SysV=shmat,memread -e '$at = shmat($ARGV[0], undef, 0) or die $!; $| = 1; print "on\n";
        <STDIN>; memread($at, $text, 0, 8) or die $!; print "$text\n"' "$id" < <(tail -f /dev/null --pid=$$)
    eventually grep -q on "$T/holder"
    try ./shm/rm
    [ "$status" = 0 ]
    [[ $stderr = *"still attached: nattch 1, mode 1600, dest"* ]]
    [ "$(ipcs -m | awk -v id="$id" '$2 == id { print $1, $NF }')" = "0x00000000 dest" ]
    try ./shm/stat
    [ "$status" = 1 ]
    try ./shm/rm
    [ "$status" = 1 ]
    try ./shm/read
    [ "$status" = 0 ]
    [ -z "$output" ]
    [[ $stderr = *made* ]]
    try ./shm/write "new text"
    new=$(value id)
    [ "$new" != "$id" ]
    try perl -e 'shmread($ARGV[0], $text, 0, 8) or die $!; print $text' "$id" # by its id one can still attach it
    [ "$output" = "old text" ]
    kill "$holder"
    finish holder
    [ -z "$(column nattch "$id")" ]
    try ./shm/rm
    [[ $stderr = *"shmctl($new, IPC_STAT) = -1 EINVAL: gone" ]]
}

@test "two that both want to make the segment get the same one" {
    local round pids others
    others=$(segments)
    for round in {1..10}; do
        pids=()
        for i in 1 2 3; do
            ./shm/read >/dev/null 2>>"$T/story" 3>&- &
            pids+=($!)
        done
        wait "${pids[@]}"
        [ "$(segments)" = $((others + 1)) ]
        ./shm/rm
    done
    [ "$(grep -c 'made$' "$T/story")" = 10 ]
    [ "$(grep -c 'found$' "$T/story")" = 20 ]
}

@test "read notices that stdout takes nothing" {
    ./shm/write hello
    for program in read stat; do
        try bash -c "./shm/$program >/dev/full"
        [ "$status" = 1 ]
        [[ $stderr = *"$program: stdout: No space left on device" ]]
    done
    ./shm/rm
}

@test "another user's segment is refused: nothing read, nothing written, nothing removed" {
    [ "$(id -u)" = 0 ] || skip "needs root, to be another user"
    local key=0x6d445566
    ./shm/write -k "$key" secret
    for program in read "write text" stat; do
        read -ra words <<<"$program"
        as_another_user "${words[0]}" -k "$key" "${words[@]:1}"
        [ "$status" = 1 ]
        [ -z "$output" ]
        [ "$stderr" = "${words[0]}: shmget $key (whose it is: ipcs -m): Permission denied" ]
    done
    as_another_user rm -k "$key"
    [ "$status" = 1 ]
    [[ $stderr = "rm: shmctl IPC_RMID "*": Operation not permitted" ]]
    [ "$(./shm/read -k "$key")" = secret ]
    ./shm/rm -k "$key"
}

# ---- attach ----

@test "attach: at three addresses the offset leads to the word, the pointer does not" {
    try ./shm/attach
    [ "$status" = 0 ]
    [ "$output" = $'pointer EFAULT\noffset hello' ]
    [ "$(grep -o 'shmat([0-9]*) = 0x[0-9a-f]*' <<<"$stderr" | sort -u | wc -l)" = 3 ]
    assert_lesson "keep offsets in shared memory"
}

@test "attach: nattch goes 1, 2, 4, 3, 2, 1, all the time dest, and then the segment is gone" {
    try ./shm/attach
    [ "$(grep -o 'nattch [0-9], dest' <<<"$stderr" | tr -dc 0-9)" = 124321 ]
    [[ $stderr = *"IPC_STAT) = -1 EINVAL: the last detach was its end"* ]]
}

@test "attach: kill -9 leaves no segment" {
    need strace
    strace -o /dev/null true || skip "strace is not allowed to trace"
    local others
    others=$(segments)
    # fork() is held up, so that there is time to look and to kill.
    start tracer strace -o "$T/trace" -e inject=clone,clone3,fork:delay_enter=700000:when=1 ./shm/attach
    eventually grep -q "the same memory" "$T/tracer.err"
    [ "$(segments)" = $((others + 1)) ]
    kill -KILL "$(pgrep -P "$tracer")"
    finish tracer
    [ "$(segments)" = "$others" ]
}

# ---- race ----

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

# ---- ring-write, ring-read ----

# A line of the story of $1 that says it waits alone.
waits() {
    grep -q 'waits for a' "$T/$1.err"
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
    end_one writer reader "ring-read: the writer, process $writer, has gone without an end"
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
    end_one reader writer "ring-write: the reader, process $reader, has gone"
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
    grep -q "^ring-write: the reader, process $reader, has gone" "$T/writer.err"
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
    eventually grep -q "waits until process $reader has ended" "$T/next_writer.err"
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

@test "ring: a segment that is no ring, or another user's, is refused and stays as it is" {
    ./shm/write -k 0x52111111 "no ring"
    for role in write read; do
        try ./shm/ring-$role -k 0x52111111 </dev/null
        [ "$status" = 1 ]
        [ "$stderr" = "ring-$role: segment 0x52111111 is not a ring of yours" ]
    done
    [ "$(./shm/read -k 0x52111111)" = "no ring" ]
    ./shm/rm -k 0x52111111
    [ "$(id -u)" = 0 ] || return 0
    start reader ./shm/ring-read -k 0x52111111
    eventually waits reader
    as_another_user ring-write -k 0x52111111
    [ "$status" = 1 ]
    [[ $stderr = "ring-write: shmctl 0x52111111 "*"Permission denied" ]]
    kill "$reader"
    finish reader
    mkdir -m 755 "$T/bin"
    cp shm/ring-read "$T/bin"
    start reader setpriv --reuid 65534 --clear-groups "$T/bin/ring-read" -k 0x52111111
    eventually waits reader
    try ./shm/ring-write -k 0x52111111 </dev/null
    [ "$status" = 1 ]
    [ "$stderr" = "ring-write: segment 0x52111111 is not a ring of yours" ]
    kill "$reader"
    finish reader
    rm -r /tmp/ipc-65534
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
        eventually eval 'ended "${!other}" || [[ $(tail -1 "$T/$other.err") = *"waits for a"* ]]'
        kill -TERM "${!other}" 2>/dev/null || true
        finish "$other"
        [[ $status = @(1|143) ]]
    done
    clean_pair
} {never}<> <(:)
