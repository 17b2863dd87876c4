/* fcgi.h - one accepted FastCGI connection: its requests read, served and answered in turn.
 *
 * parse/fcgi.h reads the records, parse/fcgiframe.h makes them; here are the socket, time and the
 * exchange. Every wait has an end: a request's parameters must be there half a minute after its
 * first byte or the connection's, its body must go on, and so must the peer's reading. What cannot
 * be a request ends the connection and concerns nobody else.
 *
 * A connection is kept for another request when the web server asks for that (FCGI_KEEP_CONN), and
 * while it is silent its thread is given up as soon as it is needed elsewhere (`rest`).
 */
#ifndef POSTERN_EDGE_FCGI_H
#define POSTERN_EDGE_FCGI_H

#include <stdatomic.h>
#include <stdbool.h>

#include "edge/drain.h"
#include "edge/exchange.h"
#include "edge/refusals.h"

struct fcgi_server {
    exchange_serve_fn serve; /* called once for each whole request */
    void *self;
    const struct drain *drain;
    struct refusals *refusals;
    /* Does the web server in front believe in a connection that just closes (front.h)? Learnt from
     * its first request. NULL: it does not matter. */
    atomic_bool *believes_close;
    unsigned connections_max; /* what a web server that asks is told */
    /* May who is at the other end ask for anything? Fills his `uid` when not. NULL: anybody may. */
    bool (*lets_in)(void *self, int fd, int64_t *uid);
    /* Waits on a silent connection until there is something to read (true), or it is to be closed.
     * NULL: no connection is kept. */
    bool (*rest)(void *rest_self, int fd);
    void *rest_self;
};

/* Takes `fd`, a connected socket, serves what comes and closes it. With `is_overload` the peer's
 * time-outs are a second, and one request is all. */
void fcgi_answer(const struct fcgi_server *server, int fd, bool is_overload);

#endif
