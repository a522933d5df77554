/* i386.c - the calls of other processes on i386, where one number stands for many */
#define _GNU_SOURCE /* process_vm_readv */
#include "demo.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __i386__

static bool copy_from(pid_t pid, unsigned long address, void *copy, size_t size)
{
    const struct iovec from = {.iov_base = (void *)address, .iov_len = size};
    const struct iovec to = {.iov_base = copy, .iov_len = size};
    return process_vm_readv(pid, &to, 1, &from, 1, 0) == (ssize_t)size;
}

static bool has_64_bits(pid_t pid)
{
    enum { CLASS = 4, CLASS_64 = 2 }; /* see elf(5) */
    char path[64], start[CLASS + 1] = "";
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool is_read = fd != -1 && read(fd, start, sizeof start) == sizeof start;
    if (fd != -1)
        close(fd);
    return is_read && start[CLASS] == CLASS_64;
}

/* ipc(call, first, second, third, pointer, fifth); msgrcv(2) has its buffer and its type where the
 * pointer leads. */
static bool unfold_ipc(pid_t pid, long *number, unsigned long a[6])
{
    enum { SEMOP = 1, SEMTIMEDOP = 4, MSGSND = 11, MSGRCV = 12 };
    const unsigned long call = a[0], first = a[1], second = a[2], third = a[3], fifth = a[5];
    unsigned long pointer[2] = {a[4], third};
    if (call == SEMOP || call == SEMTIMEDOP)
        *number = SYS_semtimedop_time64;
    else if (call == MSGSND)
        *number = SYS_msgsnd;
    else if (call == MSGRCV && copy_from(pid, a[4], pointer, sizeof pointer))
        *number = SYS_msgrcv;
    else
        return false;
    a[0] = first;
    a[1] = pointer[0];
    a[2] = second;
    a[3] = call == SEMTIMEDOP ? fifth : call == SEMOP ? 0 : pointer[1];
    a[4] = third;
    return true;
}

/* socketcall(call, arguments) */
static bool unfold_socketcall(pid_t pid, long *number, unsigned long a[6])
{
    static const long calls[] = {[3] = SYS_connect,   [5] = SYS_accept4,  [9] = SYS_sendto,
                                 [10] = SYS_recvfrom, [11] = SYS_sendto,  [12] = SYS_recvfrom,
                                 [16] = SYS_sendmsg,  [17] = SYS_recvmsg, [18] = SYS_accept4};
    unsigned long arguments[3];
    if (a[0] >= sizeof calls / sizeof *calls || calls[a[0]] == 0 ||
        !copy_from(pid, a[1], arguments, sizeof arguments))
        return false;
    *number = calls[a[0]];
    memcpy(a, arguments, sizeof arguments);
    return true;
}

bool unfold_call(pid_t pid, long *number, unsigned long argument[6])
{
    enum { READ_64 = 0, WRITE_64 = 1 }; /* on i386: restart_syscall(2) and exit(2) */
    if (*number == SYS_ipc)
        return unfold_ipc(pid, number, argument);
    if (*number == SYS_socketcall)
        return unfold_socketcall(pid, number, argument);
    if ((*number != READ_64 && *number != WRITE_64) || !has_64_bits(pid))
        return false;
    *number = *number == READ_64 ? SYS_read : SYS_write;
    return true;
}

#endif
