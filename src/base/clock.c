/* clock.c - reads the kernel's clocks. */
#include "base/clock.h"

#include <time.h>

static uint64_t
read_us(clockid_t id)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(id, &now); /* cannot fail for these clocks */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t
clock_boot_ms(void)
{
    return read_us(CLOCK_BOOTTIME) / 1000;
}

uint64_t
clock_boot_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

uint64_t
clock_unix_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

void
clock_sleep_ms(uint64_t ms)
{
    struct timespec pause = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}
