/* exchange.h - one request as a web server hands it over, whatever way it came: FastCGI or CGI.
 *
 * The edge knows how bytes come and go; serve.h knows what they mean.
 *
 * One of sink.waits becomes readable when the other end went away, and once when the process begins
 * to end, so that who waits looks at drain_deadline_ms. That a part of the request's body is still
 * unread makes it readable once at most; sink.is_gone() takes it back.
 */
#ifndef POSTERN_EDGE_EXCHANGE_H
#define POSTERN_EDGE_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "edge/probe.h"
#include "relay/request.h"
#include "relay/sink.h"

struct exchange {
    const char *const *params; /* "NAME=value" …, NULL-terminated; each has a name and a '=' */
    /* Why the parameters cannot be taken, for the answer; there are none then. NULL: they can. */
    const struct request_fault *fault;
    struct source source;
    struct sink sink;
    /* Boot-clock time by which the answer must end because the process is ending; 0: not ending.
     * Changes while the request runs. */
    const _Atomic uint64_t *drain_deadline_ms;
    struct probe *probe; /* of the client's own socket: off until probe_start() */
    bool is_overload;    /* every thread is busy: this one may only say so, at once */
};

/* How long the request's body is, by the parameters; EXCHANGE_LENGTH_UNKNOWN: it ends where the
 * input ends. */
#define EXCHANGE_LENGTH_UNKNOWN (-1)
int64_t exchange_body_length(const char *const *params);

typedef void (*exchange_serve_fn)(void *self, struct exchange *exchange);

#endif
