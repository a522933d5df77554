/* read - copies what comes out of a FIFO to stdout; fifo/write, or echo, writes into it
 *
 * open() sleeps until somebody opens the FIFO for writing. The end of file comes when the last
 * writer has closed it; this program then ends, though it could read on when another writer comes.
 * With O_NONBLOCK (-n) nothing waits: open() succeeds at once, a read without a writer is end of
 * file, a read from a writer who has said nothing yet is EAGAIN.
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
                            "  -n       O_NONBLOCK: take what there is, wait for nothing\n"
                            "  -p PATH  the FIFO, made if it is missing (/tmp/ipc-UID/fifo)\n"
                            "  other terminal: ./fifo/write hello\n";

int main(int argc, char *argv[])
{
    const char *path = NULL;
    int nonblock = 0;
    for (int letter; (letter = next_option(argc, argv, "np:", usage)) != -1;)
        switch (letter) {
        case 'n':
            nonblock = O_NONBLOCK;
            break;
        case 'p':
            path = optarg;
            break;
        }
    check_operands(argc, argv, 0, 0);
    if (path == NULL)
        path = demo_path("fifo");

    pair_lane("reader");
    if (mkfifo(path, S_IRUSR | S_IWUSR) == 0)
        say("mkfifo(%s)", path);
    else if (errno != EEXIST)
        err(EXIT_FAILURE, "mkfifo %s", path);

    say("open(O_RDONLY%s)%s", nonblock ? "|O_NONBLOCK" : "", nonblock ? "" : " waits for a writer");
    const int fd = open(path, O_RDONLY | nonblock | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    check_fifo(fd, path);
    say("open() = %d", fd);

    static char buffer[64 * 1024];
    ssize_t count;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) {
        say("read(%d) = %zd %s", fd, count, quoted(buffer, (size_t)count));
        if (write_full(STDOUT_FILENO, buffer, (size_t)count) == -1)
            err(EXIT_FAILURE, "stdout");
    }
    if (count == 0)
        say("read(%d) = 0: no writer%s", fd, nonblock ? "" : " is left");
    else if (errno == EAGAIN)
        say("read(%d) = -1 EAGAIN: a writer, but nothing to read", fd);
    else
        err(EXIT_FAILURE, "read");
    say("the name stays: ls -l %s", path);
    say("to remove it: rm %s", path);
    lesson(nonblock ? "O_NONBLOCK: no writer is end of file, a silent writer is EAGAIN"
                    : "a FIFO is a pipe with a name: open() waits until both ends are there");
    return EXIT_SUCCESS;
}
