#!/usr/bin/env bats
# COURSE.md and README.md in both languages: each command runs and ends as told, each link leads somewhere.
load helper

PAGES="README.md COURSE.md README.zh.md COURSE.zh.md"

# The code spans of a page, one a line, with " = STATUS" where that follows. Blocks and \| are taken into account.
spans() {
    awk '/^```/ { block = !block } !block && !/^    /' "$1" | grep -oE '`[^`]+`( = [0-9]+)?' | sed 's/^`//; s/\\|/|/g'
}

# commands PAGE...: "STATUS COMMAND", each once. Words in capitals stand for the reader's own.
commands() {
    local page
    for page; do spans "$page"; done | grep -E '^\./[a-z]' | grep -vE '(^|[ /.])[A-Z]+([ /.`]|$)' |
        sed -E 's/^(.*)` = ([0-9]+)$/\2 \1/; t; s/^(.*)`$/0 \1/' | sort -u
}

# run_all PATTERN: those commands of both pages whose text it matches.
run_all() {
    local wanted command status wrong=0
    while read -r wanted command; do
        status=0
        timeout 30 bash -c "$command" >"$T/out" 2>&1 </dev/null || status=$?
        if [ "$status" != "$wanted" ]; then
            echo "$command: status $status, not $wanted"
            tail -n 5 "$T/out"
            wrong=1
        fi
        rm -f "/tmp/ipc-$(id -u)/"{fifo,daemon.log} # they stay, as announced
    done < <(commands README.md COURSE.md | grep -E "^[0-9]+ $1")
    [ $wrong = 0 ]
}

@test "every command of COURSE.md and README.md about pipes ends as told" {
    run_all ./pipe/
}

@test "every command of COURSE.md and README.md about FIFOs ends as told" {
    run_all ./fifo/
}

@test "every command of COURSE.md and README.md about queues ends as told" {
    run_all ./msgq/
}

@test "every command of COURSE.md and README.md about shared memory ends as told" {
    run_all ./shm/
}

@test "every command of COURSE.md and README.md about semaphores ends as told" {
    run_all ./sem/
}

@test "every command of COURSE.md and README.md about signals ends as told" {
    run_all ./signals/
}

@test "every command of COURSE.md and README.md about descriptors and sockets ends as told" {
    run_all ./dup/
}

@test "every demo has a row in COURSE.md, and every demo that a row names is there" {
    cd "$BATS_TEST_DIRNAME/.."
    diff <(spans COURSE.md | grep -oE '(pipe|fifo|msgq|shm|sem|signals|dup)/[a-z-]+' | sort -u) \
        <(printf '%s\n' {pipe,fifo,msgq,shm,sem,signals,dup}/*.c | sed 's/\.c$//' | sort)
}

@test "every exercise is in its folder's notes, and in the table of evenings" {
    local file name wrong=0
    cd "$BATS_TEST_DIRNAME/.."
    for file in */mend/*.c; do
        name=$(basename "$file" .c)
        if ! grep -qF "](mend/$name.c)" "${file%%/*}/README.md" ||
            ! grep -E '^\| [1-7] \|' COURSE.md | grep -qE "[/ ]${name}[,; ]"; then
            echo "$file"
            wrong=1
        fi
    done
    [ $wrong = 0 ]
}

# The anchor that GitHub gives to a heading: in lower case, without punctuation, a dash for each blank.
anchors() {
    grep -E '^#+ ' "$1" | sed -E 's/^#+ //' | perl -CSD -pe '$_ = lc; s/[^\w\- \n]//g; s/ /-/g'
}

@test "every link of the READMEs and of COURSE.md leads to a file, and to a heading in it" {
    local page link file anchor wrong=0
    cd "$BATS_TEST_DIRNAME/.."
    for page in $PAGES {pipe,fifo,msgq,shm,sem,signals,dup}/README.md; do
        while read -r link; do
            file=${link%%#*}
            anchor=${link#"$file"}
            [ -n "$file" ] && file=$(dirname "$page")/$file || file=$page
            if [ ! -e "$file" ] || { [ -n "$anchor" ] && ! anchors "$file" | grep -qxF -- "${anchor#\#}"; }; then
                echo "$page: $link"
                wrong=1
            fi
        done < <(grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' | grep -v '^https\?:')
    done
    [ $wrong = 0 ]
}

# What must be the same in both languages: headings by their level, cells of tables, commands and names, links to files.
structure() {
    awk '/^```/ { block = !block; print "```"; next } block { next }
        /^#/ { print $1; next }
        /^\|/ { print gsub(/[^\\]\|/, "") " cells" }' "$1"
    spans "$1"
    grep -oE '\]\([^)#]+' "$1" | sed 's/\.zh\.md/.md/'
}

@test "the Chinese pages have the tables, the commands and the links of the English ones" {
    cd "$BATS_TEST_DIRNAME/.."
    diff <(structure COURSE.md) <(structure COURSE.zh.md)
    diff <(structure README.md) <(structure README.zh.md)
}
