#!/bin/sh
# step.sh PROGRAM [OPTION...] - runs it, keeps what it prints, and shows one line for each Enter
set -u
lines=$(mktemp) || exit 1
trap 'rm -f "$lines"' EXIT
trap 'exit 130' INT
"$@" </dev/null >"$lines" 2>&1
status=$?
count=$(wc -l <"$lines")
number=0
exec 3<"$lines"
while IFS= read -r line <&3; do
    number=$((number + 1))
    printf '%s' "$line"
    if [ -t 0 ] && [ "$number" -lt "$count" ]; then
        read -r _ || exit 0 # what comes next?
    else
        echo
    fi
done
exit $status
