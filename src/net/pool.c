/* pool.c - the shelf of warm connections: one list, newest first, under one lock. */
#include "net/pool.h"

#include <assert.h>
#include <string.h>

void
pool_init(struct pool *pool, const struct pool_options *options,
          void (*close_item)(struct pool_item *item))
{
    *pool = (struct pool){.options = *options, .close_item = close_item};
    pthread_mutex_init(&pool->lock, NULL);
}

/* Outside the lock, because closing a TLS connection talks to the network. */
static void
close_all(struct pool *pool, struct pool_item *item)
{
    while (item) {
        struct pool_item *older = item->older;
        pool->close_item(item);
        item = older;
    }
}

void
pool_fini(struct pool *pool)
{
    close_all(pool, pool->newest);
    pool->newest = NULL;
    pthread_mutex_destroy(&pool->lock);
}

/* The list is in order of age, so the stale ones are its end. */
static struct pool_item *
take_stale(struct pool *pool, uint64_t now_ms)
{
    struct pool_item **at = &pool->newest;
    uint64_t life_ms = pool->options.idle_life_s * 1000;
    while (*at && now_ms < (*at)->idle_since_ms + life_ms)
        at = &(*at)->older;
    struct pool_item *stale = *at;
    *at = NULL;
    return stale;
}

struct pool_item *
pool_take(struct pool *pool, const char *origin, uint64_t now_ms)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_item *stale = take_stale(pool, now_ms);
    struct pool_item **at = &pool->newest;
    while (*at && strcmp((*at)->origin, origin) != 0)
        at = &(*at)->older;
    struct pool_item *found = *at;
    if (found) {
        *at = found->older;
        found->older = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    close_all(pool, stale);
    return found;
}

/* Unlinks what is over the bounds: at most one of this origin, at most one altogether. */
static struct pool_item *
take_surplus(struct pool *pool, const char *origin)
{
    struct pool_item *surplus = NULL;
    unsigned of_origin = 0;
    unsigned kept = 0;
    for (struct pool_item **at = &pool->newest; *at;) {
        struct pool_item *item = *at;
        bool is_surplus =
            kept == pool->options.idle_max ||
            (strcmp(item->origin, origin) == 0 && ++of_origin > pool->options.idle_per_origin_max);
        if (!is_surplus) {
            kept++;
            at = &item->older;
            continue;
        }
        *at = item->older;
        item->older = surplus;
        surplus = item;
    }
    return surplus;
}

void
pool_give(struct pool *pool, struct pool_item *item, uint64_t now_ms)
{
    assert(!item->older);
    pthread_mutex_lock(&pool->lock);
    struct pool_item *stale = take_stale(pool, now_ms);
    item->idle_since_ms = now_ms;
    item->older = pool->newest;
    pool->newest = item;
    struct pool_item *surplus = take_surplus(pool, item->origin);
    pthread_mutex_unlock(&pool->lock);
    close_all(pool, stale);
    close_all(pool, surplus);
}
