/* window.h - the last results of one upstream, as words that can each be swapped alone. Pure.
 *
 * A word of another generation (or, in time windows, of another lap) reads as empty, so nothing is
 * ever cleared.
 *
 *   count window, one word:   generation (11) | len (5) | fail bits (24) | slow bits (24)
 *   time window, 32 words:    lap (20) | generation (8) | calls (12) | fails (12) | slows (12)
 */
#ifndef POSTERN_CORE_WINDOW_H
#define POSTERN_CORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/breaker.h"

#define WINDOW_COUNT_MAX 24
#define WINDOW_BUCKETS 32

struct window_result {
    bool failed;
    bool slow;
};

/* The count window's word with one more result in it; `*totals` are its sums afterwards. */
uint64_t window_count_record(uint64_t word, unsigned size, uint32_t generation,
                             struct window_result result, struct breaker_totals *totals);

/* Which bucket of a time window of `seconds` the result belongs to, and the bucket's next word.
 * A full bucket (4095 calls) is halved, its ratios kept. */
size_t window_time_slot(unsigned seconds, uint64_t now_ms);
uint64_t window_time_record(uint64_t word, unsigned seconds, uint64_t now_ms, uint32_t generation,
                            struct window_result result);

/* The sums over all buckets that belong to the window at `now_ms`. */
struct breaker_totals window_time_totals(const uint64_t words[WINDOW_BUCKETS], unsigned seconds,
                                         uint64_t now_ms, uint32_t generation);

#endif
