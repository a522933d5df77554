/* edge - edge-triggered epoll reports a change once; EPOLLONESHOT gives an event to one worker
 *
 * epoll(7), epoll_ctl(2), SIOCINQ in unix(7)
 */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVER, CLIENT, REQUEST = 5000, BUFFER = 4096, STALL_MS = 300, WATCHED_MS = 100 };

static const char usage[] =
    "usage: edge [-x] [-m et|oneshot]\n"
    "  -m et       EPOLLET, one server (the default)\n"
    "  -m oneshot  EPOLLONESHOT, two workers\n"
    "  -x          the server reads only once; the workers do without EPOLLONESHOT\n";

static void watch(int epoll, int operation, int fd, unsigned flag)
{
    if (epoll_ctl(epoll, operation, fd, &(struct epoll_event){.events = EPOLLIN | flag}) == -1)
        err(EXIT_FAILURE, "epoll_ctl");
}

static int wait_for_event(int epoll, int milliseconds)
{
    int count;
    say("epoll_wait(%d) ...", epoll);
    while ((count = epoll_wait(epoll, &(struct epoll_event){0}, 1, milliseconds)) == -1)
        if (errno != EINTR) /* after Ctrl-Z and fg: see signal(7) */
            err(EXIT_FAILURE, "epoll_wait");
    say("... = %d", count);
    return count;
}

static ssize_t receive(int fd)
{
    char buffer[BUFFER];
    const ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count == -1 && errno != EAGAIN)
        err(EXIT_FAILURE, "recv");
    say("recv(%d) = %zd %s", fd, count, error_of(count));
    return count;
}

static void send_text(int fd, const char *text)
{
    const ssize_t sent = send(fd, text, strlen(text), 0);
    if (sent == -1)
        err(EXIT_FAILURE, "send");
    say("send(%d, \"%s\") = %zd", fd, text, sent);
}

static void end(pid_t child)
{
    if (kill(child, SIGTERM) == -1 || reap(child) != 128 + SIGTERM)
        errx(EXIT_FAILURE, "kill: a child has ended by itself");
}

static void ask(int fd)
{
    static char request[REQUEST], answer[16];
    lane(1, "client");
    die_with_parent();
    const ssize_t sent = send(fd, request, sizeof request, 0);
    if (sent == -1)
        err(EXIT_FAILURE, "send");
    say("send(%d) = %zd; recv(%d) ...", fd, sent, fd);
    const ssize_t count = recv(fd, answer, sizeof answer, 0);
    if (count == -1)
        err(EXIT_FAILURE, "recv");
    say("... = %zd %s", count, quoted(answer, (size_t)count));
    _exit(EXIT_SUCCESS);
}

/* The server sends the answer when it has the whole request. */
static void show_edge(int epoll, int fds[2], bool reads_once)
{
    const pid_t client = fork();
    if (client == -1)
        err(EXIT_FAILURE, "fork");
    if (client == 0)
        ask(fds[CLIENT]);
    wait_asleep_in(client, "recv", fds[CLIENT]); /* so all that it sends has come */
    ssize_t got = 0;
    while (got < REQUEST && wait_for_event(epoll, STALL_MS) == 1) {
        if (wait_for_event(epoll, 0) != 0)
            errx(EXIT_FAILURE, "unexpected: the same event once more");
        for (ssize_t count; (count = receive(fds[SERVER])) > 0;) {
            got += count;
            if (reads_once)
                break;
        }
    }
    if (!reads_once) {
        if (got < REQUEST)
            errx(EXIT_FAILURE, "%zd bytes of %d, and no event for the others", got, REQUEST);
        send_text(fds[SERVER], "answer");
        if (reap(client) != EXIT_SUCCESS)
            errx(EXIT_FAILURE, "the client failed");
        lesson("an edge is reported once: read until EAGAIN, or the rest waits for more");
        return;
    }
    int unread;
    if (ioctl(fds[SERVER], FIONREAD, &unread) == -1)
        err(EXIT_FAILURE, "ioctl FIONREAD");
    say("ioctl(%d, FIONREAD) = %d: still unread", fds[SERVER], unread);
    say_asleep_in("the client", client, "recv", fds[CLIENT]);
    end(client);
    lesson("one event, one read: what is left waits for a change, and so does the client");
}

static void work(int number, int epoll, int fd, unsigned flag)
{
    lane(number, number == 1 ? "worker 1" : "worker 2");
    die_with_parent();
    for (;;) {
        wait_for_event(epoll, -1);
        if (kill(getpid(), SIGSTOP) == -1) /* it is slow: has the event, and has not read yet */
            err(EXIT_FAILURE, "kill");
        while (receive(fd) > 0)
            continue;
        watch(epoll, EPOLL_CTL_MOD, fd, flag);
        say("epoll_ctl(%d, MOD, %d)", epoll, fd);
    }
}

static void show_oneshot(int epoll, int fds[2], unsigned flag, bool wrong)
{
    pid_t workers[2];
    for (int i = 0; i < 2; i++) {
        if ((workers[i] = fork()) == -1)
            err(EXIT_FAILURE, "fork");
        if (workers[i] == 0)
            work(1 + i, epoll, fds[SERVER], flag);
        say_asleep_in(i == 0 ? "worker 1" : "worker 2", workers[i], "epoll_wait", epoll);
    }
    send_text(fds[CLIENT], "one ");
    const pid_t first = waitpid(-1, NULL, WUNTRACED), second = workers[first == workers[0]];
    send_text(fds[CLIENT], "two ");
    if (wrong) {
        if (waitpid(second, NULL, WUNTRACED) == -1 || kill(second, SIGCONT) == -1)
            err(EXIT_FAILURE, "waitpid or kill");
        wait_asleep_in(second, "epoll_wait", epoll);
    } else {
        if (!still_asleep(second, WATCHED_MS))
            errx(EXIT_FAILURE, "two workers were woken for one client");
        say_asleep_in("the other one still", second, "epoll_wait", epoll);
    }
    if (first == -1 || kill(first, SIGCONT) == -1)
        err(EXIT_FAILURE, "waitpid or kill");
    wait_asleep_in(first, "epoll_wait", epoll);
    end(workers[0]);
    end(workers[1]);
    if (!wrong) {
        send_text(fds[CLIENT], "three");
        if (wait_for_event(epoll, STALL_MS) != 1)
            errx(EXIT_FAILURE, "no worker has asked for the next event");
    }
    lesson(wrong ? "two workers read from one client at the same time: one gets it all"
                 : "EPOLLONESHOT: one event wakes one worker, which asks for the next with MOD");
}

int main(int argc, char *argv[])
{
    bool wrong = false;
    bool is_oneshot = false;
    for (int letter; (letter = next_option(argc, argv, "m:x", usage)) != -1;)
        if (letter == 'x')
            wrong = true;
        else
            is_oneshot = parse_choice(optarg, (const char *[]){"et", "oneshot"}, 2) == 1;
    check_operands(argc, argv, 0, 0);

    lane(0, "server");
    int fds[2];
    const int pair = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (pair == -1 || epoll == -1)
        err(EXIT_FAILURE, "socketpair or epoll_create1");
    const unsigned flag = is_oneshot && !wrong ? EPOLLONESHOT : EPOLLET;
    watch(epoll, EPOLL_CTL_ADD, fds[SERVER], flag);
    say("epoll_ctl(%d, ADD, %d, EPOLLIN|%s)", epoll, fds[SERVER],
        flag == EPOLLET ? "EPOLLET" : "EPOLLONESHOT");
    if (is_oneshot)
        show_oneshot(epoll, fds, flag, wrong);
    else
        show_edge(epoll, fds, wrong);
    return EXIT_SUCCESS;
}
