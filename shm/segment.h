/* segment.h - what write and read share: the segment of the blackboard */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "../lib/demo.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>

enum { USUAL_SIZE = 4096, ANY_SIZE = 0 };

/* After EINVAL: shmget(2) has two reasons for it. */
static void explain_size(key_t key, size_t size)
{
    struct shmid_ds segment;
    const int id = shmget(key, ANY_SIZE, S_IRUSR);
    if (id == -1 || shmctl(id, IPC_STAT, &segment) == -1)
        errx(EXIT_FAILURE, "shmget: EINVAL: %zu bytes are more than /proc/sys/kernel/shmmax", size);
    errx(EXIT_FAILURE, "shmget: EINVAL: the segment has %zu bytes, not %zu (ipcrm -m %d)",
         segment.shm_segsz, size, id);
}

/* Finds the segment, or makes it. IPC_EXCL: of two programs that want to make it, one succeeds, and
 * the other one finds it. */
static int open_segment(key_t key, size_t size, int mode)
{
    const size_t new_size = size == ANY_SIZE ? USUAL_SIZE : size;
    for (;;) {
        int id = shmget(key, size, mode);
        if (id != -1)
            say("shmget(0x%08x, %zu) = %d: found", (unsigned)key, size, id);
        if (id == -1 && errno == ENOENT) {
            id = shmget(key, new_size, IPC_CREAT | IPC_EXCL | S_IRUSR | S_IWUSR);
            if (id != -1)
                say("shmget(0x%08x, %zu, IPC_CREAT) = %d: made", (unsigned)key, new_size, id);
        }
        if (id != -1)
            return id;
        if (errno == EINVAL)
            explain_size(key, new_size);
        if (errno != EEXIST)
            get_failed("shmget", key);
    }
}

static size_t size_of(int id)
{
    struct shmid_ds segment;
    if (shmctl(id, IPC_STAT, &segment) == -1)
        err(EXIT_FAILURE, "shmctl IPC_STAT");
    return segment.shm_segsz;
}

/* Where kernel.shm_rmid_forced is 1, a segment ends with its last attachment; see proc(5). */
static void say_what_stays(int id)
{
    struct shmid_ds segment;
    const int result = shmctl(id, IPC_STAT, &segment);
    if (result == -1) {
        say("shmctl(%d, IPC_STAT) = %d %s: it is gone", id, result, errno_name(errno));
        return;
    }
    say("to see it: ipcs -m -i %d", id);
    say("to remove it: ipcrm -m %d", id);
}

#endif
