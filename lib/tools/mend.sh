#!/usr/bin/env bash
# mend.sh [-l | -n | -r | -s] [NAME] - broken programs to mend: judges your copy of one by what the kernel says of it
#
# DIR/mend/NAME.c is a program, NAME.cure is a patch that mends it, and NAME.task says what must hold: see mend-judge.sh.
# IPC_MEND_DIR is where your copies are.
set -u
self=$(readlink -f "${BASH_SOURCE[0]}")
tree=${self%/lib/tools/*}
exercises=(pipe/eof pipe/stdio pipe/status pipe/records pipe/full fifo/order fifo/server-eof fifo/torn
    msgq/size msgq/type msgq/removed msgq/full shm/race shm/pointer shm/sigbus shm/leak
    sem/init sem/order sem/while sem/undo signals/eintr signals/pause signals/child signals/handler
    dup/fclose dup/dup2 dup/cloexec dup/edge)
copies=${IPC_MEND_DIR:-$tree/build/mend}
[ -n "${IPC_MEND_DIR:-}" ] || { [ -e "$tree/Makefile" ] && [ -w "$tree" ]; } || copies=$PWD/mend # installed

usage() {
    echo "usage: mend [-l | -n | -r | -s] [NAME]    judge NAME, or the one that you edited last"
    echo "  -l  list all: x mended, - not yet        -n  a hint (-nn: two)"
    echo "  -r  start again                          -s  a cure, once it is mended (-ss: now)"
}

task() { # task KEY
    sed -n "s/^$1: *//p" "$(original "$exercise" task)"
}

original() { # original EXERCISE [SUFFIX]
    echo "$tree/${1%/*}/mend/${1#*/}.${2:-c}"
}

changed() { # there is a copy of EXERCISE, and it is not as given
    [ -e "$copies/$1.c" ] && ! cmp -s "$copies/$1.c" "$(original "$1")"
}

choose() { # by NAME; or the one that was edited last; or the first that is as given
    local found=() one
    if [ -n "${1:-}" ]; then
        for one in "${exercises[@]}"; do [[ $one != "$1" && ${one#*/} != "$1" ]] || found+=("$one"); done
        exercise=${found[0]:-}
        [ ${#found[@]} = 1 ] || { echo "mend: ${found[*]:-no $1: -l lists them}${found[0]:+: which $1?}" >&2; exit 2; }
        return
    fi
    for one in "${exercises[@]}"; do ! changed "$one" || found+=("$one"); done
    [ ${#found[@]} != 0 ] || { next; return; }
    exercise=${found[0]}
    for one in "${found[@]}"; do [ ! "$copies/$one.c" -nt "$copies/$exercise.c" ] || exercise=$one; done
}

next() {
    for exercise in "${exercises[@]}"; do changed "$exercise" || return 0; done
    echo "You have changed all of them: -l lists them."
    exit
}

copy() { # unless there is one
    mkdir -p "$copies/${exercise%/*}" && { [ -e "$copies/$exercise.c" ] || cp "$(original "$exercise")" "$copies/$exercise.c"; }
}

judge_apart() { # nothing of it stays, and it sees nothing of others
    local apart=(unshare --ipc --pid --mount --mount-proc --fork --kill-child)
    [ "$UID" = 0 ] || apart+=(--user --map-current-user --keep-caps)
    "${apart[@]}" true 2>/dev/null || apart=(env)
    exec "${apart[@]}" bash "$tree/lib/tools/mend-judge.sh" "$exercise" "$program" "$work/judge" ${apart[1]:+apart}
}

# Ctrl-C. The first process of a PID namespace does not get the signals that it does not handle yet, so it is killed from
# here, and takes the namespace along. Without namespaces the judge removes what there is.
end_judge() {
    trap '' INT TERM HUP
    while [ -n "$judge" ] && kill -0 "$judge" 2>/dev/null; do
        if grep -qsx unshare "/proc/$judge/comm"; then
            # shellcheck disable=SC2046 # words are wanted
            kill -KILL $(cat "/proc/$judge/task/$judge/children") || kill -TERM "$judge"
        else
            kill -TERM "$judge"
        fi
        sleep 0.05
    done 2>/dev/null
    exit 130
}

# Sentences of the task about what has been tried: "tried: REGEX -> SENTENCE", for the lines that are new in the copy.
remarks() {
    diff "$(original "$exercise")" "$program.c" | sed -n 's/^> //p' >"$work/new"
    task tried | while read -r line; do ! grep -qE -e "${line%% -> *}" "$work/new" || echo "${line#* -> }"; done
}

verdict() { # compiles it, judges it, and prints what is not right yet
    local text more demo status reads=''
    copy || exit 2
    program=$(readlink -f "$copies")/$exercise
    # shellcheck disable=SC2086 # words are wanted
    "${CC:-cc}" -Wall -Wextra -g -pthread ${LDFLAGS:-} -o "$program" "$program.c" -lrt || { echo "$exercise does not compile."; return 1; }
    rm -rf "$work/judge" && mkdir "$work/judge"
    judge_apart >"$work/verdict" &
    judge=$!
    wait "$judge"
    status=$? judge=''
    [ $status != 0 ] || return 0
    text=$(<"$work/verdict")
    [ -n "$text" ] || { echo "mend: the judge could not judge $exercise:"; cat "$work/judge/errors"; exit 2; } >&2
    demo=$(task demo) more=$(remarks)
    ! grep -qE 'stdin|STDIN|standard input' "$program.c" || reads='   # reads what you type, until Ctrl-D'
    fold -s -w 79 <<END | sed 's/ *$//'
$exercise is not right yet. ${text^}.${more:+
$more}

END
    cat <<END
Look at "$(task section)"
in $(cut -d / -f 2 <<<"$demo")/README.md, and at
    $demo
Edit ${program#"$PWD/"}.c. To run it yourself, and ask ./ipc why:
    ${program#"$PWD/"}$(cat "$work/judge/arguments")$reads
A hint: ./ipc mend -n $exercise
END
    return 1
}

introduction() {
    sed 's|^/\* ||; s|^ \* ||; s| \*/$||; /^#/Q' "$(original "$exercise")" && echo
}

list() {
    local mark
    for exercise in "${exercises[@]}"; do
        mark=' '
        ! changed "$exercise" || { verdict >/dev/null 2>&1 && mark=x || mark=-; }
        printf '%s %-16s %s\n' "$mark" "$exercise" "$(introduction | fold -s -w 57 | sed 's/ *$//; 1q' | sed '$!b; s/[^.:]$/& .../')"
    done
}

judge='' work=''
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap end_judge INT TERM HUP
work=$(mktemp -d) || exit 2

times=0 action=judge
while getopts lnsrh option; do
    case $option in
    h) usage; exit ;;
    [lnsr]) action=$option; ((++times)) ;;
    *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || { usage >&2; exit 2; }
[ "$action" = l ] || choose "${1:-}"
case $action in
l) list ;;
n) task hint | head -n "$times" | fold -s -w 79 | sed 's/ *$//' ;;
r) rm -f "$copies/$exercise.c"; copy && echo "$copies/$exercise.c is as it was given." ;;
s)
    [ $times -gt 1 ] || verdict >/dev/null 2>&1 || { echo "$exercise is not mended yet; -ss shows a cure."; exit 1; }
    cat "$(original "$exercise" cure)"
    ;;
judge)
    changed "$exercise" || introduction
    verdict || exit 1
    echo "$exercise is right."
    [ -z "${1:-}" ] || exit 0
    next
    echo
    introduction
    verdict
    ;;
esac
