/* pages.c - anonymous mappings. */
#include "base/pages.h"

#include <sys/mman.h>

void *
pages_grow(void *old, size_t old_size, size_t new_size)
{
    void *pages =
        old ? mremap(old, old_size, new_size, MREMAP_MAYMOVE)
            : mmap(NULL, new_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void
pages_free(void *pages, size_t size)
{
    (void)munmap(pages, size);
}
