#!/usr/bin/env bash
# mend-judge.sh DIR/NAME PROGRAM FOLDER [apart] - judges a program by what the kernel says of it: nothing, or what is wrong
#
# DIR/mend/NAME.task says what must hold, a line each:
#   must:                   conditions of each run, and ways to run it once more: see in_between, after and judge
#   input: args: expect:    a command, shell words, a filter for the input; each further line of args is a case of its own
#   show: compare: status:  a command (cat ../out), a filter for both sides of the comparison, the exit status (0)
#   demo: section: hint:    for mend.sh: where to read on, and two hints
# It runs in namespaces of its own (`apart`), where that is allowed; otherwise what is new and yours after a run is removed.
set -u
export LC_ALL=C
tree=$(readlink -f "${BASH_SOURCE[0]}") tree=${tree%/lib/tools/*}
# shellcheck source=lib/tools/look.bash
. "$tree/lib/tools/look.bash"

task() { # task KEY [DEFAULT]
    sed -n "s/^$1: *//p" "$tree/${exercise%/*}/mend/${exercise#*/}.task" | grep . || echo "${2:-}"
}

# For the input: words N and numbers N, a new one in each line.
words() {
    local i
    for ((i = 0; i < $1; i++)); do printf '%x%d\n' $((RANDOM + 32768)) "${RANDOM:0:1 + RANDOM % 5}"; done | tr 0-9 g-p
}

numbers() {
    seq "$1" | while read -r _; do echo $((RANDOM % 900 + 100)); done
}

# ---- One run. The first thing that is wrong goes to $verdict ----

wrong() {
    [ -n "$verdict" ] || verdict=$1
    return 1
}

nap() { # without a process
    read -r -t "$1" <>"$work/never" || true
}

within() { # within MS COMMAND... polls
    local end=$((${EPOCHREALTIME/[,.]/} + $1 * 1000))
    until "${@:2}"; do
        ((${EPOCHREALTIME/[,.]/} < end)) || return
        nap 0.02
    done
}

# await COMMAND... polls until it succeeds; it fails when the program will get no further: no thread has run for 600 ms,
# and none is in sleep() or waits for our input; or it has slept for $limit ms, or computed for 2 s. All of that is
# longer on a busy machine.
await() {
    local i now load state was=none begin=${EPOCHREALTIME/[,.]/} since=0
    { read -r load _ </proc/loadavg; } 2>/dev/null || load=0
    local patience=$((1 + ${load%.*} / $(nproc)))
    for ((i = 0; ; i++)); do
        ! "$@" || return 0
        nap 0.02
        ((i % 4 == 0)) || continue
        now=${EPOCHREALTIME/[,.]/} state=$(movements)
        [ "$state" = "$was" ] || was=$state since=$now
        if [[ $state = *State:?[RDt]* ]]; then
            (($(ticks) > 200)) || continue
        else
            ((now - since > 600000 * patience || now - begin > limit * 1000 * patience)) || continue
            ((now - begin > limit * 1000 * patience)) || [[ ! $(everybody) =~ nanosleep|'its standard input' ]] || continue
            [ "$state" = "$(movements)" ] || continue
        fi
        "$@" # perhaps it has, meanwhile
        return
    done
}

ended() {
    local line
    { read -r line <"/proc/$session/stat"; } 2>/dev/null || return 0
    [[ ${line##*) } = Z* ]]
}

start() { # start WRAP... in an empty folder, with a new input, without descriptors of ours
    local fd in both
    mkdir "$work/run" && cd "$work/run" && rm -f ../stdin ../trace && mkfifo ../stdin || exit 2
    eval "$(task input)" >../input
    objects | sort >../before
    # shellcheck disable=SC2094 # it is a FIFO, and opened without waiting
    exec {both}<>../stdin {in}<../stdin {to}>../stdin {both}>&-
    eval "set -- \"\$@\" \"\$program\" $arguments"
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
        within 1500 idle || [[ $must != *no-spin* ]] || ended ||
            wrong "pid $session does not sleep while there is nothing to read: it keeps a CPU busy" || return
        ! ended || wrong "it has ended after line $number of $total$(reported)" || return
        ((++number < total)) || in_between || return
        within 3000 ready "$1"
        if [ -p "$1" ]; then timeout 3 tee "$1" <<<"$line"; else echo "$line" >&"$to"; fi >/dev/null
        await answered $number || wrong "line $number of the input, ${#line} bytes, is not answered: $(everybody) $(so_far)" || return
        [ -z "$signal" ] || ((number != total / 2)) || interrupt || return
        [ "$victim" != "$session" ] || [ "$signal" != KILL ] || break
    done <../input
    exec {to}>&-
}

interrupt() {
    within 3000 readers >/dev/null || wrong "no process sleeps in read(0): $(everybody)" || return
    victim=$(readers | head -n 1)
    kill "-$signal" "$victim"
    ((++signals))
    [ "$signal" != KILL ] || context="pid $victim was killed while it slept in read(0); "
    nap 0.05
}

no_zombie() {
    zombies=$(processes | awk '$3 == "Z" { printf " %d", $1; parent = $2 } END { if (parent) print ", children of pid " parent }')
    [ -z "$zombies" ]
}

in_between() { # what must hold while it waits for more input
    [[ $must != *no-zombie* ]] || within 500 no_zombie || wrong "no wait() has taken the status of pid$zombies: zombies" || return
    [[ $must != *one-reader* ]] || [ "$(readers | wc -l)" -lt 2 ] ||
        wrong "${context}now two processes are inside at once: $(everybody)"
}

so_far() {
    [ -s ../out ] || { echo "(no output so far)"; return; }
    echo "(output so far: $(wc -c <../out) bytes, last line '$(tail -n 1 ../out | cut -c 1-40 | tr -cd '[:print:]')')"
}

reported() { # on standard error; and the sizes of POSIX shared memory objects
    objects_since ../before | grep ^/dev/shm | xargs -r stat -c '; %n has %s bytes'
    [ ! -s ../err ] || echo "; it reports: $(tail -n 1 ../err | cat -v | cut -c 1-100)"
}

printed() { # the first line that differs
    local want have i got line
    mapfile -t have < <(eval "$(task show 'cat ../out')" 2>/dev/null | eval "$(task compare cat)")
    mapfile -t want < <(eval "$(task expect)" <../input | eval "$(task compare cat)")
    for ((i = 0; i < ${#want[@]} || i < ${#have[@]}; i++)); do
        [ "${want[i]-none}" != "${have[i]-none}" ] || continue
        got=${have[i]-} got=${got//[^[:print:]]/?} line="line $((i + 1)) of its output"
        [ -z "$(task compare)" ] || line+=" (sorted)"
        ((i < ${#have[@]})) || wrong "'${want[i]:0:60}' is missing: its output has $i lines, not ${#want[@]}$(reported)" || return
        ((i < ${#want[@]})) || wrong "'${got:0:60}' is too much: its output has ${#have[@]} lines, not $i" || return
        wrong "$line is '${got:0:60}' and should be '${want[i]:0:60}'$(reported)"
        return
    done
}

left_nothing() {
    [ -z "$(alive)" ] || { left=$(everybody); return 1; }
    left=$(objects_since ../before | sed 's/^shm/shared memory segment/; s/^sem/semaphore set/; s/^msg/message queue/; s|^\./|the FIFO |' | paste -sd ,)
    [ -z "$left" ] || [[ $must != *leaves-nothing* ]]
}

after() { # what must hold when it has ended, as it should have
    local status want pause strays=
    await ended || wrong "it does not end: $(everybody) $(so_far)" || return
    wait "$session"
    status=$?
    want=$(eval "echo $(task status 0)")
    if [ "$victim" != "$session" ] || [ "$signal" != KILL ]; then
        ((status < 129 || status == want)) || wrong "pid $session was killed by SIG$(kill -l $status)$(reported)" || return
        printed || return
        [ "$status" = "$want" ] || wrong "its exit status is $status and should be $want$(reported)" || return
    fi
    [[ $must != *no-pause* ]] || ! pause=$(grep -sE ' (pause\(|ppoll\(NULL, 0, NULL, NULL)' ../trace) ||
        wrong "pid ${pause%% *} waits in pause(): a signal that comes just before that call does not wake it" || return
    [[ $must != *no-descriptor* ]] || strays=$(awk '$9 ~ /^[0-9]+$/ && $9 > 2 { printf "%s %s (%s)", n++ ? "," : "", $9, $11 }' fds 2>/dev/null)
    [ -z "$strays" ] || wrong "the command that it has started inherits descriptor$strays" || return
    await left_nothing || wrong "${context}it has ended and left $left"
}

end_all() {
    local pid
    for pid in $(alive; grep -lszF "IPC_MEND=$work" /proc/[0-9]*/environ | cut -d / -f 3); do kill -KILL "$pid"; done
    exec {to}>&-
    wait
    remove_since ../before
    cd "$work" && rm -rf run
} 2>/dev/null

run_once() { # run_once SENTENCE WRAP... for each case
    local arguments context='' victim='' signals=0
    while read -r arguments; do
        start "${@:2}"
        case $must in *answers*) converse stdin ;; *clients*) converse requests ;; *) send ;; esac && after
        [ -z "$verdict" ] || ! grep -q 'nanosleep.*INJECTED' ../trace 2>/dev/null ||
            verdict+=" (its sleeps returned at once: a right program does not need them)"
        end_all
        [ -z "$verdict" ] || { verdict=$1$verdict; return 1; }
    done < <(task args)
}

# run_late CALL|CALL...: each of the first calls of a process late, or that long (`slow`). No sleep sleeps.
run_late() {
    local how=late where=enter sleeps='?nanosleep,?clock_nanosleep,?clock_nanosleep_time64' first=${1%%|*}
    [ "$word" != slow ] || how=long where=exit
    run_once "With each process's first ${first#[?]}() 200 ms $how: " strace -f -b execve -qq -o ../trace \
        -e trace="${1//|/,},$sleeps" -e inject="$sleeps:retval=0" -e inject="${1//|/,}:delay_$where=200000:when=1"
}

# ---- The verdict ----

judge() { # in $verdict; what could not be judged goes to stderr
    local word argument
    must=$(task must) limit=${must#*ends } limit=${limit%%,*}000
    run_once "" || return
    while read -r word argument; do
        case $word in
        one-cpu) run_once "On one CPU: " taskset -c "$(sed -n 's/^Cpus_allowed_list:\t*\([0-9]*\).*/\1/p' /proc/self/status)" ;;
        no-randomization) run_once "With address space randomization off (setarch -R): " setarch -R ;;
        interrupted) signal=$argument run_once "With SIG$argument: " ;;
        late | slow) if [ "$strace" ]; then run_late "$argument"; else echo "not judged without strace: $word $argument" >&$report; fi ;;
        esac || return
    done < <(tr , '\n' <<<"$must")
}

# shellcheck disable=SC2034 # start evaluates $program, look.bash uses $calls
exercise=$1 program=$2 work=$3 verdict='' signal='' session=0
calls=$work/calls
trap end_all EXIT
trap 'exit 130' INT TERM HUP
exec {report}>&2 2>"$work/errors" # where bash says that a program was killed
trap '' PIPE # the program may have ended; it gets the default action again
[ -z "${4:-}" ] || mount -n -t tmpfs -o mode=1777 tmpfs /dev/shm || exit 2
mkfifo "$work/never"
"${CC:-cc}" -E -dM -include sys/syscall.h -x c /dev/null >"$calls"
strace=$(strace -o /dev/null true 2>/dev/null && echo yes)
judge || { echo "$verdict"; exit 1; }
