# why: on programs that are not ours, it names the culprit.
load helper

setup_file() {
    build sem <<'C'
#include <fcntl.h>
#include <semaphore.h>
int main(int argc, char *argv[])
{
    sem_t *const s = sem_open(argv[1], O_CREAT, 0600, 0);
    return argc != 2 || s == SEM_FAILED || sem_wait(s);
}
C
    build mutexes <<'C'
#include <pthread.h>
#include <unistd.h>
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER, two = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;
static void *other(void *arg)
{
    pthread_mutex_lock(&two);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&one);
    return arg;
}
int main(void)
{
    pthread_t thread;
    pthread_barrier_init(&both, NULL, 2);
    pthread_create(&thread, NULL, other, NULL);
    pthread_mutex_lock(&one);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&two);
}
C
    build robust <<'C'
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void)
{
    pthread_mutex_t *const m =
        mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(m, &a);
    pthread_mutex_lock(m);
    if (fork() > 0)
        pause();
    pthread_mutex_lock(m);
}
C
    build queue <<'C'
#include <fcntl.h>
#include <mqueue.h>
#include <stddef.h>
int main(int argc, char *argv[])
{
    const mqd_t q = mq_open(argv[1], O_RDWR | O_CREAT, 0600, NULL);
    char text[10000];
    mq_unlink(argv[1]);
    return argc != 2 || mq_receive(q, text, sizeof text, NULL) == -1;
}
C
    build ways <<'C'
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static int a[2], b[2];
static char text[65536];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;
static void *sleeper(void *arg)
{
    pause();
    return arg;
}
static void *holder(void *arg)
{
    flockfile(stdout);
    pthread_mutex_lock(&mutex);
    pthread_barrier_wait(&both);
    pause();
    return arg;
}
static void handler(int signal)
{
    (void)signal;
}
static pid_t child(void)
{
    const pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pause();
    _exit(0);
}
static void watch(short events)
{
    struct pollfd watched = {.fd = a[0], .events = events};
    poll(&watched, 1, -1);
}
int main(int argc, char *argv[])
{
    const char *const way = argv[1], *const path = argc > 2 ? argv[2] : "";
    char *const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct epoll_event event;
    pthread_t thread;
    fd_set set;
#define WAY(name) else if (strcmp(way, name) == 0)
    pipe(a);
    pipe(b);
    pthread_barrier_init(&both, NULL, 2);
    if (argc < 2)
        return 1;
    WAY("exit") { /* the first thread of the child ends */
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(a[0]);
            pthread_create(&thread, NULL, sleeper, NULL);
            pthread_exit(NULL);
        }
        close(a[1]);
        read(a[0], text, 1);
    }
    WAY("join") {
        pthread_create(&thread, NULL, sleeper, NULL);
        pthread_join(thread, NULL);
    }
    WAY("stdio") {
        pthread_create(&thread, NULL, holder, NULL);
        pthread_barrier_wait(&both);
        puts("");
    }
    WAY("copy") {
        pthread_create(&thread, NULL, holder, NULL);
        pthread_barrier_wait(&both);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pthread_mutex_lock(&mutex);
        }
        pause();
    }
    WAY("barrier") { /* glibc counts its rounds */
        pthread_barrier_t *const shared = (pthread_barrier_t *)page;
        pthread_barrierattr_t attributes;
        pthread_barrierattr_init(&attributes);
        pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_barrier_init(shared, &attributes, 2);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pthread_barrier_wait(shared);
            pause();
        }
        pthread_barrier_wait(shared);
        pthread_barrier_wait(shared);
    }
    WAY("busy") { /* a mutex of musl: EBUSY, and the bit for those that wait */
        const unsigned value = 0x80000010;
        memcpy(page, &value, sizeof value);
        syscall(SYS_futex, page, FUTEX_WAIT, value, NULL, NULL, 0);
    }
    WAY("threads") {
        for (int i = 0; i < 3; i++)
            pthread_create(&thread, NULL, sleeper, NULL);
        read(a[0], text, 1);
    }
    WAY("POLLRDNORM") {
        child();
        close(a[1]);
        watch(POLLRDNORM);
    }
    WAY("POLLHUP") watch(0);
    WAY("POLLPRI") {
        socketpair(AF_UNIX, SOCK_STREAM, 0, a);
        watch(POLLPRI);
    }
    WAY("select") {
        signal(SIGUSR1, handler);
        select(0, NULL, NULL, NULL, NULL);
    }
    WAY("except") {
        FD_ZERO(&set);
        FD_SET(a[0], &set);
        select(a[0] + 1, NULL, NULL, &set, NULL);
    }
    WAY("epoll") epoll_wait(epoll_create1(0), &event, 1, -1);
    WAY("fifo") {
        mkfifo(path, 0600);
        read(open(path, O_RDWR), text, 1);
    }
    WAY("queue") mq_receive(mq_open(path, O_RDONLY | O_CREAT, 0600, NULL), text, sizeof text, NULL);
    WAY("file") {
        const int fd = open(path, O_RDWR | O_CREAT, 0600);
        ftruncate(fd, 4096);
        sem_t *const s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        sem_init(s, 1, 0);
        sem_wait(s);
    }
    WAY("splice") {
        child();
        write(a[1], "x", 1);
        write(b[1], text, sizeof text);
        splice(a[0], NULL, b[1], NULL, 1, 0);
    }
    WAY("sendfile") {
        child();
        write(b[1], text, sizeof text);
        sendfile(b[1], open(argv[0], O_RDONLY), NULL, 1);
    }
    WAY("pidfd") {
        printf("%d\n", (int)child());
        const pid_t two = child();
        printf("%d\n", (int)two);
        fflush(stdout);
        waitid(3, (id_t)syscall(434, two, 0), NULL, WEXITED); /* P_PIDFD, pidfd_open() */
    }
    WAY("group") {
        printf("%d\n", (int)child());
        const pid_t two = child();
        setpgid(two, two);
        printf("%d\n", (int)two);
        fflush(stdout);
        waitpid(-two, NULL, 0);
    }
    WAY("time") poll(NULL, 0, 100000);
    return 1;
}
C
}

# build NAME makes a program of the C on stdin, where there is a compiler.
build() {
    ! command -v "${CC:-cc}" >/dev/null || "${CC:-cc}" -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/$1" $LDFLAGS -x c - -pthread -lrt
}

built() {
    program=$BATS_FILE_TMPDIR/$1
    [ -x "$program" ] || skip "no C compiler"
}

# why PID... runs it; $output has what follows "=>" in one line, and is the same where some processes cannot be seen:
# without namespaces of our own there are always some.
why() {
    try ./lib/tools/why "$@"
    fits_80 "$output"
    output=$(sed -E 's/, of those that can be seen$//; s/none that can be seen$/no other process/' <<<"$output" |
        sed -E ':a; N; $!ba; s/\n   (waits|which)/ \1/g')
}

# finds PID PATTERN: what why says of that process has it.
finds() {
    why "$1" && [ "$status" = 0 ] && grep -qE -- "$2" <<<"$output"
}

# names PID PATTERN waits until why says it, or shows what why says instead. The programs need a moment.
names() {
    eventually finds "$1" "$2" || { echo "why $1: not '$2' but: $output"; return 1; }
}

# Ends the programs of start.
end() {
    local name
    for name; do kill -KILL "${!name}" && finish "$name"; done
}

child_of() {
    local stat
    for stat in /proc/[0-9]*/stat; do
        [ "$(sed 's/.*) . \([0-9]*\) .*/\1/' "$stat" 2>/dev/null)" != "$1" ] || basename "${stat%/stat}"
    done
}

has_child() {
    [ -n "$(child_of "$1")" ]
}

# watches TOOL... skips the test where one is missing, or is for another word size than why: its calls have other numbers.
watches() {
    local tool
    needs "$@"
    for tool; do
        [ "$(word_size "$(command -v "$tool")")" = "$(word_size ./lib/tools/why)" ] || skip "why and $tool differ in word size"
    done
}

word_size() { # see elf(5)
    od -A n -t d1 -j 4 -N 1 "$1"
}

# python3 may be a script that finds the interpreter.
watch_python() {
    needs python3
    python=$(python3 -c 'import sys; print(sys.executable)')
    watches "$python"
}

# The child of a program, in $child.
wait_for_child() {
    eventually has_child "$1"
    child=$(child_of "$1")
}

@test "a pipe whose reader holds the only write end: it waits for itself" {
    needs perl
    start reader perl -e 'pipe(R, W); sysread(R, $x, 1)'
    names "$reader" "^=> only $reader itself could write$"
    grep -qE "could write: $reader perl itself \(descriptor [0-9]+\)" <<<"$output"
    end reader
}

@test "a pipe in a shell: the reader waits for the process that holds the write end" {
    watches sleep
    mkfifo "$T/f"
    start both sh -c 'exec 3<>"$0"; sleep 100 3>&- 4>"$0" & echo $! >"$0.pid"; exec cat <"$0" 3>&-' "$T/f"
    eventually test -s "$T/f.pid"
    names "$both" "could write: $(<"$T/f.pid") sleep \(descriptor [0-9]+\), sleeps in clock_nanosleep"
    grep -q "^=> only $(<"$T/f.pid") sleep could write$" <<<"$output"
    kill -KILL "$(<"$T/f.pid")"
    finish both
    rm "$T/f"
}

@test "two full pipes in a circle: each writes, neither reads" {
    needs perl
    start parent perl -e 'pipe(A, B); pipe(C, D); $x = "x" x 1000000;
        if (fork) { close A; close D; syswrite(B, $x) } else { close B; close C; syswrite(D, $x) }'
    wait_for_child "$parent"
    names "$parent" "^=> stuck: $parent perl waits for $child perl waits for $parent perl: a closed circle$"
    grep -q "[0-9] is pipe:\[[0-9]*\], full" <<<"$output"
    end parent # SIGPIPE for the other
}

@test "a FIFO that nobody opens from the other side" {
    watches sh
    mkfifo "$T/f"
    start reader sh -c 'exec cat <"$0"' "$T/f"
    names "$reader" "it opens $T/f$"
    grep -q "which is a FIFO; no process has it open to write" <<<"$output"
    end reader
    start writer sh -c 'exec 3>"$0"' "$T/f"
    names "$writer" "which is a FIFO; no process has it open to read"
    end writer
    rm "$T/f"
}

@test "two FIFOs that two processes open in opposite orders" {
    watches sh
    mkfifo "$T/one" "$T/two"
    start a sh -c ': 3>"$0/one" 4<"$0/two"' "$T"
    start b sh -c ': 3>"$0/two" 4<"$0/one"' "$T"
    names "$a" "^=> perhaps stuck: $a sh waits for $b sh waits for $a sh: a closed circle$"
    grep -q "could open it to read: perhaps $b sh, sleeps in open() itself" <<<"$output"
    end a b
    rm "$T/one" "$T/two"
}

@test "who sleeps in open() of something else does not come to open the FIFO" {
    watches perl sh
    mkfifo "$T/f"
    echo >"$T/file"
    # F_SETLEASE, F_RDLCK: whoever opens the file to write waits until the lease is given back.
    start holder perl -e '$SIG{IO} = "IGNORE"; $| = 1; open F, "<", $ARGV[0]; fcntl(F, 1024, 0) or die; print "held\n";
        sleep 100' "$T/file"
    eventually grep -qs held "$T/holder"
    start opener sh -c ': >>"$0"' "$T/file"
    names "$opener" "it opens $T/file$"
    start reader sh -c 'exec cat <"$0"' "$T/f"
    names "$reader" "no process has it open to write"
    [[ $output != *"perhaps $opener"* ]]
    end reader opener holder
    rm "$T/f"
}

@test "msgrcv() on an empty queue, and on one with other types only" {
    watches perl ipcrm
    start reader perl -MIPC::SysV=:all -e '$| = 1; print $q = msgget(IPC_PRIVATE, 0600), "\n";
        msgsnd($q, pack("l! a*", 7, "x"), 0); msgrcv($q, $x, 10, 5, 0)'
    names "$reader" "queue [0-9]+: messages 1, bytes 1 of"
    grep -q "it wants a message of type 5$" <<<"$output"
    grep -q "the last sender: $reader perl" <<<"$output"
    [[ $output != *"=>"* ]] # so another will be the next
    start other perl -MIPC::SysV=:all -e 'msgrcv($ARGV[0], $x, 10, 7, 020000)' "$(<"$T/reader")" # MSG_EXCEPT
    names "$other" "it wants a message of any type but 7$"
    ipcrm -q "$(<"$T/reader")"
    finish reader
    finish other
}

@test "msgsnd() to a full queue names the last receiver" {
    watches perl ipcrm
    start writer perl -MIPC::SysV=:all -e '$| = 1; print $q = msgget(IPC_PRIVATE, 0600), "\n";
        1 while msgsnd($q, pack("l! a*", 1, "x" x 4000), 0)'
    names "$writer" "full for its message of 4000 bytes$"
    grep -q "the last receiver: none yet" <<<"$output"
    ipcrm -q "$(<"$T/writer")"
    finish writer
}

@test "semop() on 0: which semaphore, its value, who sleeps there, and the last to change it" {
    needs ipcrm
    watches perl
    start holder perl -MIPC::SysV=:all -e '$| = 1; $s = semget(IPC_PRIVATE, 3, 0600); semctl($s, 1, SETVAL, 1);
        semop($s, pack("s!3", 1, -1, 0)); print "$s\n"; sleep 100'
    eventually test -s "$T/holder"
    start waiter perl -MIPC::SysV=:all -e 'semop($ARGV[0], pack("s!3", 1, -1, 0))' "$(<"$T/holder")"
    start other perl -MIPC::SysV=:all -e 'semop($ARGV[0], pack("s!3", 1, -1, 0))' "$(<"$T/holder")"
    names "$waiter" "semaphore\[1\] of set $(<"$T/holder") is 0, and it wants to take 1"
    names "$waiter" "sleepers there: 2$"
    grep -q "the last to change it: $holder perl, sleeps in clock_nanosleep" <<<"$output"
    end holder
    names "$waiter" "the last to change it: $holder, which has ended"
    ipcrm -s "$(<"$T/holder")"
    finish waiter
    finish other
}

@test "one semop() that takes twice from a semaphore: what is left for the second" {
    needs ipcrm
    watches perl
    start waiter perl -MIPC::SysV=:all -e '$| = 1; print $s = semget(IPC_PRIVATE, 1, 0600), "\n"; semctl($s, 0, SETVAL, 1);
        semop($s, pack("s!6", 0, -1, 0, 0, -1, 0))'
    eventually test -s "$T/waiter"
    names "$waiter" "semaphore\[0\] of set $(<"$T/waiter") is 1, and it wants to take 1"
    grep -q "^    its operations before that would make it 0$" <<<"$output"
    ipcrm -s "$(<"$T/waiter")"
    finish waiter
}

@test "semop() of a parent that has made the set for its child: it does not wait for itself" {
    needs ipcrm
    watches perl
    start parent perl -MIPC::SysV=:all -e '$| = 1; print $s = semget(IPC_PRIVATE, 1, 0600), "\n"; semctl($s, 0, SETVAL, 0);
        if (!fork) { sleep 100; exit } semop($s, pack("s!3", 0, -1, 0))'
    wait_for_child "$parent"
    names "$parent" "the last to change it: $parent perl itself$"
    [[ $output != *"=>"* ]]
    kill -KILL "$child"
    ipcrm -s "$(<"$T/parent")"
    finish parent
}

@test "two sets of semaphores, each taken by one and wanted by the other" {
    needs ipcrm
    watches perl
    start parent perl -MIPC::SysV=:all -e '$| = 1; ($a, $b) = map { semget(IPC_PRIVATE, 1, 0600) } 0, 1;
        print "$a\n$b\n"; semctl($_, 0, SETVAL, 1) for $a, $b; pipe(R, W);
        semop($a, pack("s!3", 0, -1, 0));
        if (!fork) { semop($b, pack("s!3", 0, -1, 0)); syswrite(W, "x"); semop($a, pack("s!3", 0, -1, 0)); exit }
        sysread(R, $x, 1); semop($b, pack("s!3", 0, -1, 0))'
    wait_for_child "$parent"
    names "$parent" "^=> perhaps stuck: $parent perl waits for $child perl waits for $parent perl: a closed circle$"
    for set in $(<"$T/parent"); do ipcrm -s "$set"; done
    finish parent
}

# On 32 bits the lowest bit of a semaphore says that somebody waits.
@test "sem_wait(): the name of the semaphore, and that nobody holds it" {
    built sem
    start sleeper "$program" "/why-$$"
    names "$sleeper" "a word in /dev/shm/sem.why-$$, value [01]$" # sem_open() has renamed the file
    start other "$program" "/why-$$"
    names "$other" "waits there, too: $sleeper sem$"
    grep -q "it names no owner" <<<"$output"
    end sleeper other
    rm "/dev/shm/sem.why-$$"
}

@test "two threads that lock two mutexes in opposite orders" {
    built mutexes
    start threads "$program"
    names "$threads" "^=> stuck: $threads mutexes waits for $threads mutexes thread [0-9]+ waits for $threads mutexes: a closed circle"
    grep -q "its owner: $threads mutexes, sleeps in futex()" <<<"$output"
    end threads
}

@test "a robust mutex in shared memory: its owner is named" {
    built robust
    start owner "$program"
    wait_for_child "$owner"
    names "$child" "a word in /dev/zero"
    grep -q "its owner: $owner robust, sleeps in pause()" <<<"$output"
    end owner
    kill -KILL "$child" 2>/dev/null || true
}

@test "a process whose first thread has ended goes on, with its descriptors" {
    built ways
    start reader "$program" exit
    wait_for_child "$reader"
    names "$child" "^$child ways has ended its first thread$"
    grep -q "^$child ways thread [0-9]* sleeps in pause()$" <<<"$output"
    [[ $output != *"waited for it yet"* ]]
    names "$reader" "^=> only $child ways thread [0-9]+ could write$"
    end reader
}

@test "a lock that does not say who holds it: nobody is said to have ended" {
    built ways
    for way in stdio barrier busy; do
        start waiter "$program" $way
        names "$waiter" "^    a word in .*, value (2|-2147483632)$"
        [[ $output = *"it names no owner"* && $output != *"has ended"* && $output != *"only"* ]]
        end waiter
    done
}

@test "a mutex that fork() has copied: its owner is in the parent" {
    built ways
    start parent "$program" copy
    wait_for_child "$parent"
    names "$child" "^    copied by fork\(\) from its owner: $parent ways thread [0-9]+$"
    grep -q "^=> no process could wake it$" <<<"$output"
    end parent
}

@test "a thread that joins another waits for its end: nobody owns anything" {
    built ways
    start joiner "$program" join
    names "$joiner" "^    it waits for the end of: $joiner ways thread [0-9]+, sleeps in pause\(\)$"
    [[ $output != *owner* ]]
    end joiner
}

@test "several threads of a process could write: none of them is named" {
    built ways
    start reader "$program" threads
    names "$reader" "^=> only a thread of $reader could write$"
    end reader
}

@test "what has a name could be opened by another process, and written there" {
    built ways
    start reader "$program" fifo "$T/f"
    names "$reader" "^=> only $reader itself could write$"
    grep -q "^   unless another process opens it$" <<<"$output"
    end reader
    rm "$T/f"
    start reader "$program" file "$T/file"
    names "$reader" "^=> no process could wake it$"
    grep -q "^   unless another process opens it$" <<<"$output"
    end reader
    start reader "$program" queue "/why-$$"
    names "$reader" "^=> no process could send$"
    grep -q "^   unless another process opens it$" <<<"$output"
    end reader
    ./msgq/posix-rm -n "/why-$$"
}

@test "poll(), select() and epoll for something else, or for nothing: no verdict" {
    built ways
    for way in POLLHUP POLLPRI except; do
        start watcher "$program" $way
        names "$watcher" "^    it watches [0-9]+ for something else$"
        [[ $output != *"=>"* ]]
        end watcher
    done
    for way in select epoll; do
        start watcher "$program" $way
        names "$watcher" "sleeps in ($way\(\)|epoll_wait\([0-9]+\))$"
        [[ $output != *"=>"* ]]
        end watcher
    done
    start watcher "$program" POLLRDNORM
    wait_for_child "$watcher"
    names "$watcher" "could write: $child ways "
    end watcher
}

@test "splice() and sendfile() to a full pipe wait for its reader" {
    built ways
    for way in splice sendfile; do
        start writer "$program" $way
        wait_for_child "$writer"
        names "$writer" "could read: $child ways |it waits until it can read" # the second before Linux 5.6
        [[ $output = *" is pipe:["*"], full"* || $output = *"it waits until it can read "* ]]
        end writer
    done
}

@test "waitid() for a pidfd, waitpid() for a group: the children that are meant" {
    built ways
    for way in group pidfd; do
        start parent "$program" $way
        eventually test -s "$T/parent"
        { read -r one; read -r two; } <"$T/parent"
        names "$parent" "^=> only $two ways could end$"
        [[ $output != *"could end: $one "* ]]
        end parent
    done
}

@test "after SIGCONT the kernel does not say in which call it sleeps" {
    built ways
    start sleeper "$program" time
    names "$sleeper" "sleeps in poll"
    stop "$sleeper"
    kill -CONT "$sleeper"
    names "$sleeper" "sleeps in restart_syscall\(\)$"
    grep -q "^    a call that was interrupted" <<<"$output"
    end sleeper
}

@test "an empty POSIX queue, whose only sender is the receiver" {
    built queue
    start receiver "$program" "/why-$$"
    names "$receiver" "is the POSIX queue /why-$$ .*, empty$"
    grep -q "could send: $receiver queue itself" <<<"$output"
    end receiver
}

@test "flock() that another process holds, also one that has inherited it" {
    watches flock
    start holder flock "$T/lock" sleep 100
    wait_for_child "$holder"
    start waiter flock "$T/lock" true
    names "$waiter" "could unlock it: $child sleep"
    grep -q "could unlock it: $holder flock (descriptor [0-9]*), sleeps in wait()" <<<"$output"
    kill -KILL "$child"
    finish holder
    finish waiter
}

@test "fcntl() locks: the process that holds the record" {
    watch_python
    : >"$T/lock"
    start holder "$python" -c 'import fcntl, sys, time; f = open(sys.argv[1], "r+")
fcntl.lockf(f, fcntl.LOCK_EX); print("locked", flush=True); time.sleep(100)' "$T/lock"
    eventually test -s "$T/holder"
    start waiter "$python" -c 'import fcntl, sys; fcntl.lockf(open(sys.argv[1], "r+"), fcntl.LOCK_EX)' "$T/lock"
    names "$waiter" "the lock in the way: POSIX +ADVISORY +WRITE $holder .* EOF$"
    grep -q "^=> only $holder python.* could unlock it$" <<<"$output"
    end holder
    finish waiter
}

@test "a parent that waits for a child that sleeps" {
    watches sh
    start parent sh -c 'sleep 100; :'
    wait_for_child "$parent"
    names "$parent" "could end: $child sleep, sleeps in clock_nanosleep"
    kill -KILL "$child"
    finish parent
}

@test "poll(), select() and epoll: every descriptor that is watched" {
    watch_python
    for way in 'p = select.poll(); p.register(r, 1); p.register(s, 1); p.poll()' 'select.select([r, s], [], [])' \
        'p = select.epoll(); p.register(r, 1); p.register(s, 1); p.poll()'; do
        start watcher "$python" -c "import select, os, socket
r, w = os.pipe(); s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); $way"
        names "$watcher" "3 is pipe:\[[0-9]+\], empty"
        grep -qE "could write: $watcher python.* itself \(descriptor [0-9]+\)" <<<"$output"
        grep -q "[0-9] is an internet socket, port [0-9]*, waiting for a client" <<<"$output"
        end watcher
    done
}

@test "a TCP server in accept(), and a connection whose peer does not send" {
    watches perl
    start server perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
        print $s->sockport, "\n"; $c = $s->accept; sleep 100'
    eventually test -s "$T/server"
    names "$server" "[0-9]+ is an internet socket, port $(<"$T/server"), waiting for a client"
    start client perl -MIO::Socket::INET -e 'IO::Socket::INET->new("127.0.0.1:$ARGV[0]")->sysread($x, 1)' "$(<"$T/server")"
    names "$client" "could send: $server perl \(descriptor [0-9]+\), sleeps in clock_nanosleep"
    grep -q "^=> only $server perl could send$" <<<"$output"
    end server
    finish client
}

@test "a UNIX socket pair: the peer is found" {
    needs perl
    start parent perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, 0);
        if (fork) { close B; sysread(A, $x, 1) } else { close A; sysread(B, $x, 1) }'
    wait_for_child "$parent"
    names "$parent" "^=> stuck: $parent perl waits for $child perl waits for $parent perl: a closed circle$"
    end parent
}

@test "pause() and sigsuspend(): the signals that it waits for, and those that are blocked" {
    watches perl
    start sleeper perl -MPOSIX -e '$SIG{USR1} = $SIG{USR2} = sub {};
        sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR2)); kill(USR2 => $$); POSIX::pause()'
    names "$sleeper" "signals that it waits for: SIGUSR1$"
    grep -q "arrived, but blocked: SIGUSR2$" <<<"$output"
    end sleeper
    start sleeper perl -MPOSIX -e '$SIG{USR2} = sub {}; sigsuspend(POSIX::SigSet->new(SIGUSR1))'
    names "$sleeper" "signals that it waits for: SIGUSR2$"
    end sleeper
}

@test "a sleep, a process that runs, one that is stopped and one that has ended" {
    watches sleep sh
    start sleeper sleep 100
    names "$sleeper" "sleeps in .*nanosleep\(\)$"
    stop "$sleeper"
    names "$sleeper" "SIGCONT lets it go on"
    end sleeper
    start runner sh -c 'while :; do :; done'
    names "$runner" "^$runner sh runs$"
    end runner
    start parent sh -c 'true & exec sleep 100'
    wait_for_child "$parent"
    names "$child" "its parent, $parent, has not waited for it yet"
    end parent
}

@test "without a process: the objects of this user, and the processes that have them or sleep there" {
    needs ipcrm
    watches perl
    built sem
    start reader perl -MIPC::SysV=:all -e '$| = 1; $m = shmget(IPC_PRIVATE, 100, 0600); shmread($m, $x, 0, 1);
        print $q = msgget(IPC_PRIVATE, 0600), " $m\n"; msgrcv($q, $x, 10, 5, 0)'
    start sleeper "$program" "/why-$$"
    names "$sleeper" "/dev/shm/sem.why-$$"
    names "$reader" "msgrcv"
    read -r queue segment <"$T/reader"
    try env IPC_TREE="$PWD" sh "$BATS_TEST_DIRNAME/../lib/tools/objects.sh"
    [ "$status" = 0 ]
    grep -A 1 "^System V queue $queue, messages: 0, bytes: 0$" <<<"$output" | grep -q "^    $reader perl sleeps in msgrcv($queue)$"
    grep -q "^System V segment $segment, bytes: 100, attached: [0-9]$" <<<"$output"
    grep -A 1 -E "^POSIX object /sem.why-$$, bytes: (16|32)$" <<<"$output" | grep -q "^    $sleeper sem sleeps in futex()$"
    ipcrm -q "$queue" -m "$segment"
    end sleeper
    rm "/dev/shm/sem.why-$$"
    finish reader
    if [ -n "${IPC_TESTS_PRIVATE:-}" ]; then # all others may have objects
        try env IPC_TREE="$PWD" sh "$BATS_TEST_DIRNAME/../lib/tools/objects.sh"
        [ "$status" = 1 ]
    fi
}

@test "an ordinary user sees the own processes, and what cannot be seen of others is said" {
    needs perl
    other_user lib
    start mine sleep 100
    start reader "${nobody[@]}" perl -e 'pipe(R, W); sysread(R, $x, 1)'
    ! capable 19 || names "$reader" "^=> only $reader itself could write$" # with CAP_SYS_PTRACE, root sees all
    try "${nobody[@]}" ./lib/tools/why "$reader"
    [ "$status" = 0 ]
    [[ $output = *"could write: $reader perl itself (descriptor "* ]]
    [[ $output = *"=> only $reader itself could write, of those that can be seen"* ]]
    [[ $output = *"(Processes whose descriptors cannot be seen: "* ]]
    try "${nobody[@]}" ./lib/tools/why "$mine"
    [ "$status" = 1 ]
    [[ $output = *"$mine sleep sleeps"*"its call cannot be seen: it belongs to another user"* ]]
    end mine reader
}

@test "a process that is not there: status 1, in one line; no number: status 2" {
    start gone true
    finish gone
    why "$gone"
    [ "$status" = 1 ]
    [ "${#stderr_lines[@]}" = 1 ]
    [[ $stderr = "why: no process or thread $gone" ]]
    for number in 0 x -1 1x 99999999999; do
        why -- "$number"
        [ "$status" = 2 ]
    done
    why -h
    [ "$status" = 0 ]
    [[ $output = "usage: ipc why [PID...]"* ]]
}

# Of CPU time: others may work on this machine.
quick() {
    local TIMEFORMAT='%3U %3S' user system
    read -r user system < <({ time ./lib/tools/why "$1" >"$T/quick"; } 2>&1)
    [ $((10#${user/[,.]/} + 10#${system/[,.]/})) -lt 300 ]
}

@test "500 processes: less than 0.3 seconds of CPU time" {
    [[ $B != */build/asan ]] || skip "with ASan it takes longer"
    start many sh -c 'i=0; while [ $i -lt 500 ]; do sleep 100 & i=$((i + 1)); done; echo all; wait'
    tries 5 eventually test -s "$T/many"
    tries 5 quick "$many"
    for pid in $(ours); do kill -KILL "$pid"; done
    finish many
}

@test "root without CAP_SYS_PTRACE, as in a container, sees the descriptors of other users' processes no more than they do" {
    needs perl
    other_user lib
    limited=(setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace)
    start stranger "${nobody[@]}" sleep 100
    start reader "${limited[@]}" perl -e 'pipe(R, W); sysread(R, $x, 1)'
    names "$reader" "^=> only $reader itself could write$"
    try "${limited[@]}" ./lib/tools/why "$reader"
    [ "$status" = 0 ]
    [[ $output = *"=> only $reader itself could write, of those that can be seen"* ]]
    [[ $output = *"(Processes whose descriptors cannot be seen: "* ]]
    try "${limited[@]}" ./lib/tools/why "$stranger"
    [ "$status" = 1 ]
    [[ $output = *"its call cannot be seen: it belongs to another user; no CAP_SYS_PTRACE"* ]]
    fits_80 "$output"
    end stranger reader
}
