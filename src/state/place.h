/* place.h - may the state file lie there, and may that file be trusted?
 *
 * A private file (mode 0600) is ours or root's alone. A shared one (mode 0660) may belong to any
 * member of the directory's group. Root may use a file of the directory's owner, so that the
 * operator's tool works as root; what root creates goes to that owner.
 */
#ifndef POSTERN_STATE_PLACE_H
#define POSTERN_STATE_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "state/state.h"

struct place {
    int directory_fd; /* -1: closed */
    const char *path; /* borrowed: from the options */
    const char *name; /* borrowed: the last component of `path` */
    unsigned mode;
    bool must_exist;
    struct stat directory;
};

/* Opens the directory of `options->path`, making its last component when that alone is missing.
 * ERR_DENIED: others could replace the file, or the file system is shared between hosts;
 * ERR_SYNTAX: the path names no file; ERR_SYSTEM. */
int place_open(struct place *place, const struct state_options *options, struct err *err);
void place_close(struct place *place);

/* Is it a regular file with one name, of an owner and a mode that we trust? ERR_DENIED. */
int place_check_file(const struct place *place, const struct stat *st, struct err *err);

/* The name of a file system whose maps are not shared between hosts, or not coherent; NULL: none
 * of those. `type` is f_type of statfs(2). */
const char *place_remote_name(uint64_t type);

#endif
