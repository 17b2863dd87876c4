/* mem.h - the only place that calls the allocator; for objects that outlive a request.
 *
 * Memory comes zeroed but for mem_raw(). NULL means that the machine has none left: an error, not
 * an assertion.
 */
#ifndef POSTERN_BASE_MEM_H
#define POSTERN_BASE_MEM_H

#include <stddef.h>

void *mem_new(size_t size);
void *mem_raw(size_t size); /* not zeroed: for who keeps count of what was written to it */
void *mem_array(size_t count, size_t size);                  /* NULL on overflow too */
void *mem_grow(void *old, size_t old_size, size_t new_size); /* as realloc; the old one is wiped */
char *mem_copy_text(const char *text, size_t len);           /* NUL-terminated */
void mem_free(void *memory);                                 /* NULL is allowed */
void mem_free_wiped(void *memory, size_t size); /* for what held a secret or a prompt */
void mem_wipe(void *memory, size_t size);       /* not optimised away */

/* Before the first thread: the allocator keeps no more than so many heaps for threads to share.
 * Each takes 64 MiB of addresses, and is never given back; without a bound there are 8 for each
 * processor. */
void mem_bound_heaps(unsigned heaps);

/* Gives pages that nobody uses back to the system. It walks all heaps: for one who has time. */
void mem_trim(void);

#endif
