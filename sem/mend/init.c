/* A child for each argument enters a room 100 times: it prints "NAME in" and
 * "NAME out". A semaphore sees to it that there is never more than one inside. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

static int get_lock(void)
{
    int id = semget(ftok(".", 'r'), 1, IPC_CREAT | 0600);

    semctl(id, 0, SETVAL, 1);
    return id;
}

static void change(int id, int by)
{
    struct sembuf operation = {0, by, 0};
    if (semop(id, &operation, 1) == -1)
        exit(1);
}

static void visit(const char *name)
{
    int lock = get_lock();

    for (int i = 0; i < 100; i++) {
        change(lock, -1);
        dprintf(1, "%s in\n", name);
        dprintf(1, "%s out\n", name);
        change(lock, +1);
    }
    exit(0);
}

int main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++)
        if (fork() == 0)
            visit(argv[i]);
    while (wait(NULL) > 0)
        continue;
    semctl(get_lock(), 0, IPC_RMID);
    return 0;
}
