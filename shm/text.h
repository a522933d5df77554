/* text.h - what write and posix-write share: the text that goes on the blackboard */
#ifndef TEXT_H
#define TEXT_H

#include "../lib/demo.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All of stdin if it fits into `size` bytes, otherwise a little more than that; but for its last
 * newline. */
static char *read_stdin(size_t size, size_t *length)
{
    enum { ROOM_TO_SPARE = 2 };
    char *const text = malloc(size + ROOM_TO_SPARE);
    if (text == NULL)
        err(EXIT_FAILURE, "malloc");
    const ssize_t count = read_full(STDIN_FILENO, text, size + ROOM_TO_SPARE);
    if (count == -1)
        err(EXIT_FAILURE, "stdin");
    *length = (size_t)count;
    if (count > 0 && text[count - 1] == '\n')
        --*length;
    return text;
}

/* The operand, or stdin where that is NULL; the caller frees it. Ends the program if the text does
 * not fit into the `size` bytes of `what`, which so stays as it was. */
static char *take_text(const char *operand, const char *what, size_t size, size_t *length)
{
    char *text;
    if (operand != NULL) {
        *length = strlen(operand);
        text = strdup(operand);
        if (text == NULL)
            err(EXIT_FAILURE, "strdup");
    } else {
        text = read_stdin(size, length);
    }
    if (*length > size)
        errx(EXIT_FAILURE, "the text is longer than the %s (%zu bytes)", what, size);
    if (memchr(text, '\0', *length) != NULL)
        errx(EXIT_FAILURE, "stdin: a NUL byte, which would end the text");
    return text;
}

#endif
