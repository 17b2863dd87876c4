/* pages.h - large memory in pages of its own, which grows without being copied; the same in a file;
 * pages that stay in this process; the stack's pages.
 *
 * Pages that are moved or given back leave nothing behind: the system clears them before anybody
 * gets them. Those that were never written to cost nothing.
 */
#ifndef POSTERN_BASE_PAGES_H
#define POSTERN_BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* `old` NULL: new ones. What is new is zeroed. NULL when the machine has no memory left; the old
 * ones are as they were then. */
void *pages_grow(void *old, size_t old_size, size_t new_size);
void pages_free(void *pages, size_t size); /* of the size that was asked for */

/* The same, but the pages are those of the file `fd`, which is made as long first: a full disk is
 * found out here and not by whoever writes to the pages, but for filesystems that copy what is
 * written. NULL also where a filesystem cannot do that, and where less than a tenth of it would
 * stay free (64 MiB at least, 1 GiB at most). pages_free() leaves the file open. */
void *pages_grow_in_file(int fd, void *old, size_t old_size, size_t new_size);

/* The pages of a file leave this process's memory; what is in them stays in the file, and comes
 * back when it is read. */
void pages_rest(void *pages, size_t size);

/* For keys, zeroed: pages that are not written to the swap, nor to a core file, nor handed to a
 * child process, as far as the kernel and the limit of locked memory (ulimit -l) allow it. NULL
 * when the machine has no memory left. */
void *pages_new_locked(size_t size);
void pages_free_locked(void *pages, size_t size); /* of the size that was asked for */

/* Were all of them locked so far? */
bool pages_are_locked(void);

/* Gives back the part of the stack that deeper calls once took, for who will wait long and not go
 * as deep again soon. */
void pages_trim_stack(void);

#endif
