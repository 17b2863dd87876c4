/* breaker_profiles.c - the rules that the stories are played under. */
#include "breaker_profiles.h"

/* The original service, as its own class behaves. */
const struct breaker_rules profile_seed = {.failure_threshold = 3,
                                           .open_ms = 10000,
                                           .backoff_percent = 100,
                                           .open_max_ms = 10000,
                                           .late_count = true};

/* What the product does by default: one probe, under a lease. */
const struct breaker_rules profile_classic = {.failure_threshold = 3,
                                              .open_ms = 10000,
                                              .permits = 1,
                                              .lease_ms = 10000,
                                              .backoff_percent = 100,
                                              .open_max_ms = 10000};

/* resilience4j; each story says its window. */
const struct breaker_rules profile_r4 = {.open_ms = 1000,
                                         .failure_rate = 50,
                                         .permits = 1,
                                         .policy = BREAKER_RATE,
                                         .lease_ms = 3600000,
                                         .backoff_percent = 100,
                                         .open_max_ms = 1000,
                                         .late_count = true};

const struct breaker_rules profile_llm = {.failure_threshold = 5,
                                          .open_ms = 10000,
                                          .window = BREAKER_WINDOW_TIME,
                                          .window_size = 60,
                                          .failure_rate = 50,
                                          .min_calls = 10,
                                          .permits = 1,
                                          .lease_ms = 30000,
                                          .backoff_percent = 200,
                                          .open_max_ms = 300000,
                                          .backoff_decays = true,
                                          .retry_after_max_ms = 3600000,
                                          .quota_hold_ms = 300000};

struct breaker_rules
profile_r4_window(enum breaker_window window, unsigned size, unsigned min_calls)
{
    struct breaker_rules rules = profile_r4;

    rules.window = window;
    rules.window_size = size;
    rules.min_calls = min_calls;
    return rules;
}

struct breaker_rules
profile_llm_permits(unsigned permits)
{
    struct breaker_rules rules = profile_llm;

    rules.permits = permits;
    return rules;
}

struct breaker_rules
profile_llm_without_row(void)
{
    struct breaker_rules rules = profile_llm;

    rules.failure_threshold = 0;
    return rules;
}
