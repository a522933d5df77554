/* recv - tells which signals come, and who sent them; signals/send, or kill(1), sends them
 *
 * SA_SIGINFO gives the handler more than the number: the sender's pid and user, whether it was
 * kill() or sigqueue(), and the value that sigqueue() sends along. All that the handler does is to
 * note it. It can run only inside sigsuspend(), one signal at a time: elsewhere the signals are
 * blocked, and the kernel keeps them.
 *
 * sigaction(2), sigsuspend(2), signal(7), signal-safety(7)
 */
#include "../lib/demo.h"
#include "names.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: recv [SIGNAL...]\n"
    "  SIGNAL  as in USR1, SIGUSR1, usr1, 10, RTMIN+2 (USR1, USR2 and the real-time ones)\n"
    "  prints its pid, then SIGNAL from PID for each one; value N after it if it has one\n"
    "  PID 0: the kernel sent it, for a key perhaps, or the sender is not known\n"
    "  ends on SIGTERM, and prints that last; other terminal: ./signals/send PID USR1\n";

static const char *code_of(int code)
{
    static char number[32];
    switch (code) {
    case SI_USER:
        return "SI_USER"; /* kill() */
    case SI_QUEUE:
        return "SI_QUEUE"; /* sigqueue() */
    case SI_TKILL:
        return "SI_TKILL"; /* tgkill(), pthread_kill() */
    case SI_KERNEL:
        return "SI_KERNEL";
    default:
        snprintf(number, sizeof number, "si_code %d", code);
        return number;
    }
}

static void print_signal(const siginfo_t *info)
{
    const char *const name = signal_name(info->si_signo);
    say("%s: %s, si_uid %u", name, code_of(info->si_code), (unsigned)info->si_uid);
    printf("%s from %d", name, (int)info->si_pid);
    if (info->si_code == SI_QUEUE)
        printf(" value %d", info->si_value.sival_int);
    putchar('\n');
    flush_stdout();
}

/* Not volatile, nor a sig_atomic_t: the handler runs while the program stands in sigsuspend(). */
static siginfo_t received;

/* cppcheck-suppress constParameter ; sigaction(2) has it so */
static void note(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    received = *info;
}

static void choose(int number, sigset_t *chosen)
{
    if (sigaddset(chosen, number) == -1) /* there are two that the C library has for itself */
        err(EXIT_FAILURE, "%s cannot be caught: sigaddset", signal_name(number));
}

static void catch_signal(int number)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask); /* one at a time: the next waits until this one is printed */
    if (sigaction(number, &action, NULL) == -1)
        err(EXIT_FAILURE, "%s cannot be caught: sigaction", signal_name(number));
}

/* SIGTERM overtakes what has a higher number: take that too before the end. */
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
    sigset_t chosen, while_waiting;
    sigemptyset(&chosen);
    for (int i = optind; i < argc; i++)
        choose(parse_signal(argv[i], 1), &chosen);
    if (optind == argc) {
        choose(SIGUSR1, &chosen);
        choose(SIGUSR2, &chosen);
        for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
            choose(number, &chosen);
    }
    choose(SIGTERM, &chosen);

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
    say("sigaction() is done, sigsuspend() waits");
    say("SIGTERM ends it: ./signals/send %d TERM", (int)getpid());

    for (;;) {
        if (sigsuspend(&while_waiting) == -1 && errno != EINTR) /* EINTR: a handler has run */
            err(EXIT_FAILURE, "sigsuspend");
        if (received.si_signo == SIGTERM)
            break;
        print_signal(&received);
    }
    print_the_rest(chosen);
    print_signal(&received);
    lesson("SA_SIGINFO tells who sent a signal: the pid, the user, by which call");
    return EXIT_SUCCESS;
}
