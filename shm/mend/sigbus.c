/* Copies its standard input, at most 64 KiB, into a shared memory object; a
 * child prints it from there, in capital letters. The object has a name while
 * the program runs, and is removed in the end. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 64 * 1024 };

static void print(const char *text, int length)
{
    for (int i = 0; i < length; i++)
        putchar(toupper((unsigned char)text[i]));
    exit(0);
}

int main(void)
{
    char name[40];
    int length = 0, c;

    snprintf(name, sizeof name, "/copy-%d", (int)getpid());
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd == -1)
        return 1;
    char *text = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (text == MAP_FAILED)
        return 1;

    while (length < SIZE && (c = getchar()) != EOF)
        text[length++] = c;
    if (fork() == 0)
        print(text, length);
    wait(NULL);
    shm_unlink(name);
    return 0;
}
