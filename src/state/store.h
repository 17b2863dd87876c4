/* store.h - the inside of `struct state`: one address range that is reserved once and kept.
 *
 * The first LAYOUT_FILE_BYTES of the range are the file, or private zero pages; attaching again
 * maps in place (MAP_FIXED), so no thread ever holds a pointer to nothing. A thread caught in the
 * middle of an operation goes on in the new file; its swap there succeeds only if the word has the
 * very value that was judged. Behind it lie private cells for when the file's table is full.
 */
#ifndef POSTERN_STATE_STORE_H
#define POSTERN_STATE_STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "state/file.h"
#include "state/layout.h"
#include "state/state.h"

struct store_range {
    struct layout_file file;
    struct layout_cell spare[LAYOUT_CELLS];
};

struct state {
    struct store_range *range;
    struct state_options options; /* path is a copy, or NULL: private memory, asked for */
    char *path;                   /* owned: what options.path points to */
    _Atomic uint64_t anchor_ms;
    atomic_bool lost; /* set by the guard */
    atomic_bool spare_told;
    _Atomic uint64_t look_at_ms; /* boot clock: when the path is looked at again */
    pthread_mutex_t lock;        /* of what follows */
    struct file_identity identity;
    bool guarded;
    bool shared;
    unsigned attached;
    char why[256];
};

#endif
