/* route.h - which upstreams are tried for a request, in which order. Pure.
 *
 * A route is a model pattern and its steps. A step is one candidate, or several that share the load
 * by weight. The order for one request is made once, before the first attempt.
 */
#ifndef POSTERN_CORE_ROUTE_H
#define POSTERN_CORE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/upstream.h"

#define ROUTE_CANDIDATES_MAX 32

struct route_candidate {
    const struct upstream *upstream;
    const char *model; /* replaces the model on this step; NULL: as the upstream says */
    unsigned weight;   /* 1..1000 */
};

struct route_step {
    const struct route_candidate *candidates;
    size_t count;
};

struct route {
    const char *model; /* exact, or a prefix ending in "*"; "*" is everything */
    const struct route_step *steps;
    size_t count;
};

struct route_table {
    const struct route *routes;
    size_t count;
};

/* The candidates of one request, in the order in which they are tried. */
struct route_order {
    struct route_candidate items[ROUTE_CANDIDATES_MAX];
    size_t count;
};

/* The first route whose pattern takes `model`; requests without a model match only patterns "*".
 * NULL: none. */
const struct route *route_find(const struct route_table *table, struct span model);

/* Do candidates share the load on one of its steps? Else the affinity changes nothing. */
bool route_is_shared(const struct route *route);

/* Lays the steps out. Inside a step the order is drawn by weighted rendezvous hashing of
 * `affinity`, so that one conversation stays on one upstream and moves only when that one rejects.
 */
void route_order(const struct route *route, uint64_t affinity, struct route_order *order);

#endif
