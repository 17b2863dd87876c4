/* spool.h - a temporary file for what is too long to be held in memory.
 *
 * It has no name: nobody else can open it, and it is gone with its descriptor, however the process
 * ends.
 */
#ifndef POSTERN_STATE_SPOOL_H
#define POSTERN_STATE_SPOOL_H

#include <stdint.h>

/* An empty file in the directory, readable and writable for this process alone, or -1 and errno.
 * `max_bytes` comes as the most that is wanted and is lowered to half of what the filesystem has
 * free just then: an answer must not fill the disk that the site lives on. What several take
 * together is bounded where they grow (pages_grow_in_file()). */
int spool_open(const char *directory, uint64_t *max_bytes);

#endif
