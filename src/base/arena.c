/* arena.c - a chain of blocks, filled front to back, freed at once. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/pages.h"

#define BLOCK_BYTES 2048
#define LOCKED_BLOCK_BYTES 32768 /* a configuration, as a rule: each block costs system calls */
#define SHORT_BYTES 64           /* what is printed is short as a rule, and then printed once */
#define ALIGNMENT _Alignof(max_align_t)

struct arena_block {
    struct arena_block *older;
    size_t used;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

void
arena_init(struct arena *arena, size_t max_bytes)
{
    *arena = (struct arena){.max_bytes = max_bytes};
}

void
arena_init_locked(struct arena *arena, size_t max_bytes)
{
    *arena = (struct arena){.max_bytes = max_bytes, .is_locked = true};
}

static void
free_block(const struct arena *arena, struct arena_block *block)
{
    if (arena->is_locked) {
        pages_free_locked(block, sizeof(*block) + block->size);
        return;
    }
    mem_wipe(block->bytes, block->used);
    mem_free(block);
}

void
arena_fini(struct arena *arena)
{
    struct arena_block *block = arena->newest;
    while (block) {
        struct arena_block *older = block->older;
        free_block(arena, block);
        block = older;
    }
    *arena = (struct arena){.max_bytes = arena->max_bytes, .is_locked = arena->is_locked};
}

static struct arena_block *
add_block(struct arena *arena, size_t size)
{
    size_t least = (arena->is_locked ? LOCKED_BLOCK_BYTES : BLOCK_BYTES) - sizeof(*arena->newest);
    size_t room = size > least ? size : least;
    size_t bytes = sizeof(struct arena_block) + room;
    struct arena_block *block = arena->is_locked ? pages_new_locked(bytes) : mem_raw(bytes);
    if (!block)
        return NULL;
    *block = (struct arena_block){.older = arena->newest, .size = room};
    arena->newest = block;
    return block;
}

/* Memory that was never written to. */
static void *
take(struct arena *arena, size_t size)
{
    if (size > arena->max_bytes || size > SIZE_MAX - sizeof(struct arena_block) - ALIGNMENT)
        return NULL;
    size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (arena->used_bytes > arena->max_bytes || size > arena->max_bytes - arena->used_bytes)
        return NULL;
    struct arena_block *block = arena->newest;
    if (!block || size > block->size - block->used) {
        block = add_block(arena, size);
        if (!block)
            return NULL;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    arena->used_bytes += size;
    return memory;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    void *memory = take(arena, size);
    return memory ? memset(memory, 0, size) : NULL;
}

void *
arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        return NULL;
    return arena_alloc(arena, count * size);
}

char *
arena_copy(struct arena *arena, struct span text)
{
    return arena_join(arena, &text, 1);
}

char *
arena_join(struct arena *arena, const struct span *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len >= SIZE_MAX - len)
            return NULL;
        len += parts[i].len;
    }
    char *text = take(arena, len + 1);
    char *end = text;
    for (size_t i = 0; text && i < count; i++) {
        if (parts[i].len > 0)
            memcpy(end, parts[i].ptr, parts[i].len);
        end += parts[i].len;
    }
    if (text)
        *end = '\0';
    return text;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char *text = NULL;
    char first[SHORT_BYTES];
    int len = vsnprintf(first, sizeof(first), format, args);
    if (len >= 0)
        text = take(arena, (size_t)len + 1);
    if (text && (size_t)len < sizeof(first))
        memcpy(text, first, (size_t)len + 1);
    else if (text)
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    mem_wipe(first, sizeof(first));
    va_end(again);
    va_end(args);
    return text;
}
