# ipc draw: a sequence diagram of any program, from the kernel's trace.
load helper

setup_file() {
    command -v "${CC:-cc}" >/dev/null || return 0
    "${CC:-cc}" -D_GNU_SOURCE -w $LDFLAGS -o "$BATS_FILE_TMPDIR/talk" -x c - -pthread -lrt <<'C'
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void ignore(int signal) { (void)signal; }

#define CHILD_DOES(what) do { const pid_t child = fork(); if (child == 0) { what; _exit(0); } waitpid(child, NULL, 0); } while (0)

int main(int argc, char *argv[])
{
    const char *const which = argv[1];
    char bytes[8];
    int fds[2];
    pipe(fds);
    if (strcmp(which, "pipe") == 0) {
        CHILD_DOES((write(fds[1], "fi", 2), write(fds[1], "rst", 3)));
        CHILD_DOES(write(fds[1], "second", 6));
        read(fds[0], bytes, 5);
        read(fds[0], bytes, 6);
    }
    if (strcmp(which, "empty") == 0) {
        CHILD_DOES(close(fds[1]));
        fcntl(fds[0], F_SETFL, O_NONBLOCK);
        read(fds[0], bytes, 8); /* EAGAIN */
    }
    if (strcmp(which, "queue") == 0) {
        struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 8};
        char name[30];
        snprintf(name, sizeof name, "/talk-%d", getpid());
        const mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
        mq_unlink(name);
        CHILD_DOES(mq_send(queue, "low", 3, 1));
        CHILD_DOES(mq_send(queue, "high", 4, 9));
        mq_receive(queue, bytes, 8, NULL);
        mq_receive(queue, bytes, 8, NULL);
    }
    if (strcmp(which, "interrupted") == 0) {
        struct sigaction action = {.sa_handler = ignore};
        sigset_t none, blocked;
        sigemptyset(&none);
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGUSR1);
        sigaction(SIGUSR1, &action, NULL);
        sigprocmask(SIG_BLOCK, &blocked, NULL);
        CHILD_DOES(kill(getppid(), SIGUSR1));
        ppoll(NULL, 0, NULL, &none);
    }
    if (strcmp(which, "futexes") == 0) { /* nobody wakes the first */
        int *const words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        const struct timespec end = {.tv_nsec = 300000000};
        const pid_t sleeper = fork();
        if (sleeper == 0) {
            syscall(SYS_futex, &words[1], FUTEX_WAIT, 0, NULL);
            _exit(0);
        }
        if (fork() == 0) {
            while (syscall(SYS_futex, &words[1], FUTEX_WAKE, 1) != 1)
                continue;
            _exit(0);
        }
        syscall(SYS_futex, &words[0], FUTEX_WAIT, 0, &end);
        while (wait(NULL) > 0)
            continue;
    }
    return 0;
}
C
}

draw_talk() {
    [ -x "$BATS_FILE_TMPDIR/talk" ] || skip "no C compiler"
    draw -w 100 "$BATS_FILE_TMPDIR/talk" "$1"
    [ "$status" = 0 ]
}

# from LANE PATTERN: that row has an arrow from this lane of three, and ends there.
from() {
    local line
    line=$(grep -E -- "$2 <-+\|\$" <<<"$output")
    [ ${#line} = $((11 + $1 * 30)) ] || { echo "no arrow from lane $1: $2"; echo "$output"; return 1; }
}

draw() {
    needs strace
    strace -o /dev/null true 2>/dev/null || skip "strace is not allowed to trace"
    try sh "$BATS_TEST_DIRNAME/../lib/tools/draw.sh" "$@"
}

# row PATTERN: the picture has such a row.
row() {
    grep -qE -- "$1" <<<"$output" || { echo "no row: $1"; echo "$output"; return 1; }
}

@test "draw: a pipe between parent and child: fork, write, read and the ends, with arrows" {
    draw ./pipe/hello "some text"
    [ "$status" = 0 ]
    fits_80 "$output"
    row '^ *[0-9.]+  \| fork\(\) = [0-9]+ -+>\|$'
    row '\| write\([0-9], "some text"\) = 9'
    row '\|-+> (\.\.\.|read\(3\)) = 9 "some text"'
    row '\| wait\(\) = [0-9]+ <-+\||\.\.\. = [0-9]+ <-+\|'
    row '\| exits 0'
}

@test "draw: the arrows go from the sender to the receiver, whatever carries the message" {
    draw ./pipe/eof
    row '\|-+> (\.\.\.|read\(3\)) = 5 "hello"'
    row '\|-+> (\.\.\.|read\(3\)) = 0$'
    draw ./fifo/order
    row '(\|-+> \.\.\. = [0-9]+$|\.\.\. = [0-9]+ <-+\|)'
    row 'mkfifo\(order-[0-9]*-one\) = 0'
    draw ./msgq/full
    row '(msgrcv\([0-9]+\)|\.\.\.) = 1024( |$)'
    row '\|-+> \.\.\. = 0$'          # the message that was taken
    row '\|-+> \.\.\. = -1 EIDRM$'   # the queue that was removed
    draw ./sem/undo
    row '(semop\([0-9]+, -1\)|\.\.\.) = 0'
    row 'killed by SIGKILL'
    draw ./signals/lost
    row '\|-+> SIGUSR1'
    draw ./dup/offset
    row 'exits 0'
}

@test "draw: each call that a story prints is in the picture, for twelve demos" {
    local line call demo
    for demo in pipe/eof pipe/hello pipe/sigpipe fifo/order msgq/full sem/undo sem/counter signals/child signals/lost \
        dup/redirect pipe/shell shm/fork; do
        [ -x "./$demo" ] || continue
        draw -w 200 "./$demo"
        # What the picture shows of the story: fork(), write(), semop(), msgsnd(), kill(), with their first argument.
        sed -n 's/.* | \(\(fork\|write\|semop\|msgsnd\|kill\)([^,)]*\).*) = -\{0,1\}[0-9].*/\1/p' <<<"$stderr" | sort -u |
            while read -r call; do
                grep -qF -- "$call" <<<"$output" || { echo "$demo: $call is missing"; echo "$output"; exit 1; }
            done
    done
}

@test "draw: programs that are not ours: a pipeline of three, a shell that waits, perl with a socket pair" {
    needs perl
    draw -w 120 sh -c 'seq 3 | sort -r | cat >/dev/null'
    [ "$status" = 0 ]
    row '\|-+> (read\(0\)|\.\.\.) = 6 "3'
    row 'execve\(sort\)'
    draw perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, 0);
        if (fork) { close B; syswrite(A, "hey"); wait } else { close A; sysread(B, $x, 3) }'
    row 'socketpair\(\) = [0-9], [0-9]'
    row '\|-+> (read\([0-9]\)|\.\.\.) = 3 "hey"'
    draw sh -c 'kill -TERM $$'
    [ "$status" = 143 ]
    row 'killed by SIGTERM'
}

@test "draw: many calls and many processes: bounded, and what is left out is said" {
    draw sh -c 'dd if=/dev/zero bs=1 count=3000 2>/dev/null | cat >/dev/null'
    fits_80 "$output"
    [ "${#lines[@]}" -lt 200 ]
    draw sh -c 'for i in 1 2 3 4 5; do sleep 0 & done; wait'
    row '^\(left out: [0-9]+ events of 3 more processes\)$'
    draw -w 150 sh -c 'for i in 1 2 3 4 5; do sleep 0 & done; wait'
    [[ $output != *"left out"* ]]
}

@test "draw: of several writers each read has its own, and a call that has failed has none" {
    draw_talk pipe
    from 1 'read\(3\) = 5 "first"'
    from 2 'read\(3\) = 6 "second"'
    draw_talk empty
    row 'read\(3\) = -1 EAGAIN$'
    draw_talk queue
    from 2 'mq_receive\([0-9]+\) = 4 "high"'
    from 1 'mq_receive\([0-9]+\) = 3 "low"'
    draw ./msgq/priority
    row 'msgrcv\([0-9]+\) = 10 "a telegram"( |$)' # and not what was in the buffer
}

@test "draw: a call that a handler has interrupted returns EINTR, one that goes on has its result" {
    draw_talk interrupted
    row '\| poll\(\) \.\.\.'
    row '\| \.\.\. = -1 EINTR$'
    cat >"$T/trace" <<'END'
7 1.000000 execve("./wait", ["./wait"], 0x7ff /* 9 vars */) = 0 <0.001>
7 1.100000 poll([{fd=3, events=POLLIN}], 1, -1) = ? ERESTART_RESTARTBLOCK (Interrupted by signal) <0.200>
7 1.300000 --- SIGWINCH {si_signo=SIGWINCH, si_code=SI_KERNEL} ---
7 1.300000 restart_syscall(<... resuming interrupted poll ...>) = 1 <0.500>
END
    output=$(awk -v width=80 -f "$BATS_TEST_DIRNAME"/../lib/tools/svg.awk -f "$BATS_TEST_DIRNAME"/../lib/tools/draw.awk "$T/trace")
    row '^ *100\.000  \| poll\(\) \.\.\.$'
    row '^ *800\.000  \| \.\.\. = 1$'
}

# On a busy machine a sleep may be too short for the trace: then it is no row.
woken() {
    draw_talk futexes && row '\| \.\.\. = -1 ETIMEDOUT$' && row '\| \.\.\. = 0 <-+\|'
}

@test "draw: a futex has been woken by a process that wakes this one" {
    tries 25 woken
}

@test "draw -s: a picture of valid XML, with colours for light and dark pages" {
    draw -s "$T/picture.svg" ./pipe/eof
    [ "$status" = 0 ]
    [[ $(head -n 1 "$T/picture.svg") = "<svg "* && $(tail -n 1 "$T/picture.svg") = "</svg>" ]]
    grep -q 'prefers-color-scheme: dark' "$T/picture.svg"
    [ "$(grep -c 'class="life"' "$T/picture.svg")" = 2 ]
    grep -q 'class="arrow"' "$T/picture.svg"
    grep -q 'write([0-9], "hello") = 5' "$T/picture.svg"
    draw -s "$T/picture.svg" sh -c 'echo "<&>" | cat >/dev/null'
    grep -q '&lt;&amp;&gt;' "$T/picture.svg"
    ! command -v xmllint >/dev/null || xmllint --noout "$T/picture.svg"
}

@test "draw: lanes in the order of fork, with the roles of the story" {
    draw -w 120 ./sem/undo -x
    [[ ${lines[0]} =~ [0-9]+\ watcher\ +[0-9]+\ holder\ +[0-9]+\ waiter$ ]]
    row '\|-+> killed by SIGKILL( |$)'
}

@test "draw: urgent data is marked, in send() and in recv()" {
    draw ./signals/oob
    row 'send\([0-9]+, "stop", MSG_OOB\) = 4'
    row '\|-+> (\.\.\.|recv\([0-9]+\)) = 1 "p", MSG_OOB$'
}

@test "draw -x: leaves out the lines that begin so, and no others" {
    draw -x 'SIGCHLD|poll|.* starts' ./pipe/eof
    [[ $output != *SIGCHLD* && $output != *poll* && $output != *starts* ]]
    row '\| write\([0-9], "hello"\) = 5'
}

@test "the notes show every picture, and have every picture that they show; none is larger than 30 KB" {
    cd "$BATS_TEST_DIRNAME/.."
    for folder in pipe fifo msgq shm sem signals dup; do
        diff <(cd "$folder" && ls pictures/*.svg) <(sed -n 's/^!\[.*\](\(pictures\/.*\))$/\1/p' "$folder/README.md" | sort)
    done
    [ -z "$(find ./*/pictures -size +30k)" ]
    for picture in */pictures/*.svg; do
        grep -q 'prefers-color-scheme: dark' "$picture"
        ! command -v xmllint >/dev/null || xmllint --noout "$picture"
    done
}

@test "draw -a: a process that runs already" {
    needs perl
    start writer perl -e 'pipe(R, W); while (1) { syswrite(W, "x"); sysread(R, $x, 1); select(undef, undef, undef, 0.05) }'
    draw -h
    timeout -s INT 2 sh "$BATS_TEST_DIRNAME/../lib/tools/draw.sh" -a "$writer" >"$T/drawn" 2>/dev/null 3>&- || true
    kill -KILL "$writer"
    finish writer
    output=$(<"$T/drawn")
    row '\| write\([0-9], "x"\) = 1'
}

@test "draw without a command, or with an unknown option: usage and status 2" {
    try sh "$BATS_TEST_DIRNAME/../lib/tools/draw.sh"
    [ "$status" = 2 ]
    try sh "$BATS_TEST_DIRNAME/../lib/tools/draw.sh" -Z true
    [ "$status" = 2 ]
    for width in 39 1001 9000 99999999999999999999 wide; do
        try sh "$BATS_TEST_DIRNAME/../lib/tools/draw.sh" -w "$width" true
        [ "$status" = 2 ]
    done
    try sh "$BATS_TEST_DIRNAME/../lib/tools/draw.sh" -h
    [ "$status" = 0 ]
    [[ $output = "usage: ipc draw"* ]]
}
