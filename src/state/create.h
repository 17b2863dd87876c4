/* create.h - a new state file appears under its name whole, or not at all.
 *
 * It is made without a name (or under a temporary one), filled, written to the disk, and only then
 * given its name, in a way that fails when the name exists. So nobody ever sees half a file, and
 * of several processes that start at once one wins without a lock.
 */
#ifndef POSTERN_STATE_CREATE_H
#define POSTERN_STATE_CREATE_H

#include "base/err.h"
#include "state/place.h"

/* 0: the name exists now, made by us or by another. ERR_SYSTEM; ERR_LIMIT: the process may not
 * write a file of this size. */
int create_file(const struct place *place, struct err *err);

/* The two ways, for file systems with and without O_TMPFILE; create_file() takes the first that
 * works. */
int create_unnamed(const struct place *place, struct err *err);
int create_renamed(const struct place *place, struct err *err);

#endif
