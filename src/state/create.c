/* create.c - makes the state file, whole before it has a name. */
#include "state/create.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "state/header.h"

/* Beyond this limit the kernel sends SIGXFSZ, which ends a process that did not expect it. */
static int
check_size_limit(struct err *err)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < LAYOUT_FILE_BYTES)
        return err_set(err, ERR_LIMIT, "files may have %ju bytes at most (ulimit -f)",
                       (uintmax_t)limit.rlim_cur);
    return 0;
}

/* Owner and mode as configured, whatever the umask; every block is allocated, because a hole that
 * cannot be filled later would be a SIGBUS. */
static int
fill(const struct place *place, int fd, struct err *err)
{
    struct layout_header header;
    header_make(&header, clock_unix_ms());

    /* A shared file belongs to the directory's group, and what root makes to its owner. Where that
     * is not allowed the others are told so when they open it. */
    uid_t owner = geteuid() == 0 ? place->directory.st_uid : (uid_t)-1;
    gid_t group = geteuid() == 0 || place->mode == 0660 ? place->directory.st_gid : (gid_t)-1;
    if ((owner != (uid_t)-1 || group != (gid_t)-1) && fchown(fd, owner, group) != 0)
        errno = 0;
    if (fchmod(fd, place->mode) != 0)
        return err_system(err, "the mode cannot be set");
    /* Not posix_fallocate(3), which falls back to writing zeros. */
    if (fallocate(fd, 0, 0, (off_t)LAYOUT_FILE_BYTES) != 0)
        return err_system(err, "no room for %zu bytes", LAYOUT_FILE_BYTES);
    if (pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
        return err_system(err, "the header cannot be written");
    if (fsync(fd) != 0)
        return err_system(err, "the file cannot be brought to the disk");
    return 0;
}

int
create_unnamed(const struct place *place, struct err *err)
{
    int fd = openat(place->directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_system(err, "no unnamed file can be made");
    int rc = fill(place, fd, err);
    if (rc == 0) {
        char link[64];
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        rc = linkat(AT_FDCWD, link, place->directory_fd, place->name, AT_SYMLINK_FOLLOW);
        if (rc != 0 && errno == EEXIST)
            rc = 0;
        if (rc != 0)
            (void)err_system(err, "the new file cannot be named");
    }
    (void)close(fd);
    return rc;
}

int
create_renamed(const struct place *place, struct err *err)
{
    char temporary[NAME_MAX + 1];
    (void)snprintf(temporary, sizeof(temporary), ".postern-%016" PRIx64, entropy_u64());
    int fd = openat(place->directory_fd, temporary,
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_system(err, "no file can be made");
    int rc = fill(place, fd, err);
    /* Not link and unlink: killed in between, the file would keep two names and be refused. */
    if (rc == 0 && renameat2(place->directory_fd, temporary, place->directory_fd, place->name,
                             RENAME_NOREPLACE) == 0) {
        (void)close(fd);
        return 0;
    }
    bool exists = rc == 0 && errno == EEXIST;
    if (rc == 0 && !exists)
        rc = err_system(err, "the new file cannot be named");
    (void)unlinkat(place->directory_fd, temporary, 0);
    (void)close(fd);
    return rc;
}

int
create_file(const struct place *place, struct err *err)
{
    if (check_size_limit(err) != 0)
        return -1;
    if (create_unnamed(place, err) == 0)
        return 0;
    /* A full or read-only disk fails the second way too, and says so better. */
    return create_renamed(place, err);
}
