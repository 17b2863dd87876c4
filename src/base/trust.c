/* trust.c - looks at owners and modes, from the file up to the root. */
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number of a user, or of a group. */
static bool
is_trusted(unsigned number, uid_t program_owner)
{
    return number == 0 || number == geteuid() || number == program_owner;
}

int
trust_check_file(const struct stat *st, const char *path, uid_t program_owner, struct err *err)
{
    if (!is_trusted(st->st_uid, program_owner))
        return err_set(err, ERR_DENIED,
                       "belongs to user %u, whom a process of user %u does not trust: run this "
                       "as user %u, or chown it if that user should not own it",
                       (unsigned)st->st_uid, (unsigned)geteuid(), (unsigned)st->st_uid);
    if ((st->st_mode & S_IWOTH) != 0)
        return err_set(err, ERR_DENIED, "can be changed by every user of this host: chmod o-w %s",
                       path);
    if ((st->st_mode & S_IWGRP) != 0 && !is_trusted(st->st_gid, program_owner))
        return err_set(err, ERR_DENIED, "can be changed by everybody in group %u: chmod g-w %s",
                       (unsigned)st->st_gid, path);
    return 0;
}

/* Whoever owns "/" could do anything; in a container it may be none of those we know. */
static int
check_directory(const char *path, const struct stat *st, uid_t program_owner, bool is_shared,
                struct err *err)
{
    struct stat root;
    bool is_sticky = (st->st_mode & S_ISVTX) != 0;
    if (!is_trusted(st->st_uid, program_owner) &&
        (stat("/", &root) != 0 || root.st_uid != st->st_uid))
        return err_set(err, ERR_DENIED,
                       "lies below %s, which belongs to user %u: move it, or run this as user %u",
                       path, (unsigned)st->st_uid, (unsigned)st->st_uid);
    if (is_sticky)
        return 0;
    if ((st->st_mode & S_IWOTH) != 0)
        return err_set(err, ERR_DENIED, "can be replaced by every user of this host: chmod o-w %s",
                       path);
    if ((st->st_mode & S_IWGRP) != 0 && !is_shared && !is_trusted(st->st_gid, program_owner))
        return err_set(err, ERR_DENIED, "can be replaced by everybody in group %u: chmod g-w %s",
                       (unsigned)st->st_gid, path);
    return 0;
}

/* Of a path without links: each of its directories, the last first. Cuts the path. */
static int
check_above(char *path, uid_t program_owner, bool is_shared, struct err *err)
{
    for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
        struct stat st;
        bool is_root = slash == path;
        slash[is_root ? 1 : 0] = '\0';
        if (stat(path, &st) != 0)
            return err_system(err, "%s cannot be looked at", path);
        if (check_directory(path, &st, program_owner, is_shared, err) != 0)
            return -1;
        if (is_root)
            return 0;
    }
    return 0;
}

/* `path` up to its last slash. */
static int
copy_directory(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= PATH_MAX)
        return -1;
    memcpy(out, path, len);
    out[len] = '\0';
    if (len == 0)
        memcpy(out, slash ? "/" : ".", 2);
    return 0;
}

/* The directory, its links followed, with room for the name of a file in it. */
static int
check_chain(const char *directory, uid_t program_owner, bool is_shared, struct err *err)
{
    char real[PATH_MAX + 2];
    if (!realpath(directory, real))
        return err_system(err, "%s cannot be looked at", directory);
    size_t len = strlen(real);
    memcpy(real + len, "/", 2); /* what is above "/x" is "/" */
    return check_above(real, program_owner, is_shared, err);
}

int
trust_check_parents(const char *path, uid_t program_owner, bool is_shared, struct err *err)
{
    char directory[PATH_MAX], target[PATH_MAX];
    struct stat st;
    if (copy_directory(path, directory) != 0)
        return err_set(err, ERR_LIMIT, "the path is too long");
    if (check_chain(directory, program_owner, is_shared, err) != 0)
        return -1;
    if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
        return 0;
    if (!is_trusted(st.st_uid, program_owner))
        return err_set(err, ERR_DENIED, "is a link that belongs to user %u", (unsigned)st.st_uid);
    if (!realpath(path, target))
        return err_system(err, "cannot be looked at");
    return check_above(target, program_owner, is_shared, err);
}

bool
trust_is_kept_out(const char *path, int access)
{
    if (errno != EACCES)
        return false;
    char directory[PATH_MAX];
    bool is_missing = faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) != 0;
    if (is_missing && copy_directory(path, directory) == 0)
        path = directory;
    bool is_allowed = faccessat(AT_FDCWD, path, access, AT_EACCESS) == 0;
    errno = EACCES;
    return is_allowed;
}
