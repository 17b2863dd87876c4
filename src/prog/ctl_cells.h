/* ctl_cells.h - the breakers of the configured upstreams, as the subcommands see them. */
#ifndef POSTERN_PROG_CTL_CELLS_H
#define POSTERN_PROG_CTL_CELLS_H

#include "config/config.h"
#include "state/state.h"

/* One breaker. */
struct ctl_cell {
    const struct upstream *upstream;
    const char *model; /* NULL: the upstream's, whatever the model */
    struct state_cell cell;
};

/* Calls `visit` for each breaker that requests can use: one for each upstream and, with
 * breaker_scope = model, one for each model configured for it. Ends when `visit` returns false. */
void ctl_cells_each(const struct config *config,
                    bool (*visit)(void *self, const struct ctl_cell *cell), void *self);

/* The state file of the configuration; with `must_exist` it is not made. NULL after a message on
 * standard error: no memory, or the file cannot be used, so that nothing read from it would be
 * true. */
struct state *ctl_cells_open(const struct config *config, bool must_exist);

#endif
