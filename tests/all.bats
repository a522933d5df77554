# Every program, whichever there are: the command line is the same everywhere.
load helper

# An argument of a kind that the program takes, for those that want one.
operands() {
    case $1 in
    pipe/coproc | pipe/pipeline) echo true ;;
    pipe/zerocopy) echo /etc/passwd ;;
    esac
}

programs() {
    (cd "$BATS_TEST_DIRNAME/.." && ls {pipe,fifo,msgq,shm,sem,signals,dup}/*.c 2>/dev/null) | sed 's/\.c$//'
}

# Programs with a line of more than 80 columns, which is still to be mended.
excused() {
    grep -qx "$1" "$BATS_TEST_DIRNAME/too-wide"
}

# The status and the one line of error that the command must give.
refuses() {
    local expected=$1
    shift
    try "$@" </dev/null
    echo "$*: status $status, stdout '$output', stderr '$stderr'"
    [ "$status" = "$expected" ] && [ -z "$output" ] && [ "${#stderr_lines[@]}" = 1 ] &&
        [[ $stderr = "${1##*/}: "* ]] && { excused "${1#./}" || fits_80 "$stderr"; }
}

@test "there are programs, each is built, and each has its line in tests/runs" {
    [ "$(programs | wc -l)" -ge 16 ]
    for program in $(programs); do
        [ -x "$program" ]
        grep -q "@$program\b" "$BATS_TEST_DIRNAME/runs" || { echo "no line for $program"; false; }
    done
}

@test "-h prints the usage to stdout, in 80 columns, names every option, and exits 0" {
    for program in $(programs); do
        try "./$program" -h
        [ "$status" = 0 ]
        [ -z "$stderr" ]
        [[ $output = "usage: ${program##*/}"* ]]
        excused "$program" || fits_80 "$output"
        for letter in $(sed -n 's/.*next_option(argc, argv, "\([a-z:]*\)".*/\1/p' \
            "$BATS_TEST_DIRNAME/../$program.c" | tr -d : | grep -o .); do
            grep -q -- "^  -$letter" <<<"$output" || { echo "$program -h is silent on -$letter"; false; }
        done
    done
}

@test "-h fails where stdout is full or closed" {
    for program in $(programs); do
        try bash -c "./$program -h >/dev/full"
        [ "$status" = 1 ]
        [[ $stderr = *stdout* ]]
        try bash -c "./$program -h >&-"
        [ "$status" = 1 ]
        [[ $stderr = *stdout* ]]
    done
}

@test "no result of a call is printed from a constant" {
    sources=("$BATS_TEST_DIRNAME"/../{pipe,fifo,msgq,shm,sem,signals,dup}/*.[ch])
    constants=$(grep -nE '"([^"]*(\)|\.\.\.))? = -?[0-9]' "${sources[@]}" || true)
    [ -z "$constants" ] || { echo "$constants"; false; }
}

@test "an unknown option is refused in one line, with status 2" {
    for program in $(programs); do
        refuses 2 "./$program" -?
        refuses 2 "./$program" -Z
        refuses 2 "./$program" --version
        [[ $stderr = *"unknown option --version"* ]]
    done
}

@test "an option without its argument, or with a bad one, is refused in one line, with status 2" {
    for program in $(programs); do
        for letter in $(sed -n 's/.*next_option(argc, argv, "\([a-z:]*\)".*/\1/p' \
            "$BATS_TEST_DIRNAME/../$program.c" | grep -o '.:' | tr -d :); do
            refuses 2 "./$program" "-$letter"
        done
        for letter in $(grep -o 'parse_long("-[a-z]"' "$BATS_TEST_DIRNAME/../$program.c" | cut -d- -f2 | tr -d '"'); do
            for number in "" x 1x -1 1e3 99999999999999999999; do
                refuses 2 "./$program" "-$letter" "$number"
            done
        done
    done
}

@test "an argument too many, or one too few, is refused in one line, with status 2" {
    for program in $(programs); do
        case $(grep -o 'check_operands([^)]*)' "$BATS_TEST_DIRNAME/../$program.c") in
        *", 0, 0)") refuses 2 "./$program" one ;;
        *", 0, 1)") refuses 2 "./$program" one two ;;
        *", 1, 1)")
            refuses 2 "./$program" one two
            refuses 2 "./$program"
            ;;
        *", 1, INT_MAX)") refuses 2 "./$program" ;;
        esac
    done
}

@test "what a program prints, it does not lose silently: a full disk is an error" {
    for program in $(programs); do
        [[ $program != *bench ]] || continue # they take long: tests/bench.bats
        ! grep -q pair_lane "$BATS_TEST_DIRNAME/../$program.c" || continue # tested as pairs
        read -ra words <<<"$(operands "$program")"
        try "./$program" "${words[@]}" </dev/null
        [ "$status" = 0 ] && [ -n "$output" ] || continue
        try bash -c "./$program ${words[*]} >/dev/full </dev/null"
        [ "$status" != 0 ] && grep -q "^[a-z-]*: " <<<"$stderr" || { echo "$program: $status $stderr"; false; }
    done
}

# wide_stories FOLDER prints each line of a story that is too wide, of all programs of that folder.
wide_stories() {
    local T line program
    export LANE=1 ASAN_OPTIONS=detect_leaks=0 # what ASan prints is no story
    while read -r line; do
        T=$(mktemp -d) # its name is shorter than that of bats
        program=${line#*@}
        program=${program%% *}
        try bash -c "T=$T; ${line//@/./}; kill \$(jobs -p) 2>/dev/null; wait"
        excused "$program" || fits_80 "$stderr" || echo "(that was $program: $line)"
        rm -r "$T"
    done < <(grep "^[^#]*@$1/" "$BATS_TEST_DIRNAME/runs" | grep -v '@[a-z]*/[a-z-]*bench') # which tell no story
}

@test "errno_name() knows each error that the notes name, and each that the tests make" {
    cd "$BATS_TEST_DIRNAME/.."
    perl -MErrno -e 'print "$_\n" for keys %!' | sort -u >"$T/all"
    grep -oh '\<E[A-Z0-9]\{3,\}\>' ./*/README.md README.md COURSE.md lib/tools/calls.sh tests/*.bats | sort -u >"$T/named"
    grep -o 'NAME(E[A-Z0-9]*)' lib/story.c | tr -d ')' | cut -d '(' -f 2 | sort >"$T/known"
    [ "$(wc -l <"$T/known")" -gt 50 ]
    missing=$(comm -12 "$T/all" "$T/named" | comm -23 - "$T/known" | sed '/^EWOULDBLOCK$/d; /^ENOTSUP$/d')
    [ -z "$missing" ] || { echo "unknown: $missing"; false; }
}

@test "no line of a story is longer than 80 columns" {
    for folder in pipe fifo msgq shm sem signals dup; do
        wide_stories "$folder" >"$T/$folder" 3>&- &
    done
    wait
    cat "$T"/*
    [ -z "$(cat "$T"/*)" ]
}

printf -v N /ipc-test-%u-%05d%05d $UID $RANDOM $RANDOM # a name for this test alone

@test "the umask takes rights away from what is made; two programs of one user still agree" {
    (umask 0777 && quietly ./msgq/posix-send -n "$N" -m 1 -s 8 x)
    quietly ./msgq/posix-rm -n "$N"
    (umask 0277 && quietly ./shm/posix-write -n "$N" x)
    [ "$(stat -c %a "/dev/shm$N")" = 400 ]
    try ./shm/posix-read -n "$N"
    [ "$output" = x ]
    rm "/dev/shm$N"
}

@test "a name is a slash and 1 to 250 characters without another one; all else is wrong usage" {
    printf -v long "/%0250d" 0
    for program in msgq/posix-{send,recv,notify,stat,rm} shm/posix-{write,read,rm} sem/posix-{create,wait,post,stat,rm}; do
        for name in "" / x x/y /x/y //x "${long}0"; do
            try ./$program -n "$name"
            [ "$status" = 2 ]
            [[ $stderr = "${program#*/}: -n"* ]]
        done
    done
    quietly ./msgq/posix-send -n "$long" -m 1 -s 8 x
    quietly ./msgq/posix-rm -n "$long"
    quietly ./shm/posix-write -n "$long" x
    quietly ./shm/posix-rm -n "$long"
    quietly ./sem/posix-create -n "$long"
    quietly ./sem/posix-rm -n "$long"
}

@test "where no file may grow (ulimit -f 0), a program says so: SIGXFSZ does not end it silently" {
    for program in dup/cloexec dup/offset pipe/copy-bench; do
        try bash -c "(ulimit -f 0; exec ./$program) 2>&1 | cat; exit \"\${PIPESTATUS[0]}\""
        [ "$status" = 1 ]
        [[ $output = *"${program##*/}: "*": File too large" ]]
    done
}
