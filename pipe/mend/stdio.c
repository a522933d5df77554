/* Prints a heading, then a line for each argument, and a last line. A child
 * prints each line: the argument and its length. Each text appears once, on a
 * terminal, in a file and in a pipe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_length(const char *word)
{
    printf("%s %zu\n", word, strlen(word));
    exit(0);
}

int main(int argc, char *argv[])
{
    printf("the length of %d words\n", argc - 1);

    for (int i = 1; i < argc; i++) {
        pid_t child = fork();
        if (child == -1)
            return 1;
        if (child == 0)
            print_length(argv[i]);
        waitpid(child, NULL, 0);
    }

    printf("that is all\n");
    return 0;
}
