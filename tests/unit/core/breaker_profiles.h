/* breaker_profiles.h - the rules that the breaker's stories are played under. */
#ifndef POSTERN_TESTS_BREAKER_PROFILES_H
#define POSTERN_TESTS_BREAKER_PROFILES_H

#include "core/breaker.h"

extern const struct breaker_rules profile_seed, profile_classic, profile_r4, profile_llm;

struct breaker_rules profile_r4_window(enum breaker_window window, unsigned size,
                                       unsigned min_calls);
struct breaker_rules profile_llm_permits(unsigned permits);
struct breaker_rules profile_llm_without_row(void); /* its window alone */

#endif
