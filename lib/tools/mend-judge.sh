#!/usr/bin/env bash
# mend-judge.sh DIR/NAME PROGRAM FOLDER [apart] - judges a program by what the kernel says of it: nothing, or what is wrong
#
# DIR/mend/NAME.task says what must hold, a line each:
#   must:                   conditions of each run, and ways to run it once more: see in_between, after and judge
#   input: args:            a command, shell words; each further line of args is a case of its own
#   expect: compare:        from the input what it prints, a filter; another filter for both sides of the comparison
#   check:                  a filter for what it prints: nothing, or what is wrong with it
#   file NAME: status:      from the input what this file has in the end, a filter; the exit status (0)
#   demo: section: hint: tried:    for mend.sh: where to read on, two hints, and sentences about cures that are none
# It runs in namespaces of its own (`apart`), where that is allowed. Otherwise it removes of what is new and yours after a
# run only what the kernel says that the program has made or used, and names the rest.
set -u
export LC_ALL=C
tree=$(readlink -f "${BASH_SOURCE[0]}") tree=${tree%/lib/tools/*}
# shellcheck source=lib/tools/look.bash
. "$tree/lib/tools/look.bash"

task() { # task KEY [DEFAULT]
    sed -n "s/^$1: *//p" "$tree/${exercise%/*}/mend/${exercise#*/}.task" | grep . || echo "${2:-}"
}

# For the input: words N and numbers N, a new one in each line; deadly, a limit for core dumps and a signal.
words() {
    local i
    for ((i = 0; i < $1; i++)); do printf '%x%d\n' $((RANDOM + 32768)) "${RANDOM:0:1 + RANDOM % 5}"; done | tr 0-9 g-p
}

numbers() {
    seq "$1" | while read -r _; do echo $((RANDOM % 900 + 100)); done
}

deadly() { # a core dump sets a bit in the status; only where it goes into this folder
    grep -q '^[^|/]*$' /proc/sys/kernel/core_pattern && echo "$(ulimit -H -c) SEGV" || echo 0 KILL
}

# ---- One run. The first thing that is wrong goes to $verdict ----

wrong() {
    [ -n "$verdict" ] || verdict=$1
    return 1
}

shown() { # shell words
    local one
    for one; do [[ $one =~ ^[[:alnum:]/._+-]+$ ]] && echo " $one" || echo " ${one@Q}"; done | tr -d '\n'
}

start() { # start WRAP... in an empty folder, with a new input, without descriptors of ours
    local fd in both wraps=$#
    mkdir "$work/run" && cd "$work/run" && rm -f ../stdin ../trace && mkfifo ../stdin || exit 2
    eval "$(task input)" >../input
    objects | sort >../before
    # shellcheck disable=SC2094 # it is a FIFO, and opened without waiting
    exec {both}<>../stdin {in}<../stdin {to}>../stdin {both}>&-
    eval "set -- \"\$@\" \"\$program\" $arguments"
    shown "${@:wraps + 2}" >../arguments
    [ "$word" != at-once ] || { cat ../input >&"$to" && exec {to}>&-; } # it fits into a pipe
    (
        exec <&$in
        for fd in "/proc/$BASHPID/fd"/*; do ((${fd##*/} < 3 || ${fd##*/} == 255)) || eval "exec ${fd##*/}>&-"; done
        IPC_MEND=$work TZ=UTC0 exec setsid env --default-signal "$@"
    ) >../out 2>../err &
    session=$!
    exec {in}>&-
}

send() { # in two pieces, and then the end of file
    { head -c 20 && nap 0.05 && cat; } <../input >&"$to" &
    exec {to}>&-
}

answered() {
    (($(wc -l <../out) >= $1)) || ended
}

ready() { # the FIFO is there, if there is to be one
    [ "$1" = stdin ] || [ -p "$1" ] || ended
}

# converse stdin|FIFO: each line of the input when the one before is answered; with a FIFO from another client each.
converse() {
    local line number=0 total
    total=$(wc -l <../input)
    while read -r line; do
        case $word:$must in # what is late is not waited for
        late:* | slow:*) ;;
        *no-spin*) settled $((number == 1)) || wrong "pid $session $restless while there is nothing to read" || return ;;
        *) within 1500 idle ;;
        esac
        ! ended || wrong "it has ended after line $number of $total$(reported)" || return
        ((++number < total)) || in_between || return
        within 9000 ready "$1"
        if [ -p "$1" ]; then timeout 9 tee "$1" <<<"$line"; else echo "$line" >&"$to"; fi >/dev/null
        await answered $number || wrong "line $number of the input, ${#line} bytes, is not answered: $(everybody) $(so_far)" || return
        [ -z "$signal" ] || ((number != total / 2)) || interrupt || return
        [ "$victim" != "$session" ] || [ "$signal" != KILL ] || break
    done <../input
    exec {to}>&-
}

interrupt() {
    local asleep
    within 9000 listeners >../listeners || wrong "no process waits for input: $(everybody)" || return
    victim=$(head -n 1 ../listeners)
    asleep=$(look "$victim")
    kill "-$signal" "$victim"
    ((++signals))
    [ "$signal" != KILL ] || context="${asleep/ sleeps/ was killed while it slept}" context="${context%%, *}; "
    nap 0.05
}

# The children that wait for the FIFO hold end while their parent is stopped, and one SIGCHLD stands for them.
merge() {
    kill -STOP "$session"
    : <>hold
    rm hold
    within 9000 others 0
    kill -CONT "$session"
    context="after several children have ended at once: "
}

in_between() { # what must hold while it waits for more input
    [[ $must != *merged* ]] || case $number in 5) within 9000 others 9 ;; 6) merge ;; esac
    [[ $must != *no-zombie* ]] || { within 5000 reaped_or_still && no_zombie; } || wrong "${context}no wait() has taken the status of pid$zombies: zombies" || return
    [[ $must != *one-reader* ]] || [ "$(readers | wc -l)" -lt 2 ] ||
        wrong "${context}now two processes are inside at once: $(everybody)"
}

# same NAME FILTER COMPARE: the first line that differs from what the filter makes of the input
same() {
    local want have i got line sorted=''
    [[ $3 != *sort* ]] || sorted=' (sorted)'
    eval "$3" >../have
    eval "$2" <../input | eval "$3" >../want
    ! cmp -s ../have ../want || return 0
    mapfile -t have <../have
    mapfile -t want <../want
    for ((i = 0; i < ${#want[@]} || i < ${#have[@]}; i++)); do
        [ "${want[i]-none}" != "${have[i]-none}" ] || continue
        got=${have[i]-} got=${got//[^[:print:]]/?} line="line $((i + 1)) of $1$sorted"
        ((i < ${#have[@]})) || wrong "'${want[i]:0:60}' is missing: $1 has $(lines $i), not ${#want[@]}$(reported)" || return
        ((i < ${#want[@]})) || wrong "'${got:0:60}' is too much: $1 has $(lines ${#have[@]}), not $i" || return
        wrong "$line is '${got:0:60}' and should be '${want[i]:0:60}'$(reported)"
        return
    done
}

printed() { # and stored
    local name filter
    filter=$(eval "$(task check :)" <../out)
    [ -z "$filter" ] || wrong "$filter" || return
    same "its output" "$(task expect)" "$(task compare cat)" <../out || return
    while IFS=: read -r name filter; do
        [ -f "$name" ] || wrong "there is no file $name$(reported)" || return
        same "the file $name" "$filter" cat <"$name" || return
    done < <(sed -n 's/^file //p' "$tree/${exercise%/*}/mend/${exercise#*/}.task")
}

left_nothing() {
    [ -z "$(alive)" ] || { left=$(everybody); return 1; }
    left=$(objects_since ../before | mine | sed 's/^shm/shared memory segment/; s/^sem/semaphore set/; s/^msg/message queue/; s|^\./|the FIFO |' | paste -sd ,)
    [ -z "$left" ] || [[ $must != *leaves-nothing* ]]
}

# Calls that only a signal ends, and that do not change the mask: regular expressions for strace's output.
only_signals='pause\(|poll\([^,]*, 0, -1|ppoll(_time64)?\([^,]*, 0, NULL, NULL'
only_signals+='|(select|_newselect|pselect6|pselect6_time64)\([0-9]+, NULL, NULL, NULL, NULL(\)| <|, (NULL|\{sigmask=NULL))'

after() { # what must hold when it has ended, as it should have
    local status want pause fixed strays=
    await ended || wrong "it does not end: $(everybody) $(so_far)" || return
    wait "$session"
    status=$?
    want=$(eval "echo $(task status 0)")
    if [ "$victim" != "$session" ] || [ "$signal" != KILL ]; then
        ((status < 129 || status == want)) || wrong "pid $session was killed by SIG$(kill -l $status)$(reported)" || return
        printed || return
        [ "$status" = "$want" ] || wrong "its exit status is $status and should be $want$(reported)" || return
    fi
    [[ $must != *no-pause* ]] || ! pause=$(grep -m 1 -sE " ($only_signals)" ../trace | grep -o '^[^(]*') ||
        wrong "pid ${pause%% *} waits in ${pause##* }(): a signal that comes just before that call does not wake it" || return
    [[ $must != *no-address* ]] || ! fixed=$(grep -sE ' shmat\([0-9]+, [^N]' ../trace) ||
        wrong "pid ${fixed%% *} has chosen an address for shmat(): in another program something else may be there" || return
    [[ $must != *no-descriptor* ]] || strays=$(awk '$9 ~ /^[0-9]+$/ && $9 > 2 { printf "%s %s (%s)", n++ ? "," : "", $9, $11 }' fds 2>/dev/null)
    strays=${strays//"$work/run/"/}
    [ -z "$strays" ] || wrong "the command that it has started inherits descriptor$strays" || return
    await left_nothing || wrong "${context}it has ended and left $left"
}

end_all() {
    local pid
    [ "$apart" ] || note_theirs
    for pid in $(jobs -p) $(alive; grep -lszF "IPC_MEND=$work" /proc/[0-9]*/environ | cut -d / -f 3); do kill -KILL "$pid"; done
    exec {to}>&-
    wait
    remove_since ../before "$report"
    cd "$work" && rm -rf run
} 2>/dev/null

run_once() { # run_once SENTENCE WRAP... for each case
    local arguments context='' victim='' signals=0
    while read -r arguments; do
        start "${@:2}"
        case $word:$must in at-once:*) ;; *answers*) converse stdin ;; *clients*) converse requests ;; *) send ;; esac && after
        [ -z "$verdict" ] || ! grep -q 'nanosleep.*INJECTED' ../trace 2>/dev/null ||
            verdict+=" (its sleeps returned at once: a right program does not need them)"
        end_all
        [ -z "$verdict" ] || { verdict=$1$verdict; return 1; }
    done < <(task args)
}

# run_late CALL|CALL... [N+]: each of the first calls of a process late (N+: all from the Nth on; the dynamic linker has
# made some), or that long (`slow`): longer than the others can take for all the rest. No sleep sleeps.
run_late() {
    local ms=$((200 * $(busy))) first how=late where=enter sleeps='?nanosleep,?clock_nanosleep,?clock_nanosleep_time64'
    local delayed=${1//|/,} each=${2:-first } when=${2:-1}
    each=${each#*+} first=${delayed%%,*}
    [ "$word" != slow ] || how=long where=exit
    run_once "With each process's $each${first#[?]}() $ms ms $how: " strace -f -b execve -qq -o ../trace \
        -e trace="$delayed,$sleeps" -e inject="$sleeps:retval=0" -e inject="$delayed:delay_$where=${ms}000:when=$when"
}

declare -A same_as=([fork]='fork|vfork|clone|clone3' [pthread_create]='clone|clone3' [pipe]='pipe|pipe2' [mkfifo]='mknod|mknodat')

# run_traced CALL...: the program is to do it with these calls.
run_traced() {
    local call list=execve
    for call; do list+=",?${same_as[$call]:-$call}"; done
    traced=1 run_once "" strace -f -b execve -qq -o ../trace -e trace="${list//|/,?}" || return
    for call; do
        grep -qE " (${same_as[$call]:-$call})[( ].* = [0-9]" "$work/trace" ||
            wrong "its output is right, but no process has called $call()" || return
    done
}

# ---- The verdict ----

judge() { # in $verdict; what could not be judged goes to stderr
    local word='' argument
    must=$(task must) limit=${must#*ends } limit=${limit%%,*}000
    run_once "" || return
    while read -r word argument; do
        case $word in
        one-cpu) run_once "On one CPU: " taskset -c "$(sed -n 's/^Cpus_allowed_list:\t*\([0-9]*\).*/\1/p' /proc/self/status)" ;;
        no-randomization) run_once "With address space randomization off (setarch -R): " setarch -R ;;
        at-once) run_once "With all of its input, and its end, there when it begins: " ;;
        interrupted) signal=$argument run_once "With SIG$argument: " ;;
        uses) read -r -a calls_used <<<"$argument"; [ -z "$strace" ] || run_traced "${calls_used[@]}" ;;
        late | slow) if [ "$strace" ]; then read -r -a late_calls <<<"$argument" && run_late "${late_calls[@]}"; else echo "not judged without strace: $word $argument" >&$report; fi ;;
        esac || return
    done < <(tr , '\n' <<<"$must")
}

# shellcheck disable=SC2034 # start evaluates $program, look.bash uses $calls
exercise=$1 program=$2 work=$3 apart=${4:-} verdict='' signal='' session=0
calls=$work/calls
trap end_all EXIT
trap 'trap "" INT TERM HUP; exit 130' INT TERM HUP # once: end_all takes its time
exec {report}>&2 2>"$work/errors" # where bash says that a program was killed
trap '' PIPE # the program may have ended; it gets the default action again
[ -z "$apart" ] || mount -n -t tmpfs -o mode=1777 tmpfs /dev/shm || exit 2
echo >"$work/arguments" && : >"$work/theirs"
"${CC:-cc}" -E -dM -include sys/syscall.h -x c /dev/null >"$calls"
strace=$(strace -o /dev/null true 2>/dev/null && echo yes)
judge || { echo "$verdict"; exit 1; }
