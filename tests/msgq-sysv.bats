# msgq/: System V queues by hand, with each other, with perl, ipcmk and ipcs at the other end, and as a server.
load helper

printf -v K 0x7e57%04x $RANDOM # a key for this test alone
printf -v large %4000s x        # four of them fill a queue

# queue FIELD of the queue with key K, as /proc/sysvipc/msg has it; nothing if there is no such queue.
queue() {
    awk -v key=$((K)) -v field="$1" '
        FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $1 == key || $1 + 2 ^ 32 == key { print $column[field] }' /proc/sysvipc/msg
}

holds() {
    [ "$(queue qnum)" = "$1" ]
}

# waits_in CALL NAME: the program sleeps in the kernel's do_msgsnd or do_msgrcv, as far as we may know.
waits_in() {
    says "$2" "msgget\|msgsnd" && asleep "${!2}" &&
        [[ $(cat "/proc/${!2}/wchan" 2>/dev/null) = @(0|""|*"$1"*) ]]
}

# fill TYPE fills the queue with messages of that type.
fill() {
    while quietly ./msgq/send -n -k "$K" -t "$1" "$large"; do :; done
}

# fill_under_server TYPE: the server may not take them back meanwhile.
fill_under_server() {
    stop "$server"
    fill "$1"
    kill -CONT "$server"
}

# perl_send TYPE TEXT, perl_receive TYPE: another program's way to the queue with key K.
perl_send() {
    # shellcheck disable=SC2016 # perl's variables stand in single quotes
    perl -e '$q = msgget(hex shift, 01600) // die $!; msgsnd($q, pack("l! a*", @ARGV), 0) or die $!' "$K" "$@"
}

perl_receive() {
    # shellcheck disable=SC2016 # perl's variables stand in single quotes
    timeout 10 perl -e '$q = msgget(hex shift, 01600) // die $!; msgrcv($q, $m, 9999, shift, 0) // die $!;
        ($type, $text) = unpack("l! a*", $m); print "$type $text ", length $text, "\n"' "$K" "$@"
}

@test "a receiver waits, and gets what a sender puts in: from any directory, without an option" {
    start recv ./msgq/recv
    eventually waits_in msgrcv recv
    try sh -c "cd / && exec '$B/msgq/send' hello"
    [ "$status" = 0 ]
    finish recv
    [ "$status" = 0 ]
    [ "$(<"$T/recv")" = hello ]
    try ./msgq/rm
    [ "$status" = 0 ]
}

@test "a message waits in the queue until somebody takes it, and the queue outlives all programs" {
    try ./msgq/send -k "$K" hello
    [ "$status" = 0 ]
    [ "$(queue qnum) $(queue cbytes) $(queue perms)" = "1 5 600" ]
    try ./msgq/recv -k "$K"
    [ "$status" = 0 ]
    [ "$output" = hello ]
    holds 0
    ipcrm -Q "$K"
}

@test "the programs print the key and the id that ipcs shows, and how to remove it" {
    try ./msgq/send -k "$K" hello
    id=$(queue msqid)
    [[ $stderr = *"msgget($K, IPC_CREAT) = $id"* ]]
    ipcs -q | grep -q "^$K *$id "
    grep -o 'ipcrm -q .*' <<<"$stderr" >"$T/remove"
    sh "$T/remove"
    [ -z "$(queue msqid)" ]
}

@test "each TEXT is a message, or each line of stdin; an empty one too, and any bytes" {
    try ./msgq/send -k "$K" one "" $'two\nlines' -- -3
    [ "$status" = 0 ]
    holds 5
    try ./msgq/recv -k "$K" -c 0
    [ "$output" = $'one\n\ntwo\nlines\n--\n-3' ]
    printf 'a\0b\n\n\377\nno newline' | quietly ./msgq/send -k "$K"
    holds 4
    quietly ./msgq/recv -k "$K" -c 4 | cmp - <(printf 'a\0b\n\n\377\nno newline\n')
    ipcrm -Q "$K"
}

@test "a text of msgmax bytes is a message; one byte more is EINVAL, and says why" {
    most=$(</proc/sys/kernel/msgmax)
    [ "$most" -le 65536 ] || skip "msgmax is $most"
    try ./msgq/send -k "$K" "$(printf "%${most}s" x)"
    [ "$status" = 0 ]
    [ "$(queue cbytes)" = "$most" ]
    try ./msgq/send -k "$K" "$(printf "%$((most + 1))s" x)"
    [ "$status" = 1 ]
    [[ $stderr = *"send: msgsnd: EINVAL: $((most + 1)) bytes, more than /proc/sys/kernel/msgmax" ]]
    ipcrm -Q "$K"
}

@test "a type of 0 or below is refused by the kernel; one that is no number by the program" {
    for type in 0 -1; do
        try ./msgq/send -k "$K" -t $type x
        [ "$status" = 1 ]
        [[ $stderr = *"send: msgsnd: EINVAL: type $type is not above 0" ]]
    done
    ipcrm -Q "$K"
    for type in "" x 1x 99999999999999999999; do
        for program in send recv; do
            try ./msgq/$program -k "$K" -t "$type"
            [ "$status" = 2 ]
        done
    done
}

@test "a full queue puts the sender to sleep until a message is taken out; with -n it is EAGAIN" {
    fill 1
    try ./msgq/send -n -k "$K" "$large"
    [ "$status" = 1 ]
    [[ $stderr = *"send: msgsnd: EAGAIN: the queue is full" ]]
    full=$(queue qnum)
    start send ./msgq/send -k "$K" "$large"
    eventually waits_in msgsnd send
    holds "$full"
    try ./msgq/recv -k "$K"
    finish send
    [ "$status" = 0 ]
    holds "$full"
    ipcrm -Q "$K"
}

@test "empty messages fill a queue, too: as many as it may hold bytes" {
    quietly ./msgq/send -k "$K" ""
    limit=$(quietly ./msgq/stat -k "$K" | sed -n 's/^limit //p')
    [ "$limit" -le 16384 ] || { ipcrm -Q "$K"; skip "a queue may hold $limit bytes"; }
    yes '' | head -n $((limit - 1)) | quietly ./msgq/send -k "$K"
    [ "$(queue qnum) $(queue cbytes)" = "$limit 0" ]
    try ./msgq/send -n -k "$K" ""
    [ "$status" = 1 ]
    [[ $stderr = *"the queue is full"* ]]
    ipcrm -Q "$K"
}

@test "a process that sleeps in a queue that is removed gets EIDRM" {
    start recv ./msgq/recv -k "$K"
    eventually waits_in msgrcv recv
    try ./msgq/rm -k "$K"
    [ "$status" = 0 ]
    finish recv
    [ "$status" = 1 ]
    [ "$(tail -n 1 "$T/recv.err")" = "recv: msgrcv: EIDRM: Identifier removed" ]
    fill 1
    start send ./msgq/send -k "$K" "$large"
    eventually waits_in msgsnd send
    ipcrm -Q "$K"
    finish send
    [ "$status" = 1 ]
    [ "$(tail -n 1 "$T/send.err")" = "send: msgsnd: EIDRM: the queue was removed" ]
}

@test "a sender or receiver that is ended while it waits leaves the queue as it was" {
    for signal in INT TERM KILL; do
        start recv ./msgq/recv -k "$K" -t 7
        eventually waits_in msgrcv recv
        kill -$signal "$recv"
        finish recv
        [ "$status" -gt 128 ]
    done
    fill 1
    full=$(queue qnum)
    for signal in INT TERM KILL; do
        start send ./msgq/send -k "$K" "$large"
        eventually waits_in msgsnd send
        kill -$signal "$send"
        finish send
        [ "$status" -gt 128 ]
    done
    holds "$full"
    ipcrm -Q "$K"
}

@test "a stopped receiver goes on when it is continued: Ctrl-Z and fg do no harm" {
    start recv ./msgq/recv -k "$K"
    eventually waits_in msgrcv recv
    stop "$recv"
    kill -CONT "$recv"
    try ./msgq/send -k "$K" hello
    finish recv
    [ "$(<"$T/recv")" = hello ]
    ipcrm -Q "$K"
}

@test "recv -t: 0 takes the first, a type the first of it, a negative one the lowest, -v any other" {
    for type in 5 2 9 2; do
        quietly ./msgq/send -k "$K" -t $type "type $type"
    done
    try ./msgq/recv -k "$K" -t -6
    [ "$output" = "type 2" ]
    try ./msgq/recv -k "$K" -t 9
    [ "$output" = "type 9" ]
    try ./msgq/recv -k "$K" -v -t 5
    [ "$output" = "type 2" ]
    [[ $stderr = *"= 6 \"type 2\", type 2"* ]]
    try ./msgq/recv -n -k "$K" -v -t 5
    [ "$status" = 1 ]
    try ./msgq/recv -n -k "$K" -t -4
    [ "$status" = 1 ]
    [[ $stderr = *"recv: msgrcv: ENOMSG: No message of desired type" ]]
    try ./msgq/recv -k "$K"
    [ "$output" = "type 5" ]
    ipcrm -Q "$K"
    for option in -v -e; do
        try ./msgq/recv $option
        [ "$status" = 2 ]
    done
}

@test "recv -s: a longer message is E2BIG and stays; with -e it is cut, and recv says so" {
    quietly ./msgq/send -k "$K" abcdef
    try ./msgq/recv -k "$K" -s 5
    [ "$status" = 1 ]
    [ -z "$output" ]
    [[ $stderr = *"recv: msgrcv: E2BIG: longer than 5 bytes, it stays in the queue" ]]
    holds 1
    try ./msgq/recv -k "$K" -e -s 5
    [ "$status" = 0 ]
    [ "$output" = abcde ]
    [[ $stderr = *"the rest, if there was any, is lost"* ]]
    holds 0
    quietly ./msgq/send -k "$K" abcdef
    try ./msgq/recv -k "$K" -e -s 7
    [ "$output" = abcdef ]
    [[ $stderr != *"is lost"* ]]
    quietly ./msgq/send -k "$K" ""
    try ./msgq/recv -k "$K" -s 0
    [ "$status" = 0 ]
    ipcrm -Q "$K"
}

@test "without -s the buffer grows, where msgmax was raised" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    unshare --ipc true 2>/dev/null || skip "needs a namespace of its own"
    try unshare --ipc bash -c "
        echo 100000 >/proc/sys/kernel/msgmax && echo 200000 >/proc/sys/kernel/msgmnb || exit
        head -c 100000 /dev/zero | tr '\0' x | ./msgq/send -k $K 2>/dev/null
        ./msgq/recv -k $K | wc -c"
    [ "$output" = 100001 ]
}

@test "recv -c takes that many messages, -c 0 what is there; -n does not wait for one" {
    seq 5 | quietly ./msgq/send -k "$K"
    try ./msgq/recv -k "$K" -c 2
    [ "$output" = $'1\n2' ]
    try ./msgq/recv -k "$K" -c 0
    [ "$status" = 0 ]
    [ "$output" = $'3\n4\n5' ]
    try ./msgq/recv -k "$K" -c 0
    [ "$status" = 0 ]
    [ -z "$output" ]
    quietly ./msgq/send -k "$K" one
    try ./msgq/recv -n -k "$K" -c 2
    [ "$status" = 1 ]
    [ "$output" = one ]
    [[ $stderr = *"recv: msgrcv: ENOMSG: No message of desired type" ]]
    ipcrm -Q "$K"
}

@test "recv: a full disk is an error" {
    quietly ./msgq/send -k "$K" one
    try bash -c "./msgq/recv -k $K >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"recv: stdout: No space left on device" ]]
    ipcrm -Q "$K"
}

@test "stat agrees with /proc/sysvipc/msg and ipcs" {
    quietly ./msgq/send -k "$K" -t 3 one "two words" ""
    quietly ./msgq/recv -k "$K" >"$T/out"
    try ./msgq/stat -k "$K"
    [ "$status" = 0 ]
    proc="$K $(queue msqid) $(queue perms) $(queue uid) $(queue qnum) $(queue cbytes)"
    proc+=" $(queue lspid) $(queue lrpid) $(queue stime) $(queue rtime) $(queue ctime)"
    [ "$(awk '$1 != "limit" { print $2 }' <<<"$output" | xargs)" = "$proc" ]
    [ "$(cut -d ' ' -f 1 <<<"$output" | xargs)" = \
        "key id mode uid messages bytes limit lspid lrpid stime rtime ctime" ]
    id=$(queue msqid)
    [[ $(ipcs -q -i "$id") = *qbytes=$(sed -n 's/^limit //p' <<<"$output")*qnum=$(queue qnum)* ]]
    try bash -c "./msgq/stat -k $K >/dev/full"
    [ "$status" = 1 ]
    ipcrm -Q "$K"
}

@test "stat and rm: a key without a queue is a clear error" {
    for program in stat rm; do
        try ./msgq/$program -k "$K"
        [ "$status" = 1 ]
        [ "$stderr" = "$program: msgget: ENOENT: there is no queue with key $K" ]
    done
}

@test "a queue of another user is refused clearly, and nothing in it is read or removed" {
    other_user msgq
    quietly ./msgq/send -k "$K" secret
    for command in "send x" "recv -n" stat rm server "client x"; do
        read -ra words <<<"$command"
        try "${nobody[@]}" ./msgq/"${words[0]}" -k "$K" "${words[@]:1}"
        [ "$status" = 1 ]
        [ -z "$output" ]
        [[ $stderr = *"${words[0]}: "*EACCES* || $stderr = *"rm: "*EPERM* ]]
        [[ $stderr = *"ipcs -q"* ]]
    done
    [ ! -e "/tmp/ipc-$other/msgq-${K#0x}" ]
    try ./msgq/recv -k "$K"
    [ "$output" = secret ]
    ipcrm -Q "$K"
}

@test "perl receives what send sends, and recv what perl sends" {
    needs perl
    quietly ./msgq/send -k "$K" -t 7 "to perl"
    [ "$(perl_receive 0)" = "7 to perl 7" ]
    perl_send 8 "from perl"
    try ./msgq/recv -k "$K" -t 8
    [ "$output" = "from perl" ]
    ipcrm -Q "$K"
}

@test "a queue that ipcmk has made is as good as our own, and lsipc shows it" {
    command -v ipcmk >/dev/null || skip "no ipcmk"
    id=$(ipcmk -Q -p 0600 | sed 's/.*: //')
    K=$(ipcs -q | awk -v id="$id" '$2 == id { print $1 }')
    try ./msgq/send -k "$K" hello
    [ "$status" = 0 ]
    [[ $(lsipc -q -i "$id") = *"Messages"*"1"* ]]
    try ./msgq/recv -k "$K"
    [ "$output" = hello ]
    ipcrm -q "$id"
}

@test "priority: the lowest type up to 6 comes first, and first come first served within it" {
    try ./msgq/priority
    [ "$status" = 0 ]
    [ "$output" = $'a telegram\nanother telegram\na letter\nanother letter\na newspaper' ]
    [[ $stderr = *", type -6) = -1 ENOMSG"*', type 9'* ]]
    assert_lesson "type -N takes the lowest type"
}

@test "full: the sender sleeps in the full queue, and gets EIDRM when it is removed, then EINVAL" {
    try ./msgq/full
    [ "$status" = 0 ]
    [ "${lines[1]}" = EIDRM ]
    [ "${lines[0]}" = "messages $(($(</proc/sys/kernel/msgmnb) / 1024))" ]
    [[ $stderr = *"sleeps in msgsnd("*"one message fewer"*"sleeps in msgsnd("*"-1 EIDRM"*"-1 EINVAL"* ]]
    assert_lesson "a full queue puts its sender to sleep"
}

# limited LIMIT VALUE COMMAND... runs it with another limit in /proc/sys/kernel.
limited() {
    local file=/proc/sys/kernel/$1 old
    [ -n "$IPC_TESTS_PRIVATE" ] || skip "needs namespaces: it would change a limit"
    old=$(<"$file")
    echo "$2" 2>/dev/null >"$file" || skip "$file cannot be changed"
    try "${@:3}"
    echo "$old" >"$file"
}

@test "a lower msgmax or msgmnb is named by every program that meets it, and nobody waits for ever" {
    for program in "send -k $K hello" priority full; do
        limited msgmax 4 ./msgq/$program
        [ "$status" = 1 ]
        [[ $stderr = *": msgsnd: EINVAL: "*" bytes, more than /proc/sys/kernel/msgmax" ]]
        [ ! "$(queue msqid)" ] || ipcrm -Q "$K"
        limited msgmnb 4 ./msgq/$program
        [ "$status" = 1 ]
        [[ $stderr = *": msgsnd: "*" bytes, but msg_qbytes is 4 (/proc/sys/kernel/msgmnb)" ]]
        [ ! "$(queue msqid)" ] || ipcrm -Q "$K"
    done
}

@test "server and client work with a lower msgmnb or msgmax; what is too long is refused, with the limit" {
    for limit in msgmax msgmnb; do
        limited $limit 16 bash -c "./msgq/server -k $K 2>$T/server.err & ./msgq/client -k $K hello again
            ./msgq/client -k $K 'longer than 16 bytes' 2>$T/client.err; kill \$!; wait"
        [ "$output" = $'HELLO\nAGAIN' ]
        grep -q "client: msgsnd: .*kernel/$limit" "$T/client.err"
    done
}

@test "no program is allowed a queue: ENOSPC, and msgmni is named" {
    for program in send recv server full priority; do
        limited msgmni 0 ./msgq/$program
        [ "$status" = 1 ]
        [[ $stderr = *"msgget: ENOSPC: no more queues: /proc/sys/kernel/msgmni" ]]
    done
}

@test "a client in another pid namespace is answered, though the server does not see its process" {
    unshare --pid --fork --mount-proc true 2>/dev/null || skip "needs a namespace of its own"
    start server ./msgq/server -k "$K"
    try unshare --pid --fork --mount-proc --kill-child sh -c "./msgq/client -k $K hello; :"
    [ "$output" = HELLO ]
    kill "$server"
    finish server
}

@test "where no message was sent or taken, there is no sentence to remember; with -n it is another one" {
    try ./msgq/send -k "$K" -n hello
    assert_lesson "with IPC_NOWAIT msgsnd() waits for nothing"
    try ./msgq/recv -k "$K" -c 0
    assert_lesson "one msgrcv() takes one whole message"
    for program in send "recv -c 0"; do
        try ./msgq/$program -k "$K" </dev/null
        [ "$status" = 0 ]
        [[ $stderr != *"=>"* ]]
    done
    quietly ./msgq/rm -k "$K"
    start server ./msgq/server -k "$K"
    try ./msgq/client -k "$K" </dev/null
    [ "$status" = 0 ]
    [[ $stderr != *"=>"* ]]
    kill "$server"
    finish server
}

@test "full -n: with IPC_NOWAIT the full queue is EAGAIN" {
    try ./msgq/full -n
    [ "$status" = 0 ]
    [ "$output" = "messages $(($(</proc/sys/kernel/msgmnb) / 1024))"$'\nEAGAIN' ]
    [[ $stderr = *"IPC_NOWAIT) = -1 EAGAIN"* ]]
    assert_lesson "with IPC_NOWAIT msgsnd() does not wait for room"
}

@test "client: each TEXT is a request, or each line of stdin, and comes back in capitals" {
    start server ./msgq/server -k "$K"
    try ./msgq/client -k "$K" hello "" "two words"
    [ "$status" = 0 ]
    [ "$output" = $'HELLO\n\nTWO WORDS' ]
    try bash -c "seq 1000 | sed 's/^/line /' | ./msgq/client -k $K 2>/dev/null"
    [ "$output" = "$(seq 1000 | sed 's/^/LINE /')" ]
    try ./msgq/client -k "$K" "$large$large"
    [ "$status" = 1 ]
    [[ $stderr = *"client: a request of 8000 bytes is too long, at most"* ]]
    kill "$server"
    finish server
    [ "$status" = 143 ]
}

@test "client: a slow stdin is waited for, ticks or not" {
    start server ./msgq/server
    mkfifo "$T/in"
    start client sh -c "exec ./msgq/client <'$T/in'"
    exec 5>"$T/in"
    echo one >&5
    eventually says client "= 3 \"ONE\""
    switches=$(awk '/^vol/ { print $2 }' "/proc/$client/status")
    more() { [ "$(awk '/^vol/ { print $2 }' "/proc/$client/status")" -gt "$switches" ]; }
    eventually more # a tick has passed
    echo two >&5
    exec 5>&-
    finish client
    [ "$status" = 0 ]
    [ "$(<"$T/client")" = $'ONE\nTWO' ]
    kill "$server"
    finish server
    rm "$T/in"
}

@test "a client that comes first waits for its server" {
    start client ./msgq/client -k "$K" hello
    eventually says client "waiting for a server"
    start server ./msgq/server -k "$K"
    finish client
    [ "$status" = 0 ]
    [ "$(<"$T/client")" = HELLO ]
    kill "$server"
    finish server
}

@test "50 clients at once get their own answers, though all their requests together do not fit" {
    start server ./msgq/server -k "$K"
    for i in {1..50}; do
        start "client$i" ./msgq/client -k "$K" "$(printf "%3900s" "number $i")" "again $i"
    done
    for i in {1..50}; do
        finish "client$i"
        [ "$status" = 0 ]
        [ "$(<"$T/client$i")" = "$(printf "%3900s" "NUMBER $i")"$'\n'"AGAIN $i" ]
    done
    holds 0
    kill "$server"
    finish server
}

@test "a client that was killed leaves no answer to a later one with its pid" {
    start server ./msgq/server -k "$K"
    eventually says server msgget
    try bash -c "./msgq/send -k $K \"\$\$ old\" 2>/dev/null
        until [ \$(./msgq/stat -k $K | sed -n 's/^bytes //p') = 3 ]; do :; done
        exec ./msgq/client -k $K new"
    [ "$output" = NEW ]
    [[ $stderr = *"an old answer, passed over"* ]]
    kill "$server"
    finish server
}

@test "not even an answer that the server has taken back meanwhile" {
    start server ./msgq/server -k "$K"
    eventually says server msgget
    start living sleep 600
    stop "$server"
    try bash -c "./msgq/send -k $K -t \$\$ old
        while ./msgq/send -n -k $K -t $living '$large'; do :; done
        kill -CONT $server
        until grep -q 'taken back' '$T/server.err'; do :; done
        exec ./msgq/client -k $K new"
    [ "$output" = NEW ]
    kill "$living"
    kill "$server"
    finish server
}

@test "answers that nobody takes do not stop the server: not those of the dead, not those of the living" {
    start server ./msgq/server -k "$K"
    eventually says server msgget
    start living sleep 600
    for pid in "$(sh -c 'echo $$')" $living; do
        fill_under_server "$pid"
        try ./msgq/client -k "$K" "$large" hello
        [ "$status" = 0 ]
        [ "${lines[-1]}" = HELLO ]
    done
    says server "no room for a request: answers are taken back"
    says server "no process .* found: its answer is thrown away"
    for i in {1..20}; do # requests of one that never looks for its answers
        quietly ./msgq/send -k "$K" "$living $(printf "%3900s" x)"
    done
    try ./msgq/client -k "$K" "$large" hello
    [ "$status" = 0 ]
    [ "${lines[-1]}" = HELLO ]
    kill "$living"
    kill "$server"
    finish server
    [ -z "$(queue msqid)" ]
}

@test "the server answers the living client after all, however late it comes" {
    start server ./msgq/server -k "$K"
    eventually says server msgget
    start living sleep 600
    quietly ./msgq/send -k "$K" "$living late"
    fill_under_server "$living"
    try ./msgq/client -k "$K" "$large"
    [ "$status" = 0 ]
    gets_it() { [ "$(quietly ./msgq/recv -k "$K" -t $living)" = LATE ]; }
    eventually gets_it
    kill "$living"
    kill "$server"
    finish server
}

@test "what is no request does not stop the server" {
    start server ./msgq/server -k "$K"
    for text in "" hello " 1 x" "-5 x" "1 x" "99999999999999999999 x" "12345" "0 x" $'7\nx' "$(printf '%8000s' x)"; do
        quietly ./msgq/send -k "$K" -- "$text"
    done
    try ./msgq/client -k "$K" hello
    [ "$output" = HELLO ]
    [ "$(grep -c 'not a request' "$T/server.err")" = 9 ]
    says server "a request of 4096 bytes or more, passed over"
    kill "$server"
    finish server
}

@test "perl as a client: a request of type 1, the pid in it, and the answer has the pid for its type" {
    needs perl
    start server ./msgq/server -k "$K"
    eventually says server msgget
    perl_send 1 "$$ hello"
    [ "$(perl_receive $$)" = "$$ HELLO 5" ]
    kill "$server"
    finish server
}

@test "a server that is killed: its client ends with an error, the next server takes over" {
    start server ./msgq/server -k "$K"
    try ./msgq/client -k "$K" hello
    stop "$server"
    start client ./msgq/client -k "$K" lost
    eventually says client msgsnd
    kill -KILL "$server"
    finish client
    [ "$status" = 1 ]
    [ "$(tail -n 1 "$T/client.err")" = "client: the server is gone" ]
    holds 1
    start next ./msgq/server -k "$K"
    try ./msgq/client -k "$K" hello
    [ "$output" = HELLO ]
    kill "$next"
    finish next
    [ -z "$(queue msqid)" ]
}

@test "a client that is killed, or interrupted, does not disturb its server" {
    start server ./msgq/server -k "$K"
    eventually says server msgget
    for signal in KILL INT; do
        stop "$server"
        start client ./msgq/client -k "$K" hello
        eventually says client msgsnd
        kill -$signal "$client"
        finish client
        kill -CONT "$server"
        try ./msgq/client -k "$K" again
        [ "$output" = AGAIN ]
    done
    holds 2 # their answers: it was too late to know
    kill "$server"
    finish server
}

@test "the server removes its queue when it ends by SIGINT, SIGTERM or SIGHUP, and a waiting client notices" {
    for signal in INT TERM HUP; do
        start server ./msgq/server -k "$K"
        eventually says server msgget
        stop "$server"
        start client ./msgq/client -k "$K" hello
        eventually says client msgsnd
        kill -$signal "$server"
        kill -CONT "$server"
        finish server
        [ "$status" = $((128 + $(kill -l $signal))) ]
        [ $signal = HUP ] || says server "msgctl(.*, IPC_RMID) = 0: signal $(kill -l $signal)"
        finish client
        [ "$status" = 0 ] || tail -n 1 "$T/client.err" | grep -E '^client: .*(queue was removed|server is gone)'
        [ -z "$(queue msqid)" ]
        [ ! -e "/tmp/ipc-$(id -u)/msgq-${K#0x}" ]
    done
}

@test "a queue that is removed ends its server, and is an error to its client" {
    start server ./msgq/server -k "$K"
    eventually says server msgget
    eventually waits_in msgrcv server
    stop "$server"
    start client ./msgq/client -k "$K" hello
    eventually says client msgsnd
    eventually waits_in msgrcv client
    ipcrm -Q "$K"
    finish client
    [ "$status" = 1 ]
    [ "$(tail -n 1 "$T/client.err")" = "client: msgrcv: EIDRM: the queue was removed" ]
    kill -CONT "$server"
    finish server
    [ "$status" = 0 ]
    says server "the queue was removed"
}

@test "a second server is refused, and the first one works on" {
    start server ./msgq/server -k "$K"
    eventually says server msgget
    try ./msgq/server -k "$K"
    [ "$status" = 1 ]
    [[ $stderr = "server: fcntl F_SETLK: "*": there is a server already" ]]
    try ./msgq/client -k "$K" hello
    [ "$output" = HELLO ]
    kill "$server"
    finish server
}

@test "two servers on two keys do not know of each other" {
    start one ./msgq/server -k "$K"
    start two ./msgq/server
    try ./msgq/client hello
    [ "$output" = HELLO ]
    kill "$two"
    finish two
    try ./msgq/client -k "$K" hello
    [ "$output" = HELLO ]
    kill "$one"
    finish one
}

@test "client: a process with the pid 1 is refused, for its answers would look like requests" {
    unshare --pid --fork true 2>/dev/null || skip "needs a namespace of its own"
    try unshare --pid --fork ./msgq/client -k "$K" hello
    [ "$status" = 1 ]
    [[ $stderr = "client: our pid is 1"* ]]
}

@test "client -x: a client that asks for type 0 takes its own request, sooner or later" {
    start server ./msgq/server -k "$K"
    for cpu in "" "taskset -c 0"; do
        for _ in {1..5}; do
            try $cpu ./msgq/client -x -k "$K"
            [ "$status" = 0 ]
            [[ ${lines[-1]} = *" hello" && ${lines[0]} = @(HELLO|*" hello") ]]
            [[ $stderr = *", type 0) = "*"hello\", type 1"*"before this one"* ]]
            assert_lesson "type 0 takes whatever comes first"
        done
    done
    try ./msgq/client -x hello
    [ "$status" = 2 ]
    kill "$server"
    finish server
}

@test "nothing is left after SIGINT, SIGTERM or SIGHUP at any moment" {
    for i in {1..11}; do
        for signal in INT TERM HUP; do
            for command in full "full -n" priority; do
                timeout -s $signal 0.00$((i / 2 + 1)) ./msgq/$command >/dev/null 2>&1 3>&- || :
            done
            timeout -s $signal 0.0$((i + 10)) ./msgq/server -k "$K" >/dev/null 2>&1 3>&- || :
        done
    done
}
