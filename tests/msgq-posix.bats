# msgq/: POSIX queues by hand and with another program, and their notification.
load helper

printf -v N /ipc-test-%u-%05d%05d $UID $RANDOM $RANDOM # a name for this test alone

# Another program, that knows of queues only what POSIX says.
setup_file() {
    build_peer "$B/msgq/posix-send" <<'END'
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    const char *what = argv[1], *name = argv[2];
    if (strcmp(what, "send") == 0) {
        mqd_t q = mq_open(name, O_WRONLY | O_CREAT, 0600, NULL);
        return argc < 5 || q == (mqd_t)-1 || mq_send(q, argv[4], strlen(argv[4]), (unsigned)atoi(argv[3])) == -1;
    }
    char text[8192];
    unsigned priority;
    mqd_t q = mq_open(name, O_RDONLY);
    ssize_t n = mq_receive(q, text, sizeof text, &priority);
    printf("%u %.*s %zd\n", priority, (int)n, text, n);
    return n == -1;
}
END
}

# new_queue [MESSAGES] makes a small one: RLIMIT_MSGQUEUE counts what this user has in all containers of the machine.
new_queue() {
    quietly ./msgq/posix-send -n "$N" -m "${1:-5}" -s 64 </dev/null
}

# A queue of the usual size may be too much, where others have used up that limit.
needs_room() {
    try ./msgq/posix-send -n "$N" </dev/null
    [[ $stderr != *EMFILE* ]] || skip "RLIMIT_MSGQUEUE is used up, elsewhere on this machine"
    quietly ./msgq/posix-rm -n "$N"
}

# field NAME of posix-stat, of the queue.
field() {
    quietly ./msgq/posix-stat -n "$N" | sed -n "s/^$1 //p"
}

field_is() {
    [ "$(field "$1")" = "$2" ]
}

@test "queue: a receiver waits, and gets what a sender puts in: from any directory, without an option" {
    needs_room
    start recv ./msgq/posix-recv
    eventually sleeps recv "mq_receive(.*[.][.][.]"
    try sh -c "cd / && exec '$B/msgq/posix-send' hello"
    [ "$status" = 0 ]
    finish recv
    [ "$status" = 0 ]
    printed recv hello
    try ./msgq/posix-rm
    [ "$status" = 0 ]
}

@test "queue: a message waits until somebody takes it; the queue is seen in /dev/mqueue, with mode 600" {
    try ./msgq/posix-send -n "$N" -m 5 -s 64 hello
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
    quietly ./msgq/posix-send -n "$N" -m 5 -s 64 -p 3 "first of 3"
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
    needs_room
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
    new_queue
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
    new_queue
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
    new_queue
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
    eventually sleeps send "mq_send(.*[.][.][.]"
    field_is mq_curmsgs 2
    start timed ./msgq/posix-send -n "$N" -w 60999 four
    eventually sleeps timed "mq_timedsend(.*[.][.][.]"
    try ./msgq/posix-recv -n "$N" -c 2
    finish send
    [ "$status" = 0 ]
    finish timed
    [ "$status" = 0 ]
    field_is mq_curmsgs 2
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: a process that is ended while it waits leaves the queue as it was" {
    quietly ./msgq/posix-send -n "$N" -m 1 -s 8 one
    for signal in INT TERM KILL; do
        start send ./msgq/posix-send -n "$N" two
        eventually sleeps send "mq_send(.*[.][.][.]"
        kill -$signal "$send"
        finish send
        [ "$status" -gt 128 ]
        field_is mq_curmsgs 1
    done
    quietly ./msgq/posix-recv -n "$N"
    for signal in INT TERM KILL; do
        start recv ./msgq/posix-recv -n "$N"
        eventually sleeps recv "mq_receive(.*[.][.][.]"
        kill -$signal "$recv"
        finish recv
        [ "$status" -gt 128 ]
    done
    field_is mq_curmsgs 0
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: Ctrl-Z and fg do no harm to a receiver" {
    new_queue
    start recv ./msgq/posix-recv -n "$N"
    eventually sleeps recv "mq_receive(.*[.][.][.]"
    stop "$recv"
    kill -CONT "$recv"
    quietly ./msgq/posix-send -n "$N" hello
    finish recv
    printed recv hello
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: a removed one lives on for processes that have it open; the next of that name is another" {
    new_queue
    start recv ./msgq/posix-recv -n "$N"
    eventually sleeps recv "mq_receive(.*[.][.][.]"
    try ./msgq/posix-rm -n "$N"
    [ "$status" = 0 ]
    quietly ./msgq/posix-send -n "$N" -m 5 -s 64 hello
    field_is mq_curmsgs 1
    asleep "$recv"
    kill "$recv"
    finish recv
    [ -z "$(<"$T/recv")" ]
    quietly ./msgq/posix-rm -n "$N"
    try ./msgq/posix-rm -n "$N"
    [ "$status" = 1 ]
    [ "$stderr" = "posix-rm: mq_unlink $N: ENOENT: No such file or directory" ]
    try ./msgq/posix-stat -n "$N"
    [ "$status" = 1 ]
    [ "$stderr" = "posix-stat: mq_open $N: ENOENT: No such file or directory" ]
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

@test "queue: an error of -w names the call that was made, and the lesson is about that" {
    try ./msgq/posix-send -n "$N" -m 1 -s 8 -w 0 one
    [ "$status" = 0 ]
    assert_lesson "mq_timedsend() waits for room, but only until a certain time"
    try ./msgq/posix-send -n "$N" -w 0 "nine byte"
    [[ $stderr = *"posix-send: mq_timedsend: EMSGSIZE: 9 bytes, but mq_msgsize of this queue is 8" ]]
    try ./msgq/posix-send -n "$N" -w 0 -p 99999 one
    [[ $stderr = *"posix-send: mq_timedsend: EINVAL: priority 99999 is not below MQ_PRIO_MAX, "* ]]
    try ./msgq/posix-recv -n "$N" -w 0 -s 7
    [[ $stderr = *"posix-recv: mq_timedreceive: EMSGSIZE: 7 bytes are below mq_msgsize, 8" ]]
    try ./msgq/posix-recv -n "$N" -c 0
    [ "$output" = one ]
    for program in "posix-send" "posix-recv -c 0"; do # nothing to send, and nothing there
        try ./msgq/$program -n "$N" </dev/null
        [ "$status" = 0 ]
        [[ $stderr != *"=>"* ]]
    done
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: too large a request fails, with the name of the limit and its value" {
    try ./msgq/posix-send -n "$N" -m 100000 x
    [ "$status" = 1 ]
    [ "$stderr" = "posix-send: mq_open: EINVAL: 100000 messages, the kernel's limit is 65536" ]
    try ./msgq/posix-send -n "$N" -s 99999999 x
    [ "$status" = 1 ]
    [ "$stderr" = "posix-send: mq_open: EINVAL: 99999999 bytes, the kernel's limit is 16777216" ]
    for program in "posix-send -m 8 -s 1000" "posix-recv -w 0" "posix-notify -c 1"; do
        try bash -c "ulimit -q 4000; ./msgq/$program -n $N </dev/null"
        [ "$status" = 1 ]
        [ "$stderr" = "${program%% *}: mq_open: EMFILE: RLIMIT_MSGQUEUE is 4000 bytes (ulimit -q)" ]
    done
}

@test "queue: to an ordinary user msg_max and msgsize_max are the most" {
    other_user msgq
    most=$(</proc/sys/fs/mqueue/msg_max)
    longest=$(</proc/sys/fs/mqueue/msgsize_max)
    try "${nobody[@]}" ./msgq/posix-send -n "$N" -m $((most + 1)) -s 8 x
    [ "$status" = 1 ]
    [[ $stderr = *"EINVAL: $((most + 1)) messages, but /proc/sys/fs/mqueue/msg_max is $most" ]]
    try "${nobody[@]}" ./msgq/posix-send -n "$N" -m 1 -s $((longest + 1)) x
    [ "$status" = 1 ]
    [[ $stderr = *"EINVAL: $((longest + 1)) bytes, but /proc/sys/fs/mqueue/msgsize_max is $longest" ]]
}

@test "queue: when the system has as many as it may have, the limit is queues_max" {
    other_user msgq
    [ -n "$IPC_TESTS_PRIVATE" ] || skip "needs namespaces: it would change a limit"
    limit=/proc/sys/fs/mqueue/queues_max
    old=$(<$limit)
    echo 0 2>/dev/null >$limit || skip "$limit cannot be changed"
    try "${nobody[@]}" ./msgq/posix-recv -n "$N" -w 0
    echo "$old" >$limit
    [ "$status" = 1 ]
    [ "$stderr" = "posix-recv: mq_open: ENOSPC: /proc/sys/fs/mqueue/queues_max is 0" ]
}

@test "queue: another user may not use or remove it, and sees where to look" {
    other_user msgq
    quietly ./msgq/posix-send -n "$N" -m 5 -s 64 secret
    for program in posix-send posix-recv posix-stat posix-notify; do
        try "${nobody[@]}" ./msgq/$program -n "$N"
        [ "$status" = 1 ]
        [ "$stderr" = "$program: mq_open: EACCES: no permission for $N (ls -l /dev/mqueue)" ]
    done
    try "${nobody[@]}" ./msgq/posix-rm -n "$N"
    [ "$status" = 1 ]
    [ "$stderr" = "posix-rm: mq_unlink $N: EACCES: ls -l /dev/mqueue: Permission denied" ]
    field_is mq_curmsgs 1
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: what cannot be printed is an error" {
    quietly ./msgq/posix-send -n "$N" -m 5 -s 64 one two
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
    new_queue
    start notify ./msgq/posix-notify -n "$N"
    eventually sleeps notify "sigtimedwait(.*[.][.][.]"
    stop "$notify" # or it might take out one after the other
    quietly ./msgq/posix-send -n "$N" one two three
    kill -CONT "$notify"
    eventually printed notify $'one\ntwo\nthree'
    [ "$(grep -c SI_MESGQ "$T/notify.err")" = 1 ]
    [[ $(<"$T/notify.err") = *"SI_MESGQ"*"mq_notify"*"mq_receive("*") = 3 \"one\""* ]] # before, or there is a gap
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
    quietly ./msgq/posix-send -n "$N" -m 5 -s 64 one two
    try ./msgq/posix-notify -c 2 -n "$N"
    [ "$status" = 0 ]
    [ "$output" = $'one\ntwo' ]
    [[ $stderr != *SI_MESGQ* ]]
    [[ $stderr = *"mq_notify"*"mq_receive("*") = 3 \"one\""* ]]
    [[ $stderr != *"=>"* ]] # there was no signal
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: -c ends after that many messages, and leaves the others" {
    quietly ./msgq/posix-send -n "$N" -m 5 -s 64 one two three
    try ./msgq/posix-notify -c 2 -n "$N"
    [ "$output" = $'one\ntwo' ]
    try ./msgq/posix-recv -n "$N"
    [ "$output" = three ]
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: no message is lost between two requests" {
    new_queue 10
    start notify ./msgq/posix-notify -c 1000 -n "$N"
    for part in 1 301 601 901; do
        eventually sleeps notify "sigtimedwait(.*[.][.][.]"
        seq "$part" $((part < 900 ? part + 299 : 1000)) | quietly ./msgq/posix-send -n "$N"
    done
    finish notify
    [ "$status" = 0 ]
    seq 1000 | cmp - "$T/notify"
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: only one process can ask; one that is killed no longer does" {
    new_queue
    start first ./msgq/posix-notify -n "$N"
    eventually sleeps first "sigtimedwait(.*[.][.][.]"
    field_is NOTIFY_PID "$first"
    [ "$(field NOTIFY)" = 0 ]
    try ./msgq/posix-notify -n "$N"
    [ "$status" = 1 ]
    [[ $stderr = *"posix-notify: mq_notify: EBUSY: "* ]]
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
    new_queue
    start notify ./msgq/posix-notify -c 1 -n "$N"
    eventually sleeps notify "sigtimedwait(.*[.][.][.]"
    start recv ./msgq/posix-recv -n "$N"
    eventually sleeps recv "mq_receive(.*[.][.][.]"
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
    new_queue
    start notify ./msgq/posix-notify -c 1 -n "$N"
    eventually sleeps notify "sigtimedwait(.*[.][.][.]"
    kill -"$(field SIGNO)" "$notify"
    eventually says notify "not from the queue"
    stop "$notify"
    kill -CONT "$notify"
    eventually asleep "$notify"
    quietly ./msgq/posix-send -n "$N" hello
    finish notify
    [ "$status" = 0 ]
    printed notify hello
    quietly ./msgq/posix-rm -n "$N"
}

@test "notify: -x asks after it has emptied the queue, and gets no signal" {
    try ./msgq/posix-notify -x
    [ "$status" = 0 ]
    [ "$output" = one ]
    [[ $stderr = *"-1 EAGAIN, and mq_curmsgs is 2"* ]]
    assert_lesson "a message that comes between emptying and asking is not announced"
    for option in "-n $N" "-c 1"; do
        try ./msgq/posix-notify -x $option
        [ "$status" = 2 ]
    done
}

@test "notify: a signal that is lost because RLIMIT_SIGPENDING is reached is noticed" {
    needs prlimit
    new_queue
    start notify prlimit --sigpending=0 ./msgq/posix-notify -c 1 -n "$N"
    eventually sleeps notify "sigtimedwait(.*[.][.][.]"
    quietly ./msgq/posix-send -n "$N" hello
    finish notify
    [ "$status" = 1 ]
    [[ $(tail -n 1 "$T/notify.err") = "posix-notify: a message and no signal: "*"ulimit -i"* ]]
    quietly ./msgq/posix-rm -n "$N"
}

@test "queue: -s alone takes the usual number of messages, where msg_max is lower, too" {
    [ -n "$IPC_TESTS_PRIVATE" ] || skip "needs namespaces: it would change a limit"
    limit=/proc/sys/fs/mqueue/msg_max
    old=$(<$limit)
    echo 2 2>/dev/null >$limit || skip "$limit cannot be changed"
    try ./msgq/posix-send -n "$N" -s 8 one
    echo "$old" >$limit
    [ "$status" = 0 ]
    [ "$(field mq_maxmsg)" = 2 ]
    quietly ./msgq/posix-rm -n "$N"
}
