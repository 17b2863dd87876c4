/* breaker_time.h - how long a breaker stays open, a lease runs, a cool-down lasts. Pure.
 *
 * For breaker*.c alone. Deadlines lie in fields narrower than the clock and are compared as signed
 * differences. One further ahead than these rules can have set it counts as passed, so that no
 * damaged word, and no other process's rules, keep an upstream out for longer than ours would.
 */
#ifndef POSTERN_CORE_BREAKER_TIME_H
#define POSTERN_CORE_BREAKER_TIME_H

#include <stdint.h>

#include "core/breaker.h"
#include "core/breaker_word.h"

/* The open time of the `attempt`th opening in a row, from 1, without jitter. */
uint64_t breaker_time_backoff_ms(unsigned attempt, const struct breaker_rules *rules);

/* How long the opening that `report` causes is to last: backoff and jitter, or what the upstream
 * stated, or a TRIP's hold, whichever is longest. */
uint64_t breaker_time_open_ms(unsigned attempt, const struct breaker_report *report,
                              const struct breaker_rules *rules);

/* What is left of an OPEN word's time; 0: it is over. */
uint64_t breaker_time_open_left_ms(const struct breaker_word *word, uint64_t now_ms,
                                   const struct breaker_rules *rules);

/* Begins a HALF_OPEN word's lease, in whole seconds rounded up; what is left, 0: it is over. */
void breaker_time_start_lease(struct breaker_word *word, uint64_t now_ms,
                              const struct breaker_rules *rules);
uint64_t breaker_time_lease_left_ms(const struct breaker_word *word, uint64_t now_ms,
                                    const struct breaker_rules *rules);

/* A stated wait as these rules take it; 0: not at all. */
uint64_t breaker_time_stated_ms(uint64_t stated_wait_ms, const struct breaker_rules *rules);

/* What is left of a cool-down; 0: none. */
uint64_t breaker_time_cool_left_ms(uint64_t cool_until_ms, uint64_t now_ms,
                                   const struct breaker_rules *rules);

#endif
