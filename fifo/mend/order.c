/* Asks a child to double each argument, and prints the answers. Questions go
 * through the FIFO "ask", answers through the FIFO "answer"; both are removed
 * in the end. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void answer_all(void)
{
    char line[100];
    FILE *ask = fdopen(open("ask", O_RDONLY), "r");
    FILE *answer = fdopen(open("answer", O_WRONLY), "w");

    while (fgets(line, sizeof line, ask) != NULL) {
        fprintf(answer, "%d\n", 2 * atoi(line));
        fflush(answer);
    }
    exit(0);
}

int main(int argc, char *argv[])
{
    char line[100];

    if (mkfifo("ask", 0600) == -1 || mkfifo("answer", 0600) == -1)
        return 1;
    if (fork() == 0)
        answer_all();

    FILE *answer = fdopen(open("answer", O_RDONLY), "r");
    FILE *ask = fdopen(open("ask", O_WRONLY), "w");
    for (int i = 1; i < argc; i++) {
        fprintf(ask, "%s\n", argv[i]);
        fflush(ask);
        printf("%s", fgets(line, sizeof line, answer) != NULL ? line : "no answer\n");
    }
    fclose(ask);
    wait(NULL);
    unlink("ask");
    unlink("answer");
    return 0;
}
