/* window.c - records results in the windows' words and adds them up. */
#include "core/window.h"

#define GENERATION_MASK_COUNT 0x7FFu
#define LEN_MASK 0x1Fu
#define BITS_MASK ((1u << WINDOW_COUNT_MAX) - 1)

#define GENERATION_MASK_TIME 0xFFu
#define LAP_MASK 0xFFFFFu
#define SUM_MAX 0xFFFu

/* --- the last N calls ----------------------------------------------------- */

static unsigned
bounded(unsigned value, unsigned least, unsigned most)
{
    if (value < least)
        return least;
    return value < most ? value : most;
}

uint64_t
window_count_record(uint64_t word, unsigned size, uint32_t generation, struct window_result result,
                    struct breaker_totals *totals)
{
    size = bounded(size, 1, WINDOW_COUNT_MAX);
    generation &= GENERATION_MASK_COUNT;
    if (word >> 53 != generation)
        word = 0;
    unsigned len = bounded((unsigned)(word >> 48) & LEN_MASK, 0, size);
    uint32_t kept = (1u << len) - 1; /* older bits are not this window's */
    uint32_t fails = ((uint32_t)(word >> 24) & kept) << 1 | (result.failed ? 1u : 0u);
    uint32_t slows = ((uint32_t)word & kept) << 1 | (result.slow ? 1u : 0u);

    if (len < size)
        len++;
    uint32_t window = (1u << len) - 1;
    fails &= window;
    slows &= window;
    totals->calls = len;
    totals->fails = (uint32_t)__builtin_popcount(fails);
    totals->slows = (uint32_t)__builtin_popcount(slows);
    return (uint64_t)generation << 53 | (uint64_t)len << 48 | (uint64_t)fails << 24 | slows;
}

/* --- the last S seconds --------------------------------------------------- */

/* One bucket a second where they suffice, else 30 of equal width. */
struct grid {
    unsigned buckets;
    uint64_t width_ms;
};

static struct grid
grid_of(unsigned seconds)
{
    if (seconds <= WINDOW_BUCKETS)
        return (struct grid){.buckets = seconds > 0 ? seconds : 1, .width_ms = 1000};
    return (struct grid){.buckets = 30, .width_ms = (seconds * UINT64_C(1000) + 29) / 30};
}

static uint32_t
lap_of(const struct grid *grid, uint64_t index)
{
    return (uint32_t)(index / grid->buckets) & LAP_MASK;
}

static bool
is_of(uint64_t word, uint32_t lap, uint32_t generation)
{
    return word >> 44 == lap &&
           (word >> 36 & GENERATION_MASK_TIME) == (generation & GENERATION_MASK_TIME);
}

static struct breaker_totals
sums_of(uint64_t word)
{
    struct breaker_totals sums = {.calls = (uint32_t)(word >> 24) & SUM_MAX,
                                  .fails = (uint32_t)(word >> 12) & SUM_MAX,
                                  .slows = (uint32_t)word & SUM_MAX};
    /* More failures than calls: a damaged word, which must neither overflow nor open a breaker. */
    sums.fails = sums.fails < sums.calls ? sums.fails : sums.calls;
    sums.slows = sums.slows < sums.calls ? sums.slows : sums.calls;
    return sums;
}

size_t
window_time_slot(unsigned seconds, uint64_t now_ms)
{
    struct grid grid = grid_of(seconds);
    return (size_t)(now_ms / grid.width_ms % grid.buckets);
}

uint64_t
window_time_record(uint64_t word, unsigned seconds, uint64_t now_ms, uint32_t generation,
                   struct window_result result)
{
    struct grid grid = grid_of(seconds);
    uint32_t lap = lap_of(&grid, now_ms / grid.width_ms);
    struct breaker_totals sums = sums_of(is_of(word, lap, generation) ? word : 0);
    if (sums.calls == SUM_MAX) {
        sums.calls /= 2;
        sums.fails /= 2;
        sums.slows /= 2;
    }
    sums.calls++;
    sums.fails += result.failed ? 1 : 0;
    sums.slows += result.slow ? 1 : 0;
    return (uint64_t)lap << 44 | (uint64_t)(generation & GENERATION_MASK_TIME) << 36 |
           (uint64_t)sums.calls << 24 | (uint64_t)sums.fails << 12 | sums.slows;
}

struct breaker_totals
window_time_totals(const uint64_t words[WINDOW_BUCKETS], unsigned seconds, uint64_t now_ms,
                   uint32_t generation)
{
    struct grid grid = grid_of(seconds);
    uint64_t index = now_ms / grid.width_ms;
    struct breaker_totals totals = {0};
    for (unsigned age = 0; age < grid.buckets; age++) {
        uint64_t word = words[(index - age) % grid.buckets];
        if (!is_of(word, lap_of(&grid, index - age), generation))
            continue;
        struct breaker_totals sums = sums_of(word);
        totals.calls += sums.calls;
        totals.fails += sums.fails;
        totals.slows += sums.slows;
    }
    return totals;
}
