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

# System V objects of this user as "KIND ID"; the paths of POSIX objects, and of FIFOs and sockets here.
objects() {
    awk -v uid="$UID" '
        FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; kind = FILENAME; sub(".*/", "", kind) }
        $column["cuid"] == uid { print kind, $2 }' /proc/sysvipc/{shm,sem,msg}
    find /dev/shm /dev/mqueue -type f -user "$UID" 2>/dev/null
    find . ! -type d ! -type f 2>/dev/null
}

objects_since() { # objects_since FILE: those that are not in it, the sorted objects of before
    objects | sort | comm -13 "$1" -
}

# Outside a namespace of its own ($apart) another program of the same user may have made them. $work/theirs lists the
# processes of the session, and the POSIX objects that they had open or mapped.
note_theirs() {
    local pid
    for pid in $(alive); do
        echo "$pid"
        { readlink "/proc/$pid/fd"/* && grep -o '/dev/\(shm\|mqueue\)/.*' "/proc/$pid/maps"; } 2>/dev/null | grep '^/dev/\(shm\|mqueue\)/'
    done >>"$work/theirs"
}

users() { # users KIND ID: the processes that the kernel names: the creator, or who used it last
    case $1 in
    shm) awk -v id="$2" '$2 == id { print $5 }' /proc/sysvipc/shm ;;
    msg) awk -v id="$2" '$2 == id { print $6; print $7 }' /proc/sysvipc/msg ;;
    sem) ipcs -s -i "$2" | awk '/^[0-9]/ { print $5 }' ;;
    *) echo "$1"; echo "${1##*[!0-9]}" ;; # the path, or a pid at its end
    esac
}

mine() { # of the objects on stdin those that the session has made or used
    local kind id
    while read -r kind id; do
        [ ! "$apart" ] && [[ $kind != ./* ]] && ! users "$kind" "$id" | grep -qxF -e "$session" -f "$work/theirs" || echo "$kind${id:+ $id}"
    done
}

remove_since() { # remove_since FILE FD: what is not removed is named there
    local kind id
    while read -r kind id; do
        [ "$(mine <<<"$kind $id")" ] || { echo "not removed, for another program may have made it: $kind${id:+ $id}" >&"$2"; continue; }
        case $kind in shm) ipcrm -m "$id" ;; sem) ipcrm -s "$id" ;; msg) ipcrm -q "$id" ;; *) rm -f "$kind" ;; esac
    done < <(objects_since "$1")
}

# ends_of PID FD MODE: who has the other end of this pipe or FIFO; MODE 1 for its write end, 0 for its read end.
ends_of() {
    local what file mode pid kind=pipe text=
    what=$(readlink "/proc/$1/fd/$2")
    [ "${what##*/}" != stdin ] || { echo ", its standard input"; return; }
    [[ $what = pipe:* || -p $what ]] || return
    [[ $what = pipe:* ]] || kind="FIFO (${what##*/})"
    for pid in $(alive); do
        for file in "/proc/$pid/fd"/*; do
            [ "$(readlink "$file")" = "$what" ] || continue
            mode=$(sed -n 's/^flags:[^0-9]*//p' "/proc/$pid/fdinfo/${file##*/}" 2>/dev/null)
            ((((0$mode & 3) + 1) & ($3 + 1))) || continue
            text+=" and descriptor ${file##*/} of pid $pid$([ "$pid" != "$1" ] || echo ' itself')"
        done
    done
    [ "$3" = 1 ] && what=", an empty $kind; its write end is " || what=", a full $kind; its read end is "
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
    awk -v id="$1" '$2 == id { print $5 ($5 == 1 ? " message, " : " messages, ") $4 " bytes are in the queue" }' /proc/sysvipc/msg
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
    poll | ppoll* | *select* | *nanosleep*) name=${name#_new} name="${name%_time64}()" ;;
    *) name="$name($first)" ;;
    esac
    echo "pid $1 sleeps in $name"
}

everybody() { # what the processes do, four of them (or N) at most; those that have ended come last
    local pid state text='' count=0
    while read -r pid _ state; do
        ((++count <= ${1:-4})) || continue
        [ "$state" = Z ] && text+="; pid $pid has ended" || text+="; $(look "$pid")"
    done < <(processes | sort -n | awk '$3 != "Z"; $3 == "Z" { ended[++n] = $0 } END { for (i = 1; i <= n; i++) print ended[i] }')
    echo "${text:2}$( ((count <= ${1:-4})) || echo "; and $((count - ${1:-4})) more")"
}

readers() { # the processes that sleep in a read of their standard input
    local pid
    for pid in $(alive); do [[ $(look "$pid") != *'read(0), its'* ]] || echo "$pid"; done | grep .
}

listeners() { # those; or, while nobody runs, the processes that sleep in a call that may wait for it
    local pid
    readers && return
    still || return
    for pid in $(alive); do [[ ! $(look "$pid") =~ 'sleeps in '(p?poll|p?select|epoll) ]] || echo "$pid"; done | grep .
}

no_zombie() {
    zombies=$(processes | sort -n | awk '$3 == "Z" && ++n <= 6 { text = text (n > 1 ? ", " : "") $1; parent = $2 }
        END { if (n) print " " text (n > 6 ? " and " n - 6 " more" : "") ", " (n > 1 ? "children" : "a child") " of pid " parent }')
    [ -z "$zombies" ]
}

others() { # others N: as many processes run beside the first one
    [ "$(alive | wc -l)" = $(($1 + 1)) ]
}

lines() { # lines N
    (($1 == 1)) && echo "1 line" || echo "$1 lines"
}

so_far() { # of its output
    [ -s ../out ] || { echo "(no output so far, unless into a buffer)"; return; }
    echo "(output so far: $(wc -c <../out) bytes, last line '$(tail -n 1 ../out | cut -c 1-40 | tr -cd '[:print:]')')"
}

reported() { # on standard error; and the sizes of POSIX shared memory objects
    objects_since ../before | grep ^/dev/shm | xargs -r stat -c '%n %s' | awk '{ print "; " $1 " has " $2 " byte" ($2 == 1 ? "" : "s") }'
    [ ! -s ../err ] || echo "; it reports: $(tail -n 1 ../err | cat -v | cut -c 1-100)"
}

# ---- Polling: $limit is the longest sleep in ms, $session the first process ----

nap() { # not `read -t`: before bash 5.2 its alarm may come before it reads, and then it waits for ever
    sleep "$1"
}

within() { # within MS COMMAND... polls
    local end=$((${EPOCHREALTIME/[,.]/} + $1 * 1000))
    until "${@:2}"; do
        ((${EPOCHREALTIME/[,.]/} < end)) || return
        nap 0.02
    done
}

ended() {
    local line
    { read -r line <"/proc/$session/stat"; } 2>/dev/null || return 0
    [[ ${line##*) } = Z* ]]
}

still() { # nobody has run, or waited for a CPU, for 200 ms
    local before
    before=$(movements)
    nap 0.2
    { idle && [ "$before" = "$(movements)" ]; } || ended
}

reaped_or_still() {
    no_zombie || still
}

switches() { # how often they have gone to sleep
    movements | awk '/^voluntary/ { n += $2 } END { print n + 0 }'
}

# settled 0|1: everybody sleeps (1: and sleeps on); or it uses CPU time or wakes up, and $restless says so.
settled() {
    local used awake
    used=$(ticks) awake=$(switches) restless=''
    while ! ended; do
        if idle; then
            if [ "$1" = 0 ] || still; then return; fi
            (($(switches) < awake + 20)) || restless='wakes up again and again'
        else
            nap 0.02
            (($(ticks) < used + 40)) || restless='does not sleep, and keeps a CPU busy,'
        fi
        [ -z "$restless" ] || return 1
    done
}

busy() { # 1 on an idle machine, 3 on a very busy one: things take so much longer
    local load=0
    { read -r load _ </proc/loadavg; } 2>/dev/null
    echo $((load=${load%.*} / $(nproc), load < 2 ? 1 + load : 3))
}

# await COMMAND... polls until it succeeds; it fails when the program will get no further: no process is left, or no thread
# has run for 1.2 s, and none is in sleep() or waits for our input; or it has slept for $limit ms, or computed for
# 2 s (10 s where strace stops it at each system call).
await() {
    local i now state was=none begin=${EPOCHREALTIME/[,.]/} since=0 patience
    patience=$(busy) # on a busy machine our input comes late
    for ((i = 0; ; i++)); do
        ! "$@" || return 0
        nap 0.02
        ((i % 4 == 0)) || continue
        now=${EPOCHREALTIME/[,.]/} state=$(movements)
        [ "$apart" ] || note_theirs
        [ "$state" = "$was" ] || was=$state since=$now
        if [[ $state = *State:?[RDt]* ]]; then
            (($(ticks) > (${traced:-0} ? 1000 : 200))) || continue
        elif ! ended || [ -n "$(alive)" ]; then
            ((now - since > 1200000)) || continue
            ((now - begin > limit * 1000 * patience)) || [[ ! $(everybody 99) =~ nanosleep|'its standard input' ]] || continue
            [ "$state" = "$(movements)" ] || continue
        fi
        "$@" # perhaps it has, meanwhile
        return
    done
}
