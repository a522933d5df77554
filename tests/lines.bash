# lines.bash - what tests/faults and tests/stress share: running the lines of tests/runs. $B is the folder of the programs.

line_of() {
    sed -n "$1p" tests/runs
}

# run_line NUMBER FOLDER WRAP runs the line in FOLDER, the program behind WRAP; its output goes to FOLDER/out and err.
run_line() {
    local line
    line=$(line_of "$1")
    # shellcheck disable=SC2016 # $T and $? are for the inner shell
    (cd "$B" && T=$2 IPC_CASE=$2 timeout -s KILL 20 bash -c "${line//@/env --default-signal=HUP,INT,QUIT,PIPE,TERM $3 ./}"'
        status=$?; kill $(jobs -p) 2>/dev/null; wait; exit $status' >"$2/out" 2>"$2/err" </dev/null)
}

# The objects of this machine: "kind key id" for System V, the path for a FIFO, a socket and a POSIX object.
objects_in() {
    awk 'FNR > 1 { sub(".*/", "", FILENAME); print FILENAME, $1, $2 }' /proc/sysvipc/*
    find "$1" "/tmp/ipc-$(id -u)" \( -type p -o -type s \) ! -name fifo
    find /dev/shm "${MQUEUE:-/dev/mqueue}" -type f -user "$(id -u)" 2>/dev/null
}

# left_behind FOLDER [BEFORE] prints the processes of a run in FOLDER, its FIFOs and its private System V objects
# (key 0), but for what was there BEFORE. An object with a key, the FIFO of fifo/read and the POSIX objects of the user
# are meant to stay.
left_behind() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        grep -lszF "IPC_CASE=$1" /proc/[0-9]*/environ >/dev/null || break
        sleep 0.1
    done
    grep -lszF "IPC_CASE=$1" /proc/[0-9]*/environ
    objects_in "$1" | grep -vxF -- "${2:-none}" | grep '^/\|^[a-z]* 0 ' | grep -vE '/(sem\.)?ipc-[0-9]+-[a-z]+$'
}

# end_all FOLDER kills what still runs of the run in FOLDER.
end_all() {
    grep -lszF "IPC_CASE=$1" /proc/[0-9]*/environ | cut -d / -f 3 | xargs -r kill -KILL
}

# remove_new FOLDER [BEFORE] removes all objects but those that were there BEFORE.
remove_new() {
    local kind id
    while read -r kind _ id; do
        case $kind in
        msg) ipcrm -q "$id" ;;
        sem) ipcrm -s "$id" ;;
        shm) ipcrm -m "$id" ;;
        *) rm -f "$kind" ;;
        esac
    done < <(objects_in "$1" | grep -vxF -- "${2:-none}")
}

# The output without its numbers, and the lesson.
shape() {
    sed 's/[0-9][0-9]*/N/g' "$1/out"
    grep '^=>' "$1/err" | sed 's/[0-9][0-9]*/N/g'
}
