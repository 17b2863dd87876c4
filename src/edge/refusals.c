/* refusals.c - the one who finds that a second has passed tells for all. */
#include "edge/refusals.h"

#include "base/clock.h"

#define TOLD_EVERY_MS 1000

void
refusals_note(struct refusals *refusals, enum log_level level, const char *reason,
              const char *detail)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t told_at_ms = atomic_load(&refusals->told_at_ms);
    bool is_due = told_at_ms == 0 || now_ms >= told_at_ms + TOLD_EVERY_MS;
    if (!is_due || !atomic_compare_exchange_strong(&refusals->told_at_ms, &told_at_ms, now_ms)) {
        atomic_fetch_add(&refusals->untold, 1);
        return;
    }
    unsigned untold = atomic_exchange(&refusals->untold, 0);
    if (untold > 0)
        log_write(level, "connection_refused reason=%s%s untold_before=%u", reason, detail, untold);
    else
        log_write(level, "connection_refused reason=%s%s", reason, detail);
}
