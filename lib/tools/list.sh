#!/bin/sh
# list.sh [FOLDER] - every demo of a folder, or of all, with its sentence: the first line of its source
set -u
cd "$IPC_TREE" || exit 1
folder=${1:-}
if [ -n "$folder" ] && [ ! -f "$folder/README.md" ]; then
    echo "ipc: there is no folder '$folder': pipe fifo msgq shm sem signals dup" >&2
    exit 2
fi
width=$(stty size 2>/dev/null </dev/tty | cut -d ' ' -f 2)
[ "${width:-0}" -gt 40 ] || width=80

# The first line is "/* NAME - SENTENCE"; an option -x stands in the usage text.
shift $#
for folder in ${folder:-pipe fifo msgq shm sem signals dup}; do
    set -- "$@" "$folder"/*.c
done
awk -v width="$width" '
    function print_demo(    line, words, i, n) {
        if (sentence == "") return
        line = sprintf("%-24s", name)
        n = split(sentence (has_x ? " [-x]" : ""), words, " ")
        for (i = 1; i <= n; i++) {
            if (length(line) + 1 + length(words[i]) > width) { print line; line = sprintf("%-24s", "") }
            line = line " " words[i]
        }
        print line
    }
    FNR == 1 {
        print_demo()
        name = FILENAME
        sub(/\.c$/, "", name)
        sentence = ""
        has_x = 0
        if (sub(/^\/\* [^ ]* - /, "")) sentence = $0
    }
    /^ *"  -x/ { has_x = 1 }
    END { print_demo() }' "$@"
