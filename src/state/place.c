/* place.c - judges the directory and the file at the configured path. */
#include "state/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/span.h"
#include "base/trust.h"

#define NEW_DIRECTORY_MODE 0700

/* statfs(2) and linux/magic.h */
static const struct {
    uint64_t type;
    const char *name;
} remote_types[] = {
    {0x6969, "nfs"},          {0x517b, "smb"},       {0xff534d42, "cifs"},   {0xfe534d42, "smb2"},
    {0x65735546, "fuse"},     {0x01021997, "9p"},    {0x00c36400, "ceph"},   {0x5346414f, "afs"},
    {0x6b414653, "afs"},      {0x73757245, "coda"},  {0x0bd00bd0, "lustre"}, {0x47504653, "gpfs"},
    {0x01161970, "gfs2"},     {0x7461636f, "ocfs2"}, {0x19830326, "beegfs"}, {0x786f4256, "vboxsf"},
    {0x20030528, "orangefs"},
};

const char *
place_remote_name(uint64_t type)
{
    for (size_t i = 0; i < sizeof(remote_types) / sizeof(remote_types[0]); i++) {
        if (remote_types[i].type == type)
            return remote_types[i].name;
    }
    return NULL;
}

/* Splits the path; the directory goes into `directory`, the name stays where it is. */
static int
split_path(struct place *place, char directory[PATH_MAX], struct err *err)
{
    const char *slash = strrchr(place->path, '/');
    place->name = slash ? slash + 1 : place->path;
    if (*place->name == '\0' || strcmp(place->name, ".") == 0 || strcmp(place->name, "..") == 0)
        return err_set(err, ERR_SYNTAX, "the path names no file");
    size_t len = slash ? (size_t)(slash - place->path) : 0;
    if (len >= PATH_MAX)
        return err_set(err, ERR_LIMIT, "the path is too long");
    memcpy(directory, place->path, len);
    directory[len] = '\0';
    if (len == 0)
        memcpy(directory, slash ? "/" : ".", 2);
    return 0;
}

static int
open_directory(const char *directory, bool must_exist, struct err *err)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int fd = open(directory, flags);
    /* Another process may make it at the same time; and without its parent neither can. */
    if (fd < 0 && errno == ENOENT && !must_exist) {
        if (mkdir(directory, NEW_DIRECTORY_MODE) != 0 && errno != EEXIST)
            return err_system(err, "the directory is missing and cannot be made");
        fd = open(directory, flags);
    }
    if (fd < 0 && trust_is_kept_out(directory, R_OK))
        return err_set(err, ERR_DENIED, TRUST_KEPT_OUT);
    if (fd < 0)
        return err_system(err, "the directory cannot be opened");
    return fd;
}

static int
check_directory(const struct place *place, struct err *err)
{
    const struct stat *st = &place->directory;
    bool shared = place->mode == 0660;
    bool sticky = (st->st_mode & S_ISVTX) != 0;
    if ((st->st_mode & S_IWOTH) != 0 && !sticky)
        return err_set(err, ERR_DENIED, "the directory is writable by everyone");
    if ((st->st_mode & S_IWGRP) != 0 && !sticky && !shared)
        return err_set(err, ERR_DENIED, "the directory is writable by its group");
    uid_t self = geteuid();
    if (st->st_uid != self && st->st_uid != 0 && self != 0 && !shared)
        return err_set(err, ERR_DENIED, "the directory belongs to user %u", (unsigned)st->st_uid);
    return 0;
}

static int
check_filesystem(const struct place *place, struct err *err)
{
    struct statfs fs;
    if (fstatfs(place->directory_fd, &fs) != 0)
        return err_system(err, "the file system cannot be asked");
    /* f_type is signed on some machines; the magic numbers have 32 bits. */
    const char *remote = place_remote_name((uint64_t)fs.f_type & UINT32_MAX);
    if (remote)
        return err_set(err, ERR_DENIED, "%s does not share maps between hosts", remote);
    return 0;
}

int
place_open(struct place *place, const struct state_options *options, struct err *err)
{
    char directory[PATH_MAX];
    *place = (struct place){.directory_fd = -1,
                            .path = options->path,
                            .mode = options->mode,
                            .must_exist = options->must_exist};
    if (split_path(place, directory, err) != 0)
        return -1;
    place->directory_fd = open_directory(directory, options->must_exist, err);
    if (place->directory_fd < 0)
        return -1;

    int rc = 0;
    if (fstat(place->directory_fd, &place->directory) != 0)
        rc = err_system(err, "the directory cannot be read");
    if (rc == 0)
        rc = check_directory(place, err);
    if (rc == 0 && !options->any_filesystem)
        rc = check_filesystem(place, err);
    if (rc != 0)
        place_close(place);
    return rc;
}

void
place_close(struct place *place)
{
    if (place->directory_fd >= 0)
        (void)close(place->directory_fd);
    place->directory_fd = -1;
}

static bool
is_trusted_owner(const struct place *place, const struct stat *st)
{
    uid_t self = geteuid();
    if (st->st_uid == self || st->st_uid == 0)
        return true;
    if (self == 0)
        return st->st_uid == place->directory.st_uid;
    return place->mode == 0660 && st->st_gid == place->directory.st_gid;
}

int
place_check_file(const struct place *place, const struct stat *st, struct err *err)
{
    if (S_ISLNK(st->st_mode))
        return err_set(err, ERR_DENIED, "it is a symbolic link");
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_DENIED, "it is not a regular file");
    if (st->st_nlink != 1)
        return err_set(err, ERR_DENIED, "it has %ju names", (uintmax_t)st->st_nlink);
    if (!is_trusted_owner(place, st))
        return err_set(err, ERR_DENIED, "it belongs to user %u", (unsigned)st->st_uid);
    if ((st->st_mode & S_IWOTH) != 0)
        return err_set(err, ERR_DENIED, "it is writable by everyone");
    if ((st->st_mode & S_IWGRP) != 0 && place->mode != 0660)
        return err_set(err, ERR_DENIED, "it is writable by its group, and state_mode is not 0660");
    return 0;
}
