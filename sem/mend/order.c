/* The parent puts the lines of its standard input into a buffer of four slots,
 * a child takes them out and prints them. An empty text ends the child. */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct buffer {
    sem_t lock, empty, full;
    int in, out;
    char slot[4][100];
} *buffer;

static void put(const char *text)
{
    sem_wait(&buffer->empty);
    sem_wait(&buffer->lock);
    strcpy(buffer->slot[buffer->in++ % 4], text);
    sem_post(&buffer->lock);
    sem_post(&buffer->full);
}

static void take(char *text)
{
    sem_wait(&buffer->lock);
    sem_wait(&buffer->full);
    strcpy(text, buffer->slot[buffer->out++ % 4]);
    sem_post(&buffer->lock);
    sem_post(&buffer->empty);
}

int main(void)
{
    char text[100];

    buffer = mmap(NULL, sizeof *buffer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(&buffer->lock, 1, 1);
    sem_init(&buffer->empty, 1, 4);
    sem_init(&buffer->full, 1, 0);
    if (fork() == 0) {
        for (take(text); text[0] != '\0'; take(text))
            printf("%s", text);
        return 0;
    }
    while (fgets(text, sizeof text, stdin) != NULL)
        put(text);
    put("");
    wait(NULL);
}
