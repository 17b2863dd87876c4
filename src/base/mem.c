/* mem.c - the allocator, wrapped once. */
#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void *
mem_new(size_t size)
{
    return calloc(1, size > 0 ? size : 1);
}

void *
mem_raw(size_t size)
{
    return malloc(size > 0 ? size : 1);
}

void *
mem_array(size_t count, size_t size)
{
    return calloc(count > 0 ? count : 1, size > 0 ? size : 1);
}

void *
mem_grow(void *old, size_t old_size, size_t new_size)
{
    void *grown = malloc(new_size);
    if (!grown)
        return NULL;
    size_t kept = old_size < new_size ? old_size : new_size;
    if (kept > 0)
        memcpy(grown, old, kept);
    if (new_size > kept)
        memset((char *)grown + kept, 0, new_size - kept);
    mem_free_wiped(old, old_size);
    return grown;
}

char *
mem_copy_text(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy)
        return NULL;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void
mem_free(void *memory)
{
    free(memory);
}

void
mem_free_wiped(void *memory, size_t size)
{
    if (memory)
        mem_wipe(memory, size);
    free(memory);
}

void
mem_wipe(void *memory, size_t size)
{
    explicit_bzero(memory, size);
}

void
mem_bound_heaps(unsigned heaps)
{
    (void)mallopt(M_ARENA_MAX, (int)heaps);
}

void
mem_trim(void)
{
    (void)malloc_trim(0);
}
