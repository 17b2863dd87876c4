/* hold_bytes.h - where the bytes are that a hold keeps: in memory, and beyond `hold_max` in a file.
 */
#ifndef POSTERN_RELAY_HOLD_BYTES_H
#define POSTERN_RELAY_HOLD_BYTES_H

#include "relay/hold.h"

/* The most of one answer in memory, for where no file can be had: 16 MiB, and one read beyond that
 * must still fit. */
#define HOLD_MEMORY_MAX_BYTES ((size_t)16 * 1024 * 1024 + 4 * (size_t)SSE_EVENT_MAX_BYTES)

/* Are these more than may be held in memory? */
bool hold_bytes_are_many(const struct hold *hold, size_t bytes);

/* Are they more than may be held of one answer, wherever? Else it was this host that had no room.
 */
bool hold_bytes_are_too_many(const struct hold *hold, size_t bytes);

/* Appends. -1: beyond `spool_max`, or half of the disk's free space, or what memory may take. */
int hold_bytes_keep(struct hold *hold, struct span bytes);

/* So many bytes are held, or about to be: where memory may not hold them they move into a file.
 * -1: they are more than a file may hold, too. */
int hold_bytes_spool(struct hold *hold, size_t bytes);

/* The held bytes have become more than these: where they are in a file, old ones leave memory. */
void hold_bytes_rest(struct hold *hold, size_t before);

/* All of it to the client, and the end of the answer. */
void hold_bytes_send(struct hold *hold);

#endif
