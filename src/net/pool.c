/* pool.c - the shelf of warm connections: one list in order of age, under one lock. */
#include "net/pool.h"

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
    pool->newest = pool->oldest = NULL;
    pthread_mutex_destroy(&pool->lock);
}

static void
put_first(struct pool *pool, struct pool_item *item)
{
    item->older = pool->newest;
    item->newer = NULL;
    if (pool->newest)
        pool->newest->newer = item;
    else
        pool->oldest = item;
    pool->newest = item;
    pool->count++;
}

static void
put_out(struct pool *pool, struct pool_item *item)
{
    *(item->newer ? &item->newer->older : &pool->newest) = item->older;
    *(item->older ? &item->older->newer : &pool->oldest) = item->newer;
    item->older = item->newer = NULL;
    pool->count--;
}

/* Takes the oldest off the shelf and puts it before those in `list`. */
static void
put_out_oldest(struct pool *pool, struct pool_item **list)
{
    struct pool_item *item = pool->oldest;
    put_out(pool, item);
    item->older = *list;
    *list = item;
}

/* The list is in order of age, so the stale ones are its end. */
static struct pool_item *
take_stale(struct pool *pool, uint64_t now_ms)
{
    struct pool_item *stale = NULL;
    uint64_t life_ms = pool->options.idle_life_s * 1000;
    while (pool->oldest && now_ms >= pool->oldest->idle_since_ms + life_ms)
        put_out_oldest(pool, &stale);
    return stale;
}

struct pool_item *
pool_take(struct pool *pool, const char *origin, uint64_t now_ms)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_item *stale = take_stale(pool, now_ms);
    struct pool_item *found = pool->newest;
    while (found && strcmp(found->origin, origin) != 0)
        found = found->older;
    if (found)
        put_out(pool, found);
    pthread_mutex_unlock(&pool->lock);
    close_all(pool, stale);
    return found;
}

bool
pool_sweep(struct pool *pool, uint64_t now_ms)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_item *stale = take_stale(pool, now_ms);
    bool is_empty = pool->count == 0;
    pthread_mutex_unlock(&pool->lock);
    bool has_closed = stale != NULL;
    close_all(pool, stale);
    return has_closed && is_empty;
}

/* The longest idle one of this origin when there is one too many. */
static struct pool_item *
find_surplus(const struct pool *pool, const char *origin)
{
    struct pool_item *last = NULL;
    unsigned of_origin = 0;
    if (pool->count <= pool->options.idle_per_origin_max)
        return NULL; /* without a look at them, which is the rule */
    for (struct pool_item *item = pool->newest; item; item = item->older) {
        if (strcmp(item->origin, origin) != 0)
            continue;
        last = item;
        of_origin++;
    }
    return of_origin > pool->options.idle_per_origin_max ? last : NULL;
}

void
pool_give(struct pool *pool, struct pool_item *item, uint64_t now_ms)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_item *stale = take_stale(pool, now_ms);
    item->idle_since_ms = now_ms;
    put_first(pool, item);
    struct pool_item *surplus = find_surplus(pool, item->origin);
    if (surplus)
        put_out(pool, surplus);
    else if (pool->count > pool->options.idle_max)
        put_out_oldest(pool, &surplus);
    pthread_mutex_unlock(&pool->lock);
    close_all(pool, stale);
    close_all(pool, surplus);
}
