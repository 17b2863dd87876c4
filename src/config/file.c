/* file.c - opens, judges and compares files of the configuration. */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/span.h"
#include "base/trust.h"

static int
read_open(int fd, struct buf *out, struct stat *st, struct err *err)
{
    char chunk[4096];
    if (fstat(fd, st) != 0)
        return err_system(err, "cannot be read");
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_DENIED, "is not a regular file");
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno != EINTR)
            return err_system(err, "cannot be read");
        if (got > 0 && buf_append(out, chunk, (size_t)got) != 0)
            return err_set(err, ERR_LIMIT, "is larger than %zu bytes", out->max_bytes);
    }
    mem_wipe(chunk, sizeof(chunk));
    return 0;
}

int
file_read(const char *path, struct buf *out, struct stat *st, struct err *err)
{
    /* non-blocking, so that a FIFO in its place stops nobody */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && trust_is_kept_out(path, R_OK))
        return err_set(err, ERR_DENIED, "cannot be read: " TRUST_KEPT_OUT);
    if (fd < 0) {
        int rc = err_system(err, "cannot be read");
        if (errno == ENOENT || errno == ENOTDIR)
            err->code = ERR_MISSING;
        return rc;
    }
    int rc = read_open(fd, out, st, err);
    (void)close(fd);
    return rc;
}

/* realpath() of the longest part that exists, the rest as it is written. */
static bool
resolve(const char *path, char out[PATH_MAX])
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= PATH_MAX)
        return false;
    memcpy(part, path, len + 1);
    for (size_t cut = len;;) {
        if (realpath(part, out)) {
            size_t head = strlen(out);
            if (cut < len && head + (len - cut) + 1 < PATH_MAX)
                memcpy(out + head, path + cut, len - cut + 1);
            return true;
        }
        while (cut > 0 && part[cut - 1] != '/')
            cut--;
        if (cut <= 1)
            return false;
        cut--;
        part[cut] = '\0';
    }
}

bool
file_is_below(const char *path, const char *root)
{
    char real_path[PATH_MAX], real_root[PATH_MAX];
    if (!realpath(root, real_root) || !resolve(path, real_path))
        return false;
    size_t len = strlen(real_root);
    if (strcmp(real_root, "/") == 0)
        return true;
    return strncmp(real_path, real_root, len) == 0 &&
           (real_path[len] == '/' || real_path[len] == '\0');
}

bool
file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool
file_is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool
file_is_writable(const char *path)
{
    return faccessat(AT_FDCWD, path, W_OK | (file_is_directory(path) ? X_OK : 0), AT_EACCESS) == 0;
}

void
file_make_directories(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= PATH_MAX)
        return;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        (void)mkdir(part, 0700);
        part[i] = path[i];
    }
}

static struct file_stamp
take_stamp(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (struct file_stamp){0};
    return (struct file_stamp){(uint64_t)st.st_dev, (uint64_t)st.st_ino, (int64_t)st.st_size,
                               (int64_t)st.st_mtim.tv_sec, (int64_t)st.st_mtim.tv_nsec};
}

void
file_watch_add(struct file_watch *watch, const char *path)
{
    if (watch->count >= FILE_WATCH_MAX)
        return;
    watch->paths[watch->count] = mem_copy_text(path, strlen(path));
    if (!watch->paths[watch->count])
        return;
    watch->stamps[watch->count++] = take_stamp(path);
}

bool
file_watch_changed(const struct file_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct file_stamp now = take_stamp(watch->paths[i]), then = watch->stamps[i];
        if (now.device != then.device || now.inode != then.inode || now.size != then.size ||
            now.changed_s != then.changed_s || now.changed_ns != then.changed_ns)
            return true;
    }
    return false;
}

void
file_watch_fini(struct file_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        mem_free(watch->paths[i]);
    memset(watch, 0, sizeof(*watch));
}
