/* read - copies what comes out of a FIFO to stdout; fifo/write, or echo, writes into it
 *
 * open() sleeps until another process has the FIFO open for writing. End of file comes when the
 * last writer has closed it; this program then ends, though it could read on when another writer
 * comes. With O_NONBLOCK (-n) nothing sleeps: open() succeeds, read() without a writer is end of
 * file, and read() from a writer that has not written yet fails with EAGAIN.
 *
 * fifo(7), mkfifo(3), read(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: read [-n] [-p PATH]\n"
                            "  -n       O_NONBLOCK: take what is there, wait for nothing\n"
                            "  -p PATH  the FIFO, made if it is missing (/tmp/ipc-UID/fifo)\n"
                            "  other terminal: ./fifo/write hello\n";

static int open_fifo(const char *path, int nonblock)
{
    if (mkfifo(path, S_IRUSR | S_IWUSR) == 0)
        say("mkfifo(%s)", path);
    else if (errno != EEXIST)
        err(EXIT_FAILURE, "mkfifo %s", path);

    if (nonblock == 0)
        say("open(fifo, O_RDONLY) ...");
    const int fd = open(path, O_RDONLY | nonblock | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    if (nonblock == 0)
        say("... = %d", fd);
    else
        say("open(fifo, O_RDONLY|O_NONBLOCK) = %d", fd);
    check_fifo(fd, path);
    return fd;
}

int main(int argc, char *argv[])
{
    const char *path = NULL;
    int nonblock = 0;
    for (int letter; (letter = next_option(argc, argv, "np:", usage)) != -1;)
        if (letter == 'n')
            nonblock = O_NONBLOCK;
        else
            path = optarg;
    check_operands(argc, argv, 0, 0);
    if (path == NULL)
        path = demo_path("fifo");

    pair_lane("reader");
    const int fd = open_fifo(path, nonblock);
    static char buffer[64 * 1024];
    ssize_t count;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) {
        say("read(%d) = %zd %s", fd, count, quoted(buffer, (size_t)count));
        if (write_full(STDOUT_FILENO, buffer, (size_t)count) == -1)
            err(EXIT_FAILURE, "stdout");
    }
    if (count == 0)
        say("read(%d) = %zd: there is no writer", fd, count);
    else if (errno == EAGAIN)
        say("read(%d) = %zd %s: a writer, but no data", fd, count, errno_name(errno));
    else
        err(EXIT_FAILURE, "read");
    say("to remove it: rm %s", path);
    if (nonblock == 0)
        lesson("open() waits for its partner; end of file is the last writer's close()");
    else
        lesson(count == 0 ? "with O_NONBLOCK, no writer is end of file"
                          : "with O_NONBLOCK, a writer that is silent is EAGAIN");
    return EXIT_SUCCESS;
}
