#!/bin/sh
# doctor.sh - what this machine can and cannot show, what that costs, and what to install
set -u
cd "$IPC_TREE" || exit 1

fact() { printf '%-18s %s\n' "$1" "$2"; }
value() { cat "$1" 2>/dev/null || echo "not here"; }
lacks() { printf '%-18s %s\n' "  missing: $1" "$2"; }

# shellcheck disable=SC1091 # not every system has it
fact system "$(. /etc/os-release 2>/dev/null; echo "${PRETTY_NAME:-unknown}"), $(uname -s) $(uname -r), $(uname -m)"
fact "C library" "$(ldd --version 2>&1 | sed -n '1s/^ldd *//p')"
fact CPUs "$(nproc) usable; pages of $(getconf PAGESIZE) bytes"
[ "$(nproc)" -gt 1 ] || lacks "a second CPU" "shm/litmus, and bench -p diff, cannot show anything"

fact pipes "$(value /proc/sys/fs/pipe-max-size) bytes for F_SETPIPE_SZ; all of a user: $(value /proc/sys/fs/pipe-user-pages-soft) pages"
fact "System V" "msgmnb $(value /proc/sys/kernel/msgmnb), msgmni $(value /proc/sys/kernel/msgmni), shmmni $(value /proc/sys/kernel/shmmni)"
[ -e /proc/sysvipc/msg ] || lacks "System V IPC" "msgq, shm and sem have only their POSIX halves"
fact "POSIX queues" "msg_max $(value /proc/sys/fs/mqueue/msg_max), msgsize_max $(value /proc/sys/fs/mqueue/msgsize_max), queues_max $(value /proc/sys/fs/mqueue/queues_max)"
[ -d /proc/sys/fs/mqueue ] || lacks "POSIX queues" "msgq/posix-*"
fact "/dev/shm" "$(df -h /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 " free" }')"
[ -w /dev/shm ] || lacks "/dev/shm" "POSIX shared memory and named semaphores"

# Do we see which call a process of ours sleeps in?
sleep 60 &
child=$!
seen=no
tries=0
while [ $tries -lt 50 ] && [ $seen = no ]; do
    tries=$((tries + 1))
    case $(cat /proc/$child/syscall 2>/dev/null) in
    [0-9]*) seen=yes ;;
    esac
done
kill $child
if [ $seen = yes ]; then
    fact "sleeping calls" "seen: stories say \"sleeps in read(3)\""
else
    fact "sleeping calls" "not seen: stories only say \"sleeps\" (/proc/PID/syscall)"
fi
if unshare --user true 2>/dev/null || unshare --ipc true 2>/dev/null; then
    fact namespaces "allowed: tests have objects and processes of their own"
else
    fact namespaces "not allowed: tests run one file at a time"
fi

for tool in cc:gcc make:make bats:bats strace:strace patch:patch ipcs:util-linux ps:procps perl:perl nc:netcat-openbsd socat:socat; do
    command -v "${tool%:*}" >/dev/null || lacks "${tool%:*}" "apt-get install ${tool#*:}"
done
