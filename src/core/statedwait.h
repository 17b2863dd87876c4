/* statedwait.h - how long an upstream asked us to wait, in every spelling there is. Pure.
 *
 * First that parses: retry-after-ms, x-ms-retry-after-ms (decimals allowed), Retry-After as seconds
 * (decimals allowed), Retry-After as a date against the response's own Date header (the wall clock
 * only when that is absent). Only for 429 without these: the largest x-ratelimit-reset-* of the
 * exhausted dimensions or anthropic-ratelimit-*-reset, capped at 60 s. A wait of 0, a negative one
 * or a date in the past counts as not stated.
 */
#ifndef POSTERN_CORE_STATEDWAIT_H
#define POSTERN_CORE_STATEDWAIT_H

#include <stdint.h>

#include "core/wire.h"

#define STATEDWAIT_MAX_MS UINT64_C(31536000000) /* a year: what is longer is cut to it */

/* Milliseconds, 0 when nothing usable was stated. `unix_ms` is the wall clock. */
uint64_t statedwait_read(const struct wire_headers *headers, int status, uint64_t unix_ms);

#endif
