/* A worker changes each line of the standard input to capital letters. The
 * parent sends it the lines as messages of type 1, and prints the results, of
 * type 2, from the same queue. An empty text ends the worker. */
#include <ctype.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

static struct message { long type; char text[100]; } message;
static int queue;

static void send(long type)
{
    message.type = type;
    msgsnd(queue, &message, sizeof message.text, 0);
}

static char *receive(long type)
{
    msgrcv(queue, &message, sizeof message.text, type, 0);
    return message.text;
}

int main(void)
{
    int jobs = 0;

    queue = msgget(IPC_PRIVATE, 0600);
    if (fork() == 0) {
        while (receive(1)[0] != '\0') {
            for (char *c = message.text; *c != '\0'; c++)
                *c = toupper((unsigned char)*c);
            send(2);
        }
        return 0;
    }
    for (; fgets(message.text, sizeof message.text, stdin) != NULL; jobs++)
        send(1);
    while (jobs-- > 0)
        printf("%s", receive(2));
    message.text[0] = '\0';
    send(1);
    wait(NULL);
    msgctl(queue, IPC_RMID, NULL);
}
