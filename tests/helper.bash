# helper.bash - what the tests share. $B is the folder that the programs stand in, $T an empty one for the test.
# shellcheck disable=SC2034 # the variables are for the tests

: "${B:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}" # bats tests/pipe.bats

# bats has these since 1.4.
: "${BATS_FILE_TMPDIR:=$BATS_RUN_TMPDIR/${BATS_TEST_FILENAME##*/}}"
mkdir -p "$BATS_FILE_TMPDIR"

# With ASan: no signal handlers but those of the programs, or SigCgt in /proc/PID/status would show others.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0:handle_sigbus=0:handle_sigfpe=0

setup() {
    T=${BATS_TEST_TMPDIR:-$BATS_RUN_TMPDIR/test/$BATS_TEST_NUMBER}
    [ -d "$T" ] || mkdir -p "$T"
    scratch=() # what teardown removes
    cd "$B" || return 1
    export IPC_TEST=$T # marks every process that this test starts
    before=$(objects)
}

# What a test must leave as it was. (This and setup run 500 times: each program that they start counts.)
teardown() {
    local pid after
    if [ -n "$BATS_TEST_COMPLETED" ]; then
        eventually none_left || true
        after=$(objects; programs_left)
    else
        show_output
        after=unknown
    fi
    [ ${#scratch[@]} = 0 ] || rm -rf "${scratch[@]}"
    [ "$before" != "$after" ] || return 0
    for pid in $(ours); do kill -KILL "$pid" 2>/dev/null; done
    [ -z "$BATS_TEST_COMPLETED" ] || { echo "before: $before"; echo "after: $after"; return 1; }
}

# What the last command of try and the programs of start have printed, for one who reads why the test has failed.
show_output() {
    local file
    [ -z "${status:-}" ] || echo "status $status"
    for file in "$T"/.output "$T"/.stderr "$T"/*.err; do
        [ ! -s "$file" ] || { echo "${file##*/}:"; tail -n 10 "$file" | cut -c 1-200 | cat -v; }
    done
}

# The IPC objects of this user, or of all in namespaces of our own.
objects() {
    awk -v uid="$UID" -v all="${IPC_TESTS_PRIVATE:-}" '
        FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        all || $column["cuid"] == uid { print FILENAME, $1, $2 }' /proc/sysvipc/*
    find "/tmp/ipc-$UID" "$T" ! -type d ! -type f 2>/dev/null || true
    find /dev/shm "${MQUEUE:-/dev/mqueue}" -type f -user "$UID" 2>/dev/null || true # there may be no /dev/mqueue
}

# The processes that this test has started and that still run.
ours() {
    local file
    for file in $(unset IPC_TEST && exec grep -lszF "IPC_TEST=$T" /proc/[0-9]*/environ); do
        file=${file%/environ}
        echo "${file##*/}"
    done
}

programs_left() {
    local pid
    for pid in $(ours); do
        tr '\0' ' ' <"/proc/$pid/cmdline"
        echo
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

# tries TIMES COMMAND... runs it until it succeeds, TIMES at the most: for a measurement that others on
# the machine spoil, and for a short moment that may have passed before the test comes to it.
tries() {
    local _left # a name that the command does not use
    for ((_left = $1; _left > 0; _left--)); do
        ! "${@:2}" || return 0
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

# stop PID returns when the process is stopped: until then it might still take what arrives. Fails if it has ended.
stop() {
    kill -STOP "$1" && eventually stopped_or_ended "$1" && stopped "$1"
}

stopped_or_ended() {
    stopped "$1" || ended "$1"
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

# capable NUMBER: we have that capability, see <linux/capability.h>; root of a container has not all of them.
capable() {
    (($(sed -n 's/^CapEff:\s*/0x/p' /proc/self/status) >> $1 & 1))
}

# other_user FOLDER: "${nobody[@]}" ./FOLDER/PROGRAM... runs a copy, which another user may execute, as user $other.
other_user() {
    local copy
    [ "$(id -u)" = 0 ] || skip "needs root, to be another user"
    needs setpriv
    other=65534
    while [ -e "/tmp/ipc-$other" ]; do other=$((other - 1)); done # it is somebody else's
    nobody=(setpriv --reuid "$other" --regid "$other" --clear-groups)
    copy=$(mktemp -d)
    scratch+=("$copy" "/tmp/ipc-$other")
    chmod 755 "$copy"
    cp -r "$B/$1" "$copy"
    cd "$copy" || return 1
}

# build_peer PROGRAM builds $BATS_FILE_TMPDIR/peer from the C on stdin, with the C library of PROGRAM: what lies in a
# semaphore is its own.
build_peer() {
    local cc=${CC:-cc}
    ! grep -q ld-musl "$1" || cc=musl-gcc
    # shellcheck disable=SC2086 # words are wanted
    "$cc" -D_XOPEN_SOURCE=700 $LDFLAGS -o "$BATS_FILE_TMPDIR/peer" -x c - -pthread -lrt 2>/dev/null || true
}

peer_or_skip() {
    peer=$BATS_FILE_TMPDIR/peer
    [ -x "$peer" ] || skip "no C compiler"
}

# try COMMAND... runs it, for ten seconds at the most, or $TRY_FOR: $status, $output and $stderr, and their lines in
# ${lines[@]} and ${stderr_lines[@]}. (What bats's own run does, without its warning about a status of 127.)
try() {
    status=0
    timeout -k 1 "${TRY_FOR:-10}" "$@" >"$T/.output" 2>"$T/.stderr" 3>&- || status=$?
    output=$(<"$T/.output")
    stderr=$(<"$T/.stderr")
    mapfile -t lines <"$T/.output"
    mapfile -t stderr_lines <"$T/.stderr"
}

# Prints the lines of that text that are longer than 80 columns; there must be none.
fits_80() {
    ! LC_ALL=C.UTF-8 grep -E '.{81}' <<<"$1"
}

# The last line of the story, without colour, must be this lesson.
assert_lesson() {
    [[ ${stderr_lines[-1]} = "=> $1"* ]] || { echo "$stderr"; return 1; }
}

# blocked COMMAND... starts it as the process `server`, its stderr a FIFO that is full, its stdout one that is full from
# the port on. unblock removes them.
blocked() {
    mkfifo "$T/story" "$T/stdout"
    exec {story}<>"$T/story" {stdout}<>"$T/stdout"
    fill "$T/story"
    start server bash -c "exec $* >$T/stdout 2>$T/story"
    read -r _ port <&"$stdout"
    fill "$T/stdout"
}

fill() {
    perl -e 'use Fcntl; open my $f, "+<", $ARGV[0] or die; fcntl $f, F_SETFL, O_NONBLOCK; for my $size (4096, 1) { 1 while syswrite $f, "x" x $size }' "$1"
}

unblock() {
    exec {story}>&- {stdout}>&-
    rm "$T/story" "$T/stdout"
}
