/* file.h - from a path to a whole state file: opened, or made, or a damaged one set aside.
 */
#ifndef POSTERN_STATE_FILE_H
#define POSTERN_STATE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "state/state.h"

/* Which file it is, whatever name it has. */
struct file_identity {
    dev_t device;
    ino_t inode;
};

/* Returns a descriptor, or -1: what place_open() and create_file() say, or ERR_DENIED for a file
 * that is not ours (it is left as it is). A file with our magic and a bad checksum or size, or an
 * emptied one, is renamed to NAME.bad-MILLISECONDS and a new one made. */
int file_open(const struct state_options *options, struct file_identity *identity, struct err *err);

/* Does the path still lead to that file, and has it its full size? */
bool file_is_current(const char *path, const struct file_identity *identity);

#endif
