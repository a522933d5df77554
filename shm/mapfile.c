/* mapfile - one file mapped by two processes: what one stores, the other one sees
 *
 * With MAP_SHARED both look at the pages in which the kernel keeps the file, and so does everybody
 * who reads it: nothing has to be written back for that. With MAP_PRIVATE the first store makes a
 * copy of the page, which nobody else ever sees, and which is not in the file.
 *
 * mmap(2), proc(5) on smaps, msync(2)
 */
#include "../lib/demo.h"

#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: mapfile [-x] FILE\n"
                            "  -x  the mistake: MAP_PRIVATE, the change stays with the writer\n"
                            "  changes its first letter from small to capital, or back;\n"
                            "  makes the file, with the text \"hello\", if it is missing\n";

struct text {
    char *start;
    size_t length; /* of the first line, without its end */
};

static int open_file(const char *path)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    struct stat status;
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", path);
    if (fstat(fd, &status) == -1)
        err(EXIT_FAILURE, "fstat %s", path);
    if (!S_ISREG(status.st_mode))
        errx(EXIT_FAILURE, "%s: not a regular file", path);
    if (status.st_size == 0 && write_full(fd, "hello\n", 6) == -1)
        err(EXIT_FAILURE, "write %s", path);
    return fd;
}

/* The first line is enough, and of that what lies in the first page. */
static struct text map_file(const char *path, int flags)
{
    const int fd = open_file(path);
    struct stat status;
    if (fstat(fd, &status) == -1)
        err(EXIT_FAILURE, "fstat %s", path);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t size = (size_t)status.st_size < page ? (size_t)status.st_size : page;
    char *const start = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (start == MAP_FAILED)
        err(EXIT_FAILURE, "mmap %s", path);
    if (close(fd) == -1) /* the mapping stays */
        err(EXIT_FAILURE, "close");
    const char *const newline = memchr(start, '\n', size);
    const size_t length = newline != NULL ? (size_t)(newline - start) : size;
    say("mmap(%s) = %p %s", flags == MAP_SHARED ? "MAP_SHARED" : "MAP_PRIVATE", (void *)start,
        quoted(start, length));
    return (struct text){.start = start, .length = length};
}

static void print_line(const char *who, const char *text, size_t length)
{
    printf("%s ", who);
    fwrite(text, 1, length, stdout);
    putchar('\n');
    flush_stdout();
}

/* Maps the file by itself; the pipe only tells it when to look again. */
static void look(const char *path, int told, int flags, char expected)
{
    lane(1, "reader");
    die_with_parent();
    const struct text text = map_file(path, flags);
    char byte;
    if (read_full(told, &byte, 1) == -1)
        err(EXIT_FAILURE, "read");
    say("the reader's mapping: %s", quoted(text.start, text.length));
    print_line("reader", text.start, text.length);
    const int fd = open_file(path);
    char *const content = malloc(text.length);
    if (content == NULL)
        err(EXIT_FAILURE, "malloc");
    if (read_full(fd, content, text.length) != (ssize_t)text.length)
        err(EXIT_FAILURE, "read %s", path);
    say("read(): %s", quoted(content, text.length));
    print_line("file", content, text.length);
    const bool as_expected = text.start[0] == expected && content[0] == expected;
    free(content);
    _exit(as_expected ? EXIT_SUCCESS : EXIT_FAILURE);
}

int main(int argc, char *argv[])
{
    int flags = MAP_SHARED;
    while (next_option(argc, argv, "x", usage) != -1)
        flags = MAP_PRIVATE;
    check_operands(argc, argv, 1, 1);
    const char *const path = argv[optind];

    lane(0, "writer");
    const struct text text = map_file(path, flags);
    const char before = text.start[0];
    if (!isalpha((unsigned char)before))
        errx(EXIT_FAILURE, "%s: does not begin with a letter", path);
    const int changed = islower((unsigned char)before) ? toupper((unsigned char)before)
                                                       : tolower((unsigned char)before);

    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0) {
        close(fds[WRITE_END]);
        look(path, fds[READ_END], flags, flags == MAP_SHARED ? (char)changed : before);
    }
    close(fds[READ_END]);
    wait_asleep(reader);
    text.start[0] = (char)changed; /* the whole of the communication */
    say("stores '%c': %s", changed, quoted(text.start, text.length));
    print_line("writer", text.start, text.length);
    if (close(fds[WRITE_END]) == -1)
        err(EXIT_FAILURE, "close");
    if (reap(reader) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the reader has seen something else");
    if (flags == MAP_SHARED)
        lesson(
            "MAP_SHARED: a store is seen at once, in every mapping and by read(); no call is made");
    else
        lesson("MAP_PRIVATE: the first store copies the page, and nobody else sees it");
    return EXIT_SUCCESS;
}
