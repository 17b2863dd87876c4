/* spool.c - opens a file without a name. */
#include "state/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/entropy.h"

/* For filesystems that make no file without a name: one that nobody can guess, for a moment. */
static int
open_named(const char *directory)
{
    char path[PATH_MAX];
    int len =
        snprintf(path, sizeof path, "%s/.postern-spool-%016" PRIx64, directory, entropy_u64());
    if (len < 0 || (size_t)len >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && unlink(path) != 0) {
        (void)close(fd); /* what keeps its name is not ours alone */
        return -1;
    }
    return fd;
}

static uint64_t
half_of_free(int fd)
{
    struct statvfs disk;
    return fstatvfs(fd, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize / 2 : 0;
}

int
spool_open(const char *directory, uint64_t *max_bytes)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) /* the filesystem's, an old kernel's */
        fd = open_named(directory);
    if (fd < 0)
        return -1;
    uint64_t free_bytes = half_of_free(fd);
    if (*max_bytes > free_bytes)
        *max_bytes = free_bytes;
    return fd;
}
