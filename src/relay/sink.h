/* sink.h - where an answer goes: the web server behind FastCGI or CGI, or memory in tests.
 *
 * Each call returns 0, or -1 when the client is gone; after that every further one returns -1 too.
 * The head is sent once. Nothing that neither `flush` nor `end` followed needs to have left.
 */
#ifndef POSTERN_RELAY_SINK_H
#define POSTERN_RELAY_SINK_H

#include <poll.h>
#include <stdbool.h>

#include "base/span.h"
#include "core/wire.h"

#define SINK_WAITS 2

/* What shows a client that an answer was cut which abort() ended. */
enum sink_cut {
    SINK_CUT_UNSEEN,    /* nothing: it looks whole */
    SINK_CUT_BY_LENGTH, /* that it is shorter than its Content-Length, where it has one */
    SINK_CUT_BROKEN     /* the transfer itself breaks, whatever the answer is */
};

struct sink {
    void *self;
    enum sink_cut cut;
    bool cut_is_late; /* seen only when the client's connection ends, unless the answer closes it */
    int (*head)(void *self, int status, const struct wire_headers *headers);
    int (*bytes)(void *self, struct span bytes);
    int (*flush)(void *self);
    /* The answer is whole: what was kept back leaves together with its end. Nothing may follow. */
    int (*end)(void *self);
    /* Ends the answer so that the client sees it was cut: the connection to the web server is
     * broken, not finished. */
    void (*abort)(void *self);
    /* Is the other end gone, by what the last poll of `waits` told? */
    bool (*is_gone)(void *self);
    /* Polled while waiting for the upstream; who polls leaves the revents there. Each asks for
     * POLLIN alone and becomes readable when is_gone() should be asked, which takes that back
     * unless the other end is gone. Always SINK_WAITS of them; fd -1: none. Borrowed for the sink's
     * life. */
    struct pollfd *waits;
};

/* Where a request's body comes from. */
struct source {
    void *self;
    /* Fills up to `room` bytes; 0 at the end, -1 when it broke. */
    int64_t (*read)(void *self, char *out, size_t room);
};

#endif
