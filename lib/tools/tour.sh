#!/bin/sh
# tour.sh [FOLDER] [N] - the most telling demos, one after another; run it as `./ipc tour` or `make tour`
#
# A stop is a line of the table below: COMMAND # what to look at. Enter goes on, b goes back, q ends. Without a terminal
# it runs through without a question.
set -u
cd "${IPC_TREE:-.}" || exit 1

stops() {
    sed -n '/^# ---- the stops/,$s/^#  //p' "$here"
}

here=$0
case $here in /*) ;; *) here=$OLDPWD/$here ;; esac
folder=
first=1
for argument; do
    case $argument in
    [0-9]*) first=$argument ;;
    *) folder=$argument ;;
    esac
done
table=$(mktemp) || exit 1
trap 'rm -f "$table"' EXIT
trap 'echo; exit $failed' INT
stops | grep "^[^#]*\./${folder:-}" >"$table"
count=$(wc -l <"$table")
failed=0
if [ "$count" = 0 ] || [ "$first" -lt 1 ] || [ "$first" -gt "$count" ]; then
    echo "usage: ipc tour [FOLDER] [N], N from 1 to $count" >&2
    exit 2
fi

number=$first
while [ "$number" -le "$count" ]; do
    line=$(sed -n "${number}p" "$table")
    command=${line%% # *}
    printf '\n%d of %d: %s\n\n$ %s\n' "$number" "$count" "${line#* # }" "$command"
    sh -c "$command" || {
        failed=1
        echo "tour: that failed: $command" >&2
    }
    answer=
    if [ -t 0 ] && [ -t 1 ]; then
        printf '\n[Enter: next, b: back, q: quit] '
        read -r answer || exit $failed
    fi
    case $answer in
    q*) break ;;
    b*) [ "$number" = 1 ] || number=$((number - 1)) ;;
    *) number=$((number + 1)) ;;
    esac
done
printf '\nAll demos: ./ipc list. Why they do what they do: README.md in each folder.\n'
exit $failed

# ---- the stops: each fits a projector; the right way before each mistake
#  ./pipe/hello # bytes from one process to another. Each lane is a process.
#  ./pipe/eof # end of file: when the last write end is closed
#  ./pipe/eof -x # the reader keeps its copy of the write end, and waits for itself
#  ./pipe/full # how much does a pipe hold? The writer falls asleep.
#  ./pipe/sigpipe # nobody reads any more: the writer is killed
#  ./pipe/atomic # four writers, messages of PIPE_BUF bytes: all whole
#  ./pipe/atomic -x # one byte more: many are torn
#  seq 5 | ./pipe/coproc sort -r # through a filter and back
#  head -c 4000000 /dev/zero | ./pipe/coproc -x cat # first write all, then read: a deadlock
#  LANE=1 ./fifo/read & ./fifo/write hello; wait; rm "/tmp/ipc-$(id -u)/fifo" # a pipe with a name
#  ./fifo/order # two FIFOs, opened in the same order by both
#  ./fifo/order -x # in opposite orders: a deadlock before the first byte
#  LANE=1 ./msgq/recv -k $$ & ./msgq/send -k $$ hello; wait; ./msgq/rm -k $$ # a queue of messages
#  ./msgq/full # a full queue puts its sender to sleep
#  ./msgq/posix-notify -x # asked too late: no signal for this message, nor for any later one
#  ./shm/race # four processes count in shared memory, with a semaphore
#  ./shm/race -x # without it counts are lost
#  ./shm/torn # a reader copies what a writer changes; a sequence lock keeps the copy whole
#  ./shm/torn -x # without it the copy is half old, half new
#  ./shm/attach # one segment at several addresses: a pointer kept in it is wrong elsewhere
#  ./shm/fork # fork() copies no memory until somebody writes to it
#  ./shm/aba # a stack without locks: a version number beside the pointer
#  ./shm/aba -x # A has gone and come back, the exchange succeeds, and C is lost
#  ./sem/undo # a process is killed in its critical section; SEM_UNDO gives back
#  ./sem/undo -x # without SEM_UNDO the next one waits for ever
#  ./sem/init -x # every process sets the value, and wipes out what the first has done
#  ./sem/prodcons # producers and consumers, three semaphores
#  ./sem/prodcons -x # the lock taken first: a deadlock
#  ./sem/monitor -x -m one # one condition for both sides: a wakeup is lost, and all sleep
#  ./sem/philosophers # five philosophers, five forks
#  ./sem/philosophers -x # each holds its left fork: the circle, from the kernel
#  ./sem/robust # a process dies holding a mutex, and the next one gets EOWNERDEAD
#  ./signals/restart # a signal comes while a call sleeps: EINTR, or does it go on?
#  ./signals/lost # a signal between the test and the sleep: sigsuspend()
#  ./signals/lost -x # with pause() it is lost
#  ./signals/unsafe -x # the handler waits for a lock that its own program holds
#  ./signals/child # five children end, one SIGCHLD comes
#  ./signals/child -x # one wait() for each signal leaves zombies
#  ./signals/pidfd # a pidfd means one process, even when its pid is used again
#  ./signals/pidfd -x # a pid is used again, and a stranger gets the signal
#  ./signals/oob # TCP marks one byte as urgent; it keeps its place in the stream
#  ./dup/offset # dup() and fork() share one offset, a second open() does not
#  ./dup/cloexec -x # a descriptor leaks through exec()
#  ./dup/edge -x # edge-triggered epoll reports a change once; the server reads once
#  ./dup/lock -x # closing another descriptor of the file drops the fcntl() lock
