# helper.bash - what the tests share. $B is the folder that the programs stand in, $T an empty one for the test.
# shellcheck disable=SC2034 # the variables are for the tests

# bats has these since 1.4.
: "${BATS_FILE_TMPDIR:=$BATS_RUN_TMPDIR/${BATS_TEST_FILENAME##*/}}"
mkdir -p "$BATS_FILE_TMPDIR"

setup() {
    T=${BATS_TEST_TMPDIR:-$BATS_RUN_TMPDIR/test/$BATS_TEST_NUMBER}
    mkdir -p "$T"
    scratch=() # what teardown removes
    cd "$B" || return 1
    export IPC_TEST=$T # marks every process that this test starts
    before=$(objects)
}

# What a test must leave as it was.
teardown() {
    local pid after
    if [ -n "$BATS_TEST_COMPLETED" ]; then
        after=$(objects)
    fi
    for pid in $(ours); do kill -KILL "$pid" 2>/dev/null; done
    rm -rf "${scratch[@]}"
    [ -z "$BATS_TEST_COMPLETED" ] || [ "$before" = "$after" ] ||
        { echo "before: $before"; echo "after: $after"; return 1; }
}

# The IPC objects of this machine, and the programs that still run.
objects() {
    awk 'FNR > 1 { print FILENAME, $1, $2 }' /proc/sysvipc/*
    find "/tmp/ipc-$(id -u)" "$T" ! -type d ! -type f 2>/dev/null
    find /dev/shm "${MQUEUE:-/dev/mqueue}" -type f -user "$(id -u)" 2>/dev/null
    eventually none_left || for pid in $(ours); do tr '\0' ' ' <"/proc/$pid/cmdline"; echo; done
}

# The processes that this test has started and that still run.
ours() {
    local file
    for file in $(env -u IPC_TEST grep -lszF "IPC_TEST=$IPC_TEST" /proc/[0-9]*/environ); do
        file=${file%/environ}
        echo "${file##*/}"
    done
}

none_left() {
    [ -z "$(ours)" ]
}

# Runs a command until it succeeds, for ten seconds at the most.
eventually() {
    local _try # a name that the command does not use
    for ((_try = 0; _try < 500; _try++)); do
        ! "$@" || return 0
        sleep 0.02
    done
    return 1
}

# start NAME COMMAND... runs it in the background; its output goes to $T/NAME and $T/NAME.err, its pid to $NAME.
start() {
    local name=$1
    shift
    rm -f "$T/$name" "$T/$name.err" # what an earlier one has said is not to be taken for the word of this one
    env --default-signal=HUP,INT,QUIT,PIPE,TERM "$@" <&0 >"$T/$name" 2>"$T/$name.err" 3>&- &
    printf -v "$name" %d $!
}

# finish NAME waits until that program has ended, ten seconds at the most, and puts its exit status into $status.
finish() {
    local pid=${!1}
    eventually ended "$pid" || { echo "$1 does not end"; return 1; }
    status=0
    wait "$pid" 2>/dev/null || status=$?
}

state() {
    sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null
}

ended() {
    [[ $(state "$1") = [ZX] || ! -e /proc/$1 ]]
}

asleep() {
    [ "$(state "$1")" = S ]
}

stopped() {
    [ "$(state "$1")" = T ]
}

# stop PID returns when the process is stopped: until then it might still take what arrives.
stop() {
    kill -STOP "$1"
    eventually stopped "$1"
}

# says NAME PATTERN: the story of that program has such a line.
says() {
    grep -q -- "$2" "$T/$1.err"
}

# sleeps NAME PATTERN: its story has such a line, and it sleeps.
sleeps() {
    says "$1" "$2" && asleep "${!1}"
}

# printed NAME TEXT: that is all that it has printed.
printed() {
    [ "$(<"$T/$1")" = "$2" ]
}

# The command without its story, for ten seconds at the most.
quietly() {
    timeout 10 "$@" 2>/dev/null 3>&-
}

# needs TOOL... skips the test where one is missing. perl must have its IPC::SysV.
needs() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || skip "no $tool"
        [ "$tool" != perl ] || perl -MIPC::SysV -e 1 2>/dev/null || skip "perl has no IPC::SysV"
    done
}

# Afterwards "${nobody[@]}" COMMAND... runs it as another user.
other_user() {
    [ "$(id -u)" = 0 ] || skip "needs root, to be another user"
    needs setpriv
    nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    "${nobody[@]}" test -x "$B/msgq/send" || skip "another user cannot get at the programs"
}

# build_peer PROGRAM builds $BATS_FILE_TMPDIR/peer from the C on stdin, with the C library of PROGRAM: what lies in a
# semaphore is its own.
build_peer() {
    local cc=${CC:-cc}
    ! grep -q ld-musl "$1" || cc=musl-gcc
    "$cc" -D_XOPEN_SOURCE=700 -o "$BATS_FILE_TMPDIR/peer" -x c - -pthread -lrt 2>/dev/null || true
}

peer_or_skip() {
    peer=$BATS_FILE_TMPDIR/peer
    [ -x "$peer" ] || skip "no C compiler"
}

# try COMMAND... runs it, for ten seconds at the most: $status, $output and $stderr, and their lines in
# ${lines[@]} and ${stderr_lines[@]}. (What bats's own run does, without its warning about a status of 127.)
try() {
    status=0
    timeout -k 1 10 "$@" >"$T/.output" 2>"$T/.stderr" 3>&- || status=$?
    output=$(<"$T/.output")
    stderr=$(<"$T/.stderr")
    mapfile -t lines <"$T/.output"
    mapfile -t stderr_lines <"$T/.stderr"
}

# The last line of the story, without colour, must be this lesson.
assert_lesson() {
    [[ ${stderr_lines[-1]} = "=> $1"* ]] || { echo "$stderr"; return 1; }
}
