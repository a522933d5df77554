#!/bin/sh
# try.sh COMMAND [ARGUMENT...] - runs it twice as it is, then with each system call late, then with each one failing
#
# Late, it must print the same and end with the same status. When a call fails it must say so and end with a status other
# than 0, or carry on as if nothing had happened. Of one that prints something else each time, its pid or the time, only
# the lines are counted. What it prints to stderr may differ. Its stdin, unless that is a terminal, is kept and given to
# each run, and the locale is "C". A program that it starts with exec is not tried itself.
set -u
LATE_MS=100
MOST=3 # times that a call of a process is tried
here=$(dirname "$0")
. "$here/calls.sh"

if [ $# = 0 ] || [ "$1" = -h ]; then
    echo "usage: ipc try COMMAND [ARGUMENT...]"
    [ $# = 1 ]
    exit $(($? * 2))
fi
command -v "$1" >/dev/null || { echo "ipc try: there is no program $1" >&2; exit 2; }
command -v strace >/dev/null || { echo "ipc try: needs strace: apt-get install strace" >&2; exit 1; }
strace -o /dev/null true 2>/dev/null || { echo "ipc try: strace may not trace here" >&2; exit 1; }

# A program that does not check fork() may go on with kill(-1, ...), and that means all processes. It can do no harm where
# we are the first process of a pid namespace; elsewhere fork() is not made to fail.
namespace="--pid --mount --mount-proc --fork --kill-child"
[ "$(id -u)" = 0 ] || namespace="--user --map-current-user $namespace"
# shellcheck disable=SC2086 # several words
if [ $$ != 1 ] && unshare $namespace true 2>/dev/null; then
    exec unshare $namespace sh "$0" "$@"
fi
[ $$ = 1 ] || echo "(no namespaces here: fork() is not made to fail)"

work=$(mktemp -d) || exit 1
processes() { # those of the command that still run: run() has put a mark into their environment
    grep -lszF "IPC_TRY=$work" /proc/[0-9]*/environ | cut -d / -f 3 | while read -r pid; do
        grep -q '^State:.[ZX]' "/proc/$pid/status" 2>/dev/null || echo "$pid"
    done
}
end_processes() { for pid in $(processes); do kill -KILL "$pid" 2>/dev/null; done; }
trap 'end_processes; [ ! -e "$work/trace" ] || left_by "$work/trace" | remove; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
: >"$work/stdin"
[ -t 0 ] || cat >"$work/stdin"

# The System V objects, FIFOs and POSIX names that a trace says were created and that are still there.
left_by() {
    sed -n 's/.*[^_]\(msg\|sem\|shm\)get(.*IPC_CREAT.*) *= \([0-9][0-9]*\).*/\1 \2/p; s/.*[^_]\(msg\|sem\|shm\)get(IPC_PRIVATE.*) *= \([0-9][0-9]*\).*/\1 \2/p' "$1" |
        while read -r kind id; do
            ! awk -v id="$id" '$2 == id { found = 1 } END { exit !found }' "/proc/sysvipc/$kind" || echo "$kind $id"
        done
    sed -n 's/.*openat\{0,1\}(.*"\(\/dev\/shm\/[^"]*\)".*O_CREAT.*) *= [0-9].*/\1/p; s/.*mknod.*"\([^"]*\)", S_IFIFO.*) *= 0.*/\1/p' "$1" |
        while read -r path; do [ ! -e "$path" ] || echo "$path"; done
}
remove() {
    while read -r kind id; do
        case $kind in
        msg) ipcrm -q "$id" ;;
        sem) ipcrm -s "$id" ;;
        shm) ipcrm -m "$id" ;;
        *) rm -f "$kind" ;;
        esac
    done
}

# run SECONDS [STRACE-OPTION...] -- COMMAND...: the output is in $work/out and err; $status, and $left in words.
run() {
    seconds=$1
    shift
    status=0
    LC_ALL=C IPC_TRY=$work timeout -s KILL "$seconds" strace -f -b execve -q -o "$work/trace" "$@" \
        <"$work/stdin" >"$work/out" 2>"$work/err" || status=$?
    left=$(left_by "$work/trace" | sort -u)
    still=$(processes | wc -l)
    # strace waits for all processes; what hangs may be one that the command has left behind.
    ended=$(awk 'NR == 1 { first = $1 } $1 == first && $3 == "exited" { print $5 }' "$work/trace")
    if [ "$status" = 137 ] && [ -n "$ended" ]; then
        status=$ended
        still=$(awk '{ runs[$1] = $2 != "+++" } END { for (p in runs) n += runs[p]; print n }' "$work/trace")
    fi
    end_processes
    echo "$left" | remove 2>/dev/null
    left=${left:+, leaves $(echo "$left" | tr '\n' ' ')}
    [ "$still" = 0 ] || left="$left, leaves processes that run: $still"
    left=${left% }
}

has_as_many_lines() { [ "$(wc -l <"$work/out")" = "$(wc -l <"$work/first")" ]; }

prints_the_same() {
    case $compared in
    text) cmp -s "$work/out" "$work/first" ;;
    lines) has_as_many_lines ;;
    esac
}

# What became of a run that was late or failed, compared with the first one.
judge() { # late | failing
    if [ "$status" = 137 ] && [ "$first" != 137 ]; then
        echo "HANGS"
    elif [ "$status" -gt 128 ] && [ "$status" -le 192 ] && [ "$status" != "$first" ]; then
        echo "is KILLED by signal $((status - 128))"
    elif [ "$status" = "$first" ] && prints_the_same; then
        echo "ends as it did"
    elif [ "$1" = failing ] && [ "$status" != 0 ] && [ -s "$work/err" ]; then
        echo "reports it"
    elif [ "$status" = "$first" ]; then
        echo "prints SOMETHING ELSE, status $status"
    else
        echo "ends with status $status$([ -s "$work/err" ] || [ "$call" = close ] || echo ' WITHOUT A WORD')$([ "$1" = failing ] || echo ' LATE')"
    fi
}

# Children that have ended before their parent, and that it has not waited for.
zombies() {
    awk '
        /(clone3?|v?fork)(\(| resumed).*\) += [0-9]+$/ && !/CLONE_THREAD/ { parent[$NF] = $1 }
        /wait(4|id)/ && /\) += [1-9][0-9]*$/ { waited[$NF] = 1 }
        /wait(4|id)/ && match($0, /si_pid=[0-9]+/) { waited[substr($0, RSTART + 7, RLENGTH - 7)] = 1 }
        /SIGCHLD.*SIG_IGN|SA_NOCLDWAIT/ { ignored[$1] = 1 }
        $2 == "+++" { ended[$1] = NR }
        END {
            for (p in parent)
                n += ended[p] && ended[p] < ended[parent[p]] && !waited[p] && !ignored[parent[p]]
            print n + 0
        }' "$work/trace"
}

begin=$(date +%s)
call=
run 10 -- "$@"
seconds=$((($(date +%s) - begin) * 3 + 3)) # a run that takes longer hangs
first=$status
mv "$work/out" "$work/first"
echo "as it is: status $first$left$(zombies | sed 's/^0$//; s/..*/, children that it did not wait for: &/')"
[ "$still" = 0 ] || { echo "each further run would wait for what it leaves: mend that first"; exit 1; }
[ "$first" != 137 ] || { echo "it HANGS, or takes longer than ten seconds: ipc why says what it waits for"; exit 1; }

sleep 1 # the time that it may print is another then
run "$seconds" -- "$@"
[ "$status" = "$first" ] || { echo "as it is, once more: status $status: mend that first"; exit 1; }
compared=text
if ! prints_the_same; then
    compared=lines
    has_as_many_lines || compared=nothing
    echo "its output varies: only the status$([ $compared = nothing ] && echo ' is' || echo ' and the number of lines are') compared"
fi

# The loader's own calls come before the first munmap(), that of its cache; they are only delayed.
sed '/munmap(/q' "$work/trace" | grep -q ld.so.cache && sed '/munmap(/q' "$work/trace" >"$work/loader"
[ -e "$work/loader" ] || : >"$work/loader"
count_calls 99 <"$work/loader" >"$work/skip"
count_calls 99 <"$work/trace" | sort | while read -r call times; do
    skip=$(awk -v call="$call" '$1 == call { print $2 }' "$work/skip")
    nth=$((${skip:-0} + 1))
    last=$((nth + MOST))
    while [ $nth -le "$times" ] && [ $nth -lt $last ]; do
        for fault in $(delays_of "$call"); do echo "late $call $fault=$((LATE_MS * 1000)) $nth"; done
        case $call in *nanosleep | rt_sigaction | rt_sigprocmask) nth=$((nth + 1)); continue ;; esac # they do not fail
        for fault in $(errors_of "$call"); do echo "failing $call error=$fault $nth"; done
        nth=$((nth + 1))
    done
done | sort -s -r -k 1,1 | if [ $$ = 1 ]; then cat; else grep -v '^failing [a-z0-9]*\(clone\|fork\)'; fi >"$work/cases"
total=$(wc -l <"$work/cases")
number=0
while read -r how call fault nth; do
    number=$((number + 1))
    [ ! -t 2 ] || printf '\r%d of %d ' "$number" "$total" >&2
    run "$seconds" -e trace="$call,?msgget,?semget,?shmget,?openat,?mknodat,?mknod" -e inject="$call:$fault:when=$nth" -- "$@"
    came_to "$call" "$nth" <"$work/trace" || continue # not reached this time
    ! grep -q '\(RMID\|unlink\).*INJECTED' "$work/trace" || left= # what removes it has failed
    echo "$how|$(judge "$how")$left|$call no. $nth$(case $fault in error=*) echo " = ${fault#error=}" ;; esac)"
done <"$work/cases" >"$work/verdicts"
[ ! -t 2 ] || printf '\r                    \r' >&2

awk -F '|' '
    { key = $1 "|" $2; n[key]++; all[$1]++; if (!(key in example)) { example[key] = $3; order[++k] = key } }
    END {
        for (i = 1; i <= k; i++) {
            split(order[i], part, "|")
            wrong = part[2] ~ /[A-Z][A-Z]|leaves/
            bad += wrong
            printf "%-8s %3d of %3d: %s%s\n", part[1] ":", n[order[i]], all[part[1]], part[2], wrong ? " (first: " example[order[i]] ")" : ""
        }
        exit bad > 0
    }' "$work/verdicts"
