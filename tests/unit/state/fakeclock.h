/* fakeclock.h - base/clock.h with hands that the test moves; linked before libbase.a, so the real
 * one stays out of the program. Sleeping moves them too and takes no time. */
#ifndef POSTERN_TESTS_FAKECLOCK_H
#define POSTERN_TESTS_FAKECLOCK_H

#include <stdint.h>

void fakeclock_set(uint64_t boot_ms, uint64_t unix_ms);
void fakeclock_advance(uint64_t ms);
void fakeclock_step_wall(int64_t ms); /* the wall clock alone */

#endif
