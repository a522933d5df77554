/* story.c - the story on stderr: a lane for each process, one clock for all of them */
#include "demo.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS = 80, LANE_WIDTH = 16, LINE_SIZE = 512 };

static struct {
    const char *role;
    int column;
    bool time_of_day, may_be_lost;
    int lines_left; /* -1: no limit */
    double start;   /* in now_in_ms() */
} story = {.role = "demo", .lines_left = -1};

void lane(int column, const char *role)
{
    story.role = role;
    story.column = column;
    if (story.start == 0)
        story.start = now_in_ms();
}

void pair_lane(const char *role)
{
    const char *const column = getenv("LANE");
    story.time_of_day = true;
    lane(column != NULL && *column == '1', role);
}

static int put_time(char *text, size_t size)
{
    struct timespec now;
    struct tm day;
    if (!story.time_of_day)
        return snprintf(text, size, "%7.3f", now_in_ms() - story.start);
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &day);
    return snprintf(text, size, "%02d:%02d:%02d.%03ld", day.tm_hour, day.tm_min, day.tm_sec,
                    now.tv_nsec / 1000000);
}

/* Cuts the text to `columns`; what is not printable ASCII appears as '?'. */
static void tidy(char *text, size_t columns)
{
    for (char *byte = text; *byte != '\0'; byte++)
        if (!isprint((unsigned char)*byte))
            *byte = '?';
    if (strlen(text) > columns)
        strcpy(text + columns - strlen("..."), "...");
}

/* One line, one write(2): lines of several processes never mix. errno stays as the demo left it. */
static void put_line(const char *colour, const char *before, const char *text)
{
    char line[2 * LINE_SIZE];
    const int saved_errno = errno;
    const char *const no_colour = getenv("NO_COLOR");
    const bool colours = isatty(STDERR_FILENO) && (no_colour == NULL || *no_colour == '\0');
    const int length = snprintf(line, sizeof line, "%s%s%s%s\n", colours ? colour : "", before,
                                text, colours ? "\033[0m" : "");
    if (!story.may_be_lost)
        write_full(STDERR_FILENO, line, (size_t)length);
    else if (poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, 0) == 1)
        (void)!write(STDERR_FILENO, line, (size_t)length);
    errno = saved_errno;
}

void limit_story(int lines)
{
    story.lines_left = lines;
}

void let_story_be_lost(void)
{
    story.may_be_lost = true;
    signal(SIGPIPE, SIG_IGN);
    reopen(STDERR_FILENO, O_NONBLOCK);
}

void say(const char *format, ...)
{
    /* Blue, red and green of a middle brightness: as easy to read on white as on black. */
    static const char *const colours[] = {"\033[38;5;27m", "\033[38;5;161m", "\033[38;5;28m"};
    char text[LINE_SIZE], before[COLUMNS];
    va_list arguments;
    if (story.lines_left == 0)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (story.lines_left > 0 && --story.lines_left == 0)
        strcpy(text, "... (and so on)");
    for (size_t length = strlen(text); length > 0 && text[length - 1] == ' '; length--)
        text[length - 1] = '\0'; /* an empty %s at the end */

    int used = put_time(before, sizeof before);
    used += snprintf(before + used, sizeof before - (size_t)used, "  %*s%.8s | ",
                     story.column * LANE_WIDTH, "", story.role);
    tidy(before, COLUMNS);
    tidy(text, (size_t)(COLUMNS - used));
    put_line(colours[story.column], before, text);
}

void lesson(const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;
    flush_stdout();
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_line("\033[1m", "=> ", text);
}

const char *quoted(const void *bytes, size_t length)
{
    enum { MOST = 24, LONGEST_ESCAPE = 4 };
    static const char special[] = "\n\t\r\v\f\"\\", letters[] = "ntrvf\"\\";
    static char text[LONGEST_ESCAPE * MOST + sizeof "\"\"..."];
    const char *const byte = bytes;
    char *end = text;
    *end++ = '"';
    for (size_t i = 0; i < length && i < MOST; i++) {
        const char *const found = byte[i] == '\0' ? NULL : strchr(special, byte[i]);
        const bool digit_follows = i + 1 < length && isdigit((unsigned char)byte[i + 1]);
        if (found != NULL)
            end += sprintf(end, "\\%c", letters[found - special]);
        else if (isprint((unsigned char)byte[i]))
            *end++ = byte[i];
        else
            end += sprintf(end, digit_follows ? "\\%03o" : "\\%o", (unsigned char)byte[i]);
    }
    strcpy(end, length > MOST ? "\"..." : "\"");
    return text;
}

const char *errno_name(int number)
{
#define NAME(error) [error] = #error
    /* clang-format off */
    static const char *const names[] = {
        NAME(E2BIG), NAME(EACCES), NAME(EADDRINUSE), NAME(EADDRNOTAVAIL), NAME(EAFNOSUPPORT),
        NAME(EAGAIN), NAME(EALREADY), NAME(EBADF), NAME(EBADMSG), NAME(EBUSY), NAME(ECHILD),
        NAME(ECONNABORTED), NAME(ECONNREFUSED), NAME(ECONNRESET), NAME(EDEADLK), NAME(EDESTADDRREQ),
        NAME(EDQUOT), NAME(EEXIST), NAME(EFAULT), NAME(EFBIG), NAME(EHOSTUNREACH), NAME(EIDRM),
        NAME(EINPROGRESS), NAME(EINTR), NAME(EINVAL), NAME(EIO), NAME(EISCONN), NAME(EISDIR),
        NAME(ELOOP), NAME(EMFILE), NAME(EMLINK), NAME(EMSGSIZE), NAME(ENAMETOOLONG),
        NAME(ENETUNREACH), NAME(ENFILE), NAME(ENOBUFS), NAME(ENODEV), NAME(ENOENT), NAME(ENOEXEC),
        NAME(ENOLCK), NAME(ENOMEM), NAME(ENOMSG), NAME(ENOSPC), NAME(ENOSYS), NAME(ENOTCONN),
        NAME(ENOTDIR), NAME(ENOTRECOVERABLE), NAME(ENOTSOCK), NAME(ENOTTY), NAME(ENXIO),
        NAME(EOPNOTSUPP), NAME(EOVERFLOW), NAME(EOWNERDEAD), NAME(EPERM), NAME(EPIPE),
        NAME(EPROTOTYPE), NAME(ERANGE), NAME(EROFS), NAME(ESPIPE), NAME(ESRCH), NAME(ETIMEDOUT),
        NAME(ETOOMANYREFS), NAME(ETXTBSY), NAME(EXDEV)};
    /* clang-format on */
    static char unknown[16];
    if (number > 0 && (size_t)number < sizeof names / sizeof *names && names[number] != NULL)
        return names[number];
    snprintf(unknown, sizeof unknown, "%d", number);
    return unknown;
}

const char *error_of(ssize_t result)
{
    return result == -1 ? errno_name(errno) : "";
}

const char *plural(unsigned long long count)
{
    return count == 1 ? "" : "s";
}

const char *poll_events(short events)
{
    static const struct {
        short event;
        const char *name;
    } names[] = {{POLLIN, "POLLIN"},   {POLLPRI, "POLLPRI"}, {POLLOUT, "POLLOUT"},
                 {POLLERR, "POLLERR"}, {POLLHUP, "POLLHUP"}, {POLLNVAL, "POLLNVAL"}};
    static char text[64];
    *text = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((events & names[i].event) != 0)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
                     *text == '\0' ? "" : "|", names[i].name);
    return *text == '\0' ? "0" : text;
}
