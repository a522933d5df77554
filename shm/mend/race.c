/* bank N AMOUNT - two clerks, each a process, make N deposits each on the same
 * account, and print a receipt with the new balance for each. In the end the
 * parent prints the balance: not a deposit is lost. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct account {
    long balance;
};

static void deposit(struct account *account, int clerk, long amount)
{
    long balance = account->balance + amount;

    dprintf(1, "clerk %d: %ld\n", clerk, balance);
    account->balance = balance;
}

int main(int argc, char *argv[])
{
    struct account *account = mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (argc != 3 || account == MAP_FAILED)
        return 1;
    for (int clerk = 1; clerk <= 2; clerk++)
        if (fork() == 0) {
            for (int i = 0; i < atoi(argv[1]); i++)
                deposit(account, clerk, atol(argv[2]));
            exit(0);
        }
    while (wait(NULL) > 0)
        continue;
    dprintf(1, "balance %ld\n", account->balance);
    return 0;
}
