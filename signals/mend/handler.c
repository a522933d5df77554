/* mondays N - counts how many of the first N minutes of 1970 and after fall on
 * a Monday, and prints the number. Every 5 ms it also prints a line "# TIME",
 * the time of day, to show that it is alive. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void show_time(int number)
{
    time_t now = time(NULL);
    struct tm *tm = localtime(&now);

    (void)number;
    printf("# %02d:%02d:%02d\n", tm->tm_hour, tm->tm_min, tm->tm_sec);
}

/* It only waits. Without a second thread, some C libraries take no locks. */
static void *rest(void *unused)
{
    while (pause() == -1)
        continue;
    return unused;
}

int main(int argc, char *argv[])
{
    struct itimerval every = {{0, 5000}, {0, 5000}};
    pthread_t thread;
    long mondays = 0;

    if (argc != 2 || pthread_create(&thread, NULL, rest, NULL) != 0)
        return 1;
    signal(SIGALRM, show_time);
    setitimer(ITIMER_REAL, &every, NULL);

    for (long minute = 0; minute < atol(argv[1]); minute++) {
        time_t time = minute * 60;
        if (localtime(&time)->tm_wday == 1)
            mondays++;
    }

    printf("%ld\n", mondays);
    return 0;
}
