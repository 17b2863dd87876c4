/* file.c - opens the state file, makes it where there is none and sets a damaged one aside. */
#include "state/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/trust.h"
#include "state/create.h"
#include "state/header.h"
#include "state/place.h"

#define ROUNDS_MAX 8      /* each one ends in a file unless someone changes the path meanwhile */
#define LOCK_TRIES_MAX 20 /* another process sets the same file aside: that takes one rename */
#define LOCK_PAUSE_MS 5

enum step { STEP_DONE, STEP_AGAIN, STEP_FAILED };

static enum step
again_unless(int failure)
{
    return failure == 0 ? STEP_AGAIN : STEP_FAILED;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Without waiting for ever: who holds the lock may have been stopped. */
static bool
lock(int fd)
{
    for (int tries = 0; tries < LOCK_TRIES_MAX; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        clock_sleep_ms(LOCK_PAUSE_MS);
    }
    return false;
}

/* The lock and the second look keep a slow process from setting aside the good file that another
 * one made in the meantime. */
static enum step
set_aside(const struct place *place, int fd, const struct stat *st, struct err *err)
{
    if (!lock(fd))
        return again_unless(
            err_set(err, ERR_DENIED, "it is damaged, and another process holds it"));
    struct stat now;
    if (fstatat(place->directory_fd, place->name, &now, AT_SYMLINK_NOFOLLOW) != 0 ||
        !is_same(&now, st))
        return STEP_AGAIN;

    char bad[NAME_MAX + 1];
    int len = snprintf(bad, sizeof(bad), "%s.bad-%" PRIu64, place->name, clock_unix_ms());
    if (len < 0 || (size_t)len >= sizeof(bad))
        return again_unless(
            err_set(err, ERR_LIMIT, "it is damaged, and its name is too long to rename"));
    if (renameat2(place->directory_fd, place->name, place->directory_fd, bad, RENAME_NOREPLACE) !=
        0)
        return again_unless(err_system(err, "it is damaged and cannot be renamed"));
    char quoted[LOG_QUOTE_MAX];
    log_write(LOG_LEVEL_WARN, "state_damaged path=%s -> renamed to \"%s\", a new one is made",
              log_quote(quoted, span_from(place->path)), bad);
    return STEP_AGAIN;
}

/* Is what was opened a whole file of our layout? */
static enum step
examine(const struct place *place, int fd, const struct stat *st, struct err *err)
{
    struct layout_header header;
    memset(&header, 0, sizeof(header));
    ssize_t got = pread(fd, &header, sizeof(header), 0);
    if (got < 0)
        return again_unless(err_system(err, "it cannot be read"));

    bool whole = st->st_size == (off_t)LAYOUT_FILE_BYTES;
    switch (header_check(&header)) {
    case HEADER_OURS:
        return whole ? STEP_DONE : set_aside(place, fd, st, err);
    case HEADER_DAMAGED:
        return set_aside(place, fd, st, err);
    case HEADER_BLANK:
        if (whole || st->st_size == 0)
            return set_aside(place, fd, st, err);
        break;
    case HEADER_OTHER:
        return again_unless(err_set(err, ERR_DENIED, "it has layout %u of another postern",
                                    (unsigned)header.identity.layout));
    case HEADER_FOREIGN:
        break;
    }
    return again_unless(err_set(err, ERR_DENIED, "it is not a state file"));
}

static enum step
open_once(const struct place *place, int *fd, struct file_identity *identity, struct err *err)
{
    /* Looked at before it is opened: opening alone can do harm to a device. */
    struct stat before;
    if (fstatat(place->directory_fd, place->name, &before, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT && place->must_exist)
            return again_unless(err_set(err, ERR_MISSING, "no process has made it yet"));
        if (errno == ENOENT)
            return again_unless(create_file(place, err));
        return again_unless(err_system(err, "it cannot be looked at"));
    }
    if (place_check_file(place, &before, err) != 0)
        return STEP_FAILED;

    *fd = openat(place->directory_fd, place->name,
                 O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0 && trust_is_kept_out(place->path, R_OK | W_OK))
        return again_unless(err_set(err, ERR_DENIED, TRUST_KEPT_OUT));
    if (*fd < 0)
        return errno == ENOENT ? STEP_AGAIN : again_unless(err_system(err, "it cannot be opened"));
    struct stat st;
    if (fstat(*fd, &st) != 0)
        return again_unless(err_system(err, "it cannot be looked at"));
    if (!is_same(&before, &st) || st.st_nlink == 0)
        return STEP_AGAIN;
    if (place_check_file(place, &st, err) != 0)
        return STEP_FAILED;
    *identity = (struct file_identity){.device = st.st_dev, .inode = st.st_ino};
    return examine(place, *fd, &st, err);
}

int
file_open(const struct state_options *options, struct file_identity *identity, struct err *err)
{
    struct place place;
    if (place_open(&place, options, err) != 0)
        return -1;
    int fd = -1;
    enum step step = STEP_AGAIN;
    for (int round = 0; round < ROUNDS_MAX && step == STEP_AGAIN; round++) {
        step = open_once(&place, &fd, identity, err);
        if (step != STEP_DONE && fd >= 0) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (step == STEP_AGAIN)
        (void)err_set(err, ERR_DENIED, "it changes while it is opened");
    place_close(&place);
    return fd;
}

bool
file_is_current(const char *path, const struct file_identity *identity)
{
    struct stat st;
    return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == identity->device && st.st_ino == identity->inode &&
           st.st_size == (off_t)LAYOUT_FILE_BYTES;
}
