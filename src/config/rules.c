/* rules.c - what an upstream's breaker is told, from the CIRCUIT_ options. */
#include "config/rules.h"

void
rules_make(const struct options *options, struct breaker_rules *rules)
{
    const bool slow_counts = options->slow_ms != OPTION_OFF;
    const bool rate_counts = options->failure_rate != OPTION_OFF;
    const bool honours_wait = options->retry_after != 0;
    int64_t threshold = options->failure_threshold;
    *rules = (struct breaker_rules){
        .failure_threshold = threshold == OPTION_OFF ? 0
                             : threshold < 1         ? 1
                                                     : (int)threshold,
        .open_ms = options->retry_timeout_ms > 0 ? (uint64_t)options->retry_timeout_ms : 0,
        .window = (enum breaker_window)option_window_kind(options->window),
        .window_size = option_window_size(options->window),
        .failure_rate = rate_counts ? (unsigned)options->failure_rate : 0,
        .slow_rate = slow_counts ? (unsigned)options->slow_rate : 0,
        .min_calls = (unsigned)options->min_calls,
        .permits = (unsigned)options->half_open_max,
        .policy = (enum breaker_policy)options->half_open_policy,
        .lease_ms = (uint64_t)options->probe_lease_ms,
        .backoff_percent = (unsigned)options->backoff_percent,
        .open_max_ms = (uint64_t)options->open_max_ms,
        .jitter_percent = (unsigned)options->jitter_percent,
        .backoff_decays = options->backoff_reset != 0,
        .late_count = options->late_results != 0,
        .retry_after_max_ms = honours_wait ? (uint64_t)options->retry_after_max_ms : 0,
        .quota_hold_ms = (uint64_t)options->quota_hold_ms,
    };
    /* without growth the first opening is the longest; and no cap may shorten it */
    if (rules->backoff_percent == 100 || rules->open_max_ms < rules->open_ms)
        rules->open_max_ms = rules->open_ms;
    if (rules->window == BREAKER_WINDOW_COUNT && rules->min_calls > rules->window_size)
        rules->min_calls = rules->window_size;
}
