#!/bin/sh
# pictures.sh - the pictures of the notes, DIR/pictures/NAME.svg, each from a real run
#
# A run under load has more lines, of calls that strace made late: of three the one with the fewest is taken.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
noise='poll|select|sigsuspend|SIGCHLD|.* starts'

# sequence PICTURE COMMAND...
sequence() {
    picture=$1; shift
    for turn in 1 2 3; do
        sh lib/tools/draw.sh -x "$noise" -s "$work/$turn" "$@" >/dev/null 2>&1 </dev/zero || true
    done
    keep "$picture" "$(wc -l "$work/1" "$work/2" "$work/3" | sort -n | awk 'NR == 1 { print $2 }')"
}

keep() {
    grep -q '</svg>' "$2" || { echo "pictures: $1: no picture" >&2; exit 1; }
    mkdir -p "${1%/*}/pictures"
    cp "$2" "${1%/*}/pictures/${1##*/}.svg"
    echo "${1%/*}/pictures/${1##*/}.svg"
}

# graph PICTURE [AWK-OPTIONS]: of the lines on stdin, see graph.awk
graph() {
    picture=$1; shift
    awk "$@" -f lib/tools/svg.awk -f lib/tools/graph.awk >"$work/graph"
    keep "$picture" "$work/graph"
}

# descriptors NAME PID: its lines for graph.awk, from /proc; without stdin, stdout, stderr
descriptors() {
    for fd in "/proc/$2/fd"/[3-9]; do
        case $(awk '/^flags/ { print $2 % 10 }' "/proc/$2/fdinfo/${fd##*/}") in 0) way=r ;; 1) way=w ;; *) way=rw ;; esac
        printf '%s\t%s\t%s\t%s\n' "$2 $1" "${fd##*/}" "$(readlink "$fd")" "$way"
    done
}

# mappings NAME PID: at which addresses it has System V segments
mappings() {
    awk -v who="$2 $1" '/SYSV/ { sub(/-.*/, "", $1); print who "\t0x" $1 "\tsegment " $5 "\tw" }' "/proc/$2/maps"
}

until_true() { for _ in $(seq 200); do ! "$@" 2>/dev/null || return 0; sleep 0.01; done; return 1; }

child_of() { child=$(awk -v parent="$1" '$1 == "PPid:" && $2 == parent { split(FILENAME, part, "/"); print part[3] }' /proc/[0-9]*/status 2>/dev/null) && [ -n "$child" ]; }

sleeps_alone() { child_of "$1" && [ -e "/proc/$child/fd/4" ] && [ ! -e "/proc/$1/fd/4" ]; }

./pipe/eof -x 2>/dev/null &
until_true sleeps_alone $!
{ descriptors writer $!; descriptors reader "$child"; } | graph pipe/descriptors
wait
sequence pipe/eof ./pipe/eof
sequence pipe/coproc ./pipe/coproc -x cat

sequence fifo/order ./fifo/order
# shellcheck disable=SC2016 # that shell expands it
sequence fifo/server sh -c './fifo/server -p "$0" & ./fifo/client -p "$0" hello; kill $!; wait' "$work/server"

sequence msgq/full ./msgq/full

strace -qq -f -o /dev/null -e trace=shmdt -e inject=shmdt:delay_enter=700000 ./shm/attach >/dev/null 2>&1 &
has_three() { child_of "$1" && tracee=$child && child_of "$tracee" && [ "$(grep -c SYSV "/proc/$child/maps")" = 3 ]; }
until_true has_three $!
{ mappings parent "$tracee"; mappings child "$child"; } | graph shm/attach
wait

sequence sem/undo ./sem/undo -x
./sem/prodcons -x 2>/dev/null | awk -v OFS='\t' '
    /has the lock/ { print $1 " " $2, "has", "lock", "r" }
    /waits for/ { print $1 " " $2, "waits for", $NF == "lock" ? "lock" : "items: none", "w" }' | graph sem/prodcons
./sem/philosophers -x 2>/dev/null | sed -n 's/^\(.*[0-9]\) waits for /\1\t/p' | graph sem/philosophers -v circle=1

sequence signals/lost ./signals/lost -x
sequence signals/orphan ./signals/orphan
sequence signals/oob ./signals/oob

sequence dup/halfclose sh -c './dup/halfclose-server -p 20007 & ./dup/halfclose-client -p 20007; wait'
