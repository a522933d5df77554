/* Three threads take the words of the standard input from a queue and print
 * them, each word once, with its number. The number -1 ends a thread. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 10000 };
static struct item { int number; char text[100]; } queue[MOST];
static int count, first;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;

static void put(int number, const char *text)
{
    pthread_mutex_lock(&lock);
    struct item *item = &queue[(first + count++) % MOST];
    item->number = number;
    strcpy(item->text, text);
    pthread_cond_broadcast(&filled);
    pthread_mutex_unlock(&lock);
}

static void *print_items(void *unused)
{
    struct item item;
    for (;;) {
        pthread_mutex_lock(&lock);
        if (count < 1)
            pthread_cond_wait(&filled, &lock);
        item = queue[first++ % MOST];
        count--;
        pthread_mutex_unlock(&lock);
        if (item.number == -1)
            return unused;
        dprintf(1, "%d %s\n", item.number, item.text);
    }
}

int main(void)
{
    pthread_t thread[3];
    char text[100];
    int number = 0;

    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, print_items, NULL);
    while (scanf("%99s", text) == 1)
        put(++number, text);
    for (int i = 0; i < 3; i++)
        put(-1, "");
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    return 0;
}
