/* breaker_time.c - the breaker's durations and deadlines, bounded by what the rules allow. */
#include "core/breaker_time.h"

/* The longest duration a word can hold: half of its field, beyond it a deadline reads as passed. */
#define REACH_MS (BREAKER_WORD_UNTIL_MASK >> 1)
#define LEASE_REACH_MS ((BREAKER_WORD_LEASE_MASK / 2 - 1) * UINT64_C(1000))

#define GRACE_MS 1000u /* for the clocks of two processes that differ a little */

static uint64_t
least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t
most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Cannot overflow for a value within REACH_MS, whatever the percentage. */
static uint64_t
percent_of(uint64_t value_ms, unsigned percent)
{
    return value_ms / 100 * percent + value_ms % 100 * percent / 100;
}

static uint64_t
open_cap_ms(const struct breaker_rules *rules)
{
    return least(most(rules->open_ms, rules->open_max_ms), REACH_MS);
}

uint64_t
breaker_time_backoff_ms(unsigned attempt, const struct breaker_rules *rules)
{
    uint64_t cap_ms = open_cap_ms(rules);
    uint64_t open_ms = least(rules->open_ms, cap_ms);
    for (unsigned i = 1; i < attempt; i++)
        open_ms = least(percent_of(open_ms, rules->backoff_percent), cap_ms);
    return open_ms;
}

uint64_t
breaker_time_open_ms(unsigned attempt, const struct breaker_report *report,
                     const struct breaker_rules *rules)
{
    uint64_t open_ms = breaker_time_backoff_ms(attempt, rules);
    uint64_t jitter_ms = percent_of(open_ms, rules->jitter_percent);
    open_ms = most(open_ms + report->random % (jitter_ms + 1),
                   breaker_time_stated_ms(report->stated_wait_ms, rules));
    if (report->verdict == BREAKER_TRIP)
        open_ms = most(open_ms, rules->quota_hold_ms);
    return least(open_ms, REACH_MS);
}

/* How far ahead these rules can have set an opening's end. */
static uint64_t
clamp_ms(const struct breaker_rules *rules)
{
    uint64_t longest_ms = most(rules->retry_after_max_ms, rules->quota_hold_ms);
    longest_ms = least(most(longest_ms, open_cap_ms(rules)), REACH_MS);
    longest_ms += percent_of(longest_ms, rules->jitter_percent) + GRACE_MS;
    return least(longest_ms, REACH_MS);
}

uint64_t
breaker_time_open_left_ms(const struct breaker_word *word, uint64_t now_ms,
                          const struct breaker_rules *rules)
{
    uint64_t left_ms = (word->until_ms - now_ms) & BREAKER_WORD_UNTIL_MASK;
    return left_ms <= clamp_ms(rules) ? left_ms : 0;
}

static uint64_t
lease_ms(const struct breaker_rules *rules)
{
    return least(rules->lease_ms, LEASE_REACH_MS);
}

void
breaker_time_start_lease(struct breaker_word *word, uint64_t now_ms,
                         const struct breaker_rules *rules)
{
    uint64_t end_s = now_ms / 1000 + (now_ms % 1000 + lease_ms(rules) + 999) / 1000;
    word->lease_s = (uint32_t)end_s & BREAKER_WORD_LEASE_MASK;
}

uint64_t
breaker_time_lease_left_ms(const struct breaker_word *word, uint64_t now_ms,
                           const struct breaker_rules *rules)
{
    uint64_t left_s = (word->lease_s - now_ms / 1000) & BREAKER_WORD_LEASE_MASK;
    uint64_t longest_s = (lease_ms(rules) + 999) / 1000 + 1;
    return left_s > 0 && left_s <= longest_s ? left_s * 1000 - now_ms % 1000 : 0;
}

uint64_t
breaker_time_stated_ms(uint64_t stated_wait_ms, const struct breaker_rules *rules)
{
    return least(least(stated_wait_ms, rules->retry_after_max_ms), REACH_MS);
}

uint64_t
breaker_time_cool_left_ms(uint64_t cool_until_ms, uint64_t now_ms,
                          const struct breaker_rules *rules)
{
    uint64_t longest_ms = breaker_time_stated_ms(UINT64_MAX, rules);
    if (longest_ms == 0 || cool_until_ms <= now_ms)
        return 0;
    uint64_t left_ms = cool_until_ms - now_ms;
    return left_ms <= longest_ms + GRACE_MS ? left_ms : 0;
}
