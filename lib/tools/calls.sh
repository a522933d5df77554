# calls.sh - how each system call can be late or fail, for ipc try and tests/faults
# shellcheck shell=sh disable=SC2034

# The calls of the C library before main and after it, and those that cannot fail.
not_ours='execve|brk|arch_prctl|set_thread_area|set_tid_address|set_robust_list|rseq|prlimit64|getrandom|mprotect|exit_group|rt_sigreturn|getpid|getppid|geteuid|geteuid32|restart_syscall|munmap|futex|futex_time64|gettid|tgkill|alarm'

# What a call fails with, a word each.
errors_of() {
    case ${1%_time64} in # that is on 32 bits
    read | write | openat | wait4 | poll | ppoll | msgsnd | msgrcv | semtimedop | rt_sigtimedwait) echo EINTR ;;
    esac
    case ${1%_time64} in
    read | write | close | unlink | newfstatat | fstatat64 | fstat | fstat64) echo EIO ;;
    openat | pipe | pipe2 | dup2 | dup3) echo EMFILE ;;
    clone | clone3 | fork | vfork) echo EAGAIN ;;
    wait4 | waitid) echo ECHILD ;;
    poll | ppoll | mmap | mmap2) echo ENOMEM ;;
    flock) echo ENOLCK ;;
    mknodat | mknod | mkdir | semget | msgget | shmget) echo ENOSPC ;;
    *) echo EPERM ;;
    esac
}

# How it can be late: before it begins; fork(2) also before it returns in the parent.
delays_of() {
    echo delay_enter
    case $1 in clone* | *fork) echo delay_exit ;; esac
}

# count_calls MOST reads a trace of strace -f and prints "CALL TIMES": the most in any of its processes, up to MOST.
count_calls() {
    awk -v not_ours="^($not_ours)\$" -v most="$1" '
        match($2, /^[a-z_0-9]+\(/) {
            call = substr($2, 1, RLENGTH - 1)
            if (call !~ not_ours && ++count[$1, call] > times[call] && times[call] < most) times[call]++
        }
        END { for (call in times) print call, times[call] }'
}

# came_to CALL NTH reads a trace: has a process made the call that many times? If so, it was late, or has failed. (The
# strace of Debian 11 does not mark a call that it has made late.)
came_to() {
    count_calls "$2" | awk -v call="$1" -v nth="$2" '$1 == call && $2 >= nth { found = 1 } END { exit !found }'
}
