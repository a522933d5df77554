#!/bin/sh
# objects.sh - the System V and POSIX objects of this user, and the processes that have them or sleep there
set -u
uid=$(id -u)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT

# "1530 perl sleeps in msgrcv(3)" for each process of this user that can be seen, and the shared memory that it has mapped:
# its first thread may have ended.
# shellcheck disable=SC2046 # a word for each process
"$IPC_TREE/lib/tools/why" $(find /proc -maxdepth 1 -name '[0-9]*' -user "$uid" -exec basename {} \; 2>/dev/null) \
    2>/dev/null | grep '^[0-9]' >"$work/all"
grep -H '^[^ ]* .w.s ' /proc/[0-9]*/task/[0-9]*/maps 2>/dev/null >"$work/maps"

system_v() {
    for kind in msg sem shm; do
        [ ! -r "/proc/sysvipc/$kind" ] || sed "s/^/$kind /" "/proc/sysvipc/$kind"
    done | awk -v uid="$uid" '
        $2 == "key" { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["uid"] != uid { next }
        $1 == "msg" { print $3, "msgrcv|msgsnd", "System V queue " $3 ", messages: " $column["qnum"] ", bytes: " $column["cbytes"] }
        $1 == "sem" { print $3, "semop", "System V set " $3 ", semaphores: " $column["nsems"] }
        $1 == "shm" { print $3, "SYSV", "System V segment " $3 ", bytes: " $column["size"] ", attached: " $column["nattch"] }' |
        while read -r id call words; do
            [ "$call" = semop ] && command -v ipcs >/dev/null && words="$words, values:$(values "$id")"
            echo "$words"
            if [ "$call" = SYSV ]; then
                awk -v id="$id" '$5 == id && $6 ~ /^\/SYSV/ { split($1, part, "/"); print part[3] }' "$work/maps" | show
            else
                grep -E " in ($call)\($id\)\$" "$work/all" | sed 's/^/    /'
            fi
        done
}

values() {
    ipcs -s -i "$1" | awk '/^semnum/ { on = 1; next } on && NF { printf " %d", $2 }'
}

# The processes with these pids.
show() {
    sort -u | while read -r pid; do
        sed -n "s/^$pid /    &/p" "$work/all"
    done
}

posix() { # FOLDER WHAT
    find "$1" -maxdepth 1 -type f -user "$uid" 2>/dev/null | while read -r file; do
        echo "$2 /${file##*/}, bytes: $(stat -c %s "$file")"
        # Mapped or open. sem_open(3) makes a semaphore under another name than it has in the end.
        {
            awk -v inode="$(stat -c %i "$file")" '$5 == inode && $6 ~ /^\/dev\/shm/ { split($1, part, "/"); print part[3] }' "$work/maps"
            find -L /proc/[0-9]*/task/[0-9]*/fd -samefile "$file" 2>/dev/null | cut -d / -f 3
        } | show
    done
}

{
    system_v
    posix /dev/shm "POSIX object"
    queues=$(awk '$3 == "mqueue" { print $2; exit }' /proc/self/mounts)
    posix "${queues:-/dev/mqueue}" "POSIX queue"
} >"$work/objects"
cat "$work/objects"
[ -n "$queues" ] || echo "(POSIX queues cannot be seen: no mqueue is mounted, see mq_overview(7))"
[ -s "$work/objects" ] || { echo "no System V or POSIX objects of user $(id -un)"; exit 1; }
