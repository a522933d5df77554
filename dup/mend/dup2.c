/* to FILE COMMAND... - runs the command with its standard output in the file,
 * then prints, on its own standard output, how many bytes the file has. The
 * command has no descriptors open but 0, 1 and 2. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    struct stat status;

    if (argc < 3)
        return 2;
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd == -1)
        return 1;
    dup2(fd, 1);
    close(fd);

    if (fork() == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    wait(NULL);

    if (stat(argv[1], &status) == -1)
        return 1;
    printf("%s: %ld bytes\n", argv[1], (long)status.st_size);
    return 0;
}
