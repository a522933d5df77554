# shm/: System V segments, by hand, in pairs, and with perl, ipcmk, ipcrm and ipcs at the other end; attach.
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

segments() {
    awk 'FNR > 1' /proc/sysvipc/shm | wc -l
}

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
    [[ $stderr = *"to see it: ipcs -m -i "*"to remove it: ipcrm -m "* ]]
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
    [ "$stderr" = "write: shmget: EINVAL: the segment has 100 bytes, not 200 (ipcrm -m $(value id))" ]
    try ./shm/write -s 50 smaller
    [ "$status" = 0 ]
    [ "$(value bytes)" = 100 ]
    try ./shm/write -s 0 none
    [ "$status" = 2 ]
    ./shm/rm
    try ./shm/write -s 9223372036854775807 large
    [[ $status = 1 && $stderr = "write: shmget 0x"* ]] ||
        [[ $status = 2 && $stderr = *": not a number from 1 up" ]] # of 32 bits
}

@test "where the kernel allows no segment of that size, EINVAL is explained as that" {
    [[ $(id -u) = 0 && ${IPC_TESTS_PRIVATE:-} = yes ]] || skip "needs root, in a namespace of its own"
    old=$(</proc/sys/kernel/shmmax)
    echo 5000 >/proc/sys/kernel/shmmax
    try ./shm/write -s 5001 large
    echo "$old" >/proc/sys/kernel/shmmax
    [ "$status" = 1 ]
    [ "$stderr" = "write: shmget: EINVAL: 5001 bytes are more than /proc/sys/kernel/shmmax" ]
    echo 4000 >/proc/sys/kernel/shmmax
    try ./shm/write "the usual size"
    echo "$old" >/proc/sys/kernel/shmmax
    [ "$stderr" = "write: shmget: EINVAL: 4096 bytes are more than /proc/sys/kernel/shmmax" ]
}

@test "where the kernel allows no more segments, ENOSPC is explained; where segments end with their last process, that is said" {
    [[ $(id -u) = 0 && ${IPC_TESTS_PRIVATE:-} = yes ]] || skip "needs root, in a namespace of its own"
    old=$(</proc/sys/kernel/shmmni)
    segments >/proc/sys/kernel/shmmni
    try ./shm/write hello
    echo "$old" >/proc/sys/kernel/shmmni
    [ "$status" = 1 ]
    [ "$stderr" = "write: shmget: ENOSPC: no more segments: /proc/sys/kernel/shmmni, shmall" ]
    old=$(</proc/sys/kernel/shm_rmid_forced)
    echo 1 >/proc/sys/kernel/shm_rmid_forced
    try ./shm/write hello
    echo "$old" >/proc/sys/kernel/shm_rmid_forced
    [ "$status" = 0 ]
    [[ ${stderr_lines[-1]} = *"IPC_STAT) = -1 EINVAL: it is gone" ]]
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
    needs perl
    local key=0x6d778899 id second pair word
    id=$(perl -e 'print shmget(hex shift, 12345, 01600)' "$key")
    if capable 15; then # CAP_IPC_OWNER: another owner, and a mode that shows in octal only
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
    needs perl
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
    needs ipcmk
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
    needs perl
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
    other_user shm
    local key=0x6d445566
    ./shm/write -k "$key" secret
    for program in read "write text" stat; do
        read -ra words <<<"$program"
        try "${nobody[@]}" ./shm/"${words[0]}" -k "$key" "${words[@]:1}"
        [ "$status" = 1 ]
        [ -z "$output" ]
        [ "$stderr" = "${words[0]}: shmget: EACCES: no permission for key $key (ipcs -m)" ]
    done
    try "${nobody[@]}" ./shm/rm -k "$key"
    [ "$status" = 1 ]
    [[ $stderr = "rm: shmctl IPC_RMID "*": EPERM (its owner: ipcs -m): Operation not permitted" ]]
    [ "$(./shm/read -k "$key")" = secret ]
    ./shm/rm -k "$key"
}

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
    [[ $stderr = *"IPC_STAT) = -1 EINVAL: gone with it"* ]]
}

@test "attach: kill -9 leaves no segment" {
    needs strace
    strace -o /dev/null true || skip "strace is not allowed to trace"
    local others
    others=$(segments)
    # fork() is held up, so that there is time to look and to kill.
    start tracer strace -o "$T/trace" -e inject=clone,clone3,fork:delay_enter=5000000:when=1 ./shm/attach
    eventually grep -qE "parent [|] at .*: \"hello\"$" "$T/tracer.err"
    [ "$(segments)" = $((others + 1)) ]
    kill -KILL "$(pgrep -P "$tracer")"
    finish tracer
    [ "$(segments)" = "$others" ]
}
