/* front.h - what the web server in front does with an answer that ends before it is whole. Pure.
 *
 * Tried with each server and each version of HTTP (tests/bats/cut.bats); the table is in
 * doc/failures.md. A server that nobody tried is taken at the least that HTTP asks of it: it passes
 * a Content-Length on.
 */
#ifndef POSTERN_EDGE_FRONT_H
#define POSTERN_EDGE_FRONT_H

#include <stdbool.h>

#include "relay/sink.h"

struct front {
    enum sink_cut cut;
    bool cut_is_late; /* as in the sink */
    /* A script's answer without a length goes out in chunks of its own: the server then knows where
     * it ends, and passes that on. */
    bool takes_chunks;
    /* Where the connection to us breaks it adds a page of its own, or leaves the client waiting: a
     * cut answer ends well there, and short of its length. */
    bool ends_short;
    /* A connection to us that just closes is a good end to it; one that is reset is not. */
    bool believes_close;
};

/* By SERVER_SOFTWARE, SERVER_PROTOCOL and what else the server says about itself. */
struct front front_read(const char *const *params, bool is_cgi);

#endif
