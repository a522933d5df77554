# The bench programs: one command line, one table, data that is looked at.
load helper

quick=(-d 0.05 -p same)
export TRY_FOR=60 # on a busy machine, two processes that spin get little done

# Every line must have the columns of the header.
assert_table() {
    [ "${lines[0]}" = "$(printf 'mechanism\tvariant\ttest\tplacement\tsize\tmessages\tseconds\tp50\tp90\tp99\tmax\tmessages_per_s\tMB_per_s')" ] || return 1
    awk -F'\t' 'FNR == 1 { next }
        NF != 13 || $3 !~ /^(latency|throughput)$/ || $4 !~ /^(same|diff|free)$/ || $6 < 1 || $7 <= 0 { bad = 1 }
        $3 == "latency" && !($8 > 0 && $8 <= $9 && $9 <= $10 && $10 <= $11) { bad = 1 }
        $3 == "throughput" && $8 $9 $10 $11 != "----" { bad = 1 }
        { rate = $6 / $7; if ($12 < rate * 0.99 - 0.5 || $12 > rate * 1.01 + 0.5) bad = 1 }
        { mb = rate * $5 / 1e6; if ($13 < mb * 0.99 - 0.001 || $13 > mb * 1.01 + 0.001) bad = 1 }
        END { exit bad || NR < 2 }' <<<"$output" || { echo "$output"; return 1; }
}

# The column COLUMN of all lines, in one line.
column() {
    tail -n +2 <<<"$output" | cut -f "$1" | tr '\n' ' '
}

@test "every mechanism measures latency and throughput, and prints the same columns" {
    for program in pipe fifo msgq sem signals dup; do
        try "./$program/bench" "${quick[@]}" -s 64
        [ "$status" = 0 ]
        assert_table
    done
    try ./shm/bench "${quick[@]}" -m sleep -s 64
    [ "$status" = 0 ]
    assert_table
}

@test "the variants are those of the course, each can be chosen" {
    while read -r program variants; do
        for variant in $variants; do
            try "./$program/bench" "${quick[@]}" -l -m "$variant" -s 1
            [ "$status" = 0 ]
            [ "$(column 1,2)" = "$program"$'\t'"$variant " ]
        done
    done <<'END'
pipe pipe socketpair vmsplice
fifo fifo
msgq sysv posix
shm spin sleep slot
sem sysv posix mutex eventfd futex
signals kill sigqueue signalfd
dup unix-stream unix-datagram tcp
END
}

@test "a bench takes the sizes that it is given, the tests, and the places" {
    try ./pipe/bench -d 0.05 -m pipe -t -s 1,100,70000 -p free
    [ "$status" = 0 ]
    assert_table
    [ "$(column 5)" = "1 100 70000 " ]
    [ "$(column 3)" = "throughput throughput throughput " ]
    [ "$(column 4)" = "free free free " ]
}

@test "shm/bench: each memory, and rings that spin or sleep on two CPUs, carry whole messages of any size" {
    [ "$(nproc)" -ge 2 ] || skip "there is only one CPU"
    for memory in sysv posix anon; do
        try ./shm/bench -d 0.05 -p diff -b "$memory" -s 1,65536
        [ "$status" = 0 ]
        assert_table
        [ "$(wc -l <<<"$output")" = 13 ]
    done
    try ./shm/bench -b other
    [ "$status" = 2 ]
}

@test "a size that a mechanism does not allow is one line, and the run goes on" {
    try ./msgq/bench "${quick[@]}" -l -s 1000000,64
    [ "$status" = 0 ]
    [ "$(column 5)" = "64 64 " ]
    grep -qx "bench: sysv: no messages of 1000000 bytes, it takes 1 to $(cat /proc/sys/kernel/msgmax)" <<<"$stderr"
    grep -q "^bench: posix: no messages of 1000000 bytes" <<<"$stderr"
    try ./pipe/bench "${quick[@]}" -m pipe -l -s 0
    [ "$status" = 1 ]
}

@test "what carries no data has the size 0" {
    try ./sem/bench "${quick[@]}" -l -m posix -s 1,64
    [ "$(column 5)" = "0 " ]
}

a_pipe_is_a_pipe() {
    try ./pipe/bench -r "${quick[@]}" -m pipe -l -s 64
    [ "$status" = 0 ] && awk -F'\t' 'END { exit !(NF == 15 && $15 > 0.8 && $15 < 1.25) }' <<<"$output"
}

@test "-r compares with a pipe, in two columns more, and a pipe is as fast as a pipe" {
    tries 10 a_pipe_is_a_pipe
}

can_preload() {
    command -v "${CC:-cc}" >/dev/null || skip "no compiler"
    [[ ${LDFLAGS:-} != *-static* ]] || skip "not in static programs"
}

@test "a byte that arrives wrong is an error" {
    can_preload
    cat >"$T/flip.c" <<'END'
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
ssize_t read(int fd, void *buffer, size_t size)
{
    static int calls;
    const ssize_t n = syscall(SYS_read, fd, buffer, size);
    if (n == 64 && ++calls == 1000)
        ((char *)buffer)[63] ^= 1 << getpid() % 8; /* another bit in the other process */
    return n;
}
END
    "${CC:-cc}" -shared -fPIC -o "$T/flip.so" "$T/flip.c"
    LD_PRELOAD=$T/flip.so try ./pipe/bench "${quick[@]}" -m pipe -s 64
    [[ $stderr != *"ASan runtime does not come first"* ]] || skip "not with ASan"
    [[ $stderr != *"cannot be preloaded"* && $stderr != *"Error loading"* && $stderr != *"Error relocating"* ]] || skip "not with this libc"
    [ "$status" = 1 ]
    [[ $stderr = *"bench: message "*" has wrong data" ]]
}

@test "of a large message every part is looked at, sooner or later; a part that has not come is the last message's" {
    can_preload
    cat >"$T/tail.c" <<'END'
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static char lost[1 << 21];
/* After CALLS calls the second half of what is read is lost. */
ssize_t read(int fd, void *buffer, size_t size)
{
    static int calls;
    if (size < 4000 || ++calls < atoi(getenv("CALLS")))
        return syscall(SYS_read, fd, buffer, size);
    const ssize_t n = syscall(SYS_read, fd, lost, size);
    memcpy(buffer, lost, n > 0 ? n / 2 : 0);
    return n;
}
END
    "${CC:-cc}" -shared -fPIC -o "$T/tail.so" "$T/tail.c"
    for calls in 1 10000; do
        CALLS=$calls LD_PRELOAD=$T/tail.so try ./pipe/bench -d 0.5 -p same -m pipe -s 65536
        [[ $stderr != *"ASan runtime does not come first"* ]] || skip "not with ASan"
        [[ $stderr != *"cannot be preloaded"* && $stderr != *"Error loading"* && $stderr != *"Error relocating"* ]] || skip "not with this libc"
        [ "$status" = 1 ]
        [[ $stderr = *"has wrong data"* ]]
    done
}

@test "a message that does not come, or not all of it, is an error" {
    can_preload
    for delivered in 0 8; do
        cat >"$T/lie.c" <<END
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static char all[1 << 16];
ssize_t read(int fd, void *buffer, size_t size)
{
    const ssize_t n = syscall(SYS_read, fd, all, size);
    memcpy(buffer, all, n < $delivered ? n : $delivered);
    return n;
}
END
        "${CC:-cc}" -shared -fPIC -o "$T/lie.so" "$T/lie.c"
        for test in -l -t; do
            LD_PRELOAD=$T/lie.so try ./pipe/bench "${quick[@]}" -m pipe -s 64 "$test"
            [[ $stderr != *"ASan runtime does not come first"* ]] || skip "not with ASan"
            [[ $stderr != *"cannot be preloaded"* && $stderr != *"Error loading"* && $stderr != *"Error relocating"* ]] || skip "not with this libc"
            [ "$status" = 1 ]
            [[ $stderr = *"has wrong data"* ]]
        done
    done
}

@test "bench, prodcons, philosophers and rwlock pass over children that they have not made" {
    for command in "./pipe/bench -d 0.3 -l -m pipe -p same -s 1" "./shm/fork-bench -s 1" "./sem/prodcons -i 20000" "./sem/philosophers" "./sem/rwlock"; do
        try bash -c "for i in 2 6 10 14; do (sleep 0.\$((i / 10))\$((i % 10)); exit 3) & done; exec $command"
        [ "$status" = 0 ] || { echo "$command: $stderr"; false; }
    done
}

@test "a wrong command line is refused" {
    for words in "-m none" "-p here" "-p same,here" "-d 0.01" "-d x" "-d -1" "-d nan" "-s x" "-s 1,,2" "-s -1" "extra"; do
        # shellcheck disable=SC2086 # two words
        try ./pipe/bench $words
        [ "$status" = 2 ] || { echo "$words"; false; }
        [[ $stderr = *"bench: "* ]]
    done
}

@test "-h tells the variants and the options of each bench" {
    for program in pipe fifo msgq shm sem signals dup; do
        try "./$program/bench" -h
        [ "$status" = 0 ]
        for letter in d l m p r s t u; do grep -q "^  -$letter " <<<"$output"; done
    done
    try ./shm/bench -h
    grep -q "^  -b " <<<"$output"
    grep -q "spin, sleep, slot" <<<"$output"
}

@test "on one CPU nothing is measured on two, and that is told" {
    try taskset -c 0 ./pipe/bench -d 0.05 -m pipe -l -s 1
    [ "$status" = 0 ]
    [ "$(column 4)" = "same " ]
    [[ $stderr = *"bench: there is only one CPU: nothing is measured on two"* ]]
}

@test "if one of the two processes is killed, the other ends with an error, and no object stays" {
    start bench ./msgq/bench -d 5 -m sysv -p same -s 64
    eventually pgrep -P "$bench" >/dev/null
    eventually grep -q . /proc/sysvipc/msg
    kill -KILL "$(pgrep -P "$bench")"
    finish bench
    [ "$status" = 1 ]
    grep -q "bench: the other process was killed" "$T/bench.err"
}

@test "a second process that fails at once, before fork() returns in the first, is noticed" {
    command -v strace >/dev/null || skip "no strace"
    strace -o "$T/trace" true 2>/dev/null || skip "strace is not allowed to trace"
    ASAN_OPTIONS=detect_leaks=0 try timeout -s KILL 10 strace -f -o "$T/trace" -e inject=clone,clone3,fork:delay_exit=300000 \
        -e inject=prctl:error=EPERM ./pipe/bench "${quick[@]}" -m pipe -l -s 1
    [ "$status" = 1 ]
    [[ $stderr = *"bench: prctl: Operation not permitted"* ]]
}

@test "SIGINT and SIGTERM end a bench, and no object stays" {
    for signal in INT TERM HUP; do
        for program in "msgq/bench -m sysv" "sem/bench -m sysv" "shm/bench -b sysv" "fifo/bench"; do
            # shellcheck disable=SC2086 # two words
            start bench ./$program -d 5
            eventually pgrep -P "$bench" >/dev/null
            kill -"$signal" "$bench"
            finish bench
            [ "$status" -gt 128 ]
        done
    done
}

@test "a full disk is an error" {
    try bash -c "./pipe/bench ${quick[*]} -m pipe -s 1 -l >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"stdout"* ]]
}

# Its claim: poll pays for every descriptor, epoll does not.
poll_pays() {
    try ./dup/ready-bench -s 1,1100
    [ "$status" = 0 ] && awk -F'\t' '$2 == 1100 { ns[$1] = $3 } END { exit !(ns["poll"] > 3 * ns["epoll"]) }' <<<"$output"
}

@test "ready-bench: one line for each way and number, select as far as it goes" {
    tries 5 poll_pays
    [ "$(column 1)" = "select poll epoll epoll-et poll epoll epoll-et " ]
    [ "$(column 2)" = "1 1 1 1 1100 1100 1100 " ]
    [[ $stderr = *"select: no descriptor above 1023"* ]]
}

@test "ready-bench: more descriptors than allowed are one line" {
    try bash -c "ulimit -n 100; ./dup/ready-bench -m poll -s 10,1000"
    [ "$status" = 0 ]
    [ "$(column 1,2)" = "poll"$'\t'"10 " ]
    [[ $stderr = "ready-bench: 1000 idle descriptors, and those of the program: RLIMIT_NOFILE allows 100" ]]
}

splice_saves() {
    try ./pipe/copy-bench -s 8
    [ "$status" = 0 ] && awk -F'\t' '$1 == "pipe" { cpu[$2] = $5 }
        END { exit !(cpu["sendfile"] < cpu["rw"] && cpu["splice"] < cpu["rw"]) }' <<<"$output"
}

@test "copy-bench: each way brings the whole file, splice and sendfile with less CPU than read and write" {
    tries 10 splice_saves
    [ "$(column 2)" = "rw mmap sendfile splice rw mmap sendfile splice " ]
}

fork_pays() {
    try ./shm/fork-bench -s 1,64
    [ "$status" = 0 ] && awk -F'\t' '{ us[$1, $2] = $3 }
        END { exit !(us["fork", 64] > 2 * us["fork", 1] && us["vfork", 64] < us["fork", 64] / 3) }' <<<"$output"
}

@test "fork-bench: fork pays for the memory of the parent, vfork does not" {
    tries 10 fork_pays
    [[ $output = *"switch of threads"* ]]
    [[ $output = *"switch of processes"* ]]
}

@test "the picture is drawn from the table, with every variant in it" {
    try ./pipe/bench "${quick[@]}" -s 1,64
    printf '%s\n' "$output" >"$T/bench.tsv"
    try awk -f "$BATS_TEST_DIRNAME/../lib/bench/svg.awk" "$T/bench.tsv"
    [ "$status" = 0 ]
    [[ $output = "<svg "*"</svg>" ]]
    for variant in ">pipe<" ">pipe socketpair<" ">pipe vmsplice<"; do grep -qF "$variant" <<<"$output"; done
    [ "$(grep -c "<path" <<<"$output")" = 6 ]
}

@test "all benches: a mechanism that allows none of the sizes is passed over" {
    mkdir "$T/figures"
    BENCH_OPTIONS="-d 0.05 -s 100000" start all sh "$BATS_TEST_DIRNAME/../lib/bench/bench.sh" "$T/figures"
    eventually grep -q shm/bench "$T/all.err"
    for pid in $(ours); do kill -QUIT "$pid" || true; done
    finish all
    eventually none_left
    [ -z "$(ls "$T/figures")" ]
}

@test "sigqueue: few signals may be pending: fewer are under way" {
    # The limit counts what is pending for other processes of this user, too.
    used=$(sed -n 's/^SigQ:\t\([0-9]*\).*/\1/p' /proc/self/status)
    try bash -c "ulimit -i $((used + 40)); ./signals/bench ${quick[*]} -t -m sigqueue"
    [ "$status" = 0 ]
    assert_table
}

@test "Ctrl-C in the middle of all benches leaves no file, object or process" {
    mkdir "$T/figures"
    BENCH_OPTIONS="-d 0.05 -s 1" start all sh "$BATS_TEST_DIRNAME/../lib/bench/bench.sh" "$T/figures"
    eventually grep -q fifo/bench "$T/all.err"
    for pid in $(ours); do kill -INT "$pid" || true; done
    finish all
    eventually none_left
    [ -z "$(ls "$T/figures")" ]
}
