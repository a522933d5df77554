# dup/: descriptors that go from one process to another: pass-send and pass-recv.
load helper

# A program in C at the other end: peer PATH send FILE COUNT [no-data], peer PATH recv.
build_peer() {
    [ ! -x "$BATS_FILE_TMPDIR/peer" ] || return 0
    command -v "${CC:-cc}" >/dev/null || skip "needs a C compiler, for a foreign peer"
    cat >"$BATS_FILE_TMPDIR/peer.c" <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
    int s = socket(AF_UNIX, SOCK_STREAM, 0), send = strcmp(argv[2], "send") == 0;
    long control[CMSG_SPACE(100 * sizeof(int)) / sizeof(long)] = {0};
    char text[100] = "from a foreign sender";
    struct iovec data = {text, send ? strlen(text) : sizeof text};
    int count = send ? atoi(argv[4]) : 100, fds[100];
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (argc > 5)
        data.iov_len = 0;
    if (send) {
        if (connect(s, (struct sockaddr *)&address, sizeof address) == -1)
            return perror("connect"), 1;
        for (int i = 0; i < count; i++)
            fds[i] = open(argv[3], O_RDONLY);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
        if (count == 0)
            message.msg_control = NULL, message.msg_controllen = 0;
        if (sendmsg(s, &message, MSG_NOSIGNAL) == -1)
            return perror("sendmsg"), 1;
        ssize_t length = read(s, text, sizeof text);
        printf("answer %.*s", length < 0 ? 0 : (int)length, text);
        return length < 1;
    }
    if (bind(s, (struct sockaddr *)&address, sizeof address) == -1 || listen(s, 5) == -1)
        return perror("bind"), 1;
    int c = accept(s, NULL, NULL);
    if (recvmsg(c, &message, 0) < 1 || (rights = CMSG_FIRSTHDR(&message)) == NULL)
        return perror("recvmsg"), 1;
    count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(rights), count * sizeof(int));
    for (int i = 0; i < count; i++)
        for (ssize_t n; (n = read(fds[i], text, sizeof text)) > 0;)
            fwrite(text, 1, n, stdout);
    write(c, "thanks\n", 7);
    unlink(argv[1]);
    return 0;
}
END
    "${CC:-cc}" -w $LDFLAGS -o "$BATS_FILE_TMPDIR/peer" "$BATS_FILE_TMPDIR/peer.c"
}

# The place where pass-send and pass-recv meet, in $pass; nobody must be there.
at_pass() {
    pass=/tmp/ipc-$(id -u)/pass
    [ ! -e "$pass" ] || skip "this user has something at $pass"
}

start_receiver() {
    start receiver ./dup/pass-recv
    eventually grep -q "listen([0-9]*) = 0: $pass" "$T/receiver.err"
}

# How many descriptors a process has open.
descriptors() {
    find "/proc/$1/fd" -type l | wc -l
}

@test "pass-send and pass-recv meet, whoever starts first, in any folder" {
    at_pass
    printf 'one\ntwo\nthree\n' >"$T/file"
    cd /
    start receiver "$B/dup/pass-recv"
    eventually asleep "$receiver"
    try "$B/dup/pass-send" "$T/file"
    [ "$status" = 0 ]
    [ "$output" = one ]
    finish receiver
    [ "$status" = 0 ]
    [ "$(<"$T/receiver")" = $'two\nthree' ]
    [ ! -e "$pass" ]

    start sender "$B/dup/pass-send" "$T/file"
    eventually grep -q "waiting for a receiver: ./dup/pass-recv" "$T/sender.err"
    try "$B/dup/pass-recv"
    [ "$status" = 0 ]
    [ "$output" = $'two\nthree' ]
    finish sender
    [ "$status" = 0 ]
    [ ! -e "$pass" ]
}

@test "pass: the offset goes along, and the receiver's reading moves it for the sender" {
    at_pass
    printf 'one\ntwo\nthree\n' >"$T/file"
    start_receiver
    try ./dup/pass-send "$T/file"
    finish receiver
    grep -q 'receiver | lseek([0-9]*) = 4: the offset came along' "$T/receiver.err"
    grep -q 'sender | lseek([0-9]*) = 14: the offset now' <<<"$stderr"
    assert_lesson "SCM_RIGHTS is dup() into another process"
}

@test "pass: several files at once, also a pipe, an empty file and one that is no more" {
    at_pass
    printf '1\na\n' >"$T/one"
    printf '2\nb\n' >"$T/two"
    : >"$T/empty"
    start sender ./dup/pass-send "$T/one" "$T/two" "$T/empty" <(printf '3\nc\n')
    eventually grep -q waiting "$T/sender.err"
    rm "$T/one"
    try ./dup/pass-recv
    [ "$status" = 0 ]
    [ "$output" = $'a\nb\nc' ]
    finish sender
    [ "$status" = 0 ]
    [ "$(<"$T/sender")" = $'1\n2\n3' ]
}

@test "pass: a large file arrives unchanged" {
    at_pass
    { echo first; head -c 3000000 /dev/urandom; } >"$T/file"
    start_receiver
    try ./dup/pass-send "$T/file"
    finish receiver
    [ "$status" = 0 ]
    tail -n +2 "$T/file" | cmp - "$T/receiver"
}

@test "pass-recv refuses a message with more descriptors than it has room for, and closes them all" {
    at_pass
    start_receiver
    open=$(descriptors "$receiver")
    try ./dup/pass-send /etc/passwd /etc/passwd /etc/passwd /etc/passwd /etc/passwd
    [ "$status" = 1 ]
    grep -q '^pass-send: recv: the receiver is gone, or did not want them' <<<"$stderr"
    grep -q 'MSG_CTRUNC' "$T/receiver.err"
    [ "$(grep -c '| close(' "$T/receiver.err")" = 4 ]
    eventually asleep "$receiver"
    [ "$(descriptors "$receiver")" = "$open" ]

    try ./dup/pass-send /etc/passwd # it is still there for the next
    [ "$status" = 0 ]
    finish receiver
    [ "$status" = 0 ]
    [ "$(<"$T/receiver")" = "$(tail -n +2 /etc/passwd)" ]
}

@test "descriptors in a message without a byte of data do not arrive" {
    build_peer
    at_pass
    start_receiver
    try "$BATS_FILE_TMPDIR/peer" "$pass" send /etc/passwd 1 no-data &
    eventually grep -q "SO_PEERCRED" "$T/receiver.err"
    eventually asleep "$receiver"
    ! grep -q recvmsg "$T/receiver.err" || false
    kill "$receiver"
    finish receiver
    wait
}

@test "pass-recv takes files from a foreign sender; data without a descriptor are refused" {
    build_peer
    at_pass
    echo hello >"$T/file"
    start_receiver
    try "$BATS_FILE_TMPDIR/peer" "$pass" send "$T/file" 0
    [ "$status" = 1 ]
    try perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un($ARGV[0])) or die; syswrite(S, "x")' "$pass"
    [ "$status" = 0 ]
    try "$BATS_FILE_TMPDIR/peer" "$pass" send "$T/file" 50
    [ "$status" = 1 ]
    try "$BATS_FILE_TMPDIR/peer" "$pass" send "$T/file" 2
    [ "$status" = 0 ]
    [ "$output" = "answer 12 bytes" ]
    finish receiver
    [ "$status" = 0 ]
    [ "$(<"$T/receiver")" = $'hello\nhello' ]
}

@test "pass-recv tells what it cannot read, and answers" {
    build_peer
    at_pass
    start_receiver
    try "$BATS_FILE_TMPDIR/peer" "$pass" send / 2
    [ "$status" = 0 ]
    [ "$output" = "answer 0 bytes" ]
    finish receiver
    [ "$status" = 1 ]
    [ "$(grep -c '^pass-recv: read /: Is a directory' "$T/receiver.err")" = 2 ]
}

@test "pass-recv: a sender that says nothing does not keep the others waiting" {
    at_pass
    start_receiver
    start silent perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un($ARGV[0])) or die; 1 while sysread S, $_, 1; sleep' "$pass"
    eventually grep -q "SO_PEERCRED: pid $silent called" "$T/receiver.err"
    try ./dup/pass-send /etc/passwd
    [ "$status" = 0 ]
    finish receiver
    [ "$status" = 0 ]
    grep -q '| poll([0-9]*, 1000 ms) = 0: no more of this' "$T/receiver.err"
    kill "$silent"
    finish silent
}

@test "pass-send gives files to a foreign receiver" {
    build_peer
    at_pass
    printf 'one\ntwo\n' >"$T/file"
    start sender ./dup/pass-send "$T/file" "$T/file"
    eventually grep -q waiting "$T/sender.err"
    try "$BATS_FILE_TMPDIR/peer" "$pass" recv
    [ "$output" = $'two\ntwo' ]
    finish sender
    [ "$status" = 0 ]
    grep -q 'recv([0-9]*) = 7 "thanks\\n"' "$T/sender.err"
}

@test "pass-recv refuses a sender of another user, and nothing of it stays open" {
    other_user dup
    build_peer
    start receiver "${nobody[@]}" ./dup/pass-recv
    eventually grep -q "listen([0-9]*) = 0: /tmp/ipc-$other/pass" "$T/receiver.err"
    open=$(descriptors "$receiver")

    try "$BATS_FILE_TMPDIR/peer" "/tmp/ipc-$other/pass" send /etc/shadow 1
    [ "$status" = 1 ]
    eventually grep -q "SO_PEERCRED: user 0: refused" "$T/receiver.err"
    eventually asleep "$receiver"
    [ "$(descriptors "$receiver")" = "$open" ]
    try "${nobody[@]}" ./dup/pass-send /etc/passwd
    [ "$status" = 0 ]
    finish receiver
    [ "$(<"$T/receiver")" = "$(tail -n +2 /etc/passwd)" ]
}

@test "a second pass-recv is refused, the first one is not robbed" {
    at_pass
    start_receiver
    try ./dup/pass-recv
    [ "$status" = 1 ]
    [ "$stderr" = "pass-recv: $pass: another receiver is running" ]
    try ./dup/pass-send /etc/passwd
    [ "$status" = 0 ]
    finish receiver
    [ "$status" = 0 ]
}

@test "pass-recv is refused while another one takes the place: the folder is locked" {
    at_pass
    try flock -n "/tmp/ipc-$(id -u)" ./dup/pass-recv
    [ "$status" = 1 ]
    [ "$stderr" = "pass-recv: $pass: another receiver is running" ]
    [ ! -e "$pass" ]
}

@test "a foreign receiver is not robbed either" {
    at_pass
    start foreign perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un($ARGV[0])) or die; listen(S, 1); sleep 60' "$pass"
    eventually test -S "$pass"
    eventually asleep "$foreign"
    try ./dup/pass-recv
    [ "$status" = 1 ]
    [ "$stderr" = "pass-recv: $pass: another receiver is running" ]
    [ -S "$pass" ]
    kill "$foreign"
    finish foreign
    rm "$pass"
}

@test "pass-recv is killed with -9: the next one takes the dead one's place" {
    at_pass
    start_receiver
    kill -KILL "$receiver"
    finish receiver
    [ -S "$pass" ]
    start sender ./dup/pass-send /etc/passwd
    eventually grep -q waiting "$T/sender.err"
    try ./dup/pass-recv
    [ "$status" = 0 ]
    [[ $stderr = *"unlink() = 0: a dead receiver's"* ]]
    finish sender
    [ "$status" = 0 ]
    [ ! -e "$pass" ]
}

@test "what is no socket is left alone: pass-recv and pass-send refuse a file and a FIFO" {
    at_pass
    echo precious >"$pass"
    for program in pass-recv "pass-send /etc/passwd"; do
        read -ra words <<<"$program"
        try ./dup/"${words[0]}" "${words[@]:1}"
        [ "$status" = 1 ]
        grep -q "^${words[0]}: $pass: not a socket" <<<"$stderr"
    done
    [ "$(<"$pass")" = precious ]
    rm "$pass"
    mkfifo "$pass"
    try ./dup/pass-recv
    [ "$status" = 1 ]
    [ -p "$pass" ]
    rm "$pass"
}

@test "a path that is too long for a socket is refused" {
    long=$T/$(printf 'x%.0s' {1..120})
    for command in pass-recv "pass-send /etc/passwd"; do
        IPC_DIR=$long try ./dup/$command
        [ "$status" = 1 ]
        [ "$(tail -n 1 <<<"$stderr")" = "${command%% *}: $long/pass: too long for a socket" ]
    done
}

@test "the receiver is killed with -9 while it reads: the sender ends with an error" {
    at_pass
    mkfifo "$T/input"
    start_receiver # before bash has a write end, or it would leak into it, and there were no end of file
    exec {hold}<>"$T/input"
    echo "first line" >&"$hold"
    start sender ./dup/pass-send "$T/input"
    eventually grep -q "readlink(fd/[0-9]*) = " "$T/receiver.err"
    kill -KILL "$receiver"
    finish sender
    [ "$status" = 1 ]
    grep -q '^pass-send: recv: the receiver is gone' "$T/sender.err"
    finish receiver
    exec {hold}>&-
    rm "$T/input" "$pass"
}

@test "the sender is killed with -9: the receiver reads on, what it has is open" {
    at_pass
    mkfifo "$T/input"
    start_receiver # before bash has a write end, or it would leak into it, and there were no end of file
    exec {hold}<>"$T/input"
    echo "first line" >&"$hold"
    start sender ./dup/pass-send "$T/input"
    eventually grep -q "readlink(fd/[0-9]*) = " "$T/receiver.err"
    kill -KILL "$sender"
    finish sender
    echo "second line" >&"$hold"
    exec {hold}>&-
    finish receiver
    [ "$status" = 0 ]
    [ "$(<"$T/receiver")" = "second line" ]
    grep -q "send(.*) = -1 EPIPE: the sender is gone" "$T/receiver.err"
    rm "$T/input"
}

@test "SIGINT and SIGTERM end pass-recv and remove the socket file; SIGINT ends a waiting pass-send" {
    at_pass
    for signal in INT TERM; do
        start_receiver
        kill -$signal "$receiver"
        finish receiver
        [ "$status" -gt 128 ]
        [ ! -e "$pass" ]
    done
    start sender ./dup/pass-send /etc/passwd
    eventually grep -q waiting "$T/sender.err"
    kill -INT "$sender"
    finish sender
    [ "$status" = 130 ]
}

@test "pass-recv fails where stdout is full, and its sender does too" {
    at_pass
    start receiver bash -c 'exec ./dup/pass-recv >/dev/full'
    eventually grep -q "listen([0-9]*) = 0: $pass" "$T/receiver.err"
    try ./dup/pass-send /etc/passwd
    [ "$status" = 1 ]
    finish receiver
    [ "$status" = 1 ]
    grep -q '^pass-recv: stdout: No space left' "$T/receiver.err"
    [ ! -e "$pass" ]
    try bash -c './dup/pass-send /etc/passwd >/dev/full'
    [ "$status" = 1 ]
    grep -q '^pass-send: stdout: No space left' <<<"$stderr"
}

@test "pass-send: a FILE that cannot be opened or read is an error; more than 253 are too many" {
    try ./dup/pass-send "$T/none"
    [ "$status" = 1 ]
    [ "$stderr" = "pass-send: open $T/none: No such file or directory" ]
    try ./dup/pass-send "$T"
    [ "$status" = 1 ]
    grep -q "^pass-send: read $T: Is a directory" <<<"$stderr"
    mapfile -t files < <(yes /etc/passwd | head -254)
    try ./dup/pass-send "${files[@]}"
    [ "$status" = 2 ]
}

@test "pass: a file of one line arrives, too" {
    at_pass
    echo "one line" >"$T/file"
    start_receiver
    try ./dup/pass-send "$T/file"
    [ "$output" = "one line" ]
    finish receiver
    [ "$status" = 0 ]
    [ "$(<"$T/receiver")" = "one line" ]
}

@test "pass-recv -x: without room for it the descriptor does not arrive, and MSG_CTRUNC says so" {
    at_pass
    start receiver ./dup/pass-recv -x
    eventually grep -q "listen(" "$T/receiver.err"
    try ./dup/pass-send /etc/passwd
    [ "$status" = 1 ]
    finish receiver
    [ "$status" = 0 ]
    [ ! -s "$T/receiver" ]
    grep -q 'recvmsg([0-9]*) = 2 "1\\n" + 0 fds$' "$T/receiver.err"
    grep -q 'msg_flags: MSG_CTRUNC' "$T/receiver.err"
    [ "$(tail -1 "$T/receiver.err")" = "=> without msg_control the kernel closes the descriptor, and only a flag says so" ]
}

@test "pass-recv: a silent FIFO does not block it, and the sender gets its answer" {
    at_pass
    mkfifo "$T/silent"
    start_receiver
    exec {hold}<>"$T/silent"
    echo first >&"$hold"
    try ./dup/pass-send "$T/silent"
    [ "$status" = 0 ]
    finish receiver
    [ "$status" = 0 ]
    grep -q '| poll([0-9]*, 1000 ms) = 0: no more of this' "$T/receiver.err"
    exec {hold}>&-
    rm "$T/silent"
}

@test "pass-recv: a sender that has only closed its direction gets no answer, and the next one is served" {
    at_pass
    start_receiver
    try perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un($ARGV[0])) or die; shutdown(S, 1); print <S>' "$pass"
    [ "$status" = 0 ]
    [ -z "$output" ]
    grep -q 'recvmsg([0-9]*) = 0: no message' "$T/receiver.err"
    try ./dup/pass-send /etc/passwd
    [ "$status" = 0 ]
    finish receiver
}
