/* attach - one segment at several addresses: a pointer in it is wrong, an offset is right
 *
 * The parent attaches the segment twice and keeps a word in it, with a pointer and an offset to
 * that word. The child attaches it at a third address only. There the pointer refers to an address
 * where the parent has the segment but the child has nothing. Dereferencing it would be a SIGSEGV,
 * so the child passes the pointer to write() instead.
 *
 * The segment was removed at the start: it lives as long as somebody is attached. Linux (like
 * FreeBSD) even lets a process attach it then, by its id; POSIX does not promise that.
 *
 * shmat(2), IPC_RMID and SHM_DEST in shmctl(2), EFAULT in write(2)
 */
#define _DEFAULT_SOURCE /* SHM_DEST */
#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: attach\n"
                            "  prints what a pointer and an offset in the segment lead to\n";

struct page {      /* in the segment */
    char *pointer; /* to `word`, as the parent sees it */
    size_t offset; /* of `word` from the start of the segment */
    char word[8];
};

static struct page *attach_segment(int id)
{
    void *const address = shmat(id, NULL, 0);
    if (address == (void *)-1)
        err(EXIT_FAILURE, "shmat");
    say("shmat(%d) = %p", id, address);
    return address;
}

static void detach(struct page *page)
{
    const int result = shmdt(page);
    if (result == -1)
        err(EXIT_FAILURE, "shmdt");
    say("shmdt(%p) = %d", (void *)page, result);
}

static void say_nattch(int id, unsigned long expected, const char *why)
{
    struct shmid_ds segment;
    if (shmctl(id, IPC_STAT, &segment) == -1)
        err(EXIT_FAILURE, "shmctl IPC_STAT");
    const unsigned long attachments = segment.shm_nattch;
    if (attachments != expected)
        errx(EXIT_FAILURE, "unexpected: nattch %lu, not %lu", attachments, expected);
    say("nattch %lu%s: %s", attachments, segment.shm_perm.mode & SHM_DEST ? ", dest" : "", why);
}

/* Attached and marked IPC_RMID before a signal can end us: nothing can leak it any more. */
static int make_segment(struct page **page)
{
    hold_endings();
    const int id = shmget(IPC_PRIVATE, sizeof(struct page), S_IRUSR | S_IWUSR);
    if (id == -1)
        get_failed("shmget", IPC_PRIVATE);
    *page = shmat(id, NULL, 0);
    const int error = *page == (void *)-1 ? errno : 0;
    const int result = shmctl(id, IPC_RMID, NULL);
    release_endings();
    check_error(error, "shmat");
    if (result == -1)
        err(EXIT_FAILURE, "shmctl IPC_RMID");
    say("shmget(IPC_PRIVATE, %zu) = %d", sizeof(struct page), id);
    say("shmat(%d) = %p", id, (void *)*page);
    say("shmctl(%d, IPC_RMID) = %d", id, result);
    return id;
}

static void look_from_a_third_address(int id, struct page *first, struct page *second)
{
    lane(1, "child");
    die_with_parent();
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    say_nattch(id, 4, "fork() counts");
    struct page *const third = attach_segment(id);
    detach(first);
    detach(second);
    say_nattch(id, 3, "two of the parent, one here");

    const int fd = fds[WRITE_END];
    const ssize_t count = write(fd, third->pointer, strlen(third->word));
    if (count != -1 || errno != EFAULT)
        err(EXIT_FAILURE, "write = %zd, not EFAULT", count);
    say("write(%d, %p) = %zd %s", fd, (void *)third->pointer, count, errno_name(errno));
    const char *const word = (const char *)third + third->offset;
    say("%p, offset %zu: %s", (const void *)word, third->offset, quoted(word, strlen(word)));
    printf("pointer %s\noffset %s\n", errno_name(errno), word);
    flush_stdout();
    _exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    struct page *first;
    const int id = make_segment(&first);
    say_nattch(id, 1, "removed, but attached");
    struct page *const second = attach_segment(id);
    say_nattch(id, 2, "attachments count, not processes");
    *first = (struct page){.offset = offsetof(struct page, word), .word = "hello"};
    first->pointer = first->word;
    say("at %p: %s, its address, its offset", (void *)first,
        quoted(first->word, strlen(first->word)));
    say("at %p: %s", (void *)second, quoted(second->word, strlen(second->word)));

    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        look_from_a_third_address(id, first, second);
    say("fork() = %d", (int)child);
    if (reap(child) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the child failed");
    say_nattch(id, 2, "the child has ended");
    detach(first);
    say_nattch(id, 1, "the word is still there");
    detach(second);
    struct shmid_ds segment;
    const int result = shmctl(id, IPC_STAT, &segment);
    if (result != -1 || (errno != EINVAL && errno != EIDRM))
        err(EXIT_FAILURE, "shmctl: the segment is still there");
    say("shmctl(%d, IPC_STAT) = %d %s: gone with it", id, result, errno_name(errno));
    lesson("keep offsets in shared memory: each process may have it at another address");
    return EXIT_SUCCESS;
}
