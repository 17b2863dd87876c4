/* sink.h - where an answer goes: the web server behind FastCGI or CGI, or memory in tests.
 *
 * Each call returns 0, or -1 when the client is gone; after that every further one returns -1 too.
 * The head is sent once. Nothing that was not handed to `flush` needs to have left.
 */
#ifndef POSTERN_RELAY_SINK_H
#define POSTERN_RELAY_SINK_H

#include <stdbool.h>

#include "base/span.h"
#include "core/wire.h"

struct sink {
    void *self;
    int (*head)(void *self, int status, const struct wire_headers *headers);
    int (*bytes)(void *self, struct span bytes);
    int (*flush)(void *self);
    /* Ends the answer so that the client sees it was cut: the connection to the web server is
     * broken, not finished. */
    void (*abort)(void *self);
    /* Is the other end gone? `revents` as poll(2) told for wait_fd, or 0 to look now. */
    bool (*is_gone)(void *self, short revents);
    /* Polled while waiting for the upstream; -1: none. It becomes readable when is_gone() should be
     * asked, which takes that back unless the other end is gone: wait_events is POLLIN. */
    int wait_fd;
    short wait_events;
};

/* Where a request's body comes from. */
struct source {
    void *self;
    /* Fills up to `room` bytes; 0 at the end, -1 when it broke. */
    int64_t (*read)(void *self, char *out, size_t room);
};

#endif
