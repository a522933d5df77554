# shm/: POSIX shared memory by hand: posix-write, posix-read, posix-rm, and perl at the other end.
load helper

printf -v N /ipc-test-%u-%05d%05d $UID $RANDOM $RANDOM # a name for this test alone

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
        [[ $stderr = *"fstat(3): 0 bytes, waiting for ftruncate()"* ]]
        [[ $stderr = *"${program%% *}: the object still has size 0; has its creator died? (posix-rm)" ]]
    done
    start read ./shm/posix-read -n "$N"
    eventually says read "0 bytes, waiting"
    truncate -s 100 "/dev/shm$N"
    finish read
    [ "$status" = 0 ]
    says read "mmap(100, "
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

page=$(getconf PAGESIZE)

# full COMMAND... runs it where /dev/shm has two pages; its output goes to $T/said, its status to $status.
full() {
    [[ $(id -u) = 0 && -n ${IPC_TESTS_PRIVATE:-} ]] || skip "needs root and namespaces"
    status=0
    unshare --mount sh -c "mount -t tmpfs -o size=$((2 * page)) tmpfs /dev/shm && $*" >"$T/said" 2>&1 3>&- || status=$?
}

@test "memory: when /dev/shm is full, that is an error and no SIGBUS, and no half-made object stays" {
    full "./shm/posix-write -n $N -s $((8 * page)) hello; s=\$?; ls /dev/shm; exit \$s"
    [ "$status" = 1 ]
    [ "$(<"$T/said")" = "posix-write: /dev/shm: posix_fallocate: ENOSPC: No space left on device" ]
    full "head -c $((2 * page)) /dev/zero >/dev/shm/filler; ./shm/posix-read -n $N"
    [ "$status" = 1 ]
    [[ $(<"$T/said") = "posix-read: /dev/shm: posix_fallocate: ENOSPC"* ]]
}

@test "memory: a page that is only promised, or gone since, is one line of an error, too" {
    full "umask 077; truncate -s 4096 /dev/shm$N; head -c $((2 * page)) /dev/zero >/dev/shm/filler; ./shm/posix-read -n $N"
    [ "$status" = 1 ]
    [ "$(tail -1 "$T/said")" = "posix-read: SIGBUS: the object was shortened, or /dev/shm is full" ]
    full "umask 077; truncate -s 4096 /dev/shm$N; head -c $((2 * page)) /dev/zero >/dev/shm/filler; ./shm/posix-write -n $N x"
    [ "$status" = 1 ]
    [[ $(tail -1 "$T/said") = "posix-write: posix_fallocate: "*"No space left on device" ]]
}

@test "memory: RLIMIT_FSIZE is an error, and no signal; no half-made object stays" {
    for program in "posix-write -n $N hello" "posix-read -n $N"; do
        try bash -c "ulimit -f 1; ./shm/$program 2>&1 | cat; exit \"\${PIPESTATUS[0]}\""
        [ "$status" = 1 ]
        [ "$output" = "${program%% *}: /dev/shm: ftruncate: EFBIG: File too large" ]
    done
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
    [ "$(cat "$T"/*.err | grep -c 'O_CREAT')" = 1 ]
    rm "/dev/shm$N"
}

@test "memory: another user may not open or remove it, and is told where to look" {
    other_user shm
    try ./shm/posix-write -n "$N" secret
    try "${nobody[@]}" ./shm/posix-read -n "$N"
    [ "$status" = 1 ]
    [ "$stderr" = "posix-read: shm_open $N: EACCES (its owner: ls -l /dev/shm)" ]
    try "${nobody[@]}" ./shm/posix-write -n "$N" x
    [ "$status" = 1 ]
    [ "$stderr" = "posix-write: shm_open $N: EACCES (its owner: ls -l /dev/shm)" ]
    try "${nobody[@]}" ./shm/posix-rm -n "$N"
    [ "$status" = 1 ]
    [[ $stderr = "posix-rm: shm_unlink $N: E"*" (its owner: ls -l /dev/shm)" ]]
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

@test "memory: Python maps the object as a file, and it is still there when Python has ended" {
    command -v python3 >/dev/null || skip "no python3"
    quietly ./shm/posix-write -n "$N" "from C"
    try python3 -c 'import mmap, sys
f = open("/dev/shm" + sys.argv[1], "r+b")
m = mmap.mmap(f.fileno(), 0)
print(m[:6]); m[:12] = b"from python\0"' "$N"
    [ "$output" = "b'from C'" ]
    try ./shm/posix-read -n "$N"
    [ "$output" = "from python" ]
    rm "/dev/shm$N"
}
