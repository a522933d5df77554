#!/bin/sh
# tour.sh - the most telling demos, one after another. Run it where ./pipe/eof is, or type `make tour`.
#
# stop COMMAND LINE LINE tells two lines, runs the command, and on a terminal waits for Enter. A new demo is a line below.

# shellcheck disable=SC2016 # the inner shell expands what stands in single quotes
failed=0
trap 'echo; exit $failed' INT

stop() {
    printf '\n%s\n%s\n\n$ %s\n' "$2" "$3" "$1"
    sh -c "$1" || { failed=1; echo "tour: that failed: $1" >&2; }
    if [ -t 0 ] && [ -t 1 ]; then
        printf '\n[Enter: the next one, Ctrl-C: enough] '
        read -r _ || exit $failed
    fi
}

echo 'A tour of inter-process communication. Each lane is a process, each line a call and its result.'

stop './pipe/hello' \
    'A pipe carries bytes from one process to another, here from parent to child.' \
    'The times are milliseconds since the start, on one clock for both.'
stop './pipe/eof' \
    'When does the reader see end of file? When the last write end is closed.' \
    'The reader has inherited one itself: watch it close its copy.'
stop './pipe/eof -x' \
    'With -x a program makes the classic mistake: here the reader keeps its copy,' \
    'and waits for itself. The copy is found in /proc.'
stop './pipe/full' \
    'How much does a pipe hold? A writer fills it and falls asleep.' \
    'A few bytes taken out do not wake it: the kernel makes room page by page.'
stop './pipe/sigpipe' \
    'What if nobody reads any more? The writer is killed by a signal.' \
    'That is how "yes | head" ends.'
stop './pipe/atomic -x' \
    'Four processes write into one pipe, in messages larger than PIPE_BUF.' \
    'Most arrive torn. Up to PIPE_BUF bytes they stay whole: try it without -x.'
stop 'head -c 1000000 /dev/zero | ./pipe/coproc -x cat' \
    'A program sends data through a filter: it writes everything, then reads.' \
    'Both pipes fill up, both processes sleep, for ever. poll() is the cure (no -x).'
stop 'LANE=1 ./fifo/read & ./fifo/write hello && wait $! && rm "/tmp/ipc-$(id -u)/fifo"' \
    'A FIFO is a pipe with a name, for two programs that do not know each other.' \
    'In two terminals: ./fifo/read here, ./fifo/write hello there. open() waits for both.'
stop './fifo/order -x' \
    'Two processes open two FIFOs, in opposite orders.' \
    'Each waits for the other in open(): a deadlock before the first byte.'
stop 'LANE=1 ./msgq/recv -k $$ & ./msgq/send -k $$ hello && wait $! && ./msgq/rm -k $$' \
    'A System V message queue keeps messages, each in one piece, until it is removed.' \
    'In two terminals: ./msgq/recv here, ./msgq/send hello there, ipcs -q in between.'
stop './msgq/client -x' \
    'Many clients, one queue: each asks for the answers of its own type, its pid.' \
    'Here two of them ask for any type, and take each other'"'"'s answers.'
stop './shm/race -x' \
    'Four processes count in shared memory, and nothing guards the counter.' \
    'One sleeps between load and store; when it stores, what the others did is lost.'
stop './shm/attach' \
    'One segment at several addresses: a pointer kept in it is wrong elsewhere,' \
    'an offset is right. Removed while attached, the segment lives on.'
stop './sem/undo -x' \
    'A process is killed while it holds a semaphore, and nobody gives it back.' \
    'SEM_UNDO makes the kernel do it: try it without -x.'
stop './sem/init -x' \
    'Making a semaphore and setting it are two steps.' \
    'What another process does in between is lost.'

printf '\nAll demos: make list. What they show, and why: README.md in each folder.\n'
exit $failed
