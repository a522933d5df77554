/* Sends each line of its standard input as a message through a pipe to a
 * child, which numbers the messages and prints one a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONGEST = 100 };

static void print_messages(int fd)
{
    char text[LONGEST + 1];
    ssize_t n;
    int number = 0;

    while ((n = read(fd, text, LONGEST)) > 0) {
        text[n] = '\0';
        printf("%d %s\n", ++number, text);
    }
    exit(0);
}

int main(void)
{
    char text[LONGEST] = "";
    int fd[2];

    if (pipe(fd) == -1)
        return 1;
    if (fork() == 0) {
        close(fd[1]);
        print_messages(fd[0]);
    }
    close(fd[0]);
    while (fgets(text, sizeof text, stdin) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        if (write(fd[1], text, strlen(text)) == -1)
            return 1;
    }
    close(fd[1]);
    wait(NULL);
    return 0;
}
