# lines.bash - what tests/run, tests/faults and tests/stress share: namespaces, progress, and running the lines of
# tests/runs, or of the table RUNS. $B is the folder of the programs.
# Most of this happens thousands of times; what bash can do itself, it does.

# Sets $private to the command that gives others namespaces of their own; where that is not allowed it says why, sets it
# to env, which gives nothing, and fails.
# shellcheck disable=SC2034 # others use it
choose_private() {
    local reason
    private=tests/private
    # shellcheck disable=SC2016 # the inner shell expands it
    reason=$(tests/private sh -c '[ -n "${IPC_TESTS_PRIVATE:-}" ]' 2>&1) && return
    private='env'
    echo "${reason#\# }: one after another"
    return 1
}

# progress [DONE TOTAL WHAT]: on a terminal, how far it is, where the next line will stand; without words, clears that.
progress() {
    [ ! -t 2 ] || printf '\033[K%s\r' "${1:+$1 of $2 $3, $SECONDS s}" >&2
}

# counted TOTAL WHAT copies its input, and shows its lines as progress.
counted() {
    local line done=0
    while read -r line; do
        echo "$line"
        progress $((++done)) "$@"
    done
    progress
}

RUNS=${RUNS:-tests/runs}
mapfile -t -O 1 LINES_TO_RUN <"$RUNS"

line_of() {
    echo "${LINES_TO_RUN[$1]}"
}

# run_line NUMBER FOLDER WRAP runs the line in FOLDER, the program behind WRAP, for SECONDS_TO_END (20) at the most; its
# output goes to FOLDER/out and err.
run_line() {
    local line=${LINES_TO_RUN[$1]}
    # shellcheck disable=SC2016 # $T and $? are for the inner shell
    (cd "$B" && T=$2 IPC_CASE=$2 exec timeout -s KILL "${SECONDS_TO_END:-20}" bash -c \
        "${line//@/env --default-signal=HUP,INT,QUIT,PIPE,TERM $3 ./}"'
        status=$?; kill $(jobs -p) 2>/dev/null; wait; exit $status' >"$2/out" 2>"$2/err" </dev/null)
}

# The objects of this user, in namespaces of their own of all users: "kind key id" for System V, the path for a FIFO, a
# socket and a POSIX object.
objects_in() {
    local kind key id path
    for kind in msg sem shm; do
        while read -r key id _; do
            [ "$key" = key ] || echo "$kind $key $id"
        done <"/proc/sysvipc/$kind"
    done
    for path in "$1"/* "/tmp/ipc-$UID"/* ${IPC_TESTS_PRIVATE:+/tmp/ipc-*/*}; do
        [[ ${path##*/} = fifo ]] || [[ ! -p $path && ! -S $path ]] || echo "$path"
    done
    for path in /dev/shm/* "${MQUEUE:-/dev/mqueue}"/*; do
        [[ ! -f $path ]] || [[ -z ${IPC_TESTS_PRIVATE:-} && ! -O $path ]] || echo "$path"
    done
}

processes_of() {
    grep -lszF "IPC_CASE=$1" /proc/[0-9]*/environ
}

# left_behind FOLDER [BEFORE] prints the processes of a run in FOLDER, its FIFOs and its private System V objects
# (key 0), but for what was there BEFORE. An object with a key, the FIFO of fifo/read and the POSIX objects of the user
# are meant to stay.
left_behind() {
    local processes objects
    for _ in {1..100}; do # a busy machine takes its time to end them
        processes=$(processes_of "$1")
        [ -n "$processes" ] || break # and not by its status: grep(1) fails, too, where a process ends meanwhile
        sleep 0.1
    done
    [ -z "$processes" ] || echo "$processes"
    objects=$(objects_in "$1")
    [ "$objects" = "${2:-}" ] ||
        grep -vxF -- "${2:-none}" <<<"$objects" | grep '^/\|^[a-z]* 0 ' | grep -vE '/(sem\.)?ipc-[0-9]+-[a-z]+$'
}

# end_all FOLDER kills what still runs of the run in FOLDER.
end_all() {
    processes_of "$1" | cut -d / -f 3 | xargs -r kill -KILL
}

# remove_new FOLDER [BEFORE] removes all objects but those that were there BEFORE.
remove_new() {
    local kind id objects
    objects=$(objects_in "$1")
    [ "$objects" != "${2:-}" ] || return 0
    while read -r kind _ id; do
        case $kind in
        msg) ipcrm -q "$id" ;;
        sem) ipcrm -s "$id" ;;
        shm) ipcrm -m "$id" ;;
        *) rm -f "$kind" ;;
        esac
    done < <(grep -vxF -- "${2:-none}" <<<"$objects")
}

# The output without its numbers, and the lesson.
shape() {
    sed 's/[0-9][0-9]*/N/g' "$1/out"
    sed -n '/^=>/{s/[0-9][0-9]*/N/g;p}' "$1/err"
}
