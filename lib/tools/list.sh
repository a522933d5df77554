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

for source in ${folder:-pipe fifo msgq shm sem signals dup}; do
    for file in "$source"/*.c; do
        # "/* NAME - SENTENCE", and whether there is an option -x
        sed -n "1s|^/\* [^ ]* - \(.*\)|${file%.c}#\1|p" "$file" |
            sed "s/\$/$(grep -q '^ *"  -x' "$file" && echo '  [-x]')/"
    done
done | awk -F '#' -v width="$width" '
    {
        line = sprintf("%-24s", $1)
        n = split($2, words, " ")
        for (i = 1; i <= n; i++) {
            if (length(line) + 1 + length(words[i]) > width) { print line; line = sprintf("%-24s", "") }
            line = line " " words[i]
        }
        print line
    }'
