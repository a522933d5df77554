# sem/: POSIX semaphores by hand, and with another program.
load helper

printf -v N /ipc-test-%u-%05d%05d $UID $RANDOM $RANDOM # a name for this test alone

# Another program, that knows of semaphores only what POSIX says.
setup_file() {
    build_peer "$B/sem/posix-wait" <<'END'
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    const char *what = argv[1], *name = argv[2];
    sem_t *s = argc > 3 ? sem_open(name, O_CREAT | O_EXCL, 0600, (unsigned)atoi(argv[3])) : sem_open(name, 0);
    if (s == SEM_FAILED)
        return 1;
    int value = 0;
    return strcmp(what, "wait") == 0   ? sem_wait(s)
           : strcmp(what, "post") == 0 ? sem_post(s)
                                       : sem_getvalue(s, &value) || printf("%d\n", value) < 0;
}
END
}

value_is() {
    [ "$(quietly ./sem/posix-stat -n "$N" | tail -n 1)" = "value $1" ]
}

@test "semaphore: create, wait, post and rm by hand, from any directory, without an option" {
    try ./sem/posix-create
    [ "$status" = 0 ]
    try sh -c "cd / && exec '$B/sem/posix-wait'"
    [ "$status" = 0 ]
    start wait ./sem/posix-wait
    eventually sleeps wait "sem_wait() ..."
    try ./sem/posix-post
    [ "$status" = 0 ]
    finish wait
    [ "$status" = 0 ]
    try ./sem/posix-stat
    [ "${lines[1]}" = "value 0" ]
    try ./sem/posix-rm
    [ "$status" = 0 ]
    for program in posix-wait posix-post posix-stat; do
        try ./sem/$program
        [ "$status" = 1 ]
        [[ $stderr = "$program: sem_open: ENOENT: there is no /ipc-"*"-sem; first run ./sem/posix-create" ]]
    done
    try ./sem/posix-rm
    [ "$status" = 1 ]
    [[ $stderr = "posix-rm: sem_unlink: ENOENT: there is no semaphore /ipc-"*"-sem" ]]
}

@test "semaphore: it is a file in /dev/shm, with mode 600, and it outlives all programs" {
    try ./sem/posix-create -n "$N" -v 3
    file=$(ls /dev/shm/*"${N#/}")
    [ "$(stat -c %a "$file")" = 600 ]
    value_is 3
    quietly ./sem/posix-wait -n "$N"
    value_is 2
    quietly ./sem/posix-rm -n "$N"
    [ ! -e "$file" ]
}

@test "semaphore: one that exists is left as it is, and create says so" {
    quietly ./sem/posix-create -n "$N" -v 0
    try ./sem/posix-create -n "$N" -v 5
    [ "$status" = 1 ]
    [ "$stderr" = "posix-create: sem_open: EEXIST: $N (posix-rm removes it)" ]
    value_is 0
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: -w 0 does not wait, -w MS waits so long and no longer" {
    quietly ./sem/posix-create -n "$N" -v 1
    try ./sem/posix-wait -n "$N" -w 0
    [ "$status" = 0 ]
    [[ $stderr = *"sem_trywait() = 0: taken" ]]
    try ./sem/posix-wait -n "$N" -w 0
    [ "$status" = 1 ]
    [[ $stderr = *"posix-wait: sem_trywait: EAGAIN: value 0: Resource temporarily unavailable" ]]
    begin=${EPOCHREALTIME/[,.]/}
    try ./sem/posix-wait -n "$N" -w 300
    elapsed=$((${EPOCHREALTIME/[,.]/} - begin))
    [ "$status" = 1 ]
    [[ $stderr = *"posix-wait: sem_timedwait: ETIMEDOUT: value 0: "* ]]
    ((elapsed >= 300000 && elapsed < 5000000))
    value_is 0
    for ms in 60999 60998; do # a whole second, in nearly every case: the nanoseconds carry
        start wait ./sem/posix-wait -n "$N" -w $ms
        eventually sleeps wait "until"
        until=$(sed -n 's/.*until \([0-9]*\).*/\1/p' "$T/wait.err")
        ((until > EPOCHSECONDS + 30 && until < EPOCHSECONDS + 62))
        quietly ./sem/posix-post -n "$N"
        finish wait
        [ "$status" = 0 ]
    done
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: a process that has taken it and ends, or is killed, does not give it back" {
    quietly ./sem/posix-create -n "$N" -v 1
    quietly ./sem/posix-wait -n "$N"
    value_is 0
    for signal in INT TERM KILL; do
        start wait ./sem/posix-wait -n "$N"
        eventually sleeps wait "sem_wait() ..."
        kill -$signal "$wait"
        finish wait
        [ "$status" -gt 128 ]
        value_is 0
    done
    start wait ./sem/posix-wait -n "$N" # the dead ones do not get what is given
    eventually sleeps wait "sem_wait() ..."
    quietly ./sem/posix-post -n "$N"
    finish wait
    [ "$status" = 0 ]
    value_is 0
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: the value is 0 while others wait; Ctrl-Z and fg do no harm to them" {
    quietly ./sem/posix-create -n "$N" -v 0
    start one ./sem/posix-wait -n "$N"
    start two ./sem/posix-wait -n "$N" -w 60999
    eventually sleeps one "sem_wait() ..."
    eventually sleeps two "until"
    value_is 0
    for waiter in one two; do
        stop "${!waiter}"
        kill -CONT "${!waiter}"
        eventually asleep "${!waiter}"
    done
    quietly ./sem/posix-post -n "$N"
    quietly ./sem/posix-post -n "$N"
    finish one
    [ "$status" = 0 ]
    finish two
    [ "$status" = 0 ]
    value_is 0
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: a removed one lives on for who has it open; the next of that name is another" {
    quietly ./sem/posix-create -n "$N" -v 0
    start wait ./sem/posix-wait -n "$N"
    eventually sleeps wait "sem_wait() ..."
    quietly ./sem/posix-rm -n "$N"
    quietly ./sem/posix-create -n "$N" -v 0
    quietly ./sem/posix-post -n "$N"
    value_is 1
    asleep "$wait"
    kill "$wait"
    finish wait
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: its greatest value is SEM_VALUE_MAX" {
    quietly ./sem/posix-create -n "$N" -v 2147483647
    try ./sem/posix-post -n "$N"
    [ "$status" = 1 ]
    [[ $stderr = *"posix-post: sem_post: EOVERFLOW: the value would pass SEM_VALUE_MAX: "* ]]
    value_is 2147483647
    quietly ./sem/posix-rm -n "$N"
    try ./sem/posix-create -n "$N" -v 2147483648
    [ "$status" = 2 ]
}

@test "semaphore: another program gives to ours, takes from ours, and ours work with one that it has made" {
    peer_or_skip
    quietly ./sem/posix-create -n "$N" -v 0
    start wait ./sem/posix-wait -n "$N"
    eventually sleeps wait "sem_wait() ..."
    "$peer" post "$N"
    finish wait
    [ "$status" = 0 ]
    start taker "$peer" wait "$N"
    eventually asleep "$taker"
    quietly ./sem/posix-post -n "$N"
    finish taker
    [ "$status" = 0 ]
    quietly ./sem/posix-rm -n "$N"
    "$peer" create "$N" 7
    quietly ./sem/posix-wait -n "$N"
    try "$peer" value "$N"
    [ "$output" = 6 ]
    value_is 6
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: another user may not use or remove it, and is told where to look" {
    other_user sem
    quietly ./sem/posix-create -n "$N" -v 1
    for program in posix-wait posix-post posix-stat; do
        try "${nobody[@]}" ./sem/$program -n "$N"
        [ "$status" = 1 ]
        [ "$stderr" = "$program: sem_open: EACCES: $N (its owner: ls -l /dev/shm): Permission denied" ]
    done
    try "${nobody[@]}" ./sem/posix-rm -n "$N"
    [ "$status" = 1 ]
    [[ $stderr = "posix-rm: sem_unlink: E"*": $N (its owner: ls -l /dev/shm): "* ]]
    value_is 1
    quietly ./sem/posix-rm -n "$N"
}

@test "semaphore: what cannot be printed is an error" {
    quietly ./sem/posix-create -n "$N"
    try bash -c "./sem/posix-stat -n $N >/dev/full"
    [ "$status" = 1 ]
    [[ $stderr = "posix-stat: stdout: "* ]]
    quietly ./sem/posix-rm -n "$N"
}
