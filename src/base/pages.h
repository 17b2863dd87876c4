/* pages.h - large memory in pages of its own, which grows without being copied; the stack's pages.
 *
 * Pages that are moved or given back leave nothing behind: the system clears them before anybody
 * gets them. Those that were never written to cost nothing.
 */
#ifndef POSTERN_BASE_PAGES_H
#define POSTERN_BASE_PAGES_H

#include <stddef.h>

/* `old` NULL: new ones. What is new is zeroed. NULL when the machine has no memory left; the old
 * ones are as they were then. */
void *pages_grow(void *old, size_t old_size, size_t new_size);
void pages_free(void *pages, size_t size); /* of the size that was asked for */

/* Gives back the part of the stack that deeper calls once took, for who will wait long and not go
 * as deep again soon. */
void pages_trim_stack(void);

#endif
