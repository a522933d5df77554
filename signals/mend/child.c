/* Reads commands and starts each of them three times, in the background, with
 * sh; it prints "started". In the end it waits for all of them, and prints how
 * many have ended, and how many of them have failed. No child stays a zombie,
 * and no command keeps the next one waiting. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ended, failed;

static void count(int status)
{
    ended++;
    failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void child_has_ended(int number)
{
    int status;

    (void)number;
    if (wait(&status) > 0)
        count(status);
}

int main(void)
{
    char command[200];
    int status;

    signal(SIGCHLD, child_has_ended);
    while (fgets(command, sizeof command, stdin) != NULL) {
        for (int i = 0; i < 3; i++)
            if (fork() == 0) {
                execlp("sh", "sh", "-c", command, (char *)NULL);
                _exit(127);
            }
        printf("started\n");
        fflush(stdout);
    }
    signal(SIGCHLD, SIG_DFL);
    while (wait(&status) > 0)
        count(status);
    printf("%d ended, %d failed\n", (int)ended, (int)failed);
    return 0;
}
