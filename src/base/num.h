/* num.h - numbers out of text, exact or refused: no leftovers, no overflow, no locale; and
 * back, where printf would be the larger part of the work. */
#ifndef POSTERN_BASE_NUM_H
#define POSTERN_BASE_NUM_H

#include <stdint.h>

#include "base/span.h"

/* Each returns 0, or -1 and leaves `out` alone. */

/* Digits only, at least one; -1 above `max`. */
int num_parse_u64(struct span text, uint64_t max, uint64_t *out);

/* As Python's int(): blanks around it, a sign, single underscores between digits. */
int num_parse_python_int(struct span text, int64_t *out);

/* Non-negative decimal ("7", "0.25", ".5"), scaled by 1000 and rounded to the nearest: seconds in,
 * milliseconds out. No exponent, no sign. -1 above `max_milli`. */
int num_parse_milli(struct span text, uint64_t max_milli, uint64_t *out);

/* A size in bytes: digits with an optional suffix K, KiB, M, MiB, G, GiB (powers of 1024). */
int num_parse_bytes(struct span text, uint64_t max, uint64_t *out);

#define NUM_FORMAT_MAX 21

/* The decimal digits of `value` and a NUL. Returns how many digits there are. */
size_t num_format_u64(char out[NUM_FORMAT_MAX], uint64_t value);

#endif
