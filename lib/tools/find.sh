#!/bin/sh
# find.sh WORD - the demos whose source has the word, and the sections of the notes that have it
set -u
cd "$IPC_TREE" || exit 1
[ $# = 1 ] || { echo "usage: ipc find WORD" >&2; exit 2; }

demos=$(grep -lwiF -- "$1" pipe/*.c fifo/*.c msgq/*.c shm/*.c sem/*.c signals/*.c dup/*.c)
for file in $demos; do
    sed -n "1s|^/\* [^ ]* - \(.*\)|${file%.c}#\1|p" "$file"
done | awk -F '#' '{ printf "%-22s  %s\n", $1, $2 }'

sections=$(awk -v word="$1" '
    BEGIN { word = tolower(word) }
    FNR == 1 { heading = "" }
    /^##* /  { heading = $0; sub(/^#* /, "", heading) }
    index(tolower($0), word) && !seen[FILENAME, heading]++ { print FILENAME ": " heading }' \
    README.md COURSE.md pipe/README.md fifo/README.md msgq/README.md shm/README.md sem/README.md signals/README.md dup/README.md)
[ -z "$sections" ] || printf '%s\n' "$sections"
[ -n "$demos$sections" ] || { echo "ipc: nothing about '$1'" >&2; exit 1; }
