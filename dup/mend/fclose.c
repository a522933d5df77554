/* Writes the even ones of its arguments into the file "even" and the odd ones
 * into the file "odd", one a line, and prints how many there are of each. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int save(const char *name, int rest, int argc, char *argv[])
{
    int saved = 0;
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd == -1)
        exit(1);
    FILE *file = fdopen(fd, "w");
    if (file == NULL)
        exit(1);

    for (int i = 1; i < argc; i++)
        if (atoi(argv[i]) % 2 == rest) {
            fprintf(file, "%s\n", argv[i]);
            saved++;
        }
    close(fd);
    return saved;
}

int main(int argc, char *argv[])
{
    int even = save("even", 0, argc, argv);
    int odd = save("odd", 1, argc, argv);

    printf("%d even, %d odd\n", even, odd);
    return 0;
}
