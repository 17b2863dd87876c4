/* pool.h - which warm connection takes the next exchange: the shelf behind transfer.h's pool.
 *
 * Per origin and scope, bounded, last used first taken, because the youngest is the likeliest to
 * live still. An item is on the shelf or with one thread, never both.
 */
#ifndef POSTERN_NET_POOL_H
#define POSTERN_NET_POOL_H

#include <pthread.h>
#include <stdint.h>

#include "net/transfer.h"

struct connection;

struct pool_item {
    char *origin; /* its connection belongs to this one alone … */
    char *scope;  /* … and to these askers; "": to all */
    struct connection *connection;
    struct pool_item *older, *newer; /* on the shelf */
    uint64_t idle_since_ms;
};

struct connection_share;

struct pool {
    struct pool_options options;
    struct connection_share *share;
    void (*close_item)(struct pool_item *item); /* closes the connection and frees the item */
    pthread_mutex_t lock;                       /* of the shelf */
    struct pool_item *newest, *oldest;
    unsigned count;
};

void pool_init(struct pool *pool, const struct pool_options *options,
               void (*close_item)(struct pool_item *item));
void pool_fini(struct pool *pool); /* closes all that is on the shelf */

/* The item of that origin and scope (NULL: "") that was given last, now the caller's; NULL when
 * none is warm. */
struct pool_item *pool_take(struct pool *pool, const char *origin, const char *scope,
                            uint64_t now_ms);

/* Takes the item over. Items beyond the bounds are closed, the longest idle first. */
void pool_give(struct pool *pool, struct pool_item *item, uint64_t now_ms);

#endif
