/* order - two processes, two FIFOs: opened in the same order they meet, in opposite orders never
 * never do
 *
 * open() of one end sleeps until somebody opens the other. If both processes open "one" first, both
 * come through, and then both open "two". With -x process B begins with "two": each sleeps
 * in an open() that only the other could end. It is the deadlock of two locks taken in opposite
 * orders.
 *
 * fifo(7), open(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ONE, TWO, FIFOS, WATCHED_MS = 200 };

static const char usage[] = "usage: order [-x]\n"
                            "  -x  process B opens the FIFOs in the opposite order: deadlock\n";

static char paths[FIFOS][128];

static void open_fifo(int which, int flags)
{
    static const char *const names[] = {"one", "two"};
    const char *const mode = flags == O_WRONLY ? "O_WRONLY" : "O_RDONLY";
    say("open(%s, %s) ...", names[which], mode);
    const int fd = open(paths[which], flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", paths[which]);
    say("... = %d", fd);
}

/* Writes into "one", reads from "two". */
static void process_a(void)
{
    lane(1, "A");
    die_with_parent();
    open_fifo(ONE, O_WRONLY);
    open_fifo(TWO, O_RDONLY);
    _exit(EXIT_SUCCESS);
}

/* Reads from "one", writes into "two". */
static void process_b(bool opposite)
{
    lane(2, "B");
    die_with_parent();
    if (opposite) {
        open_fifo(TWO, O_WRONLY);
        open_fifo(ONE, O_RDONLY);
    } else {
        open_fifo(ONE, O_RDONLY);
        open_fifo(TWO, O_WRONLY);
    }
    _exit(EXIT_SUCCESS);
}

static void show_the_deadlock(const pid_t pids[2])
{
    for (int i = 0; i < 2; i++)
        wait_asleep(pids[i]);
    for (int i = 0; i < 2; i++)
        if (!still_asleep(pids[i], WATCHED_MS))
            errx(EXIT_FAILURE, "%c woke up", "AB"[i]);
    say("both sleep in open(), and only the other one could wake them");
    for (int i = 0; i < 2; i++)
        if (kill(pids[i], SIGTERM) == -1)
            err(EXIT_FAILURE, "kill");
    say("kill() both, with SIGTERM");
}

int main(int argc, char *argv[])
{
    bool opposite = false;
    while (next_option(argc, argv, "x", usage) != -1)
        opposite = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "watcher");
    for (int i = 0; i < FIFOS; i++) { /* names of this run alone */
        snprintf(paths[i], sizeof paths[i], "%s-%d-%d", demo_path("order"), (int)getpid(), i + 1);
        unlink_at_exit(paths[i]);
        if (mkfifo(paths[i], S_IRUSR | S_IWUSR) == -1)
            err(EXIT_FAILURE, "mkfifo %s", paths[i]);
        say("mkfifo(%s)", i == ONE ? "one" : "two");
    }
    pid_t pids[2];
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] == -1)
            err(EXIT_FAILURE, "fork");
        if (pids[i] == 0 && i == 0)
            process_a();
        if (pids[i] == 0)
            process_b(opposite);
    }
    if (opposite)
        show_the_deadlock(pids);
    for (int i = 0; i < 2; i++) {
        const pid_t pid =
            wait_for_any(); /* if it failed, the other one may wait for ever: do not */
        if (reap(pid) != (opposite ? 128 + SIGTERM : EXIT_SUCCESS))
            errx(EXIT_FAILURE, "%c failed", pid == pids[0] ? 'A' : 'B');
    }
    if (opposite)
        lesson("FIFOs opened in opposite orders: a deadlock before the first byte");
    else
        lesson("open() waits for its partner: open FIFOs in the same order everywhere");
    return EXIT_SUCCESS;
}
