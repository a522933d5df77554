/* attach - one segment at several addresses: a pointer in it is wrong, an offset is right
 *
 * The parent attaches the segment twice and keeps a word in it, with a pointer and an offset to
 * that word. The child attaches it at a third address only. There the pointer leads to where the
 * parent has the segment, and the child has nothing. The child does not follow it, that would be a
 * SIGSEGV; it asks the kernel, in a write() from that address.
 *
 * Meanwhile the segment has been removed: it lives as long as somebody is attached. That a segment
 * can be attached even then, by its id, is so on Linux only.
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

/* What stands in the segment. */
struct page {
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
    if (shmdt(page) == -1)
        err(EXIT_FAILURE, "shmdt");
    say("shmdt(%p)", (void *)page);
}

static void show_attachments(int id, unsigned long expected, const char *why)
{
    struct shmid_ds segment;
    if (shmctl(id, IPC_STAT, &segment) == -1)
        err(EXIT_FAILURE, "shmctl IPC_STAT");
    const unsigned mode = segment.shm_perm.mode;
    say("nattch %lu%s: %s", (unsigned long)segment.shm_nattch, mode & SHM_DEST ? ", dest" : "",
        why);
    if (segment.shm_nattch != expected)
        errx(EXIT_FAILURE, "nattch %lu, not %lu", (unsigned long)segment.shm_nattch, expected);
}

static void look_from_a_third_address(int id, struct page *first, struct page *second)
{
    lane(1, "child");
    die_with_parent();
    int fds[2];
    if (pipe(fds) == -1)
        err(EXIT_FAILURE, "pipe");
    show_attachments(id, 4, "fork() counts");
    struct page *const third = attach_segment(id);
    detach(first);
    detach(second);
    show_attachments(id, 3, "two of the parent, one here");

    /* write() copies from the address that it is given, and fails where there is no memory. */
    const ssize_t count = write(fds[WRITE_END], third->pointer, strlen(third->word));
    if (count != -1 || errno != EFAULT)
        err(EXIT_FAILURE, "write = %zd, not EFAULT", count);
    say("pointer %p: write() = -1 EFAULT", (void *)third->pointer);
    const char *const word = (const char *)third + third->offset;
    say("offset %zu: %p, \"%s\"", third->offset, (const void *)word, word);
    printf("pointer EFAULT\noffset %s\n", word);
    flush_stdout();
    _exit(EXIT_SUCCESS);
}

/* A segment with two attachments; it cannot be leaked any more. */
static int make_segment(struct page **first, struct page **second)
{
    hold_endings();
    const int id = shmget(IPC_PRIVATE, sizeof(struct page), S_IRUSR | S_IWUSR);
    if (id == -1)
        err(EXIT_FAILURE, "shmget");
    say("shmget(IPC_PRIVATE, %zu) = %d", sizeof(struct page), id);
    *first = shmat(id, NULL, 0);
    const int reason = errno;
    if (shmctl(id, IPC_RMID, NULL) == -1)
        err(EXIT_FAILURE, "shmctl IPC_RMID");
    release_endings();
    errno = reason;
    if (*first == (void *)-1)
        err(EXIT_FAILURE, "shmat");
    say("shmat(%d) = %p", id, (void *)*first);
    say("shmctl(%d, IPC_RMID)", id);
    show_attachments(id, 1, "removed while attached, so it lives");
    *second = attach_segment(id);
    show_attachments(id, 2, "attachments count, not processes");
    return id;
}

int main(int argc, char *argv[])
{
    while (next_option(argc, argv, "", usage) != -1)
        continue;
    check_operands(argc, argv, 0, 0);

    lane(0, "parent");
    struct page *first, *second;
    const int id = make_segment(&first, &second);
    *first = (struct page){.offset = offsetof(struct page, word), .word = "hello"};
    first->pointer = first->word;
    say("at %p: the word \"%s\", its address and its offset", (void *)first, first->word);
    say("at %p: \"%s\", the same memory", (void *)second, second->word);

    const pid_t child = fork();
    if (child == -1)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        look_from_a_third_address(id, first, second);
    if (reap(child) != EXIT_SUCCESS)
        errx(EXIT_FAILURE, "the child failed");
    show_attachments(id, 2, "the child has ended, and is detached by that");
    detach(first);
    show_attachments(id, 1, "the word is still there");
    detach(second);
    struct shmid_ds segment;
    if (shmctl(id, IPC_STAT, &segment) != -1 || (errno != EINVAL && errno != EIDRM))
        err(EXIT_FAILURE, "shmctl: the segment is still there");
    say("shmctl(%d, IPC_STAT) = -1 %s: the last detach was its end", id,
        errno == EINVAL ? "EINVAL" : "EIDRM");
    lesson("keep offsets in shared memory: no two processes need have it at the same address");
    return EXIT_SUCCESS;
}
