/* recv - prints which signals come, and who sent them; signals/send or kill(1) sends them
 *
 * SA_SIGINFO gives the handler more than the number: the sender's pid and user, whether it called
 * kill() or sigqueue(), and the value that sigqueue() sends along. The handler only makes a note of
 * it. It runs nowhere but inside sigsuspend(), one signal at a time: elsewhere the signals are
 * blocked, and the kernel keeps them.
 *
 * sigaction(2), sigsuspend(2), signal(7), signal-safety(7)
 */
#include "../lib/demo.h"
#include "names.h"
#include "sets.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: recv [SIGNAL...]\n"
    "  SIGNAL  like USR1, SIGUSR1, usr1, 10, RTMIN+2 (USR1, USR2, real-time ones)\n"
    "  prints its pid, then SIGNAL from PID for each one, and value N if it has one\n"
    "  PID 0: sent by the kernel (a key such as Ctrl-C), or the sender is unknown\n"
    "  ends on SIGTERM, and prints that last; other terminal: ./signals/send PID USR1\n";

/* SI_USER is kill(), SI_TKILL pthread_kill(). Below 0 (but for SI_TKILL) the sender may have filled
 * in what it liked: see rt_sigqueueinfo(2). */
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
    printf("%s from %d", name, (int)info->si_pid);
    if (info->si_code == SI_QUEUE)
        printf(" value %d", info->si_value.sival_int);
    putchar('\n');
    flush_stdout();
}

/* Neither volatile nor a sig_atomic_t: the handler runs only inside sigsuspend(). */
static siginfo_t received;

/* cppcheck-suppress constParameter ; the type is that of sigaction(2) */
static void note(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    received = *info;
}

static void choose(int number, sigset_t *chosen)
{
    if (sigaddset(chosen, number) == -1) /* the C library reserves two for itself */
        err(EXIT_FAILURE, "%s cannot be caught: sigaddset: EINVAL", signal_name(number));
}

static void catch_signal(int number)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask); /* one at a time: the next waits until this one is printed */
    if (sigaction(number, &action, NULL) == -1)
        err(EXIT_FAILURE, "%s cannot be caught: sigaction: %s", signal_name(number),
            errno_name(errno));
}

/* SIGTERM overtakes signals with a higher number: take those too before the end. */
static void print_the_rest(sigset_t signals)
{
    siginfo_t info;
    sigdelset(&signals, SIGTERM);
    while (sigtimedwait(&signals, &info, &(struct timespec){.tv_sec = 0}) != -1)
        print_signal(&info);
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "sigtimedwait");
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    sigset_t chosen = set_of(SIGTERM), while_waiting;
    for (int i = optind; i < argc; i++)
        choose(parse_signal(argv[i], 1), &chosen);
    if (optind == argc) {
        choose(SIGUSR1, &chosen);
        choose(SIGUSR2, &chosen);
        for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
            choose(number, &chosen);
    }

    pair_lane("receiver");
    if (sigprocmask(SIG_BLOCK, &chosen, &while_waiting) == -1)
        err(EXIT_FAILURE, "sigprocmask");
    for (int number = 1; number <= SIGRTMAX; number++)
        if (sigismember(&chosen, number) == 1) {
            catch_signal(number);
            sigdelset(&while_waiting, number);
        }
    printf("%d\n", (int)getpid());
    flush_stdout();
    say("sigsuspend() ...");
    say("to end it: ./signals/send %d TERM", (int)getpid());

    for (;;) {
        if (sigsuspend(&while_waiting) == -1 && errno != EINTR) /* EINTR: a handler has run */
            err(EXIT_FAILURE, "sigsuspend");
        if (received.si_signo == SIGTERM)
            break;
        print_signal(&received);
    }
    print_the_rest(chosen);
    print_signal(&received);
    lesson("SA_SIGINFO says who sent a signal: the pid, the user, and by which call");
    return EXIT_SUCCESS;
}
