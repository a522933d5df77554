/* transfer.c - whole buffers, through partial transfers and interruptions */
#include "demo.h"

#include <errno.h>
#include <unistd.h>

ssize_t read_full(int fd, void *buffer, size_t length)
{
    size_t done = 0;
    while (done < length) {
        const ssize_t count = read(fd, (char *)buffer + done, length - done);
        if (count == 0)
            break;
        if (count > 0)
            done += (size_t)count;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)done;
}

ssize_t write_full(int fd, const void *buffer, size_t length)
{
    size_t done = 0;
    while (done < length) {
        const ssize_t count = write(fd, (const char *)buffer + done, length - done);
        if (count >= 0)
            done += (size_t)count;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)done;
}
