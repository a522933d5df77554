/* Sends each line of its standard input as a message to a child, which prints
 * it. A message of type 2 ends the child. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

struct message {
    long type;
    char text[100];
};

static void print_messages(int queue)
{
    struct message message;

    while (msgrcv(queue, &message, sizeof message.text, 0, 0) != -1 && message.type == 1)
        printf("%s\n", message.text);
    exit(0);
}

int main(void)
{
    struct message message = {.type = 1};
    int queue = msgget(IPC_PRIVATE, 0600);

    if (queue == -1)
        return 1;
    if (fork() == 0)
        print_messages(queue);
    while (fgets(message.text, sizeof message.text, stdin) != NULL) {
        message.text[strcspn(message.text, "\n")] = '\0';
        msgsnd(queue, &message, strlen(message.text), 0);
    }
    message.type = 2;
    msgsnd(queue, &message, 0, 0);
    wait(NULL);
    msgctl(queue, IPC_RMID, NULL);
    return 0;
}
