/* Sends its standard input through tr, which changes small letters to capital
 * ones, and prints what comes back, however long the input is. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void copy(int from, int to)
{
    char text[4096];
    ssize_t n;

    while ((n = read(from, text, sizeof text)) > 0)
        if (write(to, text, n) != n)
            exit(1);
}

int main(void)
{
    int there[2], back[2];

    if (pipe(there) == -1 || pipe(back) == -1)
        return 1;
    if (fork() == 0) {
        dup2(there[0], 0);
        dup2(back[1], 1);
        close(there[0]);
        close(there[1]);
        close(back[0]);
        close(back[1]);
        execlp("tr", "tr", "a-z", "A-Z", NULL);
        _exit(127);
    }
    close(there[0]);
    close(back[1]);

    copy(0, there[1]);
    close(there[1]);
    copy(back[0], 1);
    while (wait(NULL) > 0)
        continue;
    return 0;
}
