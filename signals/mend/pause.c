/* A child adds up the arguments, puts the sum into memory that it shares with
 * its parent, and sends SIGUSR1. The parent waits for the signal, which it
 * reports on its standard error, and then prints the sum. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ready;

static void be_ready(int number)
{
    (void)number;
    ready = 1;
}

int main(int argc, char *argv[])
{
    long *sum = mmap(NULL, sizeof *sum, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (sum == MAP_FAILED)
        return 1;
    signal(SIGUSR1, be_ready);
    if (fork() == 0) {
        for (int i = 1; i < argc; i++)
            *sum += atol(argv[i]);
        kill(getppid(), SIGUSR1);
        exit(0);
    }
    while (!ready) {
        dprintf(2, "waiting for the sum\n");
        pause();
    }
    printf("%ld\n", *sum);
    wait(NULL);
    return 0;
}
