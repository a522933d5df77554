# pipe/: every sentence here is one that a program prints or its notes say.
load helper

@test "hello: what the parent writes the child reads, of any length" {
    try ./pipe/hello
    [ "$status" = 0 ]
    [ "$output" = "hello, pipe" ]
    try ./pipe/hello ""
    [ "$status" = 0 ]
    [ "$output" = "" ]
    try ./pipe/hello $'two\nlines'
    [ "$output" = $'two\nlines' ]
    long=$(head -c 100000 /dev/zero | tr '\0' x)
    try ./pipe/hello "$long"
    [ "$status" = 0 ]
    [ "$output" = "$long" ]
}

@test "hello: the story shows control characters as strace does, never raw" {
    try ./pipe/hello $'a\tb\e[31m\nc"d'
    [[ $stderr = *'"a\tb\33[31m\nc\"d"'* ]]
    [[ $stderr != *$'\e'* ]]
    try ./pipe/hello $'\v\f\b1\177\351'
    [[ $stderr = *'"\v\f\0101\177\351"'* ]]
}

@test "hello: a descriptor that is closed at the start does not become an end of the pipe" {
    try bash -c "./pipe/hello <&-"
    [ "$status" = 0 ]
    [ "$output" = "hello, pipe" ]
    try bash -c "./pipe/hello >&-"
    [ "$status" = 1 ]
    [[ $stderr = *"hello: stdout: Bad file descriptor"* ]]
}

@test "say() cuts a line at 80 columns" {
    try ./pipe/hello "$(head -c 100 /dev/zero | tr '\0' '\33')"
    [[ $stderr = *"read(3) = 100 "*"..."* ]]
    awk 'length > 80 { exit 1 }' <<<"$stderr"
}

@test "empty: the reader sleeps in read() until something is written" {
    try ./pipe/empty
    [ "$status" = 0 ]
    [ "$output" = hello ]
    [[ $stderr = *"the reader sleeps in read(3)"*"write("* ]]
}

@test "empty -n: the read fails with EAGAIN, and poll() does the waiting" {
    try ./pipe/empty -n
    [ "$status" = 0 ]
    [ "$output" = $'EAGAIN\nhello' ]
    [[ $stderr = *"sleeps in poll()"* ]]
}

@test "full: prints the capacity and PIPE_BUF, and the writer slept until a whole page was free" {
    for option in "" -n; do
        try ./pipe/full $option
        [ "$status" = 0 ]
        [ "${lines[0]}" = "capacity $(($(getconf PAGESIZE) * 16))" ]
        [ "${lines[1]}" = "PIPE_BUF $(getconf PIPE_BUF /)" ]
    done
}

@test "full -s: the kernel rounds the capacity up to a power of two pages" {
    try ./pipe/full -s 20000
    [ "$status" = 0 ]
    [ "${lines[0]}" = "capacity 32768" ]
    try ./pipe/full -n -s 1
    [ "$status" = 0 ]
    [ "${lines[0]}" = "capacity $(getconf PAGESIZE)" ]
}

@test "full -s: more than the system allows is a clear error" {
    try ./pipe/full -s 2000000000
    [ "$status" = 1 ]
    # For root the limit is the memory for the table of pages, on some kernels.
    [[ $stderr =~ "full: fcntl F_SETPIPE_SZ 2000000000 (see /proc/sys/fs/pipe-*): "(Operation not permitted|Cannot allocate memory) ]]
}

@test "eof: the reader sees end of file when the last write end is closed" {
    try ./pipe/eof
    [ "$status" = 0 ]
    [ -z "$output" ]
    [[ $stderr = *"read("*") = 0: end of file"* ]]
    assert_lesson "read() returns 0 only when every write end is closed"
}

@test "eof -x: the reader holds a write end, and sleeps until it is killed" {
    try ./pipe/eof -x
    [ "$status" = 0 ]
    [[ $stderr != *"= 0: end of file"* ]]
    [[ $stderr = *"the reader still sleeps in read(3)"*") = pipe:["*"kill("* ]]
    assert_lesson "the reader waits for the last write end to close, and holds that end itself"
}

@test "sigpipe: the signal kills a writer without readers; ignored, the write fails with EPIPE" {
    try ./pipe/sigpipe
    [ "$status" = 0 ]
    [ "$output" = SIGPIPE ]
    try ./pipe/sigpipe -i
    [ "$status" = 0 ]
    [ "$output" = EPIPE ]
}

@test "sigpipe: an inherited SIG_IGN makes no difference" {
    try bash -c "trap '' PIPE; ./pipe/sigpipe"
    [ "$status" = 0 ]
    [ "$output" = SIGPIPE ]
}

@test "atomic: messages of PIPE_BUF bytes arrive whole, however many write" {
    try ./pipe/atomic
    [ "$status" = 0 ]
    [ "$output" = "whole 400 torn 0" ]
    try ./pipe/atomic -w 32 -m 25
    [ "$status" = 0 ]
    [ "$output" = "whole 800 torn 0" ]
}

@test "atomic -x: messages of one byte more are torn" {
    for command in "" "taskset -c 0"; do
        for _ in 1 2 3 4 5; do
            try $command ./pipe/atomic -x
            [ "$status" = 0 ]
            [[ $output =~ ^whole\ [0-9]+\ torn\ [1-9] ]]
        done
    done
}

@test "atomic -x: a writer that is stopped in the middle of a message writes the rest when it continues" {
    start atomic ./pipe/atomic -x -m 1000000
    eventually says atomic "torn: "
    for _ in $(seq 10); do
        for pid in $(pgrep -P "$atomic"); do stop "$pid"; done
        kill -CONT $(pgrep -P "$atomic")
    done
    kill -TERM "$atomic"
    finish atomic
    [ "$status" = 143 ]
    [[ $(<"$T/atomic.err") != *$'\n'"atomic: "* ]]
}

@test "duplex: the answer comes back over two pipes, or one socket pair" {
    for option in "" -s; do
        try ./pipe/duplex $option
        [ "$status" = 0 ]
        [ "$output" = HELLO ]
    done
}

@test "duplex -x: through one pipe the asker reads its own question, sooner or later" {
    try ./pipe/duplex -x
    [ "$status" = 0 ]
    [ "$output" = hello ]
    assert_lesson "with one pipe for both directions a process reads its own words"
}

@test "coproc: any amount passes through any filter unchanged" {
    head -c 20000000 /dev/urandom >"$T/in"
    for filter in cat "tr a-z A-Z" "sort -z" "head -c 1000000" "tail -c 1000000" "od -bN 2000000" "wc -c"; do
        timeout 10 ./pipe/coproc $filter <"$T/in" >"$T/out" 2>"$T/err"
        $filter <"$T/in" | cmp - "$T/out"
    done
}

@test "coproc: a filter that ends early, or goes on after its stdout, is no trouble" {
    try bash -c "yes | ./pipe/coproc head -1"
    [ "$status" = 0 ]
    [ "$output" = y ]
    try bash -c "seq 200000 | ./pipe/coproc sh -c 'exec >&-; cat >$T/copy'"
    [ "$status" = 0 ]
    seq 200000 | cmp - "$T/copy"
}

@test "coproc: its status is the filter's; 127 without such a command, 126 if it cannot be run" {
    try ./pipe/coproc sh -c 'exit 7' </dev/null
    [ "$status" = 7 ]
    try ./pipe/coproc sh -c 'kill -TERM $$' </dev/null
    [ "$status" = 143 ]
    try ./pipe/coproc nosuchcommand </dev/null
    [ "$status" = 127 ]
    [[ $stderr = *"coproc: nosuchcommand: No such file or directory"* ]]
    try ./pipe/coproc /etc/passwd </dev/null
    [ "$status" = 126 ]
}

@test "coproc -x: once both pipes are full, both processes sleep in write()" {
    try bash -c "head -c 4000000 /dev/zero | ./pipe/coproc -x cat"
    [ "$status" = 0 ]
    [ -z "$output" ]
    [[ $stderr = *"the writer sleeps in write("*"the filter sleeps in write(1)"* ]]
    assert_lesson "each waits for the other to read"
}

@test "coproc -x: a little input fits into the pipes, and the mistake stays hidden" {
    try bash -c "echo hello | ./pipe/coproc -x cat"
    [ "$status" = 0 ]
    [ "$output" = hello ]
    assert_lesson "no deadlock this time: that depends on the filter"
}

@test "coproc -x: a slow filter is not taken for a deadlock" {
    mkfifo "$T/fifo"
    try bash -c "head -c 100000 /dev/zero | ./pipe/coproc -x sh -c 'timeout 0.5 cat <>$T/fifo; wc -c'"
    rm "$T/fifo"
    [ "$status" = 0 ]
    [ "$output" = 100000 ]
}

@test "coproc -x: a filter that sleeps elsewhere, with both pipes full, is not taken for a deadlock" {
    full=$((16 * $(getconf PAGESIZE)))
    try bash -c "head -c 4000000 /dev/zero |
        ./pipe/coproc -x sh -c 'head -c $full /dev/zero; perl -e \"select undef, undef, undef, 0.5\"; cat >/dev/null' |
        wc -c"
    [ "$status" = 0 ]
    [ "$output" = "$full" ]
}

@test "pipeline: a : b : c does what the shell does for a | b | c" {
    try ./pipe/pipeline seq 100 : sort -r : head -3
    [ "$status" = 0 ]
    [ "$output" = $'99\n98\n97' ]
    try bash -c "echo from stdin | ./pipe/pipeline cat : tr a-z A-Z"
    [ "$output" = "FROM STDIN" ]
    try ./pipe/pipeline yes : head -1
    [ "$status" = 0 ]
    [ "$output" = y ]
    try ./pipe/pipeline seq 3
    [ "$output" = $'1\n2\n3' ]
}

@test "pipeline: the status is that of the last command, as in the shell" {
    while read -r expected line; do
        read -ra words <<<"$line"
        try ./pipe/pipeline "${words[@]}"
        [ "$status" = "$expected" ] || { echo "$line: $status"; false; }
        try bash -c "${line//:/|}"
        [ "$status" = "$expected" ]
    done <<'END'
0 false : true
1 true : false
127 true : nosuchcommand
0 nosuchcommand : true
126 true : /etc/passwd
END
    try ./pipe/pipeline true : sh -c 'kill -KILL $$'
    [ "$status" = 137 ]
}

@test "pipeline: a missing command beside ':' is wrong usage" {
    for words in ": cat" "cat :" "cat : : cat" ":" "-x cat"; do
        try ./pipe/pipeline $words
        [ "$status" = 2 ]
        [ "${#stderr_lines[@]}" = 1 ]
    done
}

@test "pipeline -x: the last command sleeps until the shell closes its copy" {
    try ./pipe/pipeline -x echo hello : cat
    [ "$status" = 0 ]
    [ "$output" = hello ]
    [[ $stderr = *"the last command sleeps in read(0)"*"close("*": cat, status 0"* ]]
    assert_lesson "a pipe ends when its last write end is closed"
    try ./pipe/pipeline -x true : perl -e 'select undef, undef, undef, 0.3'
    [ "$status" = 0 ]
    [[ $stderr != *"=>"* ]] # that one waited for no end of file
    try ./pipe/pipeline -x yes : head -1
    [ "$status" = 0 ]
    [ "$output" = y ]
}

@test "pipeline -x: a last command that waits elsewhere is let go after 2 s, without the lesson" {
    try ./pipe/pipeline -x echo hello : sh -c 'cat; true' # sh waits for cat
    [ "$status" = 0 ]
    [ "$output" = hello ]
    [[ $stderr = *"the kernel does not show the last command in read(0)"* ]]
    [[ $stderr != *"=>"* ]]
}

@test "pool: every job is done once" {
    for options in "" "-w 1" "-w 64 -j 500" "-j 0"; do
        try ./pipe/pool $options
        [ "$status" = 0 ]
        jobs=40
        [[ ! $options =~ -j\ ([0-9]+) ]] || jobs=${BASH_REMATCH[1]}
        [ "$(awk '{ sum += $4 } END { print sum }' <<<"$output")" = "$jobs" ]
    done
}

@test "pool -r: each worker gets equally many jobs, one of them all the long ones, and it takes longer" {
    try ./pipe/pool -r -w 4 -j 40
    [ "$status" = 0 ]
    [ "$output" = "$(printf 'worker %d jobs 10\n' 1 2 3 4)" ]
    ms_of() { sed -n 's/.*all have ended, after \([0-9]*\) ms/\1/p' <<<"$stderr"; }
    dealt=$(ms_of)
    [ "$dealt" -ge 200 ] # ten long jobs, one after another
    faster() { try ./pipe/pool -w 4 -j 40 && [ "$(ms_of)" -lt "$dealt" ]; }
    tries 5 faster
}

@test "pool: a worker that is killed is noticed" {
    for option in "" -r; do
        start pool ./pipe/pool $option -j 200 -w 2
        eventually says pool "the new worker sleeps"
        kill -KILL "$(pgrep -P "$pool" | head -n 1)" # with -r the last one may have done its short jobs by now
        finish pool
        [ "$status" = 1 ]
        grep -q "^pool: " "$T/pool.err"
    done
}

@test "zerocopy: four ways, the same bytes, to a file and to a pipe" {
    head -c 3000000 /dev/urandom >"$T/in"
    : >"$T/empty"
    for way in rw mmap sendfile splice; do
        ./pipe/zerocopy -m $way "$T/in" 2>"$T/err" >"$T/out"
        cmp "$T/in" "$T/out"
        ./pipe/zerocopy -m $way "$T/in" 2>"$T/err" | cmp "$T/in" -
        ./pipe/zerocopy -m $way "$T/empty" 2>"$T/err" >"$T/out"
        cmp "$T/empty" "$T/out"
    done
}

@test "zerocopy: the bytes that cross user space: twice, once, never, never" {
    head -c 100000 /dev/zero >"$T/in"
    while read -r way bytes; do
        try ./pipe/zerocopy -m "$way" "$T/in"
        [[ $stderr = *"100000 bytes, "*" $bytes bytes crossed user space"* ]]
    done <<'END'
rw 200000
mmap 100000
sendfile 0
splice 0
END
}

@test "zerocopy: a file of more than 4 GiB is more than its length modulo 4 GiB; a 32-bit program refuses it" {
    truncate -s 4294967301 "$T/big"
    [ "$(./pipe/zerocopy "$T/big" 2>"$T/err" | head -c 6 | wc -c)" = 6 ] || grep -q "too large for a 32-bit program" "$T/err"
}

@test "zerocopy: a folder, a device, nothing at all, an unknown way: clear errors" {
    try ./pipe/zerocopy /tmp
    [ "$status" = 1 ]
    [ "$stderr" = "zerocopy: /tmp: not a regular file" ]
    try ./pipe/zerocopy "$T/nosuch"
    [ "$status" = 1 ]
    [[ $stderr = *"No such file or directory" ]]
    try ./pipe/zerocopy -m magic /etc/passwd
    [ "$status" = 2 ]
}

@test "buffer: a line waits in the buffer of stdio until that is full or flushed" {
    try ./pipe/buffer
    [ "$status" = 0 ]
    [[ $output =~ ^buffer\ [0-9]+$ ]]
    [[ $stderr = *"FIONREAD) = 0"*"FIONREAD) = ${output#buffer }"* ]]
    bytes=$(sed -n 's/.*FIONREAD) = \([0-9]*\).*/\1/p' <<<"$stderr" | tail -1)
    [ "$bytes" -ge "$((${output#buffer } + 6))" ] # not even a full buffer is all, to a library that empties it at once
    try ./pipe/buffer -x
    [ "$status" = 0 ]
    [ "$output" = $'hello\nhello' ]
}

@test "records: a length in front, or O_DIRECT, keeps three messages apart; one read() does not" {
    for option in "" -d; do
        try ./pipe/records $option
        [ "$status" = 0 ]
        [ "$output" = $'red\ngreen\nblue' ]
    done
    try ./pipe/records -x
    [ "$status" = 0 ]
    [ "$output" = redgreenblue ]
}

@test "records -d: there is a page for each packet, however large a page is" {
    needs strace
    strace -o "$T/trace" true || skip "strace may not trace"
    try strace -o "$T/trace" -e trace='?fcntl,?fcntl64' ./pipe/records -d
    grep -q "F_SETPIPE_SZ, $((3 * $(getconf PAGESIZE))))" "$T/trace"
}

@test "where nothing has happened, there is no sentence to remember" {
    : >"$T/empty"
    while read -r line; do
        read -ra words <<<"$line"
        try ./pipe/"${words[0]}" "${words[@]:1}"
        [ "$status" = 0 ]
        [[ $stderr != *"=>"* ]] || { echo "$line: $stderr"; false; }
    done <<END
atomic -w 1
pipeline seq 3
pipeline nosuchcommand : cat
pipeline /etc/passwd : cat
pool -j 0
pool -w 1 -j 2
zerocopy $T/empty
END
}

@test "pool: the story counts the long jobs and the short ones" {
    try ./pipe/pool -j 5
    [[ $stderr = *"jobs sent: 2 of 20 ms, 3 of 1 ms"* ]]
}

@test "a short count is reported as what it is, not with an errno from earlier" {
    needs strace
    strace -f -qq -o "$T/trace" true || skip "strace may not trace"
    [[ $B != */build/asan ]] || skip "to ASan, 3 bytes read into 1 are an overflow"
    for call in pool::"read = 3" records::"the pipe ended in the middle of a message"; do
        IFS=: read -r program option message <<<"$call"
        when=$(strace -f -qq -e trace=read -o /dev/stdout ./pipe/$program $option 2>/dev/null | grep -c ' read(')
        found=
        for i in $(seq "$when"); do
            try strace -f -qq -o "$T/trace" -e trace=read -e inject=read:retval=3:when="$i" ./pipe/$program $option
            [[ $stderr != *"Inappropriate ioctl"* ]]
            [[ $stderr != *": $message"* ]] || found=yes
        done
        [ -n "$found" ]
    done
}

@test "a user who has 1024 pipes gets small ones, and no demo waits for ever" {
    other_user pipe
    needs perl
    [ "$(cat /proc/sys/fs/pipe-user-pages-soft)" = 16384 ] || skip "another limit"
    (ulimit -n 3000) 2>/dev/null || skip "too few descriptors allowed"
    many='for (1 .. 1030) { pipe(my $r, my $w) or die "pipe: $!"; push @ends, $r, $w } exit(system(@ARGV) >> 8)'
    with_many() { try "${nobody[@]}" bash -c 'ulimit -n 3000; exec perl -e "$@"' bash "$many" "$@"; }
    with_many ./pipe/full
    [ "$status" = 0 ]
    [ "${lines[0]}" = "capacity $((2 * $(getconf PAGESIZE)))" ]
    with_many ./pipe/full -s $((16 * $(getconf PAGESIZE)))
    [ "$status" = 1 ]
    [[ $stderr = *"(see /proc/sys/fs/pipe-*): Operation not permitted"* ]]
    with_many ./pipe/records -d
    [ "$status" = 1 ]
    [[ $stderr = *"records: fcntl F_SETPIPE_SZ"* ]]
    for demo in "atomic -x" buffer records "duplex -x" pool; do
        with_many ./pipe/$demo
        [ "$status" = 0 ]
    done
}

@test "where /proc/PID/syscall may not be read, the story says only that the process sleeps" {
    other_user pipe
    chmod 111 pipe/* # the processes of a program that one may not read are hidden, too
    blind=("${nobody[@]}" env) # env: setpriv itself still has the rights of root when it executes a program
    for demo in empty full "eof -x" "duplex -x"; do
        try "${blind[@]}" ./pipe/$demo
        [ "$status" = 0 ]
        [[ $stderr = *" sleeps"$'\n'* ]]
        [[ $stderr != *" sleeps in "* ]]
    done
    try "${blind[@]}" ./pipe/pipeline -x echo hello : cat
    [ "$status" = 0 ]
    [ "$output" = hello ]
    [[ $stderr != *"=>"* ]]
}

@test "ignored signals that are inherited do no harm" {
    for command in "eof -x" "duplex -x" "pool -j 4"; do
        try bash -c "trap '' TERM CHLD; exec env --ignore-signal=CHLD ./pipe/$command"
        [ "$status" = 0 ]
    done
}

@test "zerocopy: an empty file is nothing; a file in /proc, which has bytes but no size, is refused" {
    : >"$T/empty"
    try ./pipe/zerocopy "$T/empty"
    [ "$status" = 0 ]
    try ./pipe/zerocopy /proc/self/status
    [ "$status" = 1 ]
}

@test "a parent that is killed with -9 leaves no child behind" {
    for command in "eof -x" full "pool -j 10000" "pipeline sleep 60 : cat" "coproc sleep 60"; do
        start program ./pipe/$command
        eventually eval 'pgrep -P "$program" >/dev/null || ended "$program"' # some are quick
        kill -KILL "$program" 2>/dev/null || true
        finish program
        eventually none_left
    done
}
