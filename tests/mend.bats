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
    { timeout 120 "${@:3}" "$mend" "$1" 2>&1; echo "status $?"; } | tee "$result.lines" | tr '\n' ' ' | tr -s ' ' >"$result"
}

setup_file() {
    export tree=${BATS_TEST_DIRNAME%/*} results=$BATS_FILE_TMPDIR/mend
    export mend=$tree/lib/tools/mend.sh
    export -f judge
    local at_once=$((2 * $(nproc)))
    # Without namespaces, a judge removes every new object of this user: those of another judge, too.
    unshare --ipc true 2>/dev/null || unshare --user --ipc true 2>/dev/null || at_once=1
    {
        exercises | sed 's/$/ given/'
        exercises | sed 's/$/ wrong/'
        exercises | sed 's/$/ nothing/'
        exercises | sed 's/$/ cure/'
        exercises | sed "s/\$/ cure-one-cpu taskset -c $(taskset -cp $$ | grep -o '[0-9]*$')/"
    } | xargs -P "$at_once" -I{} bash -c 'judge {}' 3>&-
}

# ask [ARGUMENT...]: as try, with more patience: a verdict takes seconds.
ask() {
    status=0
    timeout -k 1 120 "$mend" "$@" >"$T/.output" 2>"$T/.stderr" 3>&- || status=$?
    output=$(<"$T/.output")
    stderr=$(<"$T/.stderr")
    mapfile -t lines <"$T/.output"
}

# said KIND NAME REGEX: that is not right yet, and this is why.
said() {
    [[ $(<"$results/$1/$2") =~ "$2 is not right yet. "($3).*" status 1 "$ ]] || { cat "$results/$1/$2"; return 1; }
}

all_right() {
    local name result
    for name in $(exercises); do
        result=$(<"$results/$1/$name")
        # What the other test files make meanwhile is seen by the judge where it has no namespace of its own.
        [ -n "${IPC_TESTS_PRIVATE:-}" ] || result=$(sed -E 's/not removed, for another program may have made it: [^ ]+ ([0-9]+ )?//g' <<<"$result")
        [ "$result" = "$name is right. status 0 " ] || { echo "$name: $result"; return 1; }
    done
}

late='With each process.s first [a-z0-9]*\(\) [246]00 ms (late|long): '
forced="($late|On one CPU: )?" # a race may show before it is forced
anyhow="$forced([Ll])"
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
    said given msgq/size "Line [12] of its output is '[a-p]*_"
    said given msgq/type "$asleep msgrcv\([0-9]+\)"
    said given msgq/removed "($late)?'[a-p]*' is missing"
    said given msgq/full "$asleep msgsnd\([0-9]+\); 163 messages, 16300 bytes .*pid [0-9]+ sleeps in msg"
    said given shm/race "${forced}[Cc]lerk [12] prints the balance [0-9]+, which clerk [12] has printed before: a deposit is lost"
    said given shm/pointer "(Pid [0-9]+ was killed by SIGSEGV|Line 1 of its output is '')" # 32 bits: it may lead to other memory
    said given shm/sigbus "Pid [0-9]+ was killed by SIGBUS; /dev/shm/copy-[0-9]+ has 0 bytes"
    said given shm/leak "It has ended and left shared memory segment [0-9]+"
    said given sem/init "${forced}[Tt]wo are inside at once: line [0-9]+ of its output is '[a-p]+ in', but"
    said given sem/order "$asleep futex\(\).* sleeps in futex\(\)"
    said given sem/while "($asleep futex.* last line '|Line 1 of its output \(sorted\) is ')0 "
    said given sem/undo "With SIGKILL: line 5 .* sleeps in semop\([0-9]+\); semaphore 0 is 0, changed last by pid [0-9]+, which has ended"
    said given signals/eintr "With SIGUSR1: it has ended after line [0-9] of 6"
    said given signals/pause "($late)?[Ii]t does not end: pid [0-9]+ sleeps in pause\(\)"
    said given signals/child "(After several children have ended at once: n|N)o wait\(\) has taken the status of pid.*: zombies"
    said given signals/handler "$asleep futex\(\).* in its handler of SIGALRM"
    said given dup/fclose "'8' is missing: the file even has 0 lines, not [0-9]+"
    said given dup/dup2 "'file: [0-9]* bytes' is missing: its output has 0 lines, not 1"
    said given dup/cloexec "The command .* inherits descriptor 3 \(log\)"
    said given dup/edge "Line [12] of the input, [0-9]+ bytes, is not answered: pid [0-9]+ sleeps in epoll_p?wait\(3\) \(output so far: [0-9]+ bytes"
}

@test "mend: the popular cure that is none is refused, with its own message" {
    needs patch
    said wrong pipe/eof ".*[Pp]id [0-9]+ was killed by SIGPIPE"
    said wrong pipe/stdio "Line 3 of its output is 'the length of [0-9] words'"
    said wrong pipe/status "Its exit status is 0 and should be 137"
    said wrong pipe/records "${anyhow}ine [0-9]+ of its output"
    said wrong pipe/full "$asleep write"
    said wrong fifo/order "${anyhow}ine [0-9]+ of its output is 'no answer'"
    said wrong fifo/server-eof "Pid [0-9]+ does not sleep, and keeps a CPU busy, while there is nothing to read"
    said wrong fifo/torn "(On one CPU: l|L)ine [0-9]+ of its output \(sorted\)"
    said wrong msgq/size "Line [12] of its output is '[a-p]*_"
    said wrong msgq/type "${anyhow}ine [0-9]+ of its output \(sorted\) is '[0-9]* squared is"
    said wrong msgq/removed "$late.* is missing: .*its sleeps returned at once"
    said wrong msgq/full "$asleep msgrcv\([0-9]+\) for type 2; 0 messages"
    said wrong shm/race "${forced}[Cc]lerk [12] prints the balance [0-9]+, which clerk [12] has printed before: a deposit is lost"
    said wrong shm/pointer "(With address space randomization off .*)?'[a-p]*' is missing" # 32 bits have little of it
    said wrong shm/sigbus "Pid [0-9]+ was killed by SIGBUS; /dev/shm/copy-[0-9]+ has 1 byte\."
    said wrong shm/leak "With SIGKILL: pid [0-9]+ was killed while it slept in read\(0\); .* left shared memory segment"
    said wrong sem/init "${forced}[Tt]wo are inside at once: line [0-9]+ of its output is '[a-p]+ in', but"
    said wrong sem/order "$asleep futex\(\).*; pid [0-9]+ has ended"
    said wrong sem/while "($asleep futex.* last line '|Line 1 of its output \(sorted\) is ')0 "
    said wrong sem/undo "With SIGKILL: .* now two processes are inside at once"
    said wrong signals/eintr "With SIGUSR1: line [0-9] of its output"
    said wrong signals/pause "${late}it does not end: pid [0-9]+ sleeps in pause\(\).*its sleeps returned at once"
    said wrong signals/child "Line [45] of the input, [0-9]+ bytes, is not answered: .* sleeps in wait\(\)"
    said wrong signals/handler "$asleep futex\(\).* in its handler of SIGALRM"
    said wrong dup/fclose "'8' is missing: the file even has 0 lines, not [0-9]+\. fsync\(\) writes"
    said wrong dup/dup2 "The command .* inherits descriptor 4 "
    said wrong dup/cloexec "The command .* inherits descriptor 3 \(log\)"
    said wrong dup/edge "${anyhow}ine [0-9]+ of the input, [0-9]+ bytes, is not answered: .*output so far: [0-9]+ bytes"
}

# gist KIND NAME: the verdict, without the words and numbers that differ from run to run.
gist() {
    sed "s/ Look at .*//; s/'[^']*'/X/g; s/[0-9][0-9]*/N/g; s/With each process.s first [a-z0-9]*() N ms [a-z]*: //; s/On one CPU: //" <"$results/$1/$2"
}

@test "mend: what is said of a popular cure that is none is not what is said of the program as it is given" {
    local name
    for name in $(exercises); do
        [ "$(gist wrong "$name")" != "$(gist given "$name")" ] || { cat "$results/wrong/$name"; return 1; }
    done
}

@test "mend: no line of a verdict has more than 79 columns, or ends in a blank, but for a path" {
    run bash -c "cat '$results'/*/*/*.lines | grep -v / | grep -E '.{80}| $'"
    [ "$output" = "" ]
    IPC_MEND_DIR=$T/copies ask -l
    run grep -E '.{80}| $' "$T/.output"
    [ "$status" = 1 ]
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

@test "mend: the demo that a task names runs as it stands there, and the section exists" {
    local name demo
    for name in $(exercises); do
        base=$tree/${name%/*}/mend/${name#*/}
        read -r demo _ <<<"$(sed -n 's/^demo: //p' "$base.task")"
        [ -x "$demo" ] || { echo "$name: no $demo"; return 1; }
        grep -qxF "## $(sed -n 's/^section: //p' "$base.task")" "$tree/$(cut -d / -f 2 <<<"$demo")/README.md" ||
            { echo "$name: no such section"; return 1; }
        try timeout 10 bash -c "$(sed -n 's/^demo: //p' "$base.task")" </dev/null
        [[ $status != @(2|124) ]] || { echo "$name: $demo: status $status: $stderr"; return 1; }
    done
}

@test "mend without a name: the one that was edited last, then the next; -l marks, -r starts again, -n and -s show" {
    needs patch
    local copies="$T/c [1] a+b"
    export IPC_MEND_DIR=$copies
    ask
    [ "$status" = 1 ]
    [[ $output = *"Counts the words"*"pipe/eof is not right yet."* ]]
    patch -s "$copies/pipe/eof.c" <"$tree/pipe/mend/eof.cure"
    ask
    [[ $output = "pipe/eof is right."*"Prints a heading"*"pipe/stdio is not right yet."* ]]
    ask -l
    [[ ${lines[0]} = "x pipe/eof "* ]]
    [[ ${lines[1]} = "  pipe/stdio "* ]]
    ask -n
    [ "${#lines[@]}" -ge 1 ]
    [[ $output != *"The child has a copy"* ]]
    ask -nn eof
    [[ $output = *"The child has a copy"* ]]
    ask -s
    [[ $output = *"+        close(fd[1]);"* ]]
    ask -s stdio
    [ "$status" = 1 ]
    [[ $output = *"not mended yet"* ]]
    ask -ss stdio
    [[ $output = *"+    fflush(stdout);"* ]]
    ask -r eof
    cmp "$copies/pipe/eof.c" "$tree/pipe/mend/eof.c"
}

@test "mend: a name that two folders have is asked for with its folder, and wrong usage is status 2" {
    ask full
    [ "$status" = 2 ]
    [[ $stderr = *"pipe/full msgq/full: which full?"* ]]
    ask nothing
    [ "$status" = 2 ]
    ask -x
    [ "$status" = 2 ]
    ask eof full
    [ "$status" = 2 ]
}

@test "mend: what does not compile is said by the compiler" {
    mkdir -p "$T/copies/pipe"
    echo "int main(void) { return x; }" >"$T/copies/pipe/eof.c"
    IPC_MEND_DIR=$T/copies ask eof
    [ "$status" = 1 ]
    [[ $stderr = *"error:"* ]]
    [[ $output = *"does not compile"* ]]
}

# cheat DIR/NAME: the C program on stdin instead; it must not pass.
cheat() {
    mkdir -p "$T/copies/${1%/*}"
    cat >"$T/copies/$1.c"
    IPC_MEND_DIR=$T/copies ask "$1"
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

# right DIR/NAME SCRIPT: the program as it is given, changed by this script of sed, which is not the cure.
right() {
    mkdir -p "$T/copies/${1%/*}"
    sed -E "$2" "$tree/${1%/*}/mend/${1#*/}.c" >"$T/copies/$1.c"
    IPC_MEND_DIR=$T/copies ask "$1"
    [ "$output" = "$1 is right." ]
}

# wrong DIR/NAME SCRIPT REGEX: as above, and this is said.
wrong() {
    mkdir -p "$T/copies/${1%/*}"
    sed -E "$2" "$tree/${1%/*}/mend/${1#*/}.c" >"$T/copies/$1.c"
    IPC_MEND_DIR=$T/copies ask "$1"
    [ "$status" = 1 ]
    [[ $(tr '\n' ' ' <<<"$output") =~ $3 ]]
}

@test "mend: right solutions of another shape than the cure pass" {
    right pipe/eof 's/(int words = 0)/close(fd + 1); \1/'
    right fifo/server-eof 's/"r"\)/"r+")/'
    right msgq/full 's/; jobs\+\+\)/;) {/; s/^        send\(1\);$/        send(1); printf("%s", receive(2)); }/'
    right shm/race 's/balance = account->balance \+ amount/balance = __sync_add_and_fetch(\&account->balance, amount)/; /account->balance = balance/d'
    right sem/order '/sem_(wait|post)\(&buffer->lock/d'
    right signals/child 's/if \(wait\(&status\) > 0\)/while (waitpid(0, \&status, WNOHANG) > 0)/'
    right dup/cloexec 's/(execvp)/fcntl(log, F_SETFD, FD_CLOEXEC); \1/'
    right fifo/torn 's/#include <sys.stat.h>/#include <sys\/file.h>\n&/; s/open\("log", O_WRONLY\)/&, lock = open(".", O_RDONLY)/
        s/dprintf\(log, "%s "/flock(lock, LOCK_EX); &/; s/dprintf\(log, "all.*/& flock(lock, LOCK_UN);/'
    right signals/eintr '1s/^/#define _GNU_SOURCE\n#include <poll.h>\n/
        s/^    while \((fgets.*) != NULL\) \{/    sigset_t blocked, before;\
            sigemptyset(\&blocked), sigaddset(\&blocked, SIGUSR1), sigprocmask(SIG_BLOCK, \&blocked, \&before);\
            setvbuf(stdin, NULL, _IONBF, 0);\
            for (struct pollfd input = {0, POLLIN, 0};;) {\
                while (ppoll(\&input, 1, NULL, \&before) == -1) continue;\
                if (\1 == NULL) break;/'
}

@test "mend: a program that polls, that leaves a few zombies, or does without what it should use, does not pass" {
    wrong fifo/server-eof 's/while \((fgets.*) != NULL\) \{/for (;;) { if (\1 == NULL) { clearerr(requests); usleep(10000); continue; }/' \
        "Pid [0-9]+ wakes up again and again while there is nothing to read"
    wrong signals/child 's/if \(wait\(&status\) > 0\)/for (int i = 0; i < 3; i++) if (waitpid(-1, \&status, WNOHANG) > 0)/' \
        "After several children have ended at once: no wait\(\) has taken the status of pid"
    wrong msgq/full '/^int main/,$d; s/^static char/int main(void) { int c; while ((c = getchar()) != EOF) putchar(toupper(c)); (void)queue; } &/' \
        "Its output is right, but no process has called fork\(\)"
    wrong shm/race 's/(balance %ld.n", )account->balance/\1 2 * atol(argv[1]) * atol(argv[2])/' "has printed before: a deposit is lost"
    wrong dup/cloexec 's/(execvp)/close(log); \1/' "Line 2 of the file log is 'status 127' and should be 'there is no ./no-such-command'"
}

@test "mend: a cure that fails only at a certain moment, or with other input, does not pass" {
    wrong dup/edge 's/char text\[64\]/static char text[65536]/' \
        "With all of its input, and its end, there when it begins: it does not end: pid [0-9]+ sleeps in epoll_p?wait\(3\)"
    wrong signals/pause '/dprintf/d; s/^    if \(fork/    dprintf(2, "waiting for the sum\\n");\n&/; s/pause\(\)/select(0, NULL, NULL, NULL, NULL)/
        s/#include <sys.mman.h>/&\n#include <sys\/select.h>/' "waits in [a-z0-9_]*select[a-z0-9_]*\(\): a signal that comes just before"
    wrong pipe/status '/^    waitpid/d; s/^    FILE/    waitpid(child, \&status, 0);\n&/
        s/return status/return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)/' \
        "It does not end: pid [0-9]+ sleeps in wait\(\), .* sleeps in write\(1\), a full pipe"
    [[ $(</proc/sys/kernel/core_pattern) = *[/\|]* ]] || [ "$(ulimit -H -c)" = 0 ] || # a core dump goes into the folder
        wrong pipe/status 's/return status/return status \& 0xff ? 128 + (status \& 0xff) : status >> 8/' "Its exit status is 11 and should be 139"
    wrong fifo/server-eof 's/while \((fgets.*) != NULL\) \{/for (;;) { if (\1 == NULL) { fclose(requests); requests = fopen("requests", "r"); continue; }/' \
        "With each process's close\(\) [246]00 ms late: line [0-9] of the input, [0-9] bytes, is not answered"
    wrong shm/pointer 's/shmat\(id, NULL/shmat(id, (void *)(1UL << 40)/' "has chosen an address for shmat\(\)|killed by SIGSEGV" # 32 bits
    wrong shm/sigbus 's/^    char \*text = mmap/    if (ftruncate(fd, SIZE \/ 2) == -1)\n        return 1;\n&/' \
        "killed by SIGBUS; /dev/shm/copy-[0-9]+ has 32768 bytes"
}

@test "mend: without namespaces it removes what the program has made, and nothing of others" {
    mkdir -p "$T/bin" "$T/tmp" "$T/copies/shm"
    printf '#!/bin/sh\nexit 1\n' >"$T/bin/unshare"
    chmod +x "$T/bin/unshare"
    cp "$tree/shm/mend/leak.c" "$T/copies/shm"
    PATH=$T/bin:$PATH IPC_MEND_DIR=$T/copies ask shm/leak
    [[ $output = *"has ended and left shared memory segment"* ]]
    none_left
    patch -s "$T/copies/shm/leak.c" <"$tree/shm/mend/leak.cure"
    PATH=$T/bin:$PATH IPC_MEND_DIR=$T/copies TMPDIR=$T/tmp start judge "$mend" shm/leak
    eventually judging
    queue=$(ipcmk -Q | grep -o '[0-9]*$')
    wait "$judge"
    ipcrm -q "$queue"
    [[ $(<"$T/judge.err") = *"not removed, for another program may have made it: msg $queue"* ]]
}

judging() { # a program of this test is under judgement
    grep -qsz "^IPC_MEND=$T/tmp" /proc/[0-9]*/environ
}

beginning() { # the judge is there, if it has not yet begun
    grep -qsaF "$T/tmp/" /proc/[0-9]*/cmdline
}

@test "mend: after Ctrl-C nothing is left" {
    mkdir "$T/tmp"
    for signal in INT TERM; do
        for name in sem/undo shm/leak pipe/eof; do
            rm -rf "$T/copies"
            IPC_MEND_DIR=$T/copies TMPDIR=$T/tmp start judge setsid "$mend" "$name"
            if [ "$name" = shm/leak ]; then eventually beginning; else eventually judging; fi
            kill -$signal -- "-$judge"
            finish judge
            [ "$status" != 0 ]
            eventually none_left
            [ -z "$(ls "$T/tmp")" ]
        done
    done
}
