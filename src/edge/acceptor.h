/* acceptor.h - waits for the signal that asks for the end, and watches the listening socket while
 * no worker does (workers.h).
 *
 * It accepts only what is turned away, and never reads from a connection, so no peer can hold it
 * up.
 */
#ifndef POSTERN_EDGE_ACCEPTOR_H
#define POSTERN_EDGE_ACCEPTOR_H

#include <stdint.h>

#include "base/err.h"
#include "edge/workers.h"

struct acceptor {
    struct workers *workers;
    int signal_fd; /* of signals_open() */
    /* Called about every `tidy_every_ms`, on the acceptor's thread, which accepts nothing
     * meanwhile; NULL: never. */
    void (*tidy)(void *self);
    void *self;
    uint64_t tidy_every_ms;
};

/* 0: a signal asked for the end. -1 and `err`: the listening socket is of no more use. Nobody
 * accepts any more when it returns, no worker either. */
int acceptor_run(const struct acceptor *acceptor, struct err *err);

#endif
