/* A server behind the FIFO "requests". Clients come and go, each writes a
 * number in a line; the server prints the sum so far. A client that writes
 * "end" ends it: it prints "bye" and removes the FIFO. While no client is
 * there the server sleeps. Try it: echo 5 >requests */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
    char line[100];
    long sum = 0;

    if (mkfifo("requests", 0600) == -1)
        return 1;
    FILE *requests = fopen("requests", "r");
    if (requests == NULL)
        return 1;

    while (fgets(line, sizeof line, requests) != NULL) {
        if (strcmp(line, "end\n") == 0) {
            printf("bye\n");
            break;
        }
        sum += atol(line);
        printf("%ld\n", sum);
        fflush(stdout);
    }

    unlink("requests");
    return 0;
}
