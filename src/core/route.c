/* route.c - finds the route of a model and draws the order inside its steps.
 *
 * Weighted rendezvous: every candidate of a step gets a number u in (0, 1] from the hash of
 * (affinity, candidate), and the order is by -log2(u) / weight, least first. Such a quotient is
 * exponentially distributed with the weight as its rate, so each candidate is first with
 * probability weight / sum of weights, and the others' quotients do not change when one is removed
 * or added. Logarithm and comparison are integers, so that every machine draws the same order.
 */
#include "core/route.h"

static uint64_t
mix(uint64_t x) /* the finaliser of splitmix64 */
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* FNV-1a over the text and its end. */
static uint64_t
hash_text(uint64_t hash, const char *text)
{
    const uint64_t prime = UINT64_C(0x100000001b3);
    for (const char *at = text ? text : ""; *at; at++)
        hash = (hash ^ (unsigned char)*at) * prime;
    return (hash ^ 0xff) * prime;
}

/* A candidate is who answers and as what: its place in the step says nothing. */
static uint64_t
draw(uint64_t affinity, const struct route_candidate *candidate)
{
    uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), candidate->upstream->name);
    hash = hash_text(hash, candidate->model);
    return mix(hash ^ mix(affinity + UINT64_C(0x9e3779b97f4a7c15)));
}

#define LOG_BITS 28

/* -log2(hash / 2^64) with LOG_BITS binary places, never 0. The places come one by one: squaring the
 * mantissa doubles its logarithm, and a product of 2 or more is the next place's 1. */
static uint64_t
minus_log2(uint64_t hash)
{
    unsigned exponent = 63;
    hash |= 1;
    while (hash >> 63 == 0) {
        hash <<= 1;
        exponent--;
    }
    uint64_t mantissa = hash >> 32; /* 2^31 is 1.0 */
    uint64_t log = exponent;
    for (unsigned i = 0; i < LOG_BITS; i++) {
        mantissa = (mantissa * mantissa) >> 31;
        log <<= 1;
        if (mantissa >> 32 != 0) {
            mantissa >>= 1;
            log |= 1;
        }
    }
    return (UINT64_C(64) << LOG_BITS) - log;
}

/* -log2(u) of each candidate laid out so far, beside the order's items. */
struct draws {
    uint64_t logs[ROUTE_CANDIDATES_MAX];
};

/* a's log / a's weight < b's log / b's weight. Logs are below 2^35, weights at most 1000. */
static bool
is_before(uint64_t a_log, unsigned a_weight, uint64_t b_log, unsigned b_weight)
{
    return a_log * b_weight < b_log * a_weight;
}

/* Puts one candidate where it belongs among the items from `first` on; in a full order the last
 * gives way. */
static void
insert(struct route_order *order, struct draws *draws, size_t first,
       const struct route_candidate *candidate, uint64_t log)
{
    size_t at = order->count;
    while (at > first &&
           is_before(log, candidate->weight, draws->logs[at - 1], order->items[at - 1].weight))
        at--;
    if (at == ROUTE_CANDIDATES_MAX)
        return;
    if (order->count < ROUTE_CANDIDATES_MAX)
        order->count++;
    for (size_t i = order->count - 1; i > at; i--) {
        order->items[i] = order->items[i - 1];
        draws->logs[i] = draws->logs[i - 1];
    }
    order->items[at] = *candidate;
    draws->logs[at] = log;
}

static bool
is_star(const char *pattern)
{
    return pattern[0] == '*' && pattern[1] == '\0';
}

/* Byte by byte, so that a row that takes other models costs a glance at its first bytes. */
static bool
matches(const char *pattern, struct span model)
{
    size_t at = 0;
    while (at < model.len && pattern[at] == model.ptr[at] && pattern[at] != '\0' &&
           !is_star(pattern + at))
        at++;
    return is_star(pattern + at) || (at == model.len && at > 0 && pattern[at] == '\0');
}

const struct route *
route_find(const struct route_table *table, struct span model)
{
    for (size_t i = 0; i < table->count; i++) {
        if (matches(table->routes[i].model, model))
            return &table->routes[i];
    }
    return NULL;
}

bool
route_is_shared(const struct route *route)
{
    for (size_t i = 0; i < route->count; i++) {
        if (route->steps[i].count > 1)
            return true;
    }
    return false;
}

void
route_order(const struct route *route, uint64_t affinity, struct route_order *order)
{
    struct draws draws;
    order->count = 0;
    for (size_t i = 0; i < route->count; i++) {
        const struct route_step *step = &route->steps[i];
        size_t first = order->count;
        for (size_t j = 0; j < step->count; j++) {
            const struct route_candidate *candidate = &step->candidates[j];
            bool is_alone = step->count == 1; /* then nothing is drawn for */
            uint64_t log = is_alone ? 0 : minus_log2(draw(affinity, candidate));
            insert(order, &draws, first, candidate, log);
        }
    }
}
