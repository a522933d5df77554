# mend: each exercise fails as it is given, is refused with the popular cure that is none, and passes with the right one.
# All of them are judged once, several at a time; the tests look at what the judge has said.
load helper

exercises() {
    (cd "$tree" && ls ./*/mend/*.c) | sed 's|^\./||; s|/mend/|/|; s|\.c$||'
}

# judge DIR/NAME KIND [WRAP...] writes what is said to $results/KIND/DIR/NAME, and the exit status as its last line.
judge() {
    local source=$tree/${1%/*}/mend/${1#*/} result=$results/$2/$1
    export IPC_MEND_DIR=$result.copy
    mkdir -p "$IPC_MEND_DIR/${1%/*}"
    cp "$source.c" "$IPC_MEND_DIR/$1.c"
    case $2 in
    given) ;;
    nothing) echo 'int main(void) { return 0; }' >"$IPC_MEND_DIR/$1.c" ;;
    *) patch -s "$IPC_MEND_DIR/$1.c" <"$source.${2%%-*}" ;;
    esac
    { timeout 120 "${@:3}" "$mend" "$1" 2>&1; echo "status $?"; } | tr '\n' ' ' | tr -s ' ' >"$result"
}

setup_file() {
    export tree=${BATS_TEST_DIRNAME%/*} results=$BATS_FILE_TMPDIR/mend
    export mend=$tree/lib/tools/mend.sh
    export -f judge
    {
        exercises | sed 's/$/ given/'
        exercises | sed 's/$/ wrong/'
        exercises | sed 's/$/ nothing/'
        exercises | sed 's/$/ cure/'
        exercises | sed "s/\$/ cure-one-cpu taskset -c $(taskset -cp $$ | grep -o '[0-9]*$')/"
    } | xargs -P $((2 * $(nproc))) -I{} bash -c 'judge {}' 3>&-
}

# said KIND NAME REGEX: that is not right yet, and this is why.
said() {
    [[ $(<"$results/$1/$2") =~ "$2 is not right yet. "($3).*" status 1 "$ ]] || { cat "$results/$1/$2"; return 1; }
}

all_right() {
    local name
    for name in $(exercises); do
        [[ $(<"$results/$1/$name") = "$name is right. status 0 " ]] || { cat "$results/$1/$name"; return 1; }
    done
}

late='With each process.s first [a-z0-9]*\(\) 200 ms late: '
anyhow="($late|On one CPU: )?([Ll])" # a race may show before it is forced
asleep="It does not end: .*pid [0-9]+ sleeps in"

@test "mend: each exercise fails as it is given, with its own message" {
    said given pipe/eof "$asleep read\([0-9]+\), an empty pipe; its write end is descriptor [0-9]+ of pid [0-9]+ itself"
    said given pipe/stdio "Line 3 of its output is 'the length of [0-9] words'"
    said given pipe/status "Its exit status is 0 and should be [0-9]{2}"
    said given pipe/records "${anyhow}ine [0-9]+ of its output is '[0-9]+ [a-p]{10}"
    said given pipe/full "$asleep write\([0-9]\), a full pipe; its read end is descriptor 0 of pid .* sleeps in write\(1\), a full pipe"
    said given fifo/order "$asleep open\(\"answer\", O_RDONLY\), .*open\(\"ask\", O_RDONLY\), until another process"
    said given fifo/server-eof "It has ended after line 1 of 5"
    said given fifo/torn "(On one CPU: l|L)ine [0-9]+ of its output \(sorted\)"
    said given msgq/size "Line 2 of its output is '[a-p]*_"
    said given msgq/type "$asleep msgrcv\([0-9]+\)"
    said given msgq/removed "($late)?'[a-p]*' is missing"
    said given msgq/full "$asleep msgsnd\([0-9]+\); 163 messages, 16300 bytes .*pid [0-9]+ sleeps in msg"
    said given shm/race "${anyhow}ine 1 of its output is 'balance"
    said given shm/pointer "Pid [0-9]+ was killed by SIGSEGV"
    said given shm/sigbus "Pid [0-9]+ was killed by SIGBUS; /dev/shm/copy-[0-9]+ has 0 bytes"
    said given shm/leak "It has ended and left shared memory segment [0-9]+"
    said given sem/init "${anyhow}ine 1 of its output is 'two inside at once'"
    said given sem/order "$asleep futex\(\).* sleeps in futex\(\)"
    said given sem/while "($asleep futex.* last line '|Line 1 of its output \(sorted\) is ')0 "
    said given sem/undo "With SIGKILL: line 5 .* sleeps in semop\([0-9]+\); semaphore 0 is 0, changed last by pid [0-9]+, which has ended"
    said given signals/eintr "With SIGUSR1: it has ended after line [0-9] of 6"
    said given signals/pause "${late}it does not end: pid [0-9]+ sleeps in pause\(\)"
    said given signals/child "($late)?[Nn]o wait\(\) has taken the status of pid.*: zombies"
    said given signals/handler "$asleep futex\(\).* in its handler of SIGALRM"
    said given dup/fclose "Line 1 of its output is '[0-9]* even, [0-9]* odd'"
    said given dup/dup2 "Line 1 of its output is .* and should be 'file: [0-9]* bytes'"
    said given dup/cloexec "The command .* inherits descriptor 3 \(.*/log\)"
    said given dup/edge "Line 1 of the input, [0-9]+ bytes, is not answered: pid [0-9]+ sleeps in epoll_p?wait\(3\) \(output so far: [0-9]+ bytes"
}

@test "mend: the popular cure that is none is refused, with its own message" {
    needs patch
    said wrong pipe/eof ".*[Pp]id [0-9]+ was killed by SIGPIPE"
    said wrong pipe/stdio "Line 3 of its output is 'the length of [0-9] words'"
    said wrong pipe/status "Its exit status is 0 and should be 137"
    said wrong pipe/records "${anyhow}ine [0-9]+ of its output"
    said wrong pipe/full "$asleep write"
    said wrong fifo/order "${anyhow}ine [0-9]+ of its output is 'no answer'"
    said wrong fifo/server-eof "Pid [0-9]+ does not sleep while there is nothing to read"
    said wrong fifo/torn "(On one CPU: l|L)ine [0-9]+ of its output \(sorted\)"
    said wrong msgq/size "Line 2 of its output is '[a-p]*_"
    said wrong msgq/type "${anyhow}ine [0-9]+ of its output \(sorted\) is '[0-9]* squared is"
    said wrong msgq/removed "$late.* is missing: .*its sleeps returned at once"
    said wrong msgq/full "$asleep msgrcv\([0-9]+\) for type 2; 0 messages"
    said wrong shm/race "${anyhow}ine 1 of its output is 'balance"
    said wrong shm/pointer "With address space randomization off .* is missing"
    said wrong shm/sigbus "Pid [0-9]+ was killed by SIGBUS; /dev/shm/copy-[0-9]+ has 1 bytes"
    said wrong shm/leak "With SIGKILL: pid [0-9]+ was killed while it slept in read\(0\); .* left shared memory segment"
    said wrong sem/init "${anyhow}ine 1 of its output is 'two inside at once'"
    said wrong sem/order "$asleep futex\(\).*; pid [0-9]+ has ended"
    said wrong sem/while "($asleep futex.* last line '|Line 1 of its output \(sorted\) is ')0 "
    said wrong sem/undo "With SIGKILL: .* now two processes are inside at once"
    said wrong signals/eintr "With SIGUSR1: line [0-9] of its output"
    said wrong signals/pause "${late}it does not end: pid [0-9]+ sleeps in pause\(\).*its sleeps returned at once"
    said wrong signals/child "Line [2-5] of the input, [0-9]+ bytes, is not answered: .* sleeps in wait\(\)"
    said wrong signals/handler "$asleep futex\(\).* in its handler of SIGALRM"
    said wrong dup/fclose "Line 1 of its output is '[0-9]* even, [0-9]* odd'"
    said wrong dup/dup2 "The command .* inherits descriptor 4 "
    said wrong dup/cloexec "The command .* inherits descriptor 3 \(.*/log\)"
    said wrong dup/edge "Line 1 of the input, [0-9]+ bytes, is not answered: .*output so far: [0-9]+ bytes"
}

@test "mend: the right cure passes" {
    needs patch
    all_right cure
}

@test "mend: the right cure passes on one CPU, which it shares with the judge" {
    needs patch
    all_right cure-one-cpu
}

@test "mend: every exercise is in the order, with all its files" {
    local name base
    [ "$(IPC_MEND_DIR=$T "$mend" -l | awk '{ print $1 }' | sort)" = "$(exercises | sort)" ]
    for name in $(exercises); do
        base=$tree/${name%/*}/mend/${name#*/}
        for file in "$base".{c,cure,wrong,task}; do [ -s "$file" ] || { echo "no $file"; return 1; }; done
        [ "$(grep -c '^hint: ' "$base.task")" = 2 ]
        [ "$(grep -c . "$base.c")" -le 50 ]
    done
}

@test "mend: the demo and the section that a task names exist" {
    local name demo
    for name in $(exercises); do
        base=$tree/${name%/*}/mend/${name#*/}
        read -r demo _ <<<"$(sed -n 's/^demo: //p' "$base.task")"
        [ -x "$demo" ] || { echo "$name: no $demo"; return 1; }
        grep -qxF "## $(sed -n 's/^section: //p' "$base.task")" "$tree/$(cut -d / -f 2 <<<"$demo")/README.md" ||
            { echo "$name: no such section"; return 1; }
    done
}

@test "mend without a name: the one that was edited last, then the next; -l marks, -r starts again, -n and -s show" {
    needs patch
    export IPC_MEND_DIR=$T/copies
    try "$mend"
    [ "$status" = 1 ]
    [[ $output = *"Counts the words"*"pipe/eof is not right yet."* ]]
    patch -s "$T/copies/pipe/eof.c" <"$tree/pipe/mend/eof.cure"
    try "$mend"
    [[ $output = "pipe/eof is right."*"Prints a heading"*"pipe/stdio is not right yet."* ]]
    try "$mend" -l
    [[ ${lines[0]} = "x pipe/eof "* ]]
    [[ ${lines[1]} = "  pipe/stdio "* ]]
    try "$mend" -n
    [ "${#lines[@]}" -ge 1 ]
    [[ $output != *"The child has a copy"* ]]
    try "$mend" -nn eof
    [[ $output = *"The child has a copy"* ]]
    try "$mend" -s
    [[ $output = *"+        close(fd[1]);"* ]]
    try "$mend" -s stdio
    [ "$status" = 1 ]
    [[ $output = *"not mended yet"* ]]
    try "$mend" -ss stdio
    [[ $output = *"+    fflush(stdout);"* ]]
    try "$mend" -r eof
    cmp "$T/copies/pipe/eof.c" "$tree/pipe/mend/eof.c"
}

@test "mend: a name that two folders have is asked for with its folder, and wrong usage is status 2" {
    try "$mend" full
    [ "$status" = 2 ]
    [[ $stderr = *"pipe/full msgq/full: which full?"* ]]
    try "$mend" nothing
    [ "$status" = 2 ]
    try "$mend" -x
    [ "$status" = 2 ]
    try "$mend" eof full
    [ "$status" = 2 ]
}

@test "mend: what does not compile is said by the compiler" {
    mkdir -p "$T/copies/pipe"
    echo "int main(void) { return x; }" >"$T/copies/pipe/eof.c"
    IPC_MEND_DIR=$T/copies try "$mend" eof
    [ "$status" = 1 ]
    [[ $stderr = *"error:"* ]]
    [[ $output = *"does not compile"* ]]
}

# cheat DIR/NAME: the C program on stdin instead; it must not pass.
cheat() {
    mkdir -p "$T/copies/${1%/*}"
    cat >"$T/copies/$1.c"
    IPC_MEND_DIR=$T/copies try "$mend" "$1"
    [ "$status" = 1 ]
    [[ $output = *"is not right yet."* ]]
}

@test "mend: a program that ends at once does not pass" {
    local name
    for name in $(exercises); do said nothing "$name" ".*"; done
}

@test "mend: a program that kills its child, or prints a fixed text, does not pass" {
    sed 's/    wait(NULL);/    kill(0, 15);/; s/#include <stdio.h>/#include <signal.h>\n&/' "$tree/pipe/mend/eof.c" | cheat pipe/eof
    printf '#include <stdio.h>\nint main(void) { puts("1000"); return 0; }\n' | cheat pipe/eof
}

judging() { # a program is under judgement
    grep -qsz '^IPC_MEND=' /proc/[0-9]*/environ
}

@test "mend: after Ctrl-C nothing is left" {
    mkdir "$T/tmp"
    for signal in INT TERM; do
        for name in sem/undo shm/leak pipe/eof; do
            rm -rf "$T/copies"
            IPC_MEND_DIR=$T/copies TMPDIR=$T/tmp start judge setsid "$mend" "$name"
            eventually judging
            kill -$signal -- "-$judge"
            finish judge
            [ "$status" != 0 ]
            eventually none_left
            [ -z "$(ls "$T/tmp")" ]
        done
    done
}
