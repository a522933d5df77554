/* transfer.c - lines; and whole buffers, through partial transfers, interruptions and O_NONBLOCK */
#include "demo.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* After a call that has failed: whether to call it again. A file that another program has left
 * non-blocking is waited for with poll(2). */
static bool try_again(int fd, short event)
{
    struct pollfd end = {.fd = fd, .events = event};
    if (errno == EAGAIN)
        return poll(&end, 1, -1) != -1 || errno == EINTR;
    return errno == EINTR;
}

ssize_t read_full(int fd, void *buffer, size_t length)
{
    size_t done = 0;
    while (done < length) {
        const ssize_t count = read(fd, (char *)buffer + done, length - done);
        if (count == 0)
            break;
        if (count > 0)
            done += (size_t)count;
        else if (!try_again(fd, POLLIN))
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
        else if (!try_again(fd, POLLOUT))
            return -1;
    }
    return (ssize_t)done;
}

ssize_t read_line(char **line)
{
    static size_t size;
    const ssize_t length = getline(line, &size, stdin);
    if (length == -1 && ferror(stdin))
        err(EXIT_FAILURE, "stdin");
    return length > 0 && (*line)[length - 1] == '\n' ? length - 1 : length;
}

void print_received(const char *text, size_t length)
{
    fwrite(text, 1, length, stdout);
    putchar('\n');
    flush_stdout();
}

void tame(char *bytes, size_t length)
{
    enum { DELETE = 0x7F, C1 = 0x80, C1_END = 0xA0, BEFORE_C1 = 0xC2 };
    static unsigned char previous; /* the byte before: UTF-8 writes U+0080 to U+009F with 0xC2 */
    const bool at_terminal = isatty(STDOUT_FILENO);
    for (size_t i = 0; at_terminal && i < length; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        const bool c0 = (byte < ' ' && byte != '\n' && byte != '\t') || byte == DELETE;
        const bool c1 = byte >= C1 && byte < C1_END && (previous < C1 || previous == BEFORE_C1);
        if (c0 || c1)
            bytes[i] = '?';
        previous = byte;
    }
}

void flush_stdout(void)
{
    if (fflush(stdout) == EOF || ferror(stdout))
        err(EXIT_FAILURE, "stdout");
}
