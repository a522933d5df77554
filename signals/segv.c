/* segv - a stack overflow is a SIGSEGV, and its handler needs another stack to run on
 *
 * A child calls a function that calls itself, until the stack is used up. The next access is a
 * fault, and the kernel sends SIGSEGV, with the address in si_addr. The handler runs on the stack
 * that sigaltstack() has named, and leaves with siglongjmp(): returning would repeat the fault.
 *
 * With -x the handler is installed without SA_ONSTACK. There is no room on the stack to call it, so
 * the kernel kills the process, and the handler never runs.
 *
 * sigaltstack(2), SA_ONSTACK in sigaction(2), RLIMIT_STACK in getrlimit(2), siglongjmp(3)
 */
#include "../lib/demo.h"

#include <err.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STACK_BYTES = 256 * 1024, OTHER_STACK_BYTES = 64 * 1024, FRAME_BYTES = 1024 };

static const char usage[] = "usage: segv [-x]\n"
                            "  -x  no other stack: the handler cannot run\n"
                            "  prints whether the handler ran\n";

static sigjmp_buf before;
static siginfo_t fault; /* for main program and handler, which never run at the same time */

/* cppcheck-suppress constParameter ; the type is that of sigaction(2) */
static void note_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number, (void)context;
    if (fault.si_signo != 0)
        _exit(EXIT_FAILURE); /* it has returned, and the fault was repeated */
    fault = *info;
    siglongjmp(before, 1);
}

static int use_stack(int depth)
{
    volatile char frame[FRAME_BYTES];
    frame[0] = (char)depth;
    return depth == INT_MAX ? 0 : use_stack(depth + 1) + frame[0];
}

static void overflow(int flags)
{
    static char other_stack[OTHER_STACK_BYTES];
    lane(1, "child");
    die_with_parent();
    prctl(PR_SET_DUMPABLE, 0); /* no core file */
    if (setrlimit(RLIMIT_STACK, &(struct rlimit){STACK_BYTES, STACK_BYTES}) == -1)
        err(EXIT_FAILURE, "setrlimit");
    const stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    if (sigaltstack(&stack, NULL) == -1)
        err(EXIT_FAILURE, "sigaltstack");
    say("sigaltstack()");
    const struct sigaction action = {.sa_sigaction = note_fault, .sa_flags = SA_SIGINFO | flags};
    if (sigaction(SIGSEGV, &action, NULL) == -1)
        err(EXIT_FAILURE, "sigaction");
    say("sigaction(SIGSEGV, SA_SIGINFO%s)", flags == 0 ? "" : "|SA_ONSTACK");

    if (sigsetjmp(before, 1) == 0) {
        say("calls itself again and again");
        _exit(use_stack(0) == 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    say("the handler ran: si_addr %p", fault.si_addr);
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    int flags = SA_ONSTACK;
    while (next_option(argc, argv, "x", usage) != -1)
        flags = 0;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        overflow(flags);
    const int status = reap(child);
    if (status != (flags == 0 ? 128 + SIGSEGV : EXIT_SUCCESS))
        errx(EXIT_FAILURE, "unexpected: the child ended with %d", status);
    if (flags == 0)
        say("waitpid(%d): killed by signal %d", (int)child, status - 128);
    puts(flags == 0 ? "killed by SIGSEGV" : "handled SIGSEGV");
    lesson(flags == 0 ? "without a second stack the handler of a stack overflow cannot run"
                      : "sigaltstack() and SA_ONSTACK let the handler of a stack overflow run");
    return EXIT_SUCCESS;
}
