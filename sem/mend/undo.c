/* Three workers share the standard input: one at a time reads a line, prints
 * it and makes room for the next. If a worker is killed, the others go on. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

static int lock;

static void change(int by)
{
    struct sembuf operation = {0, by, 0};
    if (semop(lock, &operation, 1) == -1)
        exit(1);
}

static void work(void)
{
    char c = '\n';

    while (c == '\n') {
        change(-1);
        c = 0;
        while (c != '\n' && read(0, &c, 1) == 1)
            if (write(1, &c, 1) != 1)
                exit(1);
        change(+1);
    }
    exit(0);
}

int main(void)
{
    lock = semget(IPC_PRIVATE, 1, 0600);
    semctl(lock, 0, SETVAL, 1);
    for (int i = 0; i < 3; i++)
        if (fork() == 0)
            work();
    while (wait(NULL) > 0)
        continue;
    semctl(lock, 0, IPC_RMID);
    return 0;
}
