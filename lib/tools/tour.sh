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
stop './msgq/server 2>/dev/null & ./msgq/client -x; kill $!' \
    'Many clients, one queue: each asks for the answers of its own type, its pid.' \
    'This one asks for any type, and soon takes its own request for the answer.'
stop './msgq/posix-notify -x' \
    'A process asks for a signal when a message comes, but a moment too late.' \
    'The message stays in the queue, and no signal comes, for later ones neither.'
stop './shm/race -x' \
    'Four processes count in shared memory, and nothing guards the counter.' \
    'The plain loop loses increments; then in slow motion, to see how.'
stop './shm/torn -x' \
    'A reader copies a text while a writer changes it.' \
    'The copy is half old, half new. A sequence lock is the cure (no -x).'
stop './shm/attach' \
    'One segment at several addresses: a pointer kept in it is wrong elsewhere,' \
    'an offset is right. Removed while attached, the segment lives on.'
stop './shm/fork' \
    'fork() copies no memory. How much is copied when parent or child write to it?' \
    'The kernel says so, in /proc/self/smaps_rollup.'
stop './shm/aba -x' \
    'A stack without locks, by compare-and-swap: A has gone and come back,' \
    'and the exchange succeeds. B has two owners now, and C is lost.'
stop './sem/undo -x' \
    'A process is killed while it holds a semaphore, and nobody gives it back.' \
    'SEM_UNDO makes the kernel do it: try it without -x.'
stop './sem/init -x' \
    'Every process creates the semaphore and sets its value.' \
    'The second one wipes out what the first has done.'
stop './sem/prodcons -x' \
    'Producers and consumers: one takes the lock, and then waits for an item.' \
    'Every producer waits for that lock.'
stop './sem/monitor -x -m one' \
    'One condition for producers and consumers: a signal wakes the wrong side,' \
    'is lost, and in the end all sleep. Try -m if and -m edge.'
stop './sem/philosophers -x' \
    'Each holds its left fork and waits for the right one.' \
    'The kernel says who holds what, and you come full circle. Try -m order.'
stop './sem/robust' \
    'A process dies with a mutex in its hands, and the next one is told: EOWNERDEAD.' \
    'It repairs the data, or nobody ever gets the mutex again.'
stop './signals/restart' \
    'A signal comes while a call sleeps: EINTR, or does it go on?' \
    'The table is tried out here and now, not copied from a manual.'
stop './signals/lost -x' \
    'The signal comes between the test and pause(), and the program sleeps' \
    'although its handler has run.'
stop './signals/unsafe -x' \
    'The handler calls localtime() while the program is inside it.' \
    'It waits for a lock that its own program holds.'
stop './signals/child -x' \
    'Several children end at once, one SIGCHLD comes.' \
    'One wait for each signal leaves zombies, as many as predicted.'
stop './signals/pidfd -x' \
    'A pid is used again, and a stranger gets the signal.' \
    'Without -x it goes through a pidfd, and the stranger lives.'
stop './signals/oob' \
    'TCP can mark one byte as urgent: SIGURG and POLLPRI announce it.' \
    'It keeps its place in the stream, and no read goes past the mark.'
stop './dup/offset' \
    'dup and fork give one open file more numbers: what one has read, the others do' \
    'not read again. The kernel'"'"'s own table is in /proc/PID/fdinfo.'
stop './dup/cloexec -x' \
    'A server forgets O_CLOEXEC and starts cat.' \
    'cat finds the secret under its number, and prints it.'
stop 'LANE=1 ./dup/halfclose-server -p $((40000 + $$ % 9000)) & ./dup/halfclose-client -p $((40000 + $$ % 9000)) -m dup' \
    'One copy of the socket is closed, another one is open:' \
    'no end of file is sent, and both sides wait.'
stop './dup/edge -x' \
    'Edge-triggered epoll reports a change once, and the server reads once.' \
    'The rest lies there, and both sides sleep. Try it without -x.'
stop './dup/lock -x' \
    'A lock of fcntl() belongs to the process, not to the descriptor:' \
    'a function that only opens and closes the file drops it.'
stop './pipe/bench -d 0.05 -s 64 -p same -m pipe' \
    'What does a message cost? Times in ns, one way; the columns are told by the first line.' \
    'make bench measures all mechanisms, and draws a picture.'

printf '\nAll demos: make list. What they show, and why: README.md in each folder.\n'
exit $failed
