/* order - opening two FIFOs in opposite orders is a deadlock
 *
 * open() of one end sleeps until another process opens the other end. If both processes open "one"
 * first, both get through, and then both open "two". With -x process B begins with "two": each
 * sleeps in an open() that only the other could end, like two threads that take two locks in
 * opposite orders.
 *
 * fifo(7), open(2)
 */
#include "../lib/demo.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WATCHED_MS = 200 };

static const char usage[] = "usage: order [-x]\n"
                            "  -x  process B opens the FIFOs in the opposite order: deadlock\n";

static struct fifo {
    const char *name;
    char path[PATH_MAX];
} one = {.name = "one"}, two = {.name = "two"};

static void make_fifo(struct fifo *fifo)
{
    snprintf(fifo->path, sizeof fifo->path, "%s-%d-%s", demo_path("order"), (int)getpid(),
             fifo->name);
    unlink_at_exit(fifo->path);
    if (mkfifo(fifo->path, S_IRUSR | S_IWUSR) == -1)
        err(EXIT_FAILURE, "mkfifo %s", fifo->path);
    say("mkfifo(%s)", fifo->name);
}

static void open_fifo(const struct fifo *fifo, int flags)
{
    say("open(%s, %s) ...", fifo->name, flags == O_RDONLY ? "O_RDONLY" : "O_WRONLY");
    const int fd = open(fifo->path, flags);
    if (fd == -1)
        err(EXIT_FAILURE, "open %s", fifo->path);
    say("... = %d", fd);
}

static void process_a(void)
{
    lane(1, "A");
    die_with_parent();
    open_fifo(&one, O_WRONLY);
    open_fifo(&two, O_RDONLY);
    _exit(EXIT_SUCCESS);
}

static void process_b(bool opposite)
{
    lane(2, "B");
    die_with_parent();
    if (opposite) {
        open_fifo(&two, O_WRONLY);
        open_fifo(&one, O_RDONLY);
    } else {
        open_fifo(&one, O_RDONLY);
        open_fifo(&two, O_WRONLY);
    }
    _exit(EXIT_SUCCESS);
}

static void show_the_deadlock(pid_t a, pid_t b)
{
    wait_asleep(a);
    wait_asleep(b);
    if (!still_asleep(a, WATCHED_MS) || !still_asleep(b, WATCHED_MS))
        errx(EXIT_FAILURE, "A or B woke up");
    say_asleep_in("A", a, "open", ANY_ARGUMENT);
    say_asleep_in("B", b, "open", ANY_ARGUMENT);
    if (kill(a, SIGTERM) == -1 || kill(b, SIGTERM) == -1)
        err(EXIT_FAILURE, "kill");
    say("kill(%d, SIGTERM), kill(%d, SIGTERM)", (int)a, (int)b);
}

int main(int argc, char *argv[])
{
    bool opposite = false;
    while (next_option(argc, argv, "x", usage) != -1)
        opposite = true;
    check_operands(argc, argv, 0, 0);

    lane(0, "watcher");
    make_fifo(&one);
    make_fifo(&two);
    const pid_t a = fork();
    if (a == -1)
        err(EXIT_FAILURE, "fork");
    if (a == 0)
        process_a();
    const pid_t b = fork();
    if (b == -1)
        err(EXIT_FAILURE, "fork");
    if (b == 0)
        process_b(opposite);

    if (opposite)
        show_the_deadlock(a, b);
    const int expected = opposite ? 128 + SIGTERM : EXIT_SUCCESS;
    if (reap(a) != expected || reap(b) != expected)
        errx(EXIT_FAILURE, "A or B failed");
    lesson(opposite ? "FIFOs opened in opposite orders: a deadlock before the first byte"
                    : "open() waits for its partner: open FIFOs in the same order everywhere");
    return EXIT_SUCCESS;
}
