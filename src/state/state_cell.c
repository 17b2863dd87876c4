/* state_cell.c - what the rest of postern does with one breaker: find its slot, then cell.h. */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "state/cell.h"
#include "state/state.h"
#include "state/store.h"
#include "state/table.h"

/* As much of it as there is room for, behind the `len` bytes that are there; the new length. What
 * follows is zero. */
static size_t
put_name(struct state_cell *cell, size_t len, const char *text)
{
    while (*text && len < sizeof(cell->name) - 1)
        cell->name[len++] = *text++;
    return len;
}

void
state_cell_name(struct state_cell *cell, const struct upstream *upstream, const char *model)
{
    *cell = (struct state_cell){.key = {upstream->breaker_key[0], upstream->breaker_key[1]}};
    if (model)
        upstream_identify(upstream, model, cell->key);
    assert(cell->key[0] != 0); /* it would be a free slot's */
    size_t len = put_name(cell, 0, upstream->name);
    if (model)
        (void)put_name(cell, put_name(cell, len, "/"), model);
}

static struct layout_cell *
find(struct state *state, const struct state_cell *cell)
{
    struct layout_cell *slot = table_find(state->range->file.cells, cell);
    return slot ? slot : table_find(state->range->spare, cell);
}

/* NULL: neither the file nor this process has room for it. */
static struct layout_cell *
claim(struct state *state, const struct state_cell *cell)
{
    struct layout_cell *slot = table_claim(state->range->file.cells, cell);
    if (slot)
        return slot;
    if (!atomic_exchange(&state->spare_told, true)) {
        char name[LOG_QUOTE_MAX];
        log_write(LOG_LEVEL_WARN,
                  "state_full cells=%d upstream=%s -> this process alone keeps its breaker",
                  LAYOUT_CELLS, log_quote(name, span_from(cell->name)));
    }
    return table_claim(state->range->spare, cell);
}

static uint64_t
anchor_of(const struct state *state)
{
    return atomic_load(&state->anchor_ms);
}

struct breaker_permit
state_admit(struct state *state, const struct state_cell *cell, const struct breaker_rules *rules,
            bool last_resort)
{
    struct layout_cell *slot = claim(state, cell);
    if (!slot)
        return (struct breaker_permit){.answer = BREAKER_FREE};
    return cell_admit(slot, anchor_of(state), rules, last_resort);
}

enum breaker_effect
state_report(struct state *state, const struct state_cell *cell, const struct breaker_rules *rules,
             const struct breaker_permit *permit, const struct breaker_report *report, int reason)
{
    struct layout_cell *slot = claim(state, cell);
    if (!slot)
        return BREAKER_NO_EFFECT;
    return cell_report(slot, anchor_of(state), rules, permit, report, reason);
}

bool
state_would_admit(struct state *state, const struct state_cell *cell,
                  const struct breaker_rules *rules)
{
    const struct layout_cell *slot = find(state, cell);
    if (!slot)
        return true;
    struct breaker_words words = cell_words(slot);
    uint64_t next = words.control;
    struct breaker_permit permit = breaker_admit(&words, state_now_ms(state), rules, &next);
    return breaker_is_admitted(&permit);
}

bool
state_renew(struct state *state, const struct state_cell *cell, const struct breaker_rules *rules,
            const struct breaker_permit *permit)
{
    struct layout_cell *slot = find(state, cell);
    return slot && cell_renew(slot, anchor_of(state), rules, permit);
}

struct breaker_permit
state_follow(struct state *state, const struct state_cell *cell,
             const struct breaker_permit *permit)
{
    const struct layout_cell *slot = find(state, cell);
    return breaker_follow(slot ? cell_words(slot).control : 0, permit);
}

void
state_cool(struct state *state, const struct state_cell *cell, const struct breaker_rules *rules,
           uint64_t stated_wait_ms)
{
    struct layout_cell *slot = claim(state, cell);
    if (slot)
        cell_cool(slot, anchor_of(state), rules, stated_wait_ms);
}

void
state_budget_deposit(struct state *state, const struct state_cell *cell)
{
    struct layout_cell *slot = claim(state, cell);
    if (slot)
        cell_deposit(slot, anchor_of(state));
}

bool
state_budget_withdraw(struct state *state, const struct state_cell *cell)
{
    struct layout_cell *slot = claim(state, cell);
    return slot && cell_withdraw(slot, anchor_of(state));
}

/* The slot of a command that is meant for all processes: only a shared one will do, unless private
 * memory is what the operator asked for. */
static struct layout_cell *
claim_for_command(struct state *state, const struct state_cell *cell, struct err *err)
{
    struct state_view view = state_view(state);
    if (!view.shared && state->path) {
        (void)err_set(err, ERR_DENIED, "the state is private memory: %s", view.why);
        return NULL;
    }
    struct layout_cell *slot = table_claim(state->range->file.cells, cell);
    if (!slot)
        (void)err_set(err, ERR_LIMIT, "all %d cells of the state file are taken", LAYOUT_CELLS);
    return slot;
}

/* A power cut must not bring an old command back. */
static int
sync_slot(const struct state *state, const struct layout_cell *slot, struct err *err)
{
    if (!state->path)
        return 0;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    char *start = (char *)state->range;
    size_t at = (size_t)((const char *)slot - start);
    size_t offset = at - at % page_bytes;
    if (msync(start + offset, at - offset + sizeof(*slot), MS_SYNC) != 0)
        return err_system(err, "the command took effect but did not reach the disk");
    return 0;
}

int
state_override(struct state *state, const struct state_cell *cell, enum breaker_override override,
               uint64_t until_ms, struct err *err)
{
    struct layout_cell *slot = claim_for_command(state, cell, err);
    if (!slot)
        return -1;
    cell_override(slot, anchor_of(state), override, until_ms);
    return sync_slot(state, slot, err);
}

int
state_reset(struct state *state, const struct state_cell *cell, struct err *err)
{
    struct layout_cell *slot = claim_for_command(state, cell, err);
    if (!slot)
        return -1;
    cell_reset(slot, anchor_of(state));
    return sync_slot(state, slot, err);
}

struct state_cell_view
state_cell_view(struct state *state, const struct state_cell *cell,
                const struct breaker_rules *rules)
{
    struct state_cell_view view = {.words = {0, 0, 0}};
    memcpy(view.name, cell->name, sizeof(view.name));
    const struct layout_cell *slot = find(state, cell);
    if (slot) {
        view.words = cell_words(slot);
        cell_last_failure(slot, &view.last_failure_reason, &view.last_failure_ms);
        for (size_t i = 0; i < STATE_COUNTERS; i++)
            view.counters[i] = atomic_load_explicit(&slot->counters[i], memory_order_relaxed);
    }
    view.breaker = breaker_view(&view.words, state_now_ms(state), rules);
    return view;
}
