/* story.c - the story on stderr: a lane for each process, one clock for all of them */
#include "demo.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LANE_WIDTH = 30, LINE_SIZE = 512 };

static struct {
    const char *role;
    int column;
    bool time_of_day;
    bool started;
    struct timespec start;
} story = {.role = "demo"};

static bool in_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return isatty(STDERR_FILENO) && (no_colour == NULL || *no_colour == '\0');
}

void lane(int column, const char *role)
{
    story.role = role;
    story.column = column;
    if (!story.started)
        clock_gettime(CLOCK_MONOTONIC, &story.start);
    story.started = true;
}

void pair_lane(const char *role)
{
    const char *column = getenv("LANE");
    story.time_of_day = true;
    lane(column != NULL && *column == '1', role);
}

static void put_time(char *text, size_t size)
{
    struct timespec now;
    if (story.time_of_day) {
        struct tm day;
        clock_gettime(CLOCK_REALTIME, &now);
        localtime_r(&now.tv_sec, &day);
        const size_t length = strftime(text, size, "%H:%M:%S", &day);
        snprintf(text + length, size - length, ".%03ld", now.tv_nsec / 1000000);
    } else {
        clock_gettime(CLOCK_MONOTONIC, &now);
        const double seconds = (double)(now.tv_sec - story.start.tv_sec);
        const double nanoseconds = (double)(now.tv_nsec - story.start.tv_nsec);
        snprintf(text, size, "%8.3f", seconds * 1e3 + nanoseconds / 1e6);
    }
}

/* One line, one write(2): lines of several processes never mix. */
static void put_line(const char *before, const char *text, const char *after)
{
    char line[2 * LINE_SIZE];
    const int length = snprintf(line, sizeof line, "%s%s%s\n", before, text, after);
    write_full(STDERR_FILENO, line, (size_t)length);
}

__attribute__((format(printf, 3, 0))) static void format_text(char *text, size_t size,
                                                              const char *format, va_list arguments)
{
    vsnprintf(text, size, format, arguments);
    for (char *byte = text; *byte != '\0'; byte++)
        if (iscntrl((unsigned char)*byte))
            *byte = '?';
}

void say(const char *format, ...)
{
    static const char *const colours[] = {"\033[36m", "\033[33m", "\033[35m"};
    char text[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_text(text, sizeof text, format, arguments);
    va_end(arguments);

    char now[32], before[128];
    put_time(now, sizeof now);
    const bool colour = in_colour();
    snprintf(before, sizeof before, "%s  %s%*s%.20s | ", now, colour ? colours[story.column] : "",
             story.column * LANE_WIDTH, "", story.role);
    put_line(before, text, colour ? "\033[0m" : "");
}

void lesson(const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_text(text, sizeof text, format, arguments);
    va_end(arguments);
    const bool colour = in_colour();
    put_line(colour ? "\033[1m=> " : "=> ", text, colour ? "\033[0m" : "");
}

const char *quoted(const void *bytes, size_t length)
{
    enum { MOST = 32 };
    static const char special[] = "\n\t\"\\", letter[] = "nt\"\\";
    static char text[2 * MOST + sizeof "\"\"..."];
    const unsigned char *const byte = bytes;
    size_t shown = length < MOST ? length : MOST;
    while (shown < length && shown > 0 && (byte[shown] & 0xC0) == 0x80)
        shown--; /* do not cut a UTF-8 character in two */

    char *end = text;
    *end++ = '"';
    for (size_t i = 0; i < shown; i++) {
        const char *const found = byte[i] == '\0' ? NULL : strchr(special, byte[i]);
        if (found != NULL)
            *end++ = '\\';
        *end++ = found != NULL ? letter[found - special] : byte[i] == '\0' ? '?' : (char)byte[i];
    }
    strcpy(end, shown < length ? "\"..." : "\"");
    return text;
}
