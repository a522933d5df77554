/* Adds up the numbers that it reads, and prints the sum after each line. It
 * counts the SIGUSR1 that it gets meanwhile, and prints their number at the
 * end of the input. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

int main(void)
{
    char line[100];
    long sum = 0;
    struct sigaction action = {.sa_handler = count_signal};

    sigemptyset(&action.sa_mask);
    if (sigaction(SIGUSR1, &action, NULL) == -1)
        return 1;

    while (fgets(line, sizeof line, stdin) != NULL) {
        sum += atol(line);
        printf("%ld\n", sum);
        fflush(stdout);
    }

    printf("signals: %d\n", (int)signals);
    return 0;
}
