# signals/: reload, and daemon.
load helper

pid_file() {
    echo "/tmp/ipc-$(id -u)/daemon.pid"
}

log() {
    echo "/tmp/ipc-$(id -u)/daemon.log"
}

# start_reload TEXT: it reads $T/conf; its pid, which it prints first, is in $reload.
start_reload() {
    echo "$1" >"$T/conf"
    start reload ./signals/reload -f "$T/conf"
    eventually grep -qx "$1" "$T/reload"
}

end_reload() {
    kill -TERM "$reload"
    finish reload
    [ "$status" = 0 ]
}

# There is one daemon for each user: in namespaces of our own, none but ours.
alone() {
    [ -n "${IPC_TESTS_PRIVATE:-}" ] || [ ! -e "$(pid_file)" ] || skip "this user has a daemon at work, or its pid file"
    rm -f "$(pid_file)"
    scratch=("$(log)")
}

start_daemon() {
    try ./signals/daemon
    [ "$status" = 0 ]
    daemon=$output
}

end_daemon() {
    kill -TERM "$daemon"
    eventually ended "$daemon"
    [ ! -e "$(pid_file)" ]
}

@test "reload prints its pid and the greeting, rereads FILE on SIGHUP, and ends on SIGTERM" {
    start_reload hello
    [ "$(head -1 "$T/reload")" = "$reload" ]
    echo "good evening" >"$T/conf"
    kill -HUP "$reload"
    eventually grep -q evening "$T/reload"
    end_reload
    [ "$(tail -n +2 "$T/reload")" = $'hello\ngood evening' ]
    grep -q "sigwaitinfo() = SIGHUP, si_pid $$" "$T/reload.err"
    grep -q "sigwaitinfo() = SIGTERM" "$T/reload.err"
}

@test "reload: a broken FILE changes nothing, and the old greeting stays" {
    start_reload hello
    local broken=0
    for text in '' '\n' 'one\ntwo\n' 'no newline' "$(printf %0100d 0)\n" "$(printf %099d 0)\nmore\n" "$(printf %05000d 0)\n" 'a\0b\n'; do
        printf %b "$text" >"$T/conf"
        kill -HUP "$reload"
        broken=$((broken + 1))
        eventually eval '[ "$(grep -c "the old greeting stays" "$T/reload.err")" = $broken ]'
    done
    [ "$(grep -c "^reload: $T/conf: not one line of 1 to 99 bytes" "$T/reload.err")" = $broken ]
    rm "$T/conf"
    kill -HUP "$reload"
    eventually grep -q "^reload: open $T/conf: No such file" "$T/reload.err"
    mkdir "$T/conf"
    kill -HUP "$reload"
    eventually grep -q "^reload: read $T/conf: Is a directory" "$T/reload.err"
    rmdir "$T/conf"
    mkfifo "$T/conf" # it does not hold it up
    kill -HUP "$reload"
    eventually eval '[ "$(grep -c "the old greeting stays" "$T/reload.err")" = $((broken + 3)) ]'
    rm "$T/conf"
    printf '%099d\n' 0 >"$T/conf"
    kill -HUP "$reload"
    eventually grep -qx "$(printf %099d 0)" "$T/reload"
    end_reload
    [ "$(tail -n +2 "$T/reload" | uniq | wc -l)" = 2 ]
}

@test "reload: a missing or broken FILE at the start is an error" {
    try ./signals/reload -f "$T/none"
    [ "$status" = 1 ]
    [[ $stderr = *"reload: open $T/none: No such file or directory"* ]]
    : >"$T/conf"
    try ./signals/reload -f "$T/conf"
    [ "$status" = 1 ]
    [ -z "$output" ]
}

@test "reload makes the default FILE if it is missing, and leaves one that is there alone" {
    conf=/tmp/ipc-$(id -u)/reload.conf
    [ ! -e "$conf" ] || skip "this user has settings already"
    scratch=("$conf")
    start reload ./signals/reload
    eventually grep -q hello "$T/reload"
    end_reload
    echo mine >"$conf"
    start reload ./signals/reload
    eventually grep -q mine "$T/reload"
    end_reload
}

@test "reload: many SIGHUPs while it is stopped are one; FILE is read as it is then" {
    start_reload one
    stop "$reload"
    for i in 1 2 3 4 5; do
        echo "change $i" >"$T/conf"
        kill -HUP "$reload"
    done
    kill -CONT "$reload"
    eventually grep -q "change 5" "$T/reload"
    end_reload
    [ "$(tail -n +2 "$T/reload")" = $'one\nchange 5' ]
}

@test "reload hears SIGHUP although nohup has it ignored" {
    echo hello >"$T/conf"
    start reload nohup ./signals/reload -f "$T/conf"
    eventually grep -q hello "$T/reload"
    echo again >"$T/conf"
    kill -HUP "$reload"
    eventually grep -q again "$T/reload"
    end_reload
}

# hang_up COMMAND runs it, in which reload runs, at a terminal, and closes that.
hang_up() {
    command -v script >/dev/null || skip "needs script(1)"
    echo hello >"$T/conf"
    start script script -qec "$1" /dev/null
    eventually grep -q hello "$T/got"
    kill -KILL "$script"
    finish script
    eventually grep -q "=> SIGHUP means" "$T/story"
    grep -q "poll(.*) = 1, .*POLLHUP: hung up" "$T/story"
    eventually none_left
}

@test "reload: when the terminal hangs up, it ends: that SIGHUP is the kernel's" {
    hang_up "exec ./signals/reload -f $T/conf >$T/got 2>$T/story"
    grep -q "SIGHUP, si_pid 0, SI_KERNEL" "$T/story"
}

@test "reload: when the terminal of a bash hangs up, it ends: that SIGHUP is passed on by the bash" {
    hang_up "exec bash --norc -ic './signals/reload -f $T/conf >$T/got 2>$T/story; :'"
    grep -q "SIGHUP, si_pid [1-9]" "$T/story"
}

@test "reload: SIGINT ends it; stdout is full: an error" {
    start_reload hello
    kill -INT "$reload"
    finish reload
    [ "$status" = 130 ]
    try bash -c "./signals/reload -f '$T/conf' >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"reload: stdout: No space left on device" ]]
}

@test "daemon: no parent of ours, a session without a leader or a terminal, / as its folder, no umask" {
    alone
    start_daemon
    [ "$(<"$(pid_file)")" = "$daemon" ]
    [ "$(stat -c %a "$(pid_file)" "$(log)" | uniq)" = 600 ]
    [ "$(ps -o ppid= -p "$daemon")" -ne $$ ]
    [ "$(ps -o tty= -p "$daemon")" = "?" ]
    sid=$(ps -o sid= -p "$daemon")
    [ "$sid" -ne "$daemon" ]
    [ "$sid" -ne "$(ps -o sid= -p $$)" ]
    eventually ended $sid
    [ "$(readlink "/proc/$daemon/cwd")" = / ]
    [ "$(awk '/^Umask/ { print $2 }' "/proc/$daemon/status")" = 0000 ]
    end_daemon
    eventually grep -q "^=> a daemon has no terminal" "$(log)"
}

@test "daemon: the same when it is started from a terminal" {
    command -v script >/dev/null || skip "needs script(1)"
    alone
    try script -qec "./signals/daemon" /dev/null </dev/null
    [ "$status" = 0 ]
    [[ $output = *'open("/dev/tty"): ENXIO'* ]]
    daemon=$(<"$(pid_file)")
    [ "$(ps -o tty= -p "$daemon")" = "?" ]
    end_daemon
}

@test "daemon: stdin and stdout are /dev/null, stderr is the log, nothing else is open but the pid file" {
    alone
    exec {leak}</dev/zero
    start_daemon
    exec {leak}<&-
    [ "$(readlink /proc/$daemon/fd/0)" = /dev/null ]
    [ "$(readlink /proc/$daemon/fd/1)" = /dev/null ]
    [ "$(readlink /proc/$daemon/fd/2)" = "$(log)" ]
    [ "$(find /proc/$daemon/fd -type l ! -name '[012]' -printf '%l\n')" = "$(pid_file)" ]
    end_daemon
}

@test "daemon: a second one is refused, names the pid of the first, and does it no harm" {
    alone
    start_daemon
    try ./signals/daemon
    [ "$status" = 1 ]
    [[ $stderr = *"daemon: $(pid_file): process $daemon has the lock"* ]]
    [ "$(<"$(pid_file)")" = "$daemon" ]
    echo nonsense >"$(pid_file)" # the lock counts, not the text
    try ./signals/daemon
    [ "$status" = 1 ]
    [[ $stderr = *"process $daemon has the lock"* ]]
    end_daemon
}

@test "daemon: of many that start at once, one comes through" {
    alone
    for i in 1 2 3 4 5 6 7 8 9 10; do
        start "many_$i" ./signals/daemon
    done
    through=0
    for i in 1 2 3 4 5 6 7 8 9 10; do
        finish "many_$i"
        [ "$status" != 0 ] || through=$((through + 1))
    done
    [ "$through" = 1 ]
    daemon=$(<"$(pid_file)")
    end_daemon
}

@test "daemon: one may start while another ends; the one that runs owns the pid file" {
    alone
    start_daemon
    for i in 1 2 3 4 5 6 7 8; do
        old=$daemon
        kill -TERM "$old"
        until try ./signals/daemon && [ "$status" = 0 ]; do
            [[ $stderr = *"process $old has the lock"* ]]
        done
        daemon=$output
        [ "$daemon" != "$old" ]
        eventually ended "$old"
        [ "$(<"$(pid_file)")" = "$daemon" ]
    done
    end_daemon
}

@test "daemon: the pid file of a successor is not removed by its predecessor" {
    alone
    start_daemon
    first=$daemon
    rm "$(pid_file)" # as a cleaner of /tmp may do it
    start_daemon
    kill -TERM "$first"
    eventually ended "$first"
    [ "$(<"$(pid_file)")" = "$daemon" ]
    try ./signals/daemon
    [ "$status" = 1 ]
    end_daemon
}

@test "daemon: the pid file of one that was killed with -9 is no obstacle" {
    alone
    start_daemon
    kill -KILL "$daemon"
    eventually ended "$daemon"
    [ -s "$(pid_file)" ]
    start_daemon
    [ "$(<"$(pid_file)")" = "$daemon" ]
    end_daemon
}

@test "daemon: a lock on a file that has lost its name is worth nothing: it makes a new one" {
    command -v strace >/dev/null || skip "no strace"
    strace -o "$T/trace" true 2>/dev/null || skip "strace is not allowed to trace"
    alone
    start_daemon
    # Between open() and F_SETLK of the second, the first one ends and removes the file.
    start second env ASAN_OPTIONS=detect_leaks=0 strace -f -o "$T/trace" -e 'trace=/^open,/^fcntl' \
        -e inject=/^fcntl:delay_enter=1000000:when=1 ./signals/daemon
    eventually grep -q daemon.pid "$T/trace"
    kill -TERM "$daemon"
    eventually ended "$daemon"
    eventually grep -q "[0-9]" "$T/second"
    daemon=$(<"$T/second")
    [ "$(grep -c 'open.*daemon.pid' "$T/trace")" = 2 ]
    end_daemon
    finish second
    [ "$status" = 0 ]
}

@test "daemon: a caller that cannot open the log fails, and no daemon is left" {
    alone
    rm -f "$(log)"
    mkdir "$(log)"
    try ./signals/daemon
    rmdir "$(log)"
    [ "$status" = 1 ]
    [[ $stderr = *"daemon: open $(log): Is a directory"*"ended before it was ready"* ]]
    [ ! -e "$(pid_file)" ]
    none_left
}

@test "daemon: one that fails when it has the lock removes its pid file" {
    alone
    try bash -c "./signals/daemon >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"daemon: stdout: No space left on device"*"ended before it was ready"* ]]
    [ ! -e "$(pid_file)" ]
    none_left
}
