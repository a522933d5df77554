# look.bash - what the kernel says of the processes of one session, and of the objects of this user. $calls names a file
# with the numbers of the system calls, as `cc -E -dM -include sys/syscall.h` prints them; $session is the session.

# "PID PARENT STATE" of each process in it, strace apart.
processes() {
    local file line
    for file in /proc/[0-9]*/stat; do
        { read -r line <"$file"; } 2>/dev/null || continue # it has ended
        # shellcheck disable=SC2086 # words are wanted: state, parent, group, session
        set -- ${line##*) }
        [ "$4" != "$session" ] || [[ $line = *'(strace) '* ]] || echo "${file//[!0-9]/} $2 $1"
    done
}

alive() {
    processes | awk '$3 != "Z" && $3 != "X" { print $1 }'
}

movements() { # of each thread its state, and how often it has slept or been interrupted: unchanged if it has not run
    local pid
    for pid in "$session" $(alive); do grep -hs '^State\|ctxt' "/proc/$pid/task"/*/status; done
}

idle() { # nobody runs
    [[ $(movements) != *State:?[RDt]* ]]
}

ticks() { # of CPU time, 100 a second, that they have used
    local pid
    for pid in $(alive); do sed 's/.*) //' "/proc/$pid/stat"; done 2>/dev/null |
        awk '{ ticks += $12 + $13 + $14 + $15 } END { print ticks + 0 }'
}

# System V objects of this user as "KIND ID"; the paths of POSIX objects, and of FIFOs and sockets here and in /tmp/ipc-UID.
objects() {
    awk -v uid="$UID" '
        FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; kind = FILENAME; sub(".*/", "", kind) }
        $column["cuid"] == uid { print kind, $2 }' /proc/sysvipc/{shm,sem,msg}
    find /dev/shm /dev/mqueue -type f -user "$UID" 2>/dev/null
    find "/tmp/ipc-$UID" . ! -type d ! -type f 2>/dev/null
}

objects_since() { # objects_since FILE: those that are not in it, the sorted objects of before
    objects | sort | comm -13 "$1" -
}

remove_since() {
    local kind id
    while read -r kind id; do
        case $kind in shm) ipcrm -m "$id" ;; sem) ipcrm -s "$id" ;; msg) ipcrm -q "$id" ;; *) rm -f "$kind" ;; esac
    done < <(objects_since "$1")
}

# ends_of PID FD MODE: who has the other end of this pipe or FIFO; MODE 1 for its write end, 0 for its read end.
ends_of() {
    local what file mode pid text=
    what=$(readlink "/proc/$1/fd/$2")
    [ "${what##*/}" != stdin ] || { echo ", its standard input"; return; }
    [[ $what = pipe:* || -p $what ]] || return
    for pid in $(alive); do
        for file in "/proc/$pid/fd"/*; do
            [ "$(readlink "$file")" = "$what" ] || continue
            mode=$(sed -n 's/^flags:[^0-9]*//p' "/proc/$pid/fdinfo/${file##*/}" 2>/dev/null)
            ((((0$mode & 3) + 1) & ($3 + 1))) || continue
            text+=" and descriptor ${file##*/} of pid $pid$([ "$pid" != "$1" ] || echo ' itself')"
        done
    done
    [ "$3" = 1 ] && what=", an empty pipe; its write end is " || what=", a full pipe; its read end is "
    echo "$what${text:5}"
}

memory() { # memory PID ADDRESS BYTES
    dd if="/proc/$1/mem" bs=1 skip=$(($2)) count="$3" status=none 2>/dev/null
}

# open_of PID ADDRESS FLAGS: the path is in the memory of the process.
open_of() {
    local path
    path=$(memory "$1" "$2" 60 | tr '\0' '\n' | head -n 1)
    (($3 & 1)) && echo "open(\"$path\", O_WRONLY), until another process opens it to read" ||
        echo "open(\"$path\", O_RDONLY), until another process opens it to write"
}

semaphores() { # semaphores ID
    ipcs -s -i "$1" 2>/dev/null | awk '/^[0-9]/ {
        printf "; semaphore %d is %d, changed last by pid %d", $1, $2, $5
        if (system("test -e /proc/" $5)) printf ", which has ended" }'
}

queue() { # queue ID
    awk -v id="$1" '$2 == id { print $5 " messages, " $4 " bytes are in the queue" }' /proc/sysvipc/msg
}

# shared_at PID ADDRESS: where in its shared memory that is; nothing if it is not shared.
shared_at() {
    local range mode
    while read -r range mode _; do
        [[ $mode = *s ]] && ((16#${range%-*} <= $2 && $2 < 16#${range#*-})) || continue
        echo " at byte $(($2 - 16#${range%-*})) of the shared memory"
    done <"/proc/$1/maps"
}

# A signal that has a handler and is blocked: its handler runs, or the program has blocked it.
in_handler() {
    local blocked caught signal
    { read -r blocked && read -r caught; } < <(sed -n 's/^Sig\(Blk\|Cgt\):[[:space:]]*/0x/p' "/proc/$1/status")
    for ((signal = 1; signal < 32; signal++)); do
        ((!((blocked & caught) >> (signal - 1) & 1))) || echo ", in its handler of SIG$(kill -l $signal)"
    done
}

# On i386 one system call, ipc(2), is all of System V, and socketcall(2) is all of the sockets: puts the one that is meant
# into $name, and its arguments into $call, of look. And a 64-bit program has other numbers for read(2) and write(2).
unfold() {
    local sockets=([3]=connect [5]=accept [9]=send [10]=recv [11]=send [12]=recv [16]=sendmsg [17]=recvmsg [18]=accept)
    case $name:${call[0]} in
    ipc:*)
        case $((call[1])) in
        11) name=msgsnd ;;
        12) name=msgrcv && call[4]=$(memory "$1" $((call[5] + 4)) 4 | od -A n -t d4) ;;
        *) name=semop ;;
        esac
        call[1]=${call[2]}
        ;;
    socketcall:*)
        name=${sockets[call[1]]:-socketcall}
        call[1]=$(memory "$1" "${call[2]}" 4 | od -A n -t d4)
        ;;
    restart_syscall:0) ! has_64_bits "$1" || name="read" ;;
    exit:1) ! has_64_bits "$1" || name="write" ;;
    esac
}

has_64_bits() { # see elf(5)
    [ "$(head -c 5 "/proc/$1/exe" 2>/dev/null | tail -c 1)" = $'\2' ]
}

# What a process does: in which call it sleeps, and what that call waits for.
look() {
    local call name first
    read -r -a call 2>/dev/null <"/proc/$1/syscall" || call=(unknown)
    [ "${call[0]}" != running ] || { echo "pid $1 runs"; return; }
    name=$(sed -n "s/^#define __NR_\([a-z0-9_]*\) ${call[0]}$/\1/p" "$calls" | head -n 1)
    unfold "$1"
    first=$((${call[1]:-0} & 0x7fffffff))
    case $name in
    '') echo "pid $1 sleeps"; return ;;
    read*) name="read($first)$(ends_of "$1" $first 1)" ;;
    write*) name="write($first)$(ends_of "$1" $first 0)" ;;
    open) name=$(open_of "$1" "${call[1]}" "${call[2]}") ;;
    openat) name=$(open_of "$1" "${call[2]}" "${call[3]}") ;;
    semop | semtimedop*) name="semop($first)$(semaphores $first)" ;;
    msgrcv) name="msgrcv($first) for type $((${call[4]})); $(queue $first)" ;;
    msgsnd) name="msgsnd($first); $(queue $first)" ;;
    futex*) name="futex()$(shared_at "$1" "${call[1]}"), until another thread or process wakes it$(in_handler "$1")" ;;
    wait4 | waitid) name="wait(), until a child ends" ;;
    pause | rt_sig*) name="${name#rt_}(), until a signal comes" ;;
    ppoll* | *nanosleep*) name="${name%_time64}()" ;;
    *) name="$name($first)" ;;
    esac
    echo "pid $1 sleeps in $name"
}

everybody() { # what the processes do, four of them at most
    local pid state text='' count=0
    while read -r pid _ state; do
        ((++count <= 4)) || continue
        [ "$state" = Z ] && text+="; pid $pid has ended" || text+="; $(look "$pid")"
    done < <(processes)
    echo "${text:2}$( ((count <= 4)) || echo "; and $((count - 4)) more")"
}

readers() { # the processes that sleep in a read of their standard input
    local pid
    for pid in $(alive); do [[ $(look "$pid") != *'read(0), its'* ]] || echo "$pid"; done | grep .
}
