/* A worker writes each line of the standard input in capital letters. The
 * parent sends it the lines as messages of type 1, and prints the results,
 * type 2, in the same queue. The type 3 ends the worker. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

struct message { long type; char text[100]; } message;
static int queue;

static void send(long type)
{
    message.type = type;
    msgsnd(queue, &message, sizeof message.text, 0);
}

static void work(void)
{
    while (msgrcv(queue, &message, sizeof message.text, 1, 0) != -1 && message.text[0] != '\0') {
        for (char *c = message.text; *c != '\0'; c++)
            *c = toupper((unsigned char)*c);
        send(2);
    }
}

static void collect(void)
{
    msgrcv(queue, &message, sizeof message.text, 2, 0);
    printf("%s", message.text);
}

int main(void)
{
    int jobs = 0;

    queue = msgget(IPC_PRIVATE, 0600);
    if (fork() == 0) {
        work();
        return 0;
    }
    for (; fgets(message.text, sizeof message.text, stdin) != NULL; jobs++)
        send(1);
    for (int i = 0; i < jobs; i++)
        collect();
    message.text[0] = '\0';
    send(1);
    wait(NULL);
    msgctl(queue, IPC_RMID, NULL);
    return 0;
}
