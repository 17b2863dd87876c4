/* pages.c - mappings, anonymous and of files. */
#include "base/pages.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_SPARE_MIN ((uint64_t)64 * 1024 * 1024)
#define DISK_SPARE_MAX ((uint64_t)1024 * 1024 * 1024)

#define STACK_IN_USE 1024 /* below the frame that trims: the call that does it */
#define STACK_REACH 65536 /* far deeper than anybody goes, and well within a thread's stack */

void *
pages_grow(void *old, size_t old_size, size_t new_size)
{
    void *pages =
        old ? mremap(old, old_size, new_size, MREMAP_MAYMOVE)
            : mmap(NULL, new_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

/* What stays free of a disk for everybody else: a tenth, within bounds. */
static bool
leaves_enough(int fd, uint64_t more_bytes)
{
    struct statvfs disk;
    if (fstatvfs(fd, &disk) != 0)
        return false;
    uint64_t spare = (uint64_t)disk.f_blocks * disk.f_frsize / 10;
    if (spare < DISK_SPARE_MIN)
        spare = DISK_SPARE_MIN;
    if (spare > DISK_SPARE_MAX)
        spare = DISK_SPARE_MAX;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    return free_bytes >= spare && free_bytes - spare >= more_bytes;
}

/* One at a time, so that no two count on the same room. */
static bool
reserve_on_disk(int fd, size_t from, size_t bytes)
{
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&turn);
    bool is_reserved = leaves_enough(fd, bytes) && fallocate(fd, 0, (off_t)from, (off_t)bytes) == 0;
    (void)pthread_mutex_unlock(&turn);
    return is_reserved;
}

void *
pages_grow_in_file(int fd, void *old, size_t old_size, size_t new_size)
{
    if (!reserve_on_disk(fd, old_size, new_size - old_size))
        return NULL;
    void *pages = old ? mremap(old, old_size, new_size, MREMAP_MAYMOVE)
                      : mmap(NULL, new_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void
pages_rest(void *pages, size_t size)
{
    (void)madvise(pages, size, MADV_DONTNEED);
}

void
pages_free(void *pages, size_t size)
{
    (void)munmap(pages, size);
}

static atomic_bool was_refused; /* the limit of locked memory was met */

void *
pages_new_locked(size_t size)
{
    void *pages = pages_grow(NULL, 0, size);
    if (!pages)
        return NULL;
    if (mlock(pages, size) != 0)
        atomic_store(&was_refused, true);
    (void)madvise(pages, size, MADV_DONTDUMP);
    (void)madvise(pages, size, MADV_WIPEONFORK); /* from Linux 4.14 on */
    return pages;
}

void
pages_free_locked(void *pages, size_t size)
{
    explicit_bzero(pages, size);
    (void)munmap(pages, size); /* which unlocks them */
}

bool
pages_are_locked(void)
{
    return !atomic_load(&was_refused);
}

void
pages_trim_stack(void)
{
    char *end = (char *)__builtin_frame_address(0) - STACK_IN_USE;
    end -= (uintptr_t)end % (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)madvise(end - STACK_REACH, STACK_REACH, MADV_DONTNEED); /* it is as good without */
}
