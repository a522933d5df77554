/* Prints each line of its standard input in capital letters as soon as it
 * comes, however long it is. epoll reports when there is something to read. */
#include <ctype.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

static void print_capitals(char *text, ssize_t n)
{
    for (ssize_t i = 0; i < n; i++)
        text[i] = toupper((unsigned char)text[i]);
    if (write(1, text, n) != n)
        _exit(1);
}

int main(void)
{
    char text[64];
    ssize_t n = -1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};

    fcntl(0, F_SETFL, O_NONBLOCK);
    int epoll = epoll_create1(0);
    if (epoll == -1 || epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event) == -1)
        return 1;

    while (n != 0) {
        if (epoll_wait(epoll, &event, 1, -1) == -1)
            return 1;
        n = read(0, text, sizeof text);
        if (n > 0)
            print_capitals(text, n);
    }
    return 0;
}
