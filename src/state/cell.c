/* cell.c - applies the pure breaker to the words of one cell. */
#include "state/cell.h"

#include "base/clock.h"
#include "core/budget.h"
#include "core/window.h"

/* core/breaker.h draws the control word; only "was this a reclaim?" is asked of it here. */
#define CONTROL_STATE(word) (((word) >> 60) & 3)
#define CONTROL_GENERATION(word) (((word) >> 40) & 0xfffff)

/* last_failure: reason (16) | verdict (6) | ms (42) */
#define FAILURE_MS_BITS 42
#define FAILURE_MS_MASK ((UINT64_C(1) << FAILURE_MS_BITS) - 1)
#define FAILURE_REASON_SHIFT 48

_Static_assert(LAYOUT_COUNTERS == (int)STATE_COUNTERS, "layout 1 has these counters");
_Static_assert(LAYOUT_BUCKETS == WINDOW_BUCKETS, "layout 1 has these buckets");

static const enum state_counter counter_of_answer[] = {
    [BREAKER_ADMITTED] = STATE_ADMITTED,
    [BREAKER_PROBE] = STATE_ADMITTED,
    [BREAKER_FREE] = STATE_ADMITTED,
    [BREAKER_LAST_RESORT] = STATE_ADMITTED,
    [BREAKER_REJECTED_OPEN] = STATE_REJECTED_OPEN,
    [BREAKER_REJECTED_BUSY] = STATE_REJECTED_BUSY,
    [BREAKER_REJECTED_COOL] = STATE_REJECTED_COOL,
    [BREAKER_REJECTED_FORCED] = STATE_REJECTED_FORCED,
};

/* A stream that has only started is counted when it has ended. */
static const enum state_counter counter_of_verdict[] = {
    [BREAKER_OK] = STATE_OK,     [BREAKER_STARTED] = STATE_COUNTERS, [BREAKER_FINISHED] = STATE_OK,
    [BREAKER_FAIL] = STATE_FAIL, [BREAKER_IGNORED] = STATE_IGNORED,  [BREAKER_TRIP] = STATE_FAIL,
};

static uint64_t
read_clock(uint64_t anchor_ms)
{
    return anchor_ms + clock_boot_ms();
}

static void
count(struct layout_cell *cell, enum state_counter counter)
{
    if (counter < STATE_COUNTERS)
        (void)atomic_fetch_add_explicit(&cell->counters[counter], 1, memory_order_relaxed);
}

/* Nothing is written when nothing changes: a closed breaker's line stays shared by all cores. */
static bool
swap(_Atomic uint64_t *word, uint64_t seen, uint64_t next)
{
    return seen == next || atomic_compare_exchange_strong(word, &seen, next);
}

/* The control word first: an override's end is stored before the override, so whoever sees the
 * override sees its end. */
struct breaker_words
cell_words(const struct layout_cell *cell)
{
    struct breaker_words words = {.control = atomic_load(&cell->control)};
    words.cool_until_ms = atomic_load(&cell->cool_until_ms);
    words.override_until_ms = atomic_load(&cell->override_until_ms);
    return words;
}

static void
count_admission(struct layout_cell *cell, enum breaker_answer answer, uint64_t seen, uint64_t next)
{
    count(cell, counter_of_answer[answer]);
    if (answer != BREAKER_PROBE)
        return;
    count(cell, STATE_PROBES);
    bool renamed = CONTROL_GENERATION(seen) != CONTROL_GENERATION(next);
    if (CONTROL_STATE(seen) == BREAKER_HALF_OPEN && renamed)
        count(cell, STATE_RECLAIMS);
}

struct breaker_permit
cell_admit(struct layout_cell *cell, uint64_t anchor_ms, const struct breaker_rules *rules,
           bool last_resort)
{
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        struct breaker_words words = cell_words(cell);
        uint64_t now_ms = read_clock(anchor_ms);
        uint64_t next = words.control;
        struct breaker_permit permit = breaker_admit(&words, now_ms, rules, &next);
        if (last_resort && !breaker_is_admitted(&permit)) {
            next = words.control;
            permit = breaker_admit_last_resort(&words, now_ms, rules, &next);
        }
        if (swap(&cell->control, words.control, next)) {
            count_admission(cell, permit.answer, words.control, next);
            return permit;
        }
    }
    count(cell, STATE_ADMITTED);
    return (struct breaker_permit){.answer = BREAKER_FREE};
}

static struct breaker_totals
record_by_count(struct layout_cell *cell, unsigned size, uint32_t generation,
                struct window_result result)
{
    struct breaker_totals totals = {0, 0, 0};
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        uint64_t seen = atomic_load(&cell->count_window);
        uint64_t next = window_count_record(seen, size, generation, result, &totals);
        if (swap(&cell->count_window, seen, next))
            break;
    }
    return totals;
}

static struct breaker_totals
record_by_time(struct layout_cell *cell, unsigned seconds, uint64_t now_ms, uint32_t generation,
               struct window_result result)
{
    _Atomic uint64_t *bucket = &cell->buckets[window_time_slot(seconds, now_ms)];
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        uint64_t seen = atomic_load(bucket);
        uint64_t next = window_time_record(seen, seconds, now_ms, generation, result);
        if (swap(bucket, seen, next))
            break;
    }
    uint64_t words[LAYOUT_BUCKETS];
    for (size_t i = 0; i < LAYOUT_BUCKETS; i++)
        words[i] = atomic_load_explicit(&cell->buckets[i], memory_order_relaxed);
    return window_time_totals(words, seconds, now_ms, generation);
}

static struct breaker_totals
record(struct layout_cell *cell, const struct breaker_rules *rules, uint64_t now_ms,
       uint32_t generation, const struct breaker_report *report)
{
    bool failed = report->verdict == BREAKER_FAIL || report->verdict == BREAKER_TRIP;
    struct window_result result = {.failed = failed, .slow = report->slow};
    switch (rules->window) {
    case BREAKER_WINDOW_NONE:
        break;
    case BREAKER_WINDOW_COUNT:
        return record_by_count(cell, rules->window_size, generation, result);
    case BREAKER_WINDOW_TIME:
        return record_by_time(cell, rules->window_size, now_ms, generation, result);
    }
    return (struct breaker_totals){0, 0, 0};
}

static void
count_report(struct layout_cell *cell, enum breaker_effect effect,
             const struct breaker_report *report)
{
    if (effect == BREAKER_STALE) {
        count(cell, STATE_LATE_IGNORED);
        return;
    }
    count(cell, counter_of_verdict[report->verdict]);
    if (report->slow && report->verdict != BREAKER_FINISHED)
        count(cell, STATE_SLOW);
    if (effect == BREAKER_OPENED)
        count(cell, STATE_TRIPS);
}

static void
note_failure(struct layout_cell *cell, uint64_t now_ms, enum breaker_verdict verdict, int reason)
{
    if (verdict != BREAKER_FAIL && verdict != BREAKER_TRIP)
        return;
    uint64_t known = reason > 0 && reason <= UINT16_MAX ? (uint64_t)reason : 0;
    uint64_t word = known << FAILURE_REASON_SHIFT | (uint64_t)verdict << FAILURE_MS_BITS |
                    (now_ms & FAILURE_MS_MASK);
    atomic_store_explicit(&cell->last_failure, word, memory_order_relaxed);
}

enum breaker_effect
cell_report(struct layout_cell *cell, uint64_t anchor_ms, const struct breaker_rules *rules,
            const struct breaker_permit *permit, const struct breaker_report *report, int reason)
{
    struct breaker_totals totals = {0, 0, 0};
    uint32_t recorded_in = UINT32_MAX; /* no generation: they have 20 bits */
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        uint64_t seen = atomic_load(&cell->control);
        uint64_t now_ms = read_clock(anchor_ms);
        uint32_t generation = 0;
        bool wants = breaker_wants_window(seen, permit, report, rules, &generation);
        /* Once, however often the swap fails; again only when another generation judges. */
        if (wants && recorded_in != generation) {
            totals = record(cell, rules, now_ms, generation, report);
            recorded_in = generation;
        }
        uint64_t next = seen;
        enum breaker_effect effect =
            breaker_report(seen, now_ms, rules, permit, report, wants ? &totals : NULL, &next);
        if (swap(&cell->control, seen, next)) {
            count_report(cell, effect, report);
            note_failure(cell, now_ms, report->verdict, reason);
            return effect;
        }
    }
    return BREAKER_NO_EFFECT;
}

bool
cell_renew(struct layout_cell *cell, uint64_t anchor_ms, const struct breaker_rules *rules,
           const struct breaker_permit *permit)
{
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        uint64_t seen = atomic_load(&cell->control);
        uint64_t next = seen;
        if (!breaker_renew(seen, permit, read_clock(anchor_ms), rules, &next))
            return false;
        if (swap(&cell->control, seen, next))
            return true;
    }
    return false;
}

void
cell_cool(struct layout_cell *cell, uint64_t anchor_ms, const struct breaker_rules *rules,
          uint64_t stated_wait_ms)
{
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        uint64_t seen = atomic_load(&cell->cool_until_ms);
        uint64_t next = breaker_cool(seen, read_clock(anchor_ms), stated_wait_ms, rules);
        if (swap(&cell->cool_until_ms, seen, next))
            break;
    }
    count(cell, STATE_COOLED);
}

void
cell_deposit(struct layout_cell *cell, uint64_t anchor_ms)
{
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        uint64_t seen = atomic_load(&cell->budget);
        if (swap(&cell->budget, seen, budget_deposit(seen, read_clock(anchor_ms))))
            return;
    }
}

bool
cell_withdraw(struct layout_cell *cell, uint64_t anchor_ms)
{
    bool paid = false;
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        uint64_t seen = atomic_load(&cell->budget);
        uint64_t next = seen;
        paid = budget_withdraw(seen, read_clock(anchor_ms), &next);
        if (swap(&cell->budget, seen, next))
            break;
        paid = false;
    }
    count(cell, paid ? STATE_RETRIES : STATE_BUDGET_DENIED);
    return paid;
}

void
cell_override(struct layout_cell *cell, uint64_t anchor_ms, enum breaker_override override,
              uint64_t until_ms)
{
    /* The end first: alone it means nothing, an override without its end would last for ever. */
    atomic_store(&cell->override_until_ms, until_ms);
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        uint64_t seen = atomic_load(&cell->control);
        uint64_t next = breaker_override(seen, override, read_clock(anchor_ms));
        if (swap(&cell->control, seen, next))
            return;
    }
}

void
cell_reset(struct layout_cell *cell, uint64_t anchor_ms)
{
    atomic_store(&cell->cool_until_ms, 0);
    for (int tries = 0; tries < CELL_TRIES_MAX; tries++) {
        uint64_t seen = atomic_load(&cell->control);
        if (swap(&cell->control, seen, breaker_reset(seen, read_clock(anchor_ms))))
            return;
    }
}

void
cell_last_failure(const struct layout_cell *cell, int *reason, uint64_t *at_ms)
{
    uint64_t word = atomic_load_explicit(&cell->last_failure, memory_order_relaxed);
    *reason = (int)(word >> FAILURE_REASON_SHIFT);
    *at_ms = word & FAILURE_MS_MASK;
}
