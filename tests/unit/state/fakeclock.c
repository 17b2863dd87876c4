#include "fakeclock.h"

#include <stdatomic.h>

#include "base/clock.h"

static _Atomic uint64_t boot_now_ms;
static _Atomic uint64_t unix_now_ms;

void
fakeclock_set(uint64_t boot_ms, uint64_t unix_ms)
{
    boot_now_ms = boot_ms;
    unix_now_ms = unix_ms;
}

void
fakeclock_advance(uint64_t ms)
{
    boot_now_ms += ms;
    unix_now_ms += ms;
}

void
fakeclock_step_wall(int64_t ms)
{
    unix_now_ms += (uint64_t)ms;
}

uint64_t
clock_boot_ms(void)
{
    return boot_now_ms;
}

uint64_t
clock_boot_us(void)
{
    return boot_now_ms * 1000;
}

uint64_t
clock_unix_ms(void)
{
    return unix_now_ms;
}

void
clock_sleep_ms(uint64_t ms)
{
    fakeclock_advance(ms);
}
