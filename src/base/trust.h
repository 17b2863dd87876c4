/* trust.h - whom a file obeys: who else than those whose will is done here anyway could have
 * written it, or could put another in its place?
 *
 * Trusted are root, the user this process runs as, and the owner of the program, who decides what
 * it does. A group is trusted where its number is that of a trusted user: the group that a user has
 * for himself. The rules are those of ssh for its keys, but for that.
 */
#ifndef POSTERN_BASE_TRUST_H
#define POSTERN_BASE_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* Can only trusted users change the file? `path` is for the advice in the message. ERR_DENIED. */
int trust_check_file(const struct stat *st, const char *path, uid_t program_owner, struct err *err);

/* The same for every directory above the file, and for a link in its place (the first, and where
 * the last one leads). With `is_shared` a group may make files beside it: for a file that is itself
 * looked at each time. ERR_DENIED, ERR_SYSTEM. */
int trust_check_parents(const char *path, uid_t program_owner, bool is_shared, struct err *err);

/* Was the file refused (errno is EACCES) though its mode allows `access` (R_OK, W_OK)? Then it lies
 * outside of what the process laid down at its start (prog/sandbox.h). errno is kept. */
bool trust_is_kept_out(const char *path, int access);
#define TRUST_KEPT_OUT                                                                             \
    "the sandbox of this process does not reach it, as it was not among the configured places "    \
    "when "                                                                                        \
    "the process started: restart postern"

#endif
