/* exchange.h - one request as a web server hands it over, whatever way it came: FastCGI or CGI.
 *
 * The edge knows how bytes come and go; serve.h knows what they mean.
 */
#ifndef POSTERN_EDGE_EXCHANGE_H
#define POSTERN_EDGE_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "relay/sink.h"

struct exchange {
    const char *const *params; /* "NAME=value" …, NULL-terminated */
    struct source source;
    struct sink sink;
    /* Boot-clock time by which the answer must end because the process is ending; 0: not ending.
     * Changes while the request runs. */
    const _Atomic uint64_t *drain_deadline_ms;
    bool is_cgi;
    bool is_overload; /* every thread is busy: this one may only say so, at once */
};

typedef void (*exchange_serve_fn)(void *self, struct exchange *exchange);

#endif
