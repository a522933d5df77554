# dup/: descriptors and what they lead to: redirect, offset, cloexec, lock.
load helper

# How many descriptors a process has open.
descriptors() {
    find "/proc/$1/fd" -type l | wc -l
}

@test "redirect: what the command prints is in FILE, its error output is not" {
    try ./dup/redirect "$T/out" sh -c 'echo data; echo trouble >&2'
    [ "$status" = 0 ]
    [ -z "$output" ]
    [ "$(<"$T/out")" = data ]
    [[ $stderr = *trouble* ]]
    grep -q 'child | dup2(\([0-9]*\), 1) = 1' <<<"$stderr"
    assert_lesson "the command writes to 1"
}

@test "redirect empties FILE, redirect -a writes behind what is there" {
    echo old >"$T/out"
    try ./dup/redirect -a "$T/out" echo appended
    [ "$(<"$T/out")" = $'old\nappended' ]
    try ./dup/redirect "$T/out" echo new
    [ "$(<"$T/out")" = new ]
}

@test "two writers overwrite each other, with -a they do not" {
    cat >"$T/writers" <<'END'
echo first; ./dup/redirect $2 "$1" echo other; echo last
END
    try ./dup/redirect "$T/out" sh "$T/writers" "$T/out"
    [ "$status" = 0 ]
    [ "$(<"$T/out")" = $'other\nlast' ]
    try ./dup/redirect -a "$T/appended" sh "$T/writers" "$T/appended" -a
    [ "$(<"$T/appended")" = $'first\nother\nlast' ]
}

@test "redirect ends with the status of the command, with 126 and 127 as the shell" {
    try ./dup/redirect "$T/out" sh -c 'exit 7'
    [ "$status" = 7 ]
    try ./dup/redirect "$T/out" sh -c 'kill -9 $$'
    [ "$status" = 137 ]
    try ./dup/redirect "$T/out" "$T/no-such-command"
    [ "$status" = 127 ]
    grep -q "^redirect: $T/no-such-command: No such file" <<<"$stderr"
    echo "not a program" >"$T/text"
    try ./dup/redirect "$T/out" "$T/text"
    [ "$status" = 126 ]
    try ./dup/redirect "$T/out"
    [ "$status" = 2 ]
}

@test "redirect: where FILE cannot be opened the command does not run" {
    try ./dup/redirect "$T/no/such/folder" touch "$T/ran"
    [ "$status" = 1 ]
    [ ! -e "$T/ran" ]
    grep -q "^redirect: open $T/no/such/folder: No such file" <<<"$stderr"
    ! grep -q "^=>" <<<"$stderr" || false
}

@test "redirect works with 0, 1 and 2 closed, and the command gets no descriptor more" {
    try bash -c "./dup/redirect $T/out echo hello 0<&- 1>&- 2>&-"
    [ "$status" = 0 ]
    [ "$(<"$T/out")" = hello ]
    try ls /proc/self/fd
    ls_alone=$output
    try ./dup/redirect "$T/out" ls /proc/self/fd
    [ "$(<"$T/out")" = "$ls_alone" ]
}

@test "redirect makes FILE with the rights that the umask leaves" {
    try bash -c "umask 027; ./dup/redirect $T/out true"
    [ "$(stat -c %a "$T/out")" = 640 ]
}

@test "redirect: a signal that ends it ends the command too" {
    for signal in INT KILL; do
        rm -f "$T/out" # the pid in it would be the one before
        start redirect ./dup/redirect "$T/out" sh -c 'echo $$; exec sleep 60'
        eventually test -s "$T/out"
        kill -$signal "$redirect"
        finish redirect
        [ "$status" -gt 128 ]
        eventually ended "$(<"$T/out")"
    done
}

@test "offset: dup and fork share offset and status flags, a second open does not, FD_CLOEXEC nobody" {
    try ./dup/offset
    [ "$status" = 0 ]
    [ "$output" = "descriptor    offset  O_APPEND  O_NONBLOCK  FD_CLOEXEC
the first         12  on        on          off
its dup           12  on        on          off
in the child      12  on        on          on
opened again       4  off       off         off" ]
    assert_lesson "dup and fork copy the number"
}

@test "offset: what one descriptor has read, its copies do not read again" {
    try ./dup/offset
    words=$(grep -o 'read([0-9]*) = 4 .*' <<<"$stderr" | grep -o '"[^"]*"' | tr -d '\n')
    [ "$words" = '"one ""two ""six ""one ""ten "' ]
}

@test "cloexec: exec closes what has FD_CLOEXEC, and only that" {
    try ./dup/cloexec
    [ "$status" = 0 ]
    [ -z "$output" ]
    grep -q '^cat: /proc/self/fd/[0-9]*: ' <<<"$stderr"
    grep -q 'wait() = [0-9]*, status 1$' <<<"$stderr"
    assert_lesson "open with O_CLOEXEC: exec closes it"
}

@test "cloexec -x: a descriptor leaks across exec, and another program reads the secret" {
    try ./dup/cloexec -x
    [ "$status" = 0 ]
    [ "$output" = "the secret" ]
    assert_lesson "without FD_CLOEXEC every program that is started inherits what is open"
}

@test "cloexec: dup and dup2 clear the flag, dup3 and F_DUPFD_CLOEXEC set it" {
    try ./dup/cloexec
    grep -q '| dup([0-9]*) = [0-9]*: no FD_CLOEXEC$' <<<"$stderr"
    grep -q '| dup3([0-9]*, [0-9]*, O_CLOEXEC) = [0-9]*: FD_CLOEXEC$' <<<"$stderr"
    grep -q '| dup2([0-9]*, [0-9]*) = [0-9]*: no FD_CLOEXEC$' <<<"$stderr"
    grep -q '| fcntl([0-9]*, F_DUPFD_CLOEXEC, 0) = [0-9]*: FD_CLOEXEC$' <<<"$stderr"
}

@test "cloexec fails where there is no cat, or where it cannot print" {
    try env PATH=/nowhere ./dup/cloexec
    [ "$status" = 1 ]
    grep -q '^cloexec: cat: No such file' <<<"$stderr"
    try bash -c './dup/cloexec -x >/dev/full'
    [ "$status" = 1 ]
}

@test "offset and cloexec leave no file behind" {
    files=$(ls "/tmp/ipc-$(id -u)")
    try ./dup/offset
    try ./dup/cloexec -x
    [ "$(ls "/tmp/ipc-$(id -u)")" = "$files" ]
    try ./dup/cloexec
    [ "$(ls "/tmp/ipc-$(id -u)")" = "$files" ]
}

@test "lock: flock() and F_OFD_SETLK belong to the open file, F_SETLK to the process" {
    try ./dup/lock
    [ "$status" = 0 ]
    [ "$output" = "lock         stranger  child    after another close()
flock        refused   has it   held
F_OFD_SETLK  refused   has it   held
F_SETLK      refused   refused  lost" ]
    assert_lesson "flock() and F_OFD_SETLK lock for the open file"
    [ -z "$(find "/tmp/ipc-$(id -u)" -name 'lock-*')" ]
}

@test "lock -x: closing another descriptor of the file loses the lock of fcntl()" {
    try ./dup/lock -x
    [ "$status" = 0 ]
    [ -z "$output" ]
    [ "$(grep -o 'stranger | fcntl([0-9]*, F_SETLK) = .*' <<<"$stderr" | sed 's/.*= //')" = $'-1 EAGAIN\n0' ]
    assert_lesson "F_SETLK: any close()"
}
