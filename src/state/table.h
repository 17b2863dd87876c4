/* table.h - which slot belongs to which breaker: linear probing from key[0], nothing ever removed.
 *
 * A slot is claimed by two swaps: key[0] from 0, then key[1] from 0; the name follows and is the
 * same whoever writes it. Who finds its own key[0] with key[1] still 0 stands behind a claimant
 * that was killed in between, or is still at it, and finishes the claim.
 */
#ifndef POSTERN_STATE_TABLE_H
#define POSTERN_STATE_TABLE_H

#include <stdbool.h>

#include "state/layout.h"
#include "state/state.h"

/* NULL: never claimed. */
struct layout_cell *table_find(struct layout_cell cells[LAYOUT_CELLS],
                               const struct state_cell *cell);

/* Finds it or claims a slot. NULL: all slots belong to others. */
struct layout_cell *table_claim(struct layout_cell cells[LAYOUT_CELLS],
                                const struct state_cell *cell);

/* What a slot says about itself. False: it is free or only half claimed. The name is made
 * printable: the file may hold anything. */
bool table_read(const struct layout_cell *slot, struct state_cell *cell);

#endif
