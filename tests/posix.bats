# POSIX queues, shared memory and semaphores by hand: every sentence here is one that a program or its notes tell.
load helper

printf -v N /ipc-test-%u-%05d%05d $UID $RANDOM $RANDOM # a name for this test alone

# Another program, that knows of these only what POSIX says. It is built with the C library of the programs: what lies
# in a semaphore is its own.
setup_file() {
    local cc=${CC:-cc}
    ! grep -q ld-musl "$B/sem/posix-wait" || cc=musl-gcc
    cat >"$BATS_FILE_TMPDIR/peer.c" <<'END'
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    const char *what = argv[1], *name = argv[2];
    if (strcmp(what, "send") == 0) {
        mqd_t q = mq_open(name, O_WRONLY | O_CREAT, 0600, NULL);
        return q == (mqd_t)-1 || mq_send(q, argv[4], strlen(argv[4]), (unsigned)atoi(argv[3])) == -1;
    }
    if (strcmp(what, "recv") == 0) {
        char text[8192];
        unsigned priority;
        mqd_t q = mq_open(name, O_RDONLY);
        ssize_t n = mq_receive(q, text, sizeof text, &priority);
        printf("%u %.*s %zd\n", priority, (int)n, text, n);
        return n == -1;
    }
    sem_t *s = strcmp(what, "create") == 0 ? sem_open(name, O_CREAT | O_EXCL, 0600, (unsigned)atoi(argv[3])) : sem_open(name, 0);
    if (s == SEM_FAILED)
        return 1;
    int value = 0;
    return strcmp(what, "wait") == 0   ? sem_wait(s)
           : strcmp(what, "post") == 0 ? sem_post(s)
                                       : sem_getvalue(s, &value) || printf("%d\n", value) < 0;
}
END
    "$cc" -D_XOPEN_SOURCE=700 -o "$BATS_FILE_TMPDIR/peer" "$BATS_FILE_TMPDIR/peer.c" -pthread -lrt 2>/dev/null || true
}

peer_or_skip() {
    peer=$BATS_FILE_TMPDIR/peer
    [ -x "$peer" ] || skip "no C compiler"
}

says() {
    grep -q -- "$2" "$T/$1.err"
}

# sleeps NAME TEXT: it has told TEXT, and sleeps.
sleeps() {
    says "$1" "$2" && asleep "${!1}"
}

printed() {
    [ "$(<"$T/$1")" = "$2" ]
}

# The command without its story, for ten seconds at the most.
quietly() {
    timeout 10 "$@" 2>/dev/null 3>&-
}

# field NAME of posix-stat, of the queue.
field() {
    quietly ./msgq/posix-stat -n "$N" | sed -n "s/^$1 //p"
}

field_is() {
    [ "$(field "$1")" = "$2" ]
}

value_is() {
    [ "$(quietly ./sem/posix-stat -n "$N" | tail -n 1)" = "value $1" ]
}

stop() {
    kill -STOP "${!1}"
    eventually stopped "$1"
}

stopped() {
    [ "$(state "${!1}")" = T ]
}

other_user() {
    [ "$(id -u)" = 0 ] || skip "needs root"
    command -v setpriv >/dev/null || skip "no setpriv"
    nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    "${nobody[@]}" test -x ./msgq/posix-send || skip "another user cannot get at the programs"
}

# ---- Queues ----

@test "queue: a receiver waits, and gets what a sender puts in: from any directory, without an option" {
    start recv ./msgq/posix-recv
    eventually sleeps recv "waits for a message"
    try sh -c "cd / && exec '$B/msgq/posix-send' hello"
    [ "$status" = 0 ]
    finish recv
    [ "$status" = 0 ]
    printed recv hello
    try ./msgq/posix-rm
    [ "$status" = 0 ]
}

@test "queue: a message waits until somebody takes it; the queue is seen in /dev/mqueue, with mode 600" {
    try ./msgq/posix-send -n "$N" hello
    [ "$status" = 0 ]
    [ "$(field mq_curmsgs) $(field QSIZE) $(field mode) $(field uid)" = "1 5 600 $(id -u)" ]
    if [ -n "$MQUEUE" ]; then
        grep -q '^QSIZE:5 ' "$MQUEUE$N"
        [ "$(stat -c %a "$MQUEUE$N")" = 600 ]
    fi
    try ./msgq/posix-recv -n "$N"
    [ "$output" = hello ]
    field_is mq_curmsgs 0
    try ./msgq/posix-rm -n "$N"
    [ -z "$MQUEUE" ] || [ ! -e "$MQUEUE$N" ]
}

@test "queue: the highest priority comes first, and within a priority the oldest" {
    quietly ./msgq/posix-send -n "$N" -p 3 "first of 3"
    quietly ./msgq/posix-send -n "$N" "first of 0" "second of 0"
    quietly ./msgq/posix-send -n "$N" -p 32767 "of 32767"
    quietly ./msgq/posix-send -n "$N" -p 3 "second of 3"
    try ./msgq/posix-recv -n "$N" -c 0
    [ "$status" = 0 ]
    [ "$output" = $'of 32767\nfirst of 3\nsecond of 3\nfirst of 0\nsecond of 0' ]
    [[ $stderr = *'= 8 "of 32767", priority 32767'* ]]
    try ./msgq/posix-send -n "$N" -p 32768 x
    [ "$status" = 1 ]
    [[ $stderr = *"posix-send: mq_send: EINVAL: priority 32768 is not below MQ_PRIO_MAX, 32768" ]]
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: each TEXT is a message, or each line of stdin; an empty one too, and any bytes" {
    try ./msgq/posix-send -n "$N" one "" $'two\nlines' -- -3
    [ "$status" = 0 ]
    try ./msgq/posix-recv -n "$N" -c 5
    [ "$output" = $'one\n\ntwo\nlines\n--\n-3' ]
    printf 'a\0b\n\n\377\nno newline' | quietly ./msgq/posix-send -n "$N"
    quietly ./msgq/posix-recv -n "$N" -c 4 | cmp - <(printf 'a\0b\n\n\377\nno newline\n')
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: another program sends to ours, and receives from ours" {
    peer_or_skip
    "$peer" send "$N" 7 "from afar"
    try ./msgq/posix-recv -n "$N"
    [ "$output" = "from afar" ]
    [[ $stderr = *"priority 7"* ]]
    quietly ./msgq/posix-send -n "$N" -p 9 "to you"
    try "$peer" recv "$N"
    [ "$output" = "9 to you 6" ]
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: -w waits so long and no longer, by the clock" {
    begin=${EPOCHREALTIME/[,.]/}
    try ./msgq/posix-recv -n "$N" -w 300
    elapsed=$((${EPOCHREALTIME/[,.]/} - begin))
    [ "$status" = 1 ]
    [[ $stderr = *"posix-recv: mq_timedreceive: ETIMEDOUT: no message" ]]
    ((elapsed >= 300000 && elapsed < 5000000))
    try ./msgq/posix-recv -n "$N" -w 0
    [ "$status" = 1 ]
    quietly ./msgq/posix-send -n "$N" one two
    for _ in 1 2; do
        try ./msgq/posix-recv -n "$N" -w 999 # a whole second, in nearly every case: the nanoseconds carry
        [ "$status" = 0 ]
    done
    begin=${EPOCHREALTIME/[,.]/}
    try ./msgq/posix-recv -n "$N" -c 0 -w 200
    [ "$status" = 0 ]
    [ -z "$output" ]
    ((${EPOCHREALTIME/[,.]/} - begin >= 200000))
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: a message in time ends the wait of -w" {
    start recv ./msgq/posix-recv -n "$N" -w 60999
    eventually sleeps recv "until"
    until=$(sed -n 's/.*until \([0-9]*\).*/\1/p' "$T/recv.err")
    ((until > EPOCHSECONDS + 30 && until < EPOCHSECONDS + 62))
    quietly ./msgq/posix-send -n "$N" hello
    finish recv
    [ "$status" = 0 ]
    printed recv hello
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: a full one puts the sender to sleep until a message is taken out; -w bounds that" {
    try ./msgq/posix-send -n "$N" -m 2 -s 8 one two
    [ "$status" = 0 ]
    try ./msgq/posix-send -n "$N" -w 0 three
    [ "$status" = 1 ]
    [[ $stderr = *"posix-send: mq_timedsend: ETIMEDOUT: the queue is full" ]]
    begin=${EPOCHREALTIME/[,.]/}
    try ./msgq/posix-send -n "$N" -w 200 three
    [ "$status" = 1 ]
    ((${EPOCHREALTIME/[,.]/} - begin >= 200000))
    start send ./msgq/posix-send -n "$N" three
    eventually sleeps send "waits if"
    field_is mq_curmsgs 2
    start timed ./msgq/posix-send -n "$N" -w 60999 four
    eventually sleeps timed "at most"
    try ./msgq/posix-recv -n "$N" -c 2
    finish send
    [ "$status" = 0 ]
    finish timed
    [ "$status" = 0 ]
    field_is mq_curmsgs 2
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: who is ended while it waits leaves the queue as it was" {
    quietly ./msgq/posix-send -n "$N" -m 1 -s 8 one
    for signal in INT TERM KILL; do
        start send ./msgq/posix-send -n "$N" two
        eventually sleeps send "waits if"
        kill -$signal "$send"
        finish send
        [ "$status" -gt 128 ]
        field_is mq_curmsgs 1
    done
    quietly ./msgq/posix-recv -n "$N"
    for signal in INT TERM KILL; do
        start recv ./msgq/posix-recv -n "$N"
        eventually sleeps recv "waits for"
        kill -$signal "$recv"
        finish recv
        [ "$status" -gt 128 ]
    done
    field_is mq_curmsgs 0
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: Ctrl-Z and fg do no harm to a receiver" {
    start recv ./msgq/posix-recv -n "$N"
    eventually sleeps recv "waits for"
    stop recv
    kill -CONT "$recv"
    quietly ./msgq/posix-send -n "$N" hello
    finish recv
    printed recv hello
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: a removed one lives on for who has it open; the next of that name is another" {
    start recv ./msgq/posix-recv -n "$N"
    eventually sleeps recv "waits for"
    try ./msgq/posix-rm -n "$N"
    [ "$status" = 0 ]
    quietly ./msgq/posix-send -n "$N" hello
    field_is mq_curmsgs 1
    asleep "$recv"
    kill "$recv"
    finish recv
    [ -z "$(<"$T/recv")" ]
    quietly ./msgq/posix-rm -n "$N"
    try ./msgq/posix-rm -n "$N"
    [ "$status" = 1 ]
    [ "$stderr" = "posix-rm: there is no queue $N" ]
    try ./msgq/posix-stat -n "$N"
    [ "$status" = 1 ]
    [ "$stderr" = "posix-stat: there is no queue $N; ./msgq/posix-send makes one" ]
}

@test "queue: a buffer below mq_msgsize is EMSGSIZE, however short the message; so is a longer message" {
    quietly ./msgq/posix-send -n "$N" -m 2 -s 8 hi
    try ./msgq/posix-recv -n "$N" -s 7
    [ "$status" = 1 ]
    [[ $stderr = *"posix-recv: mq_receive: EMSGSIZE: 7 bytes are below mq_msgsize, 8" ]]
    field_is mq_curmsgs 1
    try ./msgq/posix-recv -n "$N" -s 8
    [ "$output" = hi ]
    try ./msgq/posix-send -n "$N" 12345678
    [ "$status" = 0 ]
    try ./msgq/posix-send -n "$N" 123456789
    [ "$status" = 1 ]
    [[ $stderr = *"posix-send: mq_send: EMSGSIZE: 9 bytes, but mq_msgsize of this queue is 8" ]]
    try ./msgq/posix-send -n "$N" -m 3 x
    [ "$status" = 1 ]
    [[ $stderr = *"posix-send: $N exists already: -m and -s are for a new queue (posix-rm)" ]]
    [ "$(field mq_maxmsg) $(field mq_msgsize) $(field mq_curmsgs)" = "2 8 1" ]
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: who asks for too much is told which limit it is, and its value" {
    limits=/proc/sys/fs/mqueue
    try ./msgq/posix-send -n "$N" -m 100000 x
    [ "$status" = 1 ]
    [ "$stderr" = "posix-send: mq_open: EINVAL: 100000 messages, but msg_max is $(<$limits/msg_max) (root: 65536)" ]
    try ./msgq/posix-send -n "$N" -s 99999999 x
    [ "$status" = 1 ]
    [ "$stderr" = "posix-send: mq_open: EINVAL: 99999999 bytes, but msgsize_max is $(<$limits/msgsize_max) (root: 16777216)" ]
    for program in "posix-send -m 8 -s 1000" "posix-recv -w 0" "posix-notify -c 1"; do
        try bash -c "ulimit -q 4000; ./msgq/$program -n $N </dev/null"
        [ "$status" = 1 ]
        [ "$stderr" = "${program%% *}: mq_open $N: EMFILE: RLIMIT_MSGQUEUE is 4000 bytes for all your queues" ]
    done
}

@test "queue: to an ordinary user msg_max and msgsize_max are the most" {
    other_user
    most=$(</proc/sys/fs/mqueue/msg_max)
    longest=$(</proc/sys/fs/mqueue/msgsize_max)
    try "${nobody[@]}" ./msgq/posix-send -n "$N" -m $((most + 1)) -s 8 x
    [ "$status" = 1 ]
    [[ $stderr = *"EINVAL: $((most + 1)) messages, but msg_max is $most (root: 65536)" ]]
    try "${nobody[@]}" ./msgq/posix-send -n "$N" -m 1 -s $((longest + 1)) x
    [ "$status" = 1 ]
    [[ $stderr = *"EINVAL: $((longest + 1)) bytes, but msgsize_max is $longest (root: 16777216)" ]]
}

@test "queue: when the system has as many as it may have, the limit is queues_max" {
    other_user
    [ -n "$IPC_TESTS_PRIVATE" ] || skip "needs namespaces: it would change a limit"
    limit=/proc/sys/fs/mqueue/queues_max
    old=$(<$limit)
    echo 0 2>/dev/null >$limit || skip "$limit cannot be changed"
    try "${nobody[@]}" ./msgq/posix-recv -n "$N" -w 0
    echo "$old" >$limit
    [ "$status" = 1 ]
    [ "$stderr" = "posix-recv: mq_open $N: ENOSPC: queues_max is 0" ]
}

@test "queue: another user may not use or remove it, and is told where to look" {
    other_user
    quietly ./msgq/posix-send -n "$N" secret
    for program in posix-send posix-recv posix-stat posix-notify; do
        try "${nobody[@]}" ./msgq/$program -n "$N"
        [ "$status" = 1 ]
        [ "$stderr" = "$program: mq_open $N (whose it is: ls -l /dev/mqueue): Permission denied" ]
    done
    try "${nobody[@]}" ./msgq/posix-rm -n "$N"
    [ "$status" = 1 ]
    [ "$stderr" = "posix-rm: mq_unlink $N (whose it is: ls -l /dev/mqueue): Permission denied" ]
    field_is mq_curmsgs 1
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: what cannot be printed is an error" {
    quietly ./msgq/posix-send -n "$N" one two
    try bash -c "./msgq/posix-recv -n $N >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"posix-recv: stdout: "* ]]
    try bash -c "./msgq/posix-stat -n $N >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = "posix-stat: stdout: "* ]]
    try bash -c "./msgq/posix-notify -c 1 -n $N >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"posix-notify: stdout: "* ]]
    quietly ./msgq/posix-rm -n "$N"
}

# ---- Notification ----

@test "notify: a message into the empty queue is announced; more of them are taken with it; then it asks again" {
    start notify ./msgq/posix-notify -n "$N"
    eventually sleeps notify "sigwaitinfo() waits"
    stop notify # or it might take out one after the other
    quietly ./msgq/posix-send -n "$N" one two three
    kill -CONT "$notify"
    eventually printed notify $'one\ntwo\nthree'
    [ "$(grep -c SI_MESGQ "$T/notify.err")" = 1 ]
    [[ $(<"$T/notify.err") = *"SI_MESGQ"*"mq_notify"*"mq_receive() = 3 \"one\""* ]] # before, or there is a gap
    eventually field_is NOTIFY_PID "$notify"
    quietly ./msgq/posix-send -n "$N" four
    eventually printed notify $'one\ntwo\nthree\nfour'
    [ "$(grep -c SI_MESGQ "$T/notify.err")" = 2 ]
    kill -INT "$notify"
    finish notify
    [ "$status" = 130 ]
    field_is NOTIFY_PID 0
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: what is in the queue at the start is taken out first" {
    quietly ./msgq/posix-send -n "$N" one two
    try ./msgq/posix-notify -c 2 -n "$N"
    [ "$status" = 0 ]
    [ "$output" = $'one\ntwo' ]
    [[ $stderr != *SI_MESGQ* ]]
    [[ $stderr = *"mq_notify"*"mq_receive() = 3 \"one\""* ]]
    assert_lesson "one request, one signal: ask again first, then empty the queue, then wait"
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: -c ends after so many messages, and leaves the others" {
    quietly ./msgq/posix-send -n "$N" one two three
    try ./msgq/posix-notify -c 2 -n "$N"
    [ "$output" = $'one\ntwo' ]
    try ./msgq/posix-recv -n "$N"
    [ "$output" = three ]
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: no message is lost between two requests" {
    start notify ./msgq/posix-notify -c 1000 -n "$N"
    for part in 1 301 601 901; do
        eventually sleeps notify "sigwaitinfo() waits"
        seq "$part" $((part < 900 ? part + 299 : 1000)) | quietly ./msgq/posix-send -n "$N"
    done
    finish notify
    [ "$status" = 0 ]
    seq 1000 | cmp - "$T/notify"
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: only one process can ask; who is killed asks no more" {
    start first ./msgq/posix-notify -n "$N"
    eventually sleeps first "sigwaitinfo() waits"
    field_is NOTIFY_PID "$first"
    [ "$(field NOTIFY)" = 0 ]
    try ./msgq/posix-notify -n "$N"
    [ "$status" = 1 ]
    [[ $stderr = *"posix-notify: mq_notify: another process has asked: Device or resource busy"* ]] ||
        [[ $stderr = *"posix-notify: mq_notify: another process has asked: Resource busy"* ]]
    kill -KILL "$first"
    finish first
    field_is NOTIFY_PID 0
    quietly ./msgq/posix-send -n "$N" hello
    try ./msgq/posix-notify -c 1 -n "$N"
    [ "$status" = 0 ]
    [ "$output" = hello ]
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: a receiver that sleeps in mq_receive gets the message, and the request stands" {
    start notify ./msgq/posix-notify -c 1 -n "$N"
    eventually sleeps notify "sigwaitinfo() waits"
    start recv ./msgq/posix-recv -n "$N"
    eventually sleeps recv "waits for a message"
    quietly ./msgq/posix-send -n "$N" "for the sleeper"
    finish recv
    printed recv "for the sleeper"
    field_is NOTIFY_PID "$notify"
    quietly ./msgq/posix-send -n "$N" "for the other one"
    finish notify
    [ "$status" = 0 ]
    printed notify "for the other one"
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: a signal that is not from the queue, and Ctrl-Z and fg, do no harm" {
    start notify ./msgq/posix-notify -c 1 -n "$N"
    eventually sleeps notify "sigwaitinfo() waits"
    kill -"$(field SIGNO)" "$notify"
    eventually says notify "not from the queue"
    stop notify
    kill -CONT "$notify"
    eventually asleep "$notify"
    quietly ./msgq/posix-send -n "$N" hello
    finish notify
    [ "$status" = 0 ]
    printed notify hello
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: -x asks after it has emptied the queue, and is told of nothing more" {
    try ./msgq/posix-notify -x
    [ "$status" = 0 ]
    [ "$output" = one ]
    [ "$(grep -c 'EAGAIN: 200 ms, no signal' <<<"$stderr")" = 2 ]
    [[ $stderr = *"mq_curmsgs 2: they lie there, and nobody is told"* ]]
    assert_lesson "asked after emptying: what comes in between is never told, nor what comes after"
}

# ---- Shared memory ----

@test "memory: what posix-write has written posix-read reads, again and again, from any directory, without an option" {
    try sh -c "cd / && exec '$B/shm/posix-write' 'hello, world'"
    [ "$status" = 0 ]
    for _ in 1 2; do
        try ./shm/posix-read
        [ "$status" = 0 ]
        [ "$output" = "hello, world" ]
    done
    try ./shm/posix-write bye
    try ./shm/posix-read
    [ "$output" = bye ]
    try ./shm/posix-rm
    [ "$status" = 0 ]
    try ./shm/posix-rm
    [ "$status" = 1 ]
    [[ $stderr = "posix-rm: there is no object /ipc-"*-memory ]]
}

@test "memory: either makes the object, of 4096 bytes and mode 600; it is a file in /dev/shm" {
    try ./shm/posix-read -n "$N"
    [ "$status" = 0 ]
    [ "$output" = "" ]
    [[ $stderr = *"ftruncate(3, 4096)"* ]]
    [ "$(stat -c '%a %s' "/dev/shm$N")" = "600 4096" ]
    grep -o 'ls -l .*' <<<"$stderr" >"$T/look"
    [[ $(sh "$T/look") = -rw-------*"/dev/shm$N" ]]
    grep -o 'rm .*' <<<"$stderr" >"$T/remove"
    sh "$T/remove"
    try ./shm/posix-write -n "$N" hello
    [ "$(stat -c '%a %s' "/dev/shm$N")" = "600 4096" ]
    rm "/dev/shm$N"
}

@test "memory: a text fills the object to its last byte; one byte more is refused, and nothing is changed" {
    try ./shm/posix-write -n "$N" -s 5 12345
    [ "$status" = 0 ]
    try ./shm/posix-read -n "$N"
    [ "$output" = 12345 ]
    try ./shm/posix-write -n "$N" 123456
    [ "$status" = 1 ]
    [[ $stderr = *"posix-write: the text is longer than the object (5 bytes)" ]]
    try bash -c "echo 123456 | ./shm/posix-write -n $N"
    [ "$status" = 1 ]
    try bash -c "printf '1\0' | ./shm/posix-write -n $N"
    [ "$status" = 1 ]
    [[ $stderr = *"posix-write: stdin: a NUL byte, which would end the text" ]]
    try ./shm/posix-write -n "$N" -s 6 x
    [ "$status" = 1 ]
    [[ $stderr = *"posix-write: $N exists and has 5 bytes, not 6 (./shm/posix-rm)" ]]
    try ./shm/posix-read -n "$N"
    [ "$output" = 12345 ]
    try bash -c "echo 1234 | ./shm/posix-write -n $N -s 3"
    [ "$status" = 0 ]
    [ "$(od -An -c "/dev/shm$N" | tr -d ' ')" = '1234\0' ]
    rm "/dev/shm$N"
    printf -v page %4096s x
    try ./shm/posix-write -n "$N" "$page"
    [ "$status" = 0 ]
    try ./shm/posix-read -n "$N"
    [ "$status" = 0 ]
    [ "$output" = "$page" ]
    rm "/dev/shm$N"
}

@test "memory: an object of size 0 is recognised, and not touched" {
    (umask 077 && : >"/dev/shm$N")
    for program in "posix-write -n $N hello" "posix-read -n $N"; do
        try ./shm/$program
        [ "$status" = 1 ]
        [[ $stderr = *"size 0: its maker has not called ftruncate()"* ]]
        [[ $stderr = *"${program%% *}: the object has size 0: nobody gives it one (./shm/posix-rm)" ]]
    done
    start read ./shm/posix-read -n "$N"
    eventually says read "size 0"
    truncate -s 100 "/dev/shm$N"
    finish read
    [ "$status" = 0 ]
    says read "mmap(100 bytes"
    rm "/dev/shm$N"
}

@test "memory: another program reads what ours has written, and the other way round" {
    command -v perl >/dev/null || skip "no perl"
    try ./shm/posix-write -n "$N" "from us"
    [ "$(perl -e 'open F, "<", shift or die $!; read F, $t, 99; print unpack "Z*", $t' "/dev/shm$N")" = "from us" ]
    perl -e 'open F, "+<", shift or die $!; print F "from perl\0"' "/dev/shm$N"
    try ./shm/posix-read -n "$N"
    [ "$output" = "from perl" ]
    rm "/dev/shm$N"
    perl -e 'use Fcntl; sysopen F, shift, O_RDWR | O_CREAT | O_EXCL, 0600 or die $!; print F "made by perl"' "/dev/shm$N"
    try ./shm/posix-read -n "$N"
    [ "$output" = "made by perl" ]
    try ./shm/posix-write -n "$N" "twelve bytes"
    [ "$(<"/dev/shm$N")" = "twelve bytes" ]
    rm "/dev/shm$N"
}

@test "memory: when /dev/shm is full, that is an error and no SIGBUS" {
    [ "$(id -u)" = 0 ] && [ -n "$IPC_TESTS_PRIVATE" ] || skip "needs root and namespaces"
    unshare --mount sh -c "mount -t tmpfs -o size=8k tmpfs /dev/shm &&
        head -c 20000 /dev/zero | tr '\0' x | ./shm/posix-write -n $N -s 30000" 2>"$T/said" 3>&- || status=$?
    [ "$status" = 1 ]
    grep -q "^posix-write: posix_fallocate: 20001 bytes in /dev/shm: No space left on device$" "$T/said"
}

@test "memory: many that start at once all find the same object" {
    for i in 1 2 3 4 5 6 7 8; do
        start "writer$i" ./shm/posix-write -n "$N" hello
        start "reader$i" ./shm/posix-read -n "$N"
    done
    for i in 1 2 3 4 5 6 7 8; do
        finish "writer$i"
        [ "$status" = 0 ]
        finish "reader$i"
        [ "$status" = 0 ]
    done
    [ "$(cat "$T"/*.err | grep -c 'made$')" = 1 ]
    rm "/dev/shm$N"
}

@test "memory: another user may not open or remove it, and is told where to look" {
    other_user
    try ./shm/posix-write -n "$N" secret
    try "${nobody[@]}" ./shm/posix-read -n "$N"
    [ "$status" = 1 ]
    [ "$stderr" = "posix-read: shm_open $N (whose it is: ls -l /dev/shm): Permission denied" ]
    try "${nobody[@]}" ./shm/posix-write -n "$N" x
    [ "$status" = 1 ]
    [ "$stderr" = "posix-write: shm_open $N (whose it is: ls -l /dev/shm): Permission denied" ]
    try "${nobody[@]}" ./shm/posix-rm -n "$N"
    [ "$status" = 1 ]
    [[ $stderr = "posix-rm: shm_unlink $N (whose it is: ls -l /dev/shm): "* ]]
    [ "$(tr -d '\0' <"/dev/shm$N")" = secret ]
    rm "/dev/shm$N"
}

@test "memory: what cannot be printed is an error" {
    try ./shm/posix-write -n "$N" hello
    try bash -c "./shm/posix-read -n $N >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"posix-read: stdout: "* ]]
    rm "/dev/shm$N"
}

# ---- Semaphores ----

@test "semaphore: create, wait, post and rm by hand, from any directory, without an option" {
    try ./sem/posix-create
    [ "$status" = 0 ]
    try sh -c "cd / && exec '$B/sem/posix-wait'"
    [ "$status" = 0 ]
    start wait ./sem/posix-wait
    eventually sleeps wait "waits for a value"
    try ./sem/posix-post
    [ "$status" = 0 ]
    finish wait
    [ "$status" = 0 ]
    try ./sem/posix-stat
    [ "${lines[1]}" = "value 0" ]
    try ./sem/posix-rm
    [ "$status" = 0 ]
    for program in posix-wait posix-post posix-stat; do
        try ./sem/$program
        [ "$status" = 1 ]
        [[ $stderr = "$program: there is no semaphore /ipc-"*"-sem; make it first: ./sem/posix-create" ]]
    done
    try ./sem/posix-rm
    [ "$status" = 1 ]
    [[ $stderr = "posix-rm: there is no semaphore /ipc-"*"-sem" ]]
}

@test "semaphore: it is a file in /dev/shm, with mode 600, and it outlives all programs" {
    try ./sem/posix-create -n "$N" -v 3
    file=$(ls /dev/shm/*"${N#/}")
    [ "$(stat -c %a "$file")" = 600 ]
    value_is 3
    quietly ./sem/posix-wait -n "$N"
    value_is 2
    quietly ./sem/posix-rm -n "$N"
    [ ! -e "$file" ]
}

@test "semaphore: one that exists is left as it is, and create says so" {
    quietly ./sem/posix-create -n "$N" -v 0
    try ./sem/posix-create -n "$N" -v 5
    [ "$status" = 1 ]
    [ "$stderr" = "posix-create: $N exists already; posix-stat shows it, posix-rm removes it" ]
    value_is 0
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: -w 0 does not wait, -w MS waits so long and no longer" {
    quietly ./sem/posix-create -n "$N" -v 1
    try ./sem/posix-wait -n "$N" -w 0
    [ "$status" = 0 ]
    [[ $stderr = *"sem_trywait() = 0: taken" ]]
    try ./sem/posix-wait -n "$N" -w 0
    [ "$status" = 1 ]
    [[ $stderr = *"posix-wait: sem_trywait: EAGAIN: the value is 0" ]]
    begin=${EPOCHREALTIME/[,.]/}
    try ./sem/posix-wait -n "$N" -w 300
    elapsed=$((${EPOCHREALTIME/[,.]/} - begin))
    [ "$status" = 1 ]
    [[ $stderr = *"posix-wait: sem_timedwait: ETIMEDOUT: the value is still 0" ]]
    ((elapsed >= 300000 && elapsed < 5000000))
    value_is 0
    for ms in 60999 60998; do # a whole second, in nearly every case: the nanoseconds carry
        start wait ./sem/posix-wait -n "$N" -w $ms
        eventually sleeps wait "until"
        until=$(sed -n 's/.*until \([0-9]*\).*/\1/p' "$T/wait.err")
        ((until > EPOCHSECONDS + 30 && until < EPOCHSECONDS + 62))
        quietly ./sem/posix-post -n "$N"
        finish wait
        [ "$status" = 0 ]
    done
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: a process that has taken it and ends, or is killed, does not give it back" {
    quietly ./sem/posix-create -n "$N" -v 1
    quietly ./sem/posix-wait -n "$N"
    value_is 0
    for signal in INT TERM KILL; do
        start wait ./sem/posix-wait -n "$N"
        eventually sleeps wait "waits for a value"
        kill -$signal "$wait"
        finish wait
        [ "$status" -gt 128 ]
        value_is 0
    done
    start wait ./sem/posix-wait -n "$N" # the dead ones do not get what is given
    eventually sleeps wait "waits for a value"
    quietly ./sem/posix-post -n "$N"
    finish wait
    [ "$status" = 0 ]
    value_is 0
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: the value is 0 while others wait; Ctrl-Z and fg do no harm to them" {
    quietly ./sem/posix-create -n "$N" -v 0
    start one ./sem/posix-wait -n "$N"
    start two ./sem/posix-wait -n "$N" -w 60999
    eventually sleeps one "waits for a value"
    eventually sleeps two "until"
    value_is 0
    for waiter in one two; do
        stop "$waiter"
        kill -CONT "${!waiter}"
        eventually asleep "${!waiter}"
    done
    quietly ./sem/posix-post -n "$N"
    quietly ./sem/posix-post -n "$N"
    finish one
    [ "$status" = 0 ]
    finish two
    [ "$status" = 0 ]
    value_is 0
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: a removed one lives on for who has it open; the next of that name is another" {
    quietly ./sem/posix-create -n "$N" -v 0
    start wait ./sem/posix-wait -n "$N"
    eventually sleeps wait "waits for a value"
    quietly ./sem/posix-rm -n "$N"
    quietly ./sem/posix-create -n "$N" -v 0
    quietly ./sem/posix-post -n "$N"
    value_is 1
    asleep "$wait"
    kill "$wait"
    finish wait
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: its greatest value is SEM_VALUE_MAX" {
    quietly ./sem/posix-create -n "$N" -v 2147483647
    try ./sem/posix-post -n "$N"
    [ "$status" = 1 ]
    [[ $stderr = *"posix-post: sem_post: EOVERFLOW: the value would pass SEM_VALUE_MAX" ]]
    value_is 2147483647
    quietly ./sem/posix-rm -n "$N"
    try ./sem/posix-create -n "$N" -v 2147483648
    [ "$status" = 2 ]
}

@test "semaphore: another program gives to ours, takes from ours, and ours work with one that it has made" {
    peer_or_skip
    quietly ./sem/posix-create -n "$N" -v 0
    start wait ./sem/posix-wait -n "$N"
    eventually sleeps wait "waits for a value"
    "$peer" post "$N"
    finish wait
    [ "$status" = 0 ]
    start taker "$peer" wait "$N"
    eventually asleep "$taker"
    quietly ./sem/posix-post -n "$N"
    finish taker
    [ "$status" = 0 ]
    quietly ./sem/posix-rm -n "$N"
    "$peer" create "$N" 7
    quietly ./sem/posix-wait -n "$N"
    try "$peer" value "$N"
    [ "$output" = 6 ]
    value_is 6
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: another user may not use or remove it, and is told where to look" {
    other_user
    quietly ./sem/posix-create -n "$N" -v 1
    for program in posix-wait posix-post posix-stat; do
        try "${nobody[@]}" ./sem/$program -n "$N"
        [ "$status" = 1 ]
        [ "$stderr" = "$program: sem_open $N (whose it is: ls -l /dev/shm): Permission denied" ]
    done
    try "${nobody[@]}" ./sem/posix-rm -n "$N"
    [ "$status" = 1 ]
    [[ $stderr = "posix-rm: sem_unlink $N (whose it is: ls -l /dev/shm): "* ]]
    value_is 1
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: what cannot be printed is an error" {
    quietly ./sem/posix-create -n "$N"
    try bash -c "./sem/posix-stat -n $N >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = "posix-stat: stdout: "* ]]
    quietly ./sem/posix-rm -n "$N"
}

# ---- All three ----

@test "the umask takes rights away from what is made; two programs of one user still agree" {
    (umask 0777 && quietly ./msgq/posix-send -n "$N" x)
    quietly ./msgq/posix-rm -n "$N"
    (umask 0277 && quietly ./shm/posix-write -n "$N" x)
    [ "$(stat -c %a "/dev/shm$N")" = 400 ]
    try ./shm/posix-read -n "$N"
    [ "$output" = x ]
    rm "/dev/shm$N"
}

@test "a name is a slash and 1 to 250 characters without another one; all else is wrong usage" {
    printf -v long "/%0250d" 0
    for program in msgq/posix-{send,recv,notify,stat,rm} shm/posix-{write,read,rm} sem/posix-{create,wait,post,stat,rm}; do
        for name in "" / x x/y /x/y //x "${long}0"; do
            try ./$program -n "$name"
            [ "$status" = 2 ]
            [[ $stderr = "${program#*/}: -n"* ]]
        done
    done
    quietly ./msgq/posix-send -n "$long" x
    quietly ./msgq/posix-rm -n "$long"
    quietly ./shm/posix-write -n "$long" x
    quietly ./shm/posix-rm -n "$long"
    quietly ./sem/posix-create -n "$long"
    quietly ./sem/posix-rm -n "$long"
}
