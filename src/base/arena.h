/* arena.h - memory that lives exactly as long as one request (or one configuration).
 *
 * Allocations are never freed one by one; arena_fini() wipes and frees them all. The maximum
 * given at birth bounds what one request can cost.
 */
#ifndef POSTERN_BASE_ARENA_H
#define POSTERN_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct arena_block;

struct arena {
    struct arena_block *newest;
    size_t used_bytes;
    size_t max_bytes;
    bool is_locked;
};

void arena_init(struct arena *arena, size_t max_bytes);        /* allocates nothing */
void arena_init_locked(struct arena *arena, size_t max_bytes); /* in pages_new_locked(): for keys */
void arena_fini(struct arena *arena);

/* Zeroed memory aligned for any type, or NULL when the maximum or the machine's memory is reached.
 */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_array(struct arena *arena, size_t count, size_t size); /* NULL on overflow too */

/* NUL-terminated copies; NULL as above. */
char *arena_copy(struct arena *arena, struct span text);
char *arena_join(struct arena *arena, const struct span *parts, size_t count);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
