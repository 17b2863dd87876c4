/* table.c - finds and claims the slots of the cell table. */
#include "state/table.h"

#include <string.h>

_Static_assert(sizeof(((struct state_cell *)0)->name) == LAYOUT_NAME_WORDS * sizeof(uint64_t),
               "a name fills its words");

static size_t
slot_at(const struct state_cell *cell, size_t step)
{
    return (size_t)((cell->key[0] + step) % LAYOUT_CELLS);
}

struct layout_cell *
table_find(struct layout_cell cells[LAYOUT_CELLS], const struct state_cell *cell)
{
    for (size_t step = 0; step < LAYOUT_CELLS; step++) {
        struct layout_cell *slot = &cells[slot_at(cell, step)];
        uint64_t first = atomic_load(&slot->key[0]);
        if (first == 0)
            return NULL;
        if (first == cell->key[0] && atomic_load(&slot->key[1]) == cell->key[1])
            return slot;
    }
    return NULL;
}

static void
write_name(struct layout_cell *slot, const struct state_cell *cell)
{
    uint64_t words[LAYOUT_NAME_WORDS];
    memcpy(words, cell->name, sizeof(words));
    for (size_t i = 0; i < LAYOUT_NAME_WORDS; i++)
        atomic_store_explicit(&slot->name[i], words[i], memory_order_relaxed);
}

/* Is the slot ours after we tried to make it so? */
static bool
claim(struct layout_cell *slot, const struct state_cell *cell)
{
    uint64_t first = 0;
    bool took = atomic_compare_exchange_strong(&slot->key[0], &first, cell->key[0]);
    if (!took && first != cell->key[0])
        return false;
    uint64_t second = 0;
    bool finished = atomic_compare_exchange_strong(&slot->key[1], &second, cell->key[1]);
    return finished || second == cell->key[1]; /* else: two identities with one key[0] */
}

struct layout_cell *
table_claim(struct layout_cell cells[LAYOUT_CELLS], const struct state_cell *cell)
{
    struct layout_cell *slot = table_find(cells, cell);
    for (size_t step = 0; step < LAYOUT_CELLS && !slot; step++) {
        if (claim(&cells[slot_at(cell, step)], cell))
            slot = &cells[slot_at(cell, step)];
    }
    /* Who claimed it may have been killed before the name was written. */
    if (slot && atomic_load_explicit(&slot->name[0], memory_order_relaxed) == 0)
        write_name(slot, cell);
    return slot;
}

bool
table_read(const struct layout_cell *slot, struct state_cell *cell)
{
    cell->key[0] = atomic_load(&slot->key[0]);
    cell->key[1] = atomic_load(&slot->key[1]);
    if (cell->key[0] == 0 || cell->key[1] == 0)
        return false;
    uint64_t words[LAYOUT_NAME_WORDS];
    for (size_t i = 0; i < LAYOUT_NAME_WORDS; i++)
        words[i] = atomic_load_explicit(&slot->name[i], memory_order_relaxed);
    memcpy(cell->name, words, sizeof(words));
    cell->name[sizeof(cell->name) - 1] = '\0';
    for (char *at = cell->name; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~')
            *at = '?';
    }
    return true;
}
