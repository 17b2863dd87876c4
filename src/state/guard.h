/* guard.h - what happens when the file shrinks under its map.
 *
 * Touching a page that the file no longer has raises SIGBUS. For an address in a guarded range the
 * handler puts private zero pages over the whole range and sets the range's flag: the access
 * succeeds, every word reads as fresh, and state_refresh() maps the file again. All other SIGBUS
 * go to the handler that was there before. No thread may block SIGBUS: the kernel kills a process
 * that faults with it blocked.
 */
#ifndef POSTERN_STATE_GUARD_H
#define POSTERN_STATE_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Guards `length` bytes (whole pages) at `start`; `lost` must live until guard_remove(). False: the
 * table of ranges is full or the handler cannot be installed. */
bool guard_add(void *start, size_t length, atomic_bool *lost);
void guard_remove(const void *start);

#endif
