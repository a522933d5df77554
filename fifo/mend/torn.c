/* Three children, one for each argument, report through the FIFO "log" to the
 * parent, which prints each line as it comes: the name of the child, a number,
 * a text. Lines of different children mix, their bytes do not. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 4000 };

static void report(const char *name)
{
    int log = open("log", O_WRONLY);

    for (int i = 1; i <= LINES; i++) {
        dprintf(log, "%s ", name);
        dprintf(log, "%d ", i);
        dprintf(log, "all is well here\n");
    }
    exit(0);
}

int main(int argc, char *argv[])
{
    char line[200];

    if (mkfifo("log", 0600) == -1)
        return 1;
    FILE *log = fopen("log", "r+"); /* no end of file between two writers */
    for (int i = 1; i < argc; i++)
        if (fork() == 0)
            report(argv[i]);
    for (int i = 0; i < (argc - 1) * LINES; i++)
        if (fgets(line, sizeof line, log) != NULL)
            printf("%s", line);
    while (wait(NULL) > 0)
        continue;
    unlink("log");
    return 0;
}
