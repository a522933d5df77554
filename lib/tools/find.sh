#!/bin/sh
# find.sh WORD... - the demos with all the words in a line of their source, sections of the notes, rows of the course
set -u
cd "$IPC_TREE" || exit 1
[ $# -gt 0 ] || { echo "usage: ipc find WORD..." >&2; exit 2; }

awk -v wanted="$*" '
BEGIN { words = split(tolower(wanted), word, " ") }

# Whether the line has the word; in a source it must not be a part of another one.
function has(line, w, whole,   at, from) {
    for (from = 1; (at = index(substr(line, from), w)) > 0; from += at)
        if (!whole || (substr(" " line, from + at - 1, 1) substr(line, from + at - 1 + length(w), 1)) !~ /[a-z0-9_]/)
            return 1
    return 0
}

function has_all(line, whole,   i) {
    line = tolower(line)
    for (i = 1; i <= words && has(line, word[i], whole); i++)
        continue
    return i > words
}

# In 80 columns; the further lines begin with blanks.
function folded(line, indent,   at, out) {
    while (length(line) > 80) {
        for (at = 80; at > indent + 1 && substr(line, at + 1, 1) != " "; at--)
            continue
        out = out substr(line, 1, at) "\n"
        line = sprintf("%" indent "s%s", "", substr(line, at + 2))
    }
    return out line "\n"
}

FNR == 1 { heading = first = "" }

FNR == 1 && FILENAME ~ /\.c$/ {
    name = substr(FILENAME, 1, length(FILENAME) - 2)
    title = $0
    told = !sub(/^\/\* [^ ]* - /, "", title)
}
FILENAME ~ /\.c$/ {
    if (!told && has_all($0, 1)) {
        told = found = 1
        printf "%s", folded(sprintf("%-22s  %s", name, title), 24)
    }
    next
}

/^```/ { fence = !fence }
!fence && /^##* / { heading = $0; sub(/^#* /, "", heading) }

# In a table an empty first cell means: as above.
/^\|/ {
    split($0, cell, "|")
    if (cell[2] ~ /[^ ]/)
        first = cell[2]
    else
        sub(/^\| *\|/, "|" first "|")
}

has_all($0, 0) {
    place = FILENAME ": " heading
    if (!seen[place]++)
        places[++count] = place
    if (FILENAME == "COURSE.md" && /^\|/) {
        gsub(/^[| ]+|[| ]+$|`/, "")
        rows[place] = rows[place] folded("    " $0, 8)
        number[place]++
    }
}

# The rows of the course stand below their heading, unless they are many.
END {
    for (i = 1; i <= count; i++)
        printf "%s%s", folded(places[i], 4), number[places[i]] <= 6 ? rows[places[i]] : ""
    exit !(found || count)
}' pipe/*.c fifo/*.c msgq/*.c shm/*.c sem/*.c signals/*.c dup/*.c README.md COURSE.md pipe/README.md fifo/README.md \
    msgq/README.md shm/README.md sem/README.md signals/README.md dup/README.md ||
    { [ $? = 1 ] || exit; echo "ipc: nothing about '$*'" >&2; exit 1; }
