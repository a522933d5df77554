# signals/: reload, in the foreground and as a daemon.
load helper

pid_file() {
    echo "/tmp/ipc-$(id -u)/reload.pid"
}

# There is one for each user: in namespaces of our own, none but ours.
alone() {
    [ -n "${IPC_TESTS_PRIVATE:-}" ] || [ ! -e "$(pid_file)" ] || skip "this user has a reload at work, or its pid file"
    rm -f "$(pid_file)"
}

# The daemon or the foreground program reads $T/conf.
settings() {
    printf 'greeting = %s\ntimes = %s\n' "$1" "$2" >"$T/conf"
}

start_reload() {
    alone
    start reload ./signals/reload -f "$T/conf"
    eventually grep -q "greeting" "$T/reload.err"
}

end_reload() {
    kill -TERM "$reload"
    finish reload
    [ "$status" = 0 ]
    [ ! -e "$(pid_file)" ]
}

# The daemon is no child of ours.
start_daemon() {
    alone
    try ./signals/reload -d -f "$T/conf"
    [ "$status" = 0 ]
    daemon=$(<"$(pid_file)")
}

end_daemon() {
    kill -TERM "$daemon"
    eventually ended "$daemon"
    [ ! -e "$(pid_file)" ]
}

@test "reload prints the greeting, rereads FILE on SIGHUP, and ends on SIGTERM" {
    settings hello 1
    start_reload
    [ "$(<"$(pid_file)")" = "$reload" ]
    [ "$(stat -c %a "$(pid_file)")" = 600 ]
    settings "good evening" 2
    kill -HUP "$reload"
    eventually grep -q evening "$T/reload"
    kill -TERM "$reload"
    finish reload
    [ "$status" = 0 ]
    [ "$(<"$T/reload")" = $'hello\ngood evening\ngood evening' ]
    [ ! -e "$(pid_file)" ]
    grep -q "SIGHUP from process $$" "$T/reload.err"
    grep -q "SIGTERM from process $$: the end" "$T/reload.err"
}

@test "reload: a broken FILE changes nothing, says where it is broken, and nothing of it is used" {
    settings hello 1
    start_reload
    local broken=0
    for text in 'greeting = new\ntimes = 0' 'greeting = new\ntimes = 10' 'greeting = new\ntimes = x' \
        'times = 3' 'greeting = new' '' 'greeting = new\ntimes = 2\ncolour = red' 'greeting =\ntimes = 2' \
        'greeting = new\ntimes = 2 3' 'greeting = new\ntimes 2' "greeting = $(printf %0100d 0)\ntimes = 2" \
        "greeting = new\ntimes = 2\n#$(printf %05000d 0)" 'greeting = new\ntimes = 2\n\0nonsense'; do
        printf '%b\n' "$text" >"$T/conf"
        kill -HUP "$reload"
        broken=$((broken + 1))
        eventually eval '[ "$(grep -c "the old settings stay" "$T/reload.err")" = $broken ]'
    done
    eventually eval '[ "$(grep -cx hello "$T/reload")" = $((broken + 1)) ]' # the old settings are still in force
    grep -q "^reload: $T/conf:2: no setting: \"times = 0\"" "$T/reload.err"
    grep -q "^reload: $T/conf:3: no setting: \"colour = red\"" "$T/reload.err"
    grep -q "^reload: $T/conf: it must have both settings" "$T/reload.err"
    grep -q "^reload: $T/conf: a NUL byte is no text" "$T/reload.err"
    rm "$T/conf"
    kill -HUP "$reload"
    eventually grep -q "^reload: open $T/conf: No such file" "$T/reload.err"
    mkdir "$T/conf"
    kill -HUP "$reload"
    eventually grep -q "^reload: read $T/conf: Is a directory" "$T/reload.err"
    rmdir "$T/conf"
    printf '# a comment\n\n  times=3\ngreeting=at last' >"$T/conf"
    kill -HUP "$reload"
    eventually grep -q last "$T/reload"
    end_reload
    [ "$(uniq "$T/reload")" = $'hello\nat last' ]
    [ "$(grep -c last "$T/reload")" = 3 ]
}

@test "reload: a FIFO in the place of FILE does not hold it up" {
    settings hello 1
    start_reload
    rm "$T/conf"
    mkfifo "$T/conf"
    kill -HUP "$reload"
    eventually grep -q "the old settings stay" "$T/reload.err"
    end_reload
    rm "$T/conf"
}

@test "reload: a missing or broken FILE at the start is an error, and leaves no pid file" {
    alone
    for option in "" -d; do
        try ./signals/reload $option -f "$T/none"
        [ "$status" = 1 ]
        [[ $stderr = *"reload: open $T/none: No such file or directory"* ]]
        echo nonsense >"$T/conf"
        try ./signals/reload $option -f "$T/conf"
        [ "$status" = 1 ]
        [[ $stderr = *"reload: $T/conf:1: no setting: \"nonsense\""* ]]
        [ -z "$output" ]
        [ ! -e "$(pid_file)" ]
    done
    [[ $stderr = *"reload: the daemon has ended before"* ]]
}

@test "reload makes the default FILE if it is missing, and leaves one that is there alone" {
    alone
    conf=/tmp/ipc-$(id -u)/reload.conf
    [ ! -e "$conf" ] || skip "this user has settings already"
    scratch=("$conf")
    start reload ./signals/reload
    eventually grep -q hello "$T/reload"
    end_reload
    printf 'greeting = mine\ntimes = 1\n' >"$conf"
    start reload ./signals/reload
    eventually grep -q mine "$T/reload"
    rm "$conf"
    try ./signals/reload # refused: it makes no file
    [ "$status" = 1 ]
    [ ! -e "$conf" ]
    end_reload
}

@test "reload: many SIGHUPs while it is stopped are one; FILE is read as it is then" {
    settings one 1
    start_reload
    stop "$reload"
    for i in 1 2 3 4 5; do
        settings "change $i" 1
        kill -HUP "$reload"
    done
    kill -CONT "$reload"
    eventually grep -q "change 5" "$T/reload"
    end_reload
    [ "$(<"$T/reload")" = $'one\nchange 5' ]
}

@test "reload hears SIGHUP although nohup has it ignored, and SIGTERM although it comes first" {
    alone
    settings hello 1
    start reload nohup ./signals/reload -f "$T/conf"
    eventually grep -q hello "$T/reload"
    settings again 1
    kill -HUP "$reload"
    eventually grep -q again "$T/reload"
    end_reload
    start reload ./signals/reload -f "$T/conf"
    eventually test -s "$(pid_file)"
    kill -HUP "$reload" # it may not have read FILE for the first time yet
    end_reload
}

@test "reload in the foreground ends by SIGINT too, and removes its pid file" {
    settings hello 1
    start_reload
    kill -INT "$reload"
    finish reload
    [ "$status" = 130 ]
    [ ! -e "$(pid_file)" ]
}

@test "reload: stdout is full: an error, and no pid file" {
    alone
    settings hello 1
    try bash -c "./signals/reload -f '$T/conf' >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = *"reload: stdout: No space left on device" ]]
    [ ! -e "$(pid_file)" ]
}

@test "reload -d: no parent of ours, a session without a leader or a terminal, / as its folder, no umask" {
    settings hello 1
    start_daemon
    [ "$(ps -o ppid= -p "$daemon")" -ne $$ ]
    [ "$(ps -o tty= -p "$daemon")" = "?" ]
    sid=$(ps -o sid= -p "$daemon")
    [ "$sid" -ne "$daemon" ]
    [ "$sid" -ne "$(ps -o sid= -p $$)" ]
    eventually ended $sid
    [ "$(readlink "/proc/$daemon/cwd")" = / ]
    [ "$(awk '/^Umask/ { print $2 }' "/proc/$daemon/status")" = 0000 ]
    end_daemon
}

@test "reload -d: stdin and stdout are /dev/null, stderr is the log, nothing else is open but the pid file" {
    settings hello 1
    exec {leak}<"$T/conf"
    start_daemon
    exec {leak}<&-
    [ "$(readlink /proc/$daemon/fd/0)" = /dev/null ]
    [ "$(readlink /proc/$daemon/fd/1)" = /dev/null ]
    [ "$(readlink /proc/$daemon/fd/2)" = "/tmp/ipc-$(id -u)/reload.log" ]
    others=$(find /proc/$daemon/fd -type l ! -name '[012]' -printf '%l\n')
    [ "$others" = "$(pid_file)" ]
    end_daemon
    [ "$(stat -c %a "/tmp/ipc-$(id -u)/reload.log")" = 600 ]
}

@test "reload -d: when the caller returns, the daemon is ready; its story goes on in the log" {
    settings hello 1
    start_daemon
    log=/tmp/ipc-$(id -u)/reload.log
    settings new 3
    kill -HUP "$daemon"
    eventually grep -q 'greeting "new", times 3' "$log"
    echo rubbish >"$T/conf"
    kill -HUP "$daemon"
    eventually grep -q "the old settings stay" "$log"
    grep -q "^reload: $T/conf:1: no setting" "$log"
    end_daemon
    eventually grep -q "^=> SIGHUP says" "$log"
    [[ $stderr = *"read(3): process $daemon is ready"* ]]
    [[ $stderr != *"=>"* ]]
}

@test "reload -d finds FILE again from /, though it was given by a relative path" {
    settings hello 1
    program=$PWD/signals/reload
    alone
    cd "$T"
    try "$program" -d -f conf
    [ "$status" = 0 ]
    daemon=$(<"$(pid_file)")
    settings again 1
    kill -HUP "$daemon"
    eventually grep -q 'greeting "again"' "/tmp/ipc-$(id -u)/reload.log"
    end_daemon
}

@test "reload: a second one is refused, is told the pid of the first, and does it no harm" {
    settings hello 1
    start_daemon
    for option in "" -d; do
        try ./signals/reload $option -f "$T/conf"
        [ "$status" = 1 ]
        [[ $stderr = *"reload: $(pid_file): process $daemon has the lock"* ]]
        [ "$(<"$(pid_file)")" = "$daemon" ]
    done
    echo nonsense >"$(pid_file)" # the lock counts, not the text
    try ./signals/reload -f "$T/conf"
    [ "$status" = 1 ]
    [[ $stderr = *"process $daemon has the lock"* ]]
    end_daemon
}

@test "reload: of many that start at once, one comes through" {
    settings hello 1
    alone
    for i in 1 2 3 4 5 6 7 8 9 10; do
        start "many_$i" ./signals/reload -d -f "$T/conf"
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

@test "reload: one may start while another ends; whoever runs owns the pid file" {
    settings hello 1
    start_daemon
    for i in 1 2 3 4 5 6 7 8; do
        old=$daemon
        kill -TERM "$old"
        until try ./signals/reload -d -f "$T/conf" && [ "$status" = 0 ]; do
            [[ $stderr = *"process $old has the lock"* ]]
        done
        daemon=$(<"$(pid_file)")
        [ "$daemon" != "$old" ]
        kill -HUP "$daemon"
        eventually ended "$old"
        [ "$(<"$(pid_file)")" = "$daemon" ]
    done
    end_daemon
}

@test "reload: a lock on a file that has lost its name is worth nothing: it makes a new one" {
    command -v strace >/dev/null || skip "no strace"
    strace -o "$T/trace" true 2>/dev/null || skip "strace is not allowed to trace"
    settings hello 1
    start_reload
    # Between open() and F_SETLK, its fourth fcntl(), the first one ends and removes the file.
    start second env ASAN_OPTIONS=detect_leaks=0 strace -o "$T/trace" -e trace=open,openat,fcntl -e inject=fcntl:delay_enter=1000000:when=4 \
        ./signals/reload -f "$T/conf"
    eventually grep -q reload.pid "$T/trace"
    kill -TERM "$reload"
    finish reload
    eventually grep -q hello "$T/second"
    reload=$(<"$(pid_file)")
    [ "$(grep -c 'open.*reload.pid' "$T/trace")" = 2 ]
    kill -TERM "$reload"
    finish second
    [ "$status" = 0 ]
    [ ! -e "$(pid_file)" ]
}

@test "reload: the pid file of one that was killed with -9 is no obstacle" {
    settings hello 1
    start_reload
    kill -KILL "$reload"
    finish reload
    [ -s "$(pid_file)" ]
    rm -f "$T/reload"
    start reload ./signals/reload -f "$T/conf"
    eventually grep -q hello "$T/reload"
    [ "$(<"$(pid_file)")" = "$reload" ]
    end_reload
}

@test "reload -d: a caller that cannot fork or open the log fails, and no daemon is left" {
    alone
    settings hello 1
    log=/tmp/ipc-$(id -u)/reload.log
    rm -f "$log"
    mkdir "$log"
    try ./signals/reload -d -f "$T/conf"
    rmdir "$log"
    [ "$status" = 1 ]
    [[ $stderr = *"reload: open $log: Is a directory"* ]]
    [ ! -e "$(pid_file)" ]
    none_left
}
