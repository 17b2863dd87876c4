/* disguise.h - the forms in which a secret may stand in a text, besides itself. Pure.
 *
 * Base64 in both alphabets, at the three places that its first byte may have in a group of three:
 * only the letters that the secret alone decides, so that it is found in the midst of other bytes.
 * Hexadecimal digits in both cases. (Escaped characters are read as what they stand for:
 * escape.h.)
 */
#ifndef POSTERN_BASE_DISGUISE_H
#define POSTERN_BASE_DISGUISE_H

#include <stddef.h>

#include "base/span.h"

#define DISGUISE_COUNT 9 /* forms of one secret, itself the first */

/* A part of a secret that is looked for has so many bytes. */
#define DISGUISE_FRAGMENT 8

/* How long the form is; how many bytes of it in a row stand for a fragment. */
size_t disguise_len(struct span secret, unsigned form);
size_t disguise_least(unsigned form);

/* Puts the form into `out`, which has room for disguise_len() bytes. */
void disguise_put(struct span secret, unsigned form, char *out);

#endif
