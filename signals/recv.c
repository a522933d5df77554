/* recv - prints which signals come, and who sent them; signals/send or kill(1) sends them
 *
 * SA_SIGINFO gives the handler more than the number: the sender's pid and user, whether it called
 * kill() or sigqueue(), and the value that sigqueue() sends along. The handler only makes a note.
 * It runs inside sigsuspend(), one signal at a time: elsewhere they are blocked, and stay pending.
 *
 * sigaction(2), sigsuspend(2), signal(7), signal-safety(7)
 */
#include "../lib/demo.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: recv [SIGNAL...]\n"
    "  SIGNAL  like USR1, SIGUSR1, usr1, 10, RTMIN+2 (USR1, USR2, real-time ones)\n"
    "  prints its pid, then SIGNAL from PID for each one, and value N if it has one\n"
    "  ends on SIGTERM, and prints that last; other terminal: ./signals/send PID USR1\n";

static siginfo_t received; /* the handler runs only inside sigsuspend(): it is not volatile */

/* cppcheck-suppress constParameter ; the type is that of sigaction(2) */
static void note(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    received = *info;
}

static void catch_signal(int number, sigset_t *caught)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask); /* one at a time: the next waits until this one is printed */
    sigaddset(caught, number);
    block(caught);
    if (sigaction(number, &action, NULL) == -1)
        err(EXIT_FAILURE, "%s cannot be caught: sigaction: %s", signal_name(number),
            errno_name(errno));
}

/* SI_USER is kill(), SI_TKILL pthread_kill(), SI_QUEUE sigqueue(). */
static const char *code_name(int code)
{
    static char number[32];
    snprintf(number, sizeof number, "si_code %d", code);
    return code == SI_USER     ? "SI_USER"
           : code == SI_QUEUE  ? "SI_QUEUE"
           : code == SI_TKILL  ? "SI_TKILL"
           : code == SI_KERNEL ? "SI_KERNEL"
                               : number;
}

static void print_signal(const siginfo_t *info)
{
    const char *const name = signal_name(info->si_signo);
    say("%s: %s, si_uid %u", name, code_name(info->si_code), (unsigned)info->si_uid);
    if (info->si_code == SI_QUEUE)
        printf("%s from %d value %d\n", name, (int)info->si_pid, info->si_value.sival_int);
    else
        printf("%s from %d\n", name, (int)info->si_pid);
    flush_stdout();
}

int main(int argc, char *argv[])
{
    sigset_t none, caught;
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    sigemptyset(&none);
    sigemptyset(&caught);
    for (int i = optind; i < argc; i++)
        catch_signal(parse_signal(argv[i], 1), &caught);
    for (int number = 1; optind == argc && number <= SIGRTMAX; number++)
        if (number == SIGUSR1 || number == SIGUSR2 || number >= SIGRTMIN)
            catch_signal(number, &caught);
    catch_signal(SIGTERM, &caught);

    pair_lane("receiver");
    printf("%d\n", (int)getpid());
    flush_stdout();
    say("sigsuspend() ...");
    say("to end it: ./signals/send %d TERM", (int)getpid());
    while (sigsuspend(&none) == -1 && errno == EINTR && received.si_signo != SIGTERM)
        print_signal(&received);
    if (errno != EINTR) /* no handler has run */
        err(EXIT_FAILURE, "sigsuspend");
    siginfo_t info; /* SIGTERM overtakes signals with a higher number: those first */
    sigdelset(&caught, SIGTERM);
    while (sigtimedwait(&caught, &info, &(struct timespec){.tv_sec = 0}) != -1)
        print_signal(&info);
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "sigtimedwait: %s", errno_name(errno));
    print_signal(&received);
    lesson("SA_SIGINFO says who sent a signal: the pid, the user, and by which call");
    return EXIT_SUCCESS;
}
