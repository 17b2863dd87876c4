/* state.h - what all processes of a host agree on: a small mapped file, and nothing else.
 *
 * Opening never fails a request: when the file cannot be used the store is private memory, the
 * reason is logged loudly and state_view() shows it. Every word in it is changed by one
 * compare-and-swap, so there is no lock to leave behind. The functions here are all that the rest
 * of postern knows of it; another store could stand behind them.
 */
#ifndef POSTERN_STATE_STATE_H
#define POSTERN_STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/breaker.h"
#include "core/upstream.h"

struct state;

struct state_options {
    const char *path;    /* of the file; NULL or "none": private memory, asked for */
    unsigned mode;       /* 0600 or 0660 */
    bool must_exist;     /* a tool that only looks: no file or directory is made */
    bool any_filesystem; /* also where maps are not shared between hosts */
};

/* NULL only when the machine has no memory. Catches SIGBUS (state/guard.h): no thread may block it.
 */
struct state *state_open(const struct state_options *options, struct err *err);
void state_close(struct state *state);

/* Looks at the path (at most once a second, from one thread at a time) and maps the file anew when
 * it was replaced, removed or truncated. Cheap when called often. */
void state_refresh(struct state *state);

/* The file's clock: boot-anchored, comparable between processes and across reboots. */
uint64_t state_now_ms(const struct state *state);

/* Names one breaker. Holds no pointer into the file, so it outlives any re-mapping. */
struct state_cell {
    uint64_t key[2];
    char name[48];
};

/* `model` is the configured one where the breaker is per upstream and model, else NULL. Models
 * chosen by clients must never get here. The upstream has its own breaker's key already. */
void state_cell_name(struct state_cell *cell, const struct upstream *upstream, const char *model);

/* Why a report was made: a status, or this and an enum wire_fault (core/wire.h). */
#define STATE_REASON_FAULT 1000

/* The loop of load, clock, ask, compare-and-swap around core/breaker.h. */
struct breaker_permit state_admit(struct state *state, const struct state_cell *cell,
                                  const struct breaker_rules *rules, bool last_resort);
enum breaker_effect state_report(struct state *state, const struct state_cell *cell,
                                 const struct breaker_rules *rules,
                                 const struct breaker_permit *permit,
                                 const struct breaker_report *report, int reason);
/* Would it be admitted? Changes nothing, takes no permit. */
bool state_would_admit(struct state *state, const struct state_cell *cell,
                       const struct breaker_rules *rules);
bool state_renew(struct state *state, const struct state_cell *cell,
                 const struct breaker_rules *rules, const struct breaker_permit *permit);
struct breaker_permit state_follow(struct state *state, const struct state_cell *cell,
                                   const struct breaker_permit *permit);
void state_cool(struct state *state, const struct state_cell *cell,
                const struct breaker_rules *rules, uint64_t stated_wait_ms);

/* The retry budget of an upstream. */
void state_budget_deposit(struct state *state, const struct state_cell *cell);
bool state_budget_withdraw(struct state *state, const struct state_cell *cell);

/* The operator's hand; reach the disk before they return. ERR_DENIED: the state is private memory
 * against the operator's wish, so the command would reach nobody; ERR_LIMIT: the table is full;
 * ERR_SYSTEM: done, but not on the disk. */
int state_override(struct state *state, const struct state_cell *cell,
                   enum breaker_override override, uint64_t until_ms, struct err *err);
int state_reset(struct state *state, const struct state_cell *cell, struct err *err);

/* One cell as people want to see it. */
enum state_counter {
    STATE_ADMITTED,
    STATE_REJECTED_OPEN,
    STATE_REJECTED_BUSY,
    STATE_REJECTED_COOL,
    STATE_REJECTED_FORCED,
    STATE_OK,
    STATE_FAIL,
    STATE_IGNORED,
    STATE_SLOW,
    STATE_TRIPS,
    STATE_PROBES,
    STATE_RECLAIMS,
    STATE_LATE_IGNORED,
    STATE_COOLED,
    STATE_RETRIES,
    STATE_BUDGET_DENIED,
    STATE_COUNTERS
};
struct state_cell_view {
    char name[48];
    struct breaker_words words;
    struct breaker_view breaker;
    uint64_t counters[STATE_COUNTERS];
    int last_failure_reason; /* as it was reported; 0: none yet */
    uint64_t last_failure_ms;
};
struct state_cell_view state_cell_view(struct state *state, const struct state_cell *cell,
                                       const struct breaker_rules *rules);

/* Visits all cells of the file that were ever used, in its order, until `visit` returns false. */
void state_each(struct state *state, bool (*visit)(void *self, const struct state_cell *cell),
                void *self);

struct state_view {
    const char *path;  /* borrowed; NULL in private memory */
    bool shared;       /* false: private memory */
    char why[256];     /* why it is private; "" otherwise */
    unsigned attached; /* how often the file was mapped */
    size_t cells_used, cells_max;
};
struct state_view state_view(struct state *state);

#endif
