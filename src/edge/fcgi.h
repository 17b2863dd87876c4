/* fcgi.h - one accepted FastCGI connection, answered. fcgi.c is the only file that knows libfcgi.
 *
 * The library accepts nothing itself: connections are handed to it (its fields ipcFd and
 * keepConnection), it reads BEGIN and PARAMS and frames what comes and goes. What it cannot be
 * asked for: a NUL inside a parameter's value ends that value, and a peer that may connect can end
 * the process (FCGI_GET_VALUES, absurd lengths). Only the web server may connect, therefore.
 */
#ifndef POSTERN_EDGE_FCGI_H
#define POSTERN_EDGE_FCGI_H

#include <stdbool.h>

#include "base/err.h"
#include "edge/drain.h"
#include "edge/exchange.h"

struct fcgi_server {
    exchange_serve_fn serve; /* called once for each connection that holds a whole request */
    void *self;
    const struct drain *drain;
};

/* Once, before any thread is started and before signals are set: the library sets its own. */
int fcgi_init(struct err *err);

/* Takes `fd`, a connected socket: reads one request, has it served, ends the answer, closes. With
 * `is_overload` the peer's time-outs are a second. Whatever goes wrong concerns this connection
 * alone. */
void fcgi_answer(const struct fcgi_server *server, int fd, bool is_overload);

#endif
