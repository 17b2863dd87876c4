/* cell.h - one breaker of the file: load, clock, ask core/breaker.h, compare-and-swap.
 *
 * `anchor_ms` is added to the boot clock, which is read after the word in each round. Every loop
 * gives up after CELL_TRIES_MAX rounds, so that garbage in the file cannot hold a process: an
 * admission then lets the call through, a report is dropped.
 */
#ifndef POSTERN_STATE_CELL_H
#define POSTERN_STATE_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/breaker.h"
#include "state/layout.h"
#include "state/state.h"

#define CELL_TRIES_MAX 10000

struct breaker_words cell_words(const struct layout_cell *cell);

struct breaker_permit cell_admit(struct layout_cell *cell, uint64_t anchor_ms,
                                 const struct breaker_rules *rules, bool last_resort);
enum breaker_effect cell_report(struct layout_cell *cell, uint64_t anchor_ms,
                                const struct breaker_rules *rules,
                                const struct breaker_permit *permit,
                                const struct breaker_report *report, int reason);
bool cell_renew(struct layout_cell *cell, uint64_t anchor_ms, const struct breaker_rules *rules,
                const struct breaker_permit *permit);
void cell_cool(struct layout_cell *cell, uint64_t anchor_ms, const struct breaker_rules *rules,
               uint64_t stated_wait_ms);

void cell_deposit(struct layout_cell *cell, uint64_t anchor_ms);
bool cell_withdraw(struct layout_cell *cell, uint64_t anchor_ms);

void cell_override(struct layout_cell *cell, uint64_t anchor_ms, enum breaker_override override,
                   uint64_t until_ms);
void cell_reset(struct layout_cell *cell, uint64_t anchor_ms);

/* The last failure that was reported; both 0 when there was none. */
void cell_last_failure(const struct layout_cell *cell, int *reason, uint64_t *at_ms);

#endif
