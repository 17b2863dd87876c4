/* digest.h - SHA-256 and comparisons that take the same time whatever they find.
 *
 * The one file that touches libcrypto is digest.c.
 */
#ifndef POSTERN_BASE_DIGEST_H
#define POSTERN_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define DIGEST_BYTES 32

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

/* SHA-256 over the parts one after another. Aborts if libcrypto has no SHA-256. */
void digest_sha256(struct digest *out, const struct span *parts, size_t count);

bool digest_equal(const struct digest *a, const struct digest *b); /* constant time */

#endif
