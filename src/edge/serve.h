/* serve.h - what a request means: one of our own pages, a call of the API, or an error.
 *
 * Holds what the requests of a process share: configuration, state, connections.
 */
#ifndef POSTERN_EDGE_SERVE_H
#define POSTERN_EDGE_SERVE_H

#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "edge/exchange.h"

struct serve;

/* `sources` is borrowed for the life of the server. A configuration that cannot be used is no error
 * here: requests are answered 503 until it is mended. */
struct serve *serve_new(const struct config_sources *sources, unsigned default_drain_ms,
                        struct err *err);
void serve_free(struct serve *serve); /* NULL is allowed; no exchange may be running */

/* Answers one exchange; `serve` is a struct serve. Safe from any thread. */
void serve_exchange(void *serve, struct exchange *exchange);

/* Now and then: gives back what requests have left and nobody uses any more, connections and
 * memory. `serve` is a struct serve. Safe beside exchanges. */
void serve_tidy(void *serve);

/* How many requests may be served at once. */
unsigned serve_threads(struct serve *serve);

/* For how long running requests may go on after the signal to end; `default_drain_ms` where the
 * configuration does not say. */
uint64_t serve_drain_ms(struct serve *serve);

#endif
