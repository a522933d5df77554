/* Counts the words of its standard input. The parent copies the input into a
 * pipe; a child reads the pipe, counts, and prints the number. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void count_words(int fd)
{
    char text[4096];
    ssize_t n;
    int words = 0, inside = 0;

    while ((n = read(fd, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < n; i++) {
            int letter = !isspace((unsigned char)text[i]);
            words += letter && !inside;
            inside = letter;
        }
    printf("%d\n", words);
    exit(0);
}

int main(void)
{
    char text[4096];
    ssize_t n;
    int fd[2];

    if (pipe(fd) == -1)
        return 1;
    if (fork() == 0)
        count_words(fd[0]);
    close(fd[0]);
    while ((n = read(0, text, sizeof text)) > 0)
        if (write(fd[1], text, n) != n)
            return 1;
    close(fd[1]);
    wait(NULL);
    return 0;
}
