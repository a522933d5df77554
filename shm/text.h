/* text.h - what write and posix-write share: the text that goes on the blackboard */
#ifndef TEXT_H
#define TEXT_H

#include "../lib/demo.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The operand, or where that is NULL stdin without a final newline. Ends the program if the text
 * does not fit into the `size` bytes of `what`, which then stays as it was. */
static const char *take_text(const char *operand, const char *what, size_t size, size_t *length)
{
    enum { ROOM_TO_SPARE = 2 }; /* for the newline, and to see that there is more */
    char *buffer = NULL;
    if (operand != NULL) {
        *length = strlen(operand);
    } else {
        buffer = malloc(size + ROOM_TO_SPARE);
        if (buffer == NULL)
            err(EXIT_FAILURE, "malloc");
        const ssize_t count = read_full(STDIN_FILENO, buffer, size + ROOM_TO_SPARE);
        if (count == -1)
            err(EXIT_FAILURE, "stdin");
        *length = count > 0 && buffer[count - 1] == '\n' ? (size_t)count - 1 : (size_t)count;
    }
    const char *const text = operand != NULL ? operand : buffer;
    if (*length > size)
        errx(EXIT_FAILURE, "the text is longer than the %s (%zu bytes)", what, size);
    if (memchr(text, '\0', *length) != NULL)
        errx(EXIT_FAILURE, "stdin: a NUL byte, which would end the text");
    return text;
}

#endif
