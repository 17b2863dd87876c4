/* acceptor.h - takes connections and hands them on until a signal asks for the end.
 *
 * It never reads from a connection, so no peer can hold it up.
 */
#ifndef POSTERN_EDGE_ACCEPTOR_H
#define POSTERN_EDGE_ACCEPTOR_H

#include <stdbool.h>

#include "base/err.h"

struct acceptor {
    int listen_fd; /* non-blocking */
    int signal_fd; /* of signals_open() */
    /* Takes `fd`. `must_shed`: it was accepted with the last descriptor, so it can only be refused.
     * False: there was no place for it and it was closed. */
    bool (*give)(void *self, int fd, bool must_shed);
    void *self;
};

/* 0: a signal asked for the end. -1 and `err`: the listening socket is of no more use. */
int acceptor_run(const struct acceptor *acceptor, struct err *err);

#endif
