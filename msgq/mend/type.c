/* Clients send numbers to a server and print its answers. The server, which is
 * the parent, takes the requests (type 1) of all, and answers the last one
 * first, with the square. A client for each argument; one queue for all. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

struct message {
    long type;
    struct { pid_t from; int number; } data;
};

static void client(int queue, int number)
{
    struct message message = {1, {getpid(), number}};

    msgsnd(queue, &message, sizeof message.data, 0);
    msgrcv(queue, &message, sizeof message.data, 0, 0);
    printf("%d squared is %d\n", number, message.data.number);
    exit(0);
}

int main(int argc, char *argv[])
{
    struct message message[10];
    int queue = msgget(IPC_PRIVATE, 0600), n = argc - 1;

    for (int i = 0; i < n; i++)
        if (fork() == 0)
            client(queue, atoi(argv[1 + i]));
    for (int i = 0; i < n; i++)
        msgrcv(queue, &message[i], sizeof message[i].data, 1, 0);
    for (int i = n - 1; i >= 0; i--) {
        message[i].data.number *= message[i].data.number;
        message[i].type = message[i].data.from;
        msgsnd(queue, &message[i], sizeof message[i].data, 0);
    }
    while (wait(NULL) > 0)
        continue;
    msgctl(queue, IPC_RMID, NULL);
    return 0;
}
