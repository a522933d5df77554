/* mapfile - one file mapped by two processes: what one of them stores, the other sees
 *
 * With MAP_SHARED both look at the pages in which the kernel keeps the file, and read() copies from
 * the same pages: nothing has to be written back for that. With MAP_PRIVATE (-x) the first store
 * makes a copy of the page, which is not in the file, and which no other mapping of it shows.
 *
 * Linux does it like this for local files. POSIX does not promise that read() sees what is in a
 * mapping.
 *
 * mmap(2), msync(2), proc(5) on smaps
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
                            "  changes the first letter of FILE from small to capital, or back;\n"
                            "  makes FILE, with the text \"hello\", if it is missing\n";

static const char *path;
static int flags = MAP_SHARED;

static int open_file(void)
{
    struct stat status;
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
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

/* Maps the first page, or what there is of it. The length is that of its first line. */
static char *map_file(size_t *length)
{
    struct stat status;
    const int fd = open_file();
    if (fstat(fd, &status) == -1)
        err(EXIT_FAILURE, "fstat %s", path);
    const off_t page = (off_t)sysconf(_SC_PAGESIZE);
    const size_t size = (size_t)(status.st_size < page ? status.st_size : page);
    char *const text = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (text == MAP_FAILED)
        err(EXIT_FAILURE, "mmap %s", path);
    if (close(fd) == -1) /* the mapping stays */
        err(EXIT_FAILURE, "close");
    const char *const newline = memchr(text, '\n', size);
    *length = newline != NULL ? (size_t)(newline - text) : size;
    say("mmap(%s) = %p", flags == MAP_SHARED ? "MAP_SHARED" : "MAP_PRIVATE", (void *)text);
    say("in the mapping: %s", quoted(text, *length));
    return text;
}

static void print_line(const char *who, const char *text, size_t length)
{
    printf("%s %.*s\n", who, (int)length, text);
    flush_stdout();
}

static void look_when_told(int pipe_end, char expected)
{
    size_t length;
    char byte;
    lane(1, "reader");
    die_with_parent();
    const char *const text = map_file(&length);
    if (read_full(pipe_end, &byte, 1) == -1) /* nothing but a sign to look again */
        err(EXIT_FAILURE, "read");
    say("in the mapping: %s", quoted(text, length));
    print_line("reader", text, length);

    char *const content = malloc(length);
    if (content == NULL)
        err(EXIT_FAILURE, "malloc");
    const int fd = open_file();
    const ssize_t count = read_full(fd, content, length);
    if (count != (ssize_t)length)
        err(EXIT_FAILURE, "read %s", path);
    say("read(%d) = %zd %s", fd, count, quoted(content, length));
    print_line("file", content, length);
    _exit(text[0] == expected && content[0] == expected ? EXIT_SUCCESS : EXIT_FAILURE);
}

static char other_case(char letter)
{
    const unsigned char byte = (unsigned char)letter;
    return (char)(islower(byte) ? toupper(byte) : tolower(byte));
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "x", usage) != -1)
        flags = MAP_PRIVATE;
    check_operands(argc, argv, 1, 1);
    path = argv[optind];

    lane(0, "writer");
    size_t length;
    char *const text = map_file(&length);
    if (!isalpha((unsigned char)text[0]))
        errx(EXIT_FAILURE, "%s: does not begin with a letter", path);
    const char before = text[0], changed = other_case(before);
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    const pid_t reader = fork();
    if (reader == -1)
        err(EXIT_FAILURE, "fork");
    if (reader == 0) {
        close(fds[WRITE_END]);
        look_when_told(fds[READ_END], flags == MAP_SHARED ? changed : before);
    }
    close(fds[READ_END]);
    say_asleep_in("the reader", reader, "read", fds[READ_END]);
    text[0] = changed; /* this store is all the communication there is */
    say("stores '%c': %s", changed, quoted(text, length));
    print_line("writer", text, length);
    close(fds[WRITE_END]);
    if (reap(reader) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "unexpected: the reader has seen something else");
    lesson(flags == MAP_SHARED
               ? "MAP_SHARED: a store is visible at once in all such mappings, and to read()"
               : "MAP_PRIVATE: the first store copies the page; no other mapping shows the copy");
    return EXIT_SUCCESS;
}
