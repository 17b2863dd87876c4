/* unpack.h - gzip and deflate, taken off the bytes of a body as they come.
 *
 * What is cut, and what is followed by something else, is told: the HTTP library calls both good.
 */
#ifndef POSTERN_NET_UNPACK_H
#define POSTERN_NET_UNPACK_H

#include <stdbool.h>

#include "base/span.h"

struct unpack;
struct unpack *unpack_new(void); /* NULL: no memory */
void unpack_free(struct unpack *unpack);

/* Gives out what the bytes unpack to; -1 as soon as `give` returns that. Also -1 when they are none
 * of the coding, or more comes behind its end: unpack_is_bad() then. */
int unpack_take(struct unpack *unpack, struct span bytes,
                int (*give)(void *self, struct span bytes), void *self);
bool unpack_is_bad(const struct unpack *unpack);
bool unpack_is_over(const struct unpack *unpack); /* its own end was seen */

#endif
