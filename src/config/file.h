/* file.h - reads configuration files whole, and knows when they changed. */
#ifndef POSTERN_CONFIG_FILE_H
#define POSTERN_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole of a regular file; `*st` is its owner, its mode and so on. ERR_MISSING: there
 * is none, or no way to it; ERR_LIMIT: larger than `out` may become. */
int file_read(const char *path, struct buf *out, struct stat *st, struct err *err);

/* Does `path` lie below the directory `root`? Links are followed; what does not exist yet is judged
 * by the directories above it that do. */
bool file_is_below(const char *path, const char *root);

bool file_exists(const char *path);
bool file_is_directory(const char *path);
bool file_is_writable(const char *path); /* by this process; directories: entries can be made */

/* Makes the directory and those above it, mode 0700. What cannot be made is left to whoever needs
 * it. */
void file_make_directories(const char *path);

/* The files one reading of the configuration looked at, whether they were there or not. */
#define FILE_WATCH_MAX 16
struct file_stamp {
    uint64_t device, inode;
    int64_t size, changed_s, changed_ns; /* all 0: not there */
};
struct file_watch {
    char *paths[FILE_WATCH_MAX];
    struct file_stamp stamps[FILE_WATCH_MAX];
    size_t count;
};
/* To be called before the file is read, so that no change after it goes unseen. */
void file_watch_add(struct file_watch *watch, const char *path);
bool file_watch_changed(const struct file_watch *watch);
void file_watch_fini(struct file_watch *watch);

#endif
