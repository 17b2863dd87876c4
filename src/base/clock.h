/* clock.h - the clocks of this machine.
 *
 * `now_ms` anywhere in postern is the boot clock (CLOCK_BOOTTIME, runs through suspend, never
 * steps); wall time is always called `_unix_ms` or `_unix_s` and decides nothing.
 */
#ifndef POSTERN_BASE_CLOCK_H
#define POSTERN_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_boot_ms(void);
uint64_t clock_boot_us(void);
uint64_t clock_unix_ms(void);

/* Sleeps for `ms` milliseconds; shorter when a signal arrives. */
void clock_sleep_ms(uint64_t ms);

#endif
