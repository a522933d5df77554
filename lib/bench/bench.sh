#!/bin/sh
# bench.sh FOLDER - runs every bench program, and writes the figures and a picture of them into FOLDER. Run it where
# ./pipe/bench is, or type `make bench`. It takes about six minutes.
#
# On one CPU each mechanism takes turns with a pipe, see lib/bench/bench.c; and that in five passes, for a machine has moods
# that last a minute: of five figures the one is kept whose ratio to the pipe is in the middle. On two CPUs, and where
# the kernel likes, one figure without a neighbour must do. BENCH_OPTIONS, for instance "-s 64", makes it shorter.
set -u
folder=$1
here=$(dirname "$0")
work=$(mktemp -d "$folder/bench.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
child=
for signal in INT:130 QUIT:131 TERM:143 HUP:129 PIPE:141; do
    # shellcheck disable=SC2064 # the number is known now
    trap "[ -z \"\$child\" ] || kill \"\$child\"; exit ${signal#*:}" "${signal%:*}"
done

# run COMMAND... in such a way that a signal does not have to wait for its end.
run() {
    "$@" &
    child=$!
    wait "$child"
    status=$?
    child=
    return $status
}
tab=$(printf '\t')

# measure OPTIONS... adds the figures of all programs to the file measured.
measure() {
    for program in pipe fifo msgq shm sem signals dup; do
        echo "$program/bench $*" >&2
        # shellcheck disable=SC2086 # several options
        run ./$program/bench "$@" ${BENCH_OPTIONS:-} >"$work/out" 2>>"$work/words" ||
            { [ "$(wc -l <"$work/out")" -eq 1 ] && tail -n 1 "$work/words" | grep -q 'no messages of'; } ||
            { cat "$work/words" >&2; exit 1; }
        tail -n +2 "$work/out" >>"$work/measured"
        [ -f "$work/head" ] || head -n 1 "$work/out" >"$work/head"
    done
}

for pass in 1 2 3 4 5; do
    echo "pass $pass of 6" >&2
    measure -r -p same -l -d 0.15
    measure -r -p same -t -d 0.3
done
sort -t "$tab" -k 1,5 -k 15,15g "$work/measured" | awk 'NR % 5 == 3' >"$work/figures"
rm "$work/measured"
echo "pass 6 of 6" >&2
measure -p diff,free -d 0.1
sed "s/\$/$tab-$tab-/" "$work/measured" >>"$work/figures"
grep -v 'reading of the clock' "$work/words" | sort -u >&2
for program in pipe/copy-bench dup/ready-bench shm/fork-bench; do
    echo "$program" >&2
    run ./$program >"$work/$(basename $program).tsv" || exit 1
done

# By test, placement and size; in each, the cheapest first.
sort -t "$tab" -k 3,3 -k 4,4r -k 5,5n -k 12,12gr "$work/figures" | cat "$work/head" - >"$work/bench.tsv"
awk -f "$here/svg.awk" "$work/bench.tsv" >"$work/bench.svg" || exit 1
mv "$work"/*.tsv "$work/bench.svg" "$folder" || exit 1

awk -F'\t' '{ printf "%-8s %-13s %-10s %-9s %6s %9s %9s %12s %10s %8s\n", $1, $2, $3, $4, $5, $8, $10, $12, $13, $15 }' \
    "$folder/bench.tsv"
for table in copy ready fork; do
    echo
    awk -F'\t' '{ for (i = 1; i <= NF; i++) printf "%-13s ", $i; print "" }' "$folder/$table-bench.tsv"
done
echo
echo "$folder: bench.tsv, bench.svg, copy-bench.tsv, ready-bench.tsv, fork-bench.tsv"
