#!/bin/sh
# tidy.sh - lists what the demos of this user have left, asks, and removes it
#
# What belongs to the demos is known by its name: the private folder, /ipc-UID-... among the POSIX objects, and the keys
# that ftok(3) makes from that folder. A process may still use some of it; then say no.
set -u
uid=$(id -u)
home=${IPC_DIR:-/tmp/ipc-$uid}
left=$(mktemp) || exit 1
trap 'rm -f "$left"' EXIT

# ftok(3): the letter, 8 bits of the device, 16 of the inode.
key_of() {
    letter=$(printf %d "'$1")
    # shellcheck disable=SC2046 # two numbers
    set -- $(stat -c '%d %i' "$home")
    echo $(((letter << 24) + (($1 & 255) << 16) + ($2 & 65535)))
}

system_v() { # KIND LETTERS OPTION
    for letter in $2; do
        awk -v key="$(key_of "$letter")" -v kind="$1" -v option="$3" '
            FNR > 1 && $1 == key { print "ipcrm", option, $2 }' "/proc/sysvipc/$1" 2>/dev/null
    done
}

{
    if [ -d "$home" ]; then
        system_v msg 'q Q' -q
        system_v sem 's' -s
        system_v shm 'm R' -m
        find "$home" -mindepth 1 -maxdepth 1 \( -type p -o -type s -o -type f \) -exec echo rm {} \;
    fi
    find /dev/shm -maxdepth 1 -user "$uid" \( -name "ipc-$uid-*" -o -name "sem.ipc-$uid-*" \) \
        -exec echo rm {} \; 2>/dev/null
    find /dev/mqueue -maxdepth 1 -user "$uid" -name "ipc-$uid-*" -exec echo rm {} \; 2>/dev/null
} >"$left"

[ -d /dev/mqueue ] || echo "(POSIX queues cannot be seen: no mqueue is mounted; ./msgq/posix-rm removes the demos')" >&2
[ -s "$left" ] || { echo "nothing is left"; exit 0; }
cat "$left"
printf 'remove all this? [y/N] '
read -r answer || answer=
case $answer in
y | Y | yes) sh -e "$left" ;;
*) echo "nothing was removed" ;;
esac
