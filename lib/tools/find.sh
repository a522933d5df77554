#!/bin/sh
# find.sh WORD - the demos whose source has the word, the sections of the notes and the rows of the course that have it
set -u
cd "$IPC_TREE" || exit 1
[ $# = 1 ] || { echo "usage: ipc find WORD" >&2; exit 2; }

demos=$(grep -lwiF -- "$1" pipe/*.c fifo/*.c msgq/*.c shm/*.c sem/*.c signals/*.c dup/*.c)
for file in $demos; do
    sed -n "1s|^/\* [^ ]* - \(.*\)|${file%.c}#\1|p" "$file"
done | awk -F '#' '{ printf "%-22s  %s\n", $1, $2 }'

# The rows of the course stand below their heading, unless they are many.
sections=$(awk -v word="$1" '
    BEGIN { word = tolower(word) }
    FNR == 1 { heading = "" }
    /^##* /  { heading = $0; sub(/^#* /, "", heading) }
    !index(tolower($0), word) { next }
    { place = FILENAME ": " heading }
    !seen[place]++ { places[++count] = place }
    FILENAME == "COURSE.md" && /^\|/ {
        gsub(/^[| ]+|[| ]+$|`/, "")
        rows[place] = rows[place] "\n    " $0
        number[place]++
    }
    END { for (i = 1; i <= count; i++) print places[i] (number[places[i]] <= 6 ? rows[places[i]] : "") }' \
    README.md COURSE.md pipe/README.md fifo/README.md msgq/README.md shm/README.md sem/README.md signals/README.md dup/README.md)
[ -z "$sections" ] || printf '%s\n' "$sections"
[ -n "$demos$sections" ] || { echo "ipc: nothing about '$1'" >&2; exit 1; }
