/* memfd - shared memory without a name: memfd_create(), seals, and the descriptor handed over
 *
 * An object made by memfd_create() has no name of its own that anybody could guess or forget to
 * remove. Its descriptor comes here from a socket, so the receiver may be any process (see
 * dup/pass-send). It disappears with its last descriptor and last mapping.
 *
 * The receiver relies on what it has seen. Seals make that safe: nobody can shrink or change the
 * object any more, not even its maker. With -x there are none, and the receiver does not look: the
 * sender shrinks the object, and the receiver is killed by SIGBUS.
 *
 * memfd_create(2), F_ADD_SEALS in fcntl(2), SCM_RIGHTS in unix(7)
 */
#define _GNU_SOURCE /* memfd_create, F_ADD_SEALS */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: memfd [-x]\n"
    "  -x  the mistake: no seals; the sender shrinks what the receiver reads\n"
    "  prints the text that the receiver has read\n";

enum { NEEDED = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static const char text[] = "hello from nowhere";

/* The child was there before the object, so it has inherited nothing of it. */
static void receive(int socket, bool checks)
{
    struct stat status;
    char byte;
    lane(1, "receiver");
    die_with_parent();
    say("recvmsg(%d) ...", socket);
    const int fd = receive_fd(socket);
    if (fd == -1)
        errx(EXIT_FAILURE, "recvmsg: no descriptor");
    say("... = SCM_RIGHTS %d", fd);
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals == -1 || fstat(fd, &status) == -1)
        err(EXIT_FAILURE, "fcntl F_GET_SEALS, fstat");
    say("fcntl(%d, F_GET_SEALS) = %#x", fd, (unsigned)seals);
    if (checks && (seals & NEEDED) != NEEDED)
        errx(EXIT_FAILURE, "refused: the object can still change");
    say("fstat(%d): %lld bytes", fd, (long long)status.st_size);
    /* Before Linux 6.7, MAP_SHARED of an object that is sealed against writing fails with EPERM. */
    const char *const memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    say("mmap(%d, PROT_READ) = %p", fd, (const void *)memory);
    if (signal(SIGBUS, SIG_DFL) == SIG_ERR || prctl(PR_SET_DUMPABLE, 0) == -1) /* no core file */
        err(EXIT_FAILURE, "signal, prctl");
    if (write(socket, "", 1) == -1 || read(socket, &byte, 1) == -1)
        err(EXIT_FAILURE, "write or read");
    say("reads the memory ...");
    printf("%.*s\n", (int)status.st_size, memory); /* SIGBUS, if it is not there any more */
    flush_stdout();
    _exit(EXIT_SUCCESS);
}

static int make_object(void)
{
    const int fd = memfd_create("board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd == -1)
        err(EXIT_FAILURE, "memfd_create");
    say("memfd_create(\"board\", MFD_ALLOW_SEALING) = %d", fd);
    const ssize_t count = write(fd, text, strlen(text));
    if (count == -1)
        err(EXIT_FAILURE, "write");
    say("write(%d, %s) = %zd", fd, quoted(text, strlen(text)), count);
    return fd;
}

static void seal(int fd)
{
    const int result = fcntl(fd, F_ADD_SEALS, NEEDED | F_SEAL_SEAL);
    if (result == -1)
        err(EXIT_FAILURE, "fcntl F_ADD_SEALS");
    say("fcntl(%d, F_ADD_SEALS, SHRINK|GROW|WRITE|SEAL) = %d", fd, result);
}

static void try_to_change(int fd, bool sealed)
{
    const ssize_t written = pwrite(fd, "H", 1, 0);
    if (written == -1 && !(sealed && errno == EPERM))
        err(EXIT_FAILURE, "pwrite");
    say("pwrite(%d, \"H\") = %zd %s", fd, written, error_of(written));
    const int result = ftruncate(fd, 0);
    if (result == -1 && !(sealed && errno == EPERM))
        err(EXIT_FAILURE, "ftruncate");
    say("ftruncate(%d, 0) = %d %s", fd, result, error_of(result));
    if (sealed && (written != -1 || result != -1))
        errx(EXIT_FAILURE, "unexpected: a sealed object has changed");
}

int main(int argc, char *argv[])
{
    bool sealed = true;
    while (next_option(argc, argv, "x", usage) != -1)
        sealed = false;
    check_operands(argc, argv, 0, 0);

    lane(0, "sender");
    int sockets[2];
    char byte;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == -1)
        err(EXIT_FAILURE, "socketpair");
    const pid_t receiver = fork();
    if (receiver == -1)
        err(EXIT_FAILURE, "fork");
    if (receiver == 0) {
        close(sockets[0]);
        receive(sockets[1], sealed);
    }
    close(sockets[1]);
    say_asleep_in("the receiver", receiver, "recvmsg", sockets[1]);
    const int fd = make_object();
    if (sealed)
        seal(fd);
    const ssize_t sent = send_fd(sockets[0], fd);
    if (sent == -1)
        err(EXIT_FAILURE, "sendmsg");
    say("sendmsg(%d, SCM_RIGHTS %d) = %zd", sockets[0], fd, sent);
    if (read(sockets[0], &byte, 1) == -1) /* until it has mapped the object */
        err(EXIT_FAILURE, "read");
    try_to_change(fd, sealed);
    if (write(sockets[0], "", 1) == -1)
        err(EXIT_FAILURE, "write");
    const int status = reap(receiver);
    if (status == 128 + SIGBUS)
        say("the receiver was killed by SIGBUS");
    if (status != (sealed ? EXIT_SUCCESS : 128 + SIGBUS))
        errx(EXIT_FAILURE, "unexpected: the receiver ended with status %d", status);
    lesson(sealed ? "sealed: not even the sender can change or shrink what the receiver has mapped"
                  : "an object without seals can be shrunk while others have it mapped");
    return EXIT_SUCCESS;
}
