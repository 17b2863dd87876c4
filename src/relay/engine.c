/* engine.c - opens what calls share, once, and lends it. */
#include "relay/engine.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* Warm connections: enough for every thread, on one upstream or spread. */
#define IDLE_CONNECTIONS_MAX 256
#define CONNECTION_LIFE_S 3600 /* then the certificate is looked at again */
#define IDLE_LIFE_S 60         /* upstreams close idle connections after about that time */

struct engine {
    struct pool *pool;
    pthread_mutex_t opening;
    _Atomic(struct state *) state; /* NULL until the first good configuration said where it is */
};

struct engine *
engine_new(struct err *err)
{
    const struct pool_options options = {
        .idle_per_origin_max = IDLE_CONNECTIONS_MAX,
        .idle_max = IDLE_CONNECTIONS_MAX,
        .connection_life_s = CONNECTION_LIFE_S,
        .idle_life_s = IDLE_LIFE_S,
    };
    struct engine *engine = mem_new(sizeof(*engine));
    if (!engine) {
        (void)err_set(err, ERR_MEMORY, "no memory for the engine");
        return NULL;
    }
    pthread_mutex_init(&engine->opening, NULL);
    engine->pool = pool_new(&options, err);
    if (engine->pool)
        return engine;
    engine_free(engine);
    return NULL;
}

void
engine_free(struct engine *engine)
{
    if (!engine)
        return;
    struct state *state = atomic_load(&engine->state);
    if (state)
        state_close(state);
    if (engine->pool)
        pool_free(engine->pool);
    pthread_mutex_destroy(&engine->opening);
    mem_free(engine);
}

/* NULL: this machine has no memory left. */
static struct state *
open_state(struct engine *engine, const struct config *config)
{
    struct err err;
    const struct state_options options = {
        .path = config->state_path,
        .mode = config->state_mode,
        .any_filesystem = config->state_any_filesystem,
    };
    pthread_mutex_lock(&engine->opening);
    struct state *state = atomic_load(&engine->state);
    if (!state) {
        state = state_open(&options, &err);
        if (!state)
            log_write(LOG_LEVEL_ERROR, "state_failed reason=\"%s\"", err.msg);
        atomic_store(&engine->state, state);
    }
    pthread_mutex_unlock(&engine->opening);
    return state;
}

bool
engine_tidy(struct engine *engine)
{
    return pool_sweep(engine->pool, clock_boot_ms());
}

int
engine_lend(struct engine *engine, const struct config *config, struct relay *relay)
{
    struct state *state = atomic_load(&engine->state);
    if (!state)
        state = open_state(engine, config);
    if (!state)
        return -1;
    state_refresh(state);
    *relay = (struct relay){.config = config, .state = state, .pool = engine->pool};
    return 0;
}
