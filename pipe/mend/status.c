/* count COMMAND... - runs the command, and prints how many lines it writes.
 * Its own exit status is that of the command, or 128 + N if signal N has
 * killed the command, as in the shell. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    int fd[2], status, lines = 0, c;

    if (argc < 2 || pipe(fd) == -1)
        return 1;
    pid_t child = fork();
    if (child == -1)
        return 1;
    if (child == 0) {
        dup2(fd[1], 1);
        close(fd[0]);
        close(fd[1]);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    close(fd[1]);

    FILE *output = fdopen(fd[0], "r");
    while ((c = getc(output)) != EOF)
        if (c == '\n')
            lines++;
    printf("%d\n", lines);

    waitpid(child, &status, 0);
    return status;
}
