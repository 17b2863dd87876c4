/* entropy.c - getrandom(2), whole or not at all. */
#include "base/entropy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

#define POOL_BYTES 256 /* getrandom gives so many at once, whatever signal comes */

/* What the kernel gave to this thread and nobody has used yet. A child of fork() would go on with
 * the same numbers as its parent, but this program makes none. */
static _Thread_local struct {
    char bytes[POOL_BYTES];
    size_t left;
} pool;

void
entropy_fill(void *out, size_t len)
{
    char *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* request ids and digests must not be guessable: better no process */
        at += got;
        len -= (size_t)got;
    }
}

uint64_t
entropy_u64(void)
{
    uint64_t value;
    if (pool.left < sizeof(value)) {
        entropy_fill(pool.bytes, sizeof(pool.bytes));
        pool.left = sizeof(pool.bytes);
    }
    pool.left -= sizeof(value);
    memcpy(&value, pool.bytes + pool.left, sizeof(value));
    mem_wipe(pool.bytes + pool.left, sizeof(value)); /* given once, and kept nowhere */
    return value;
}
