/* store.c - the configuration of a running process: counted snapshots, replaced as a whole.
 *
 * A request takes a snapshot and gives it back; a new one replaces it in between without disturbing
 * it. Files are read outside the lock, by one thread at a time.
 */
#include "config/config.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/file.h"
#include "config/load.h"

#define LOOK_EVERY_MS 1000
#define ROOTS_MAX 64

struct snapshot {
    struct config *config;
    unsigned users; /* requests that hold it; the store itself is not counted */
    struct snapshot *next;
};

struct config_store {
    pthread_mutex_t lock; /* guards all below; not held while files are read */
    struct config_sources sources;
    char *roots[ROOTS_MAX]; /* what `sources` names, then what web servers told */
    size_t root_count;
    struct snapshot *snapshots; /* all that are alive */
    struct snapshot *current;   /* NULL: no good one */
    struct file_watch watch;    /* what the last reading looked at */
    uint64_t looked_at_ms;
    bool has_looked, is_stale, is_loading;
    unsigned generation;
};

/* --- snapshots, with the lock held ---------------------------------------- */

static void
drop_unused(struct config_store *store)
{
    for (struct snapshot **at = &store->snapshots; *at;) {
        struct snapshot *snapshot = *at;
        if (snapshot == store->current || snapshot->users > 0) {
            at = &snapshot->next;
            continue;
        }
        *at = snapshot->next;
        config_free(snapshot->config);
        mem_free(snapshot);
    }
}

static bool
lies_below(const struct config *config, const char *root)
{
    const char *const paths[] = {config->env_path, config->json_path, config->state_path};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        bool is_file = paths[i] && strcmp(paths[i], "none") != 0;
        if (is_file && file_is_below(paths[i], root))
            return true;
    }
    return false;
}

static bool
is_exposed(const struct config_store *store, const struct config *config)
{
    for (size_t i = 0; i < store->root_count; i++) {
        if (lies_below(config, store->roots[i]))
            return true;
    }
    return false;
}

/* Takes the configuration over. Where there is no memory, or a document root was told while the
 * files were read, the one before stays and the next look tries again. */
static void
accept_config(struct config_store *store, struct config *config)
{
    struct snapshot *snapshot = mem_new(sizeof(*snapshot));
    if (!snapshot || is_exposed(store, config)) {
        mem_free(snapshot);
        config_free(config);
        store->is_stale = true;
        return;
    }
    *snapshot = (struct snapshot){.config = config, .next = store->snapshots};
    store->snapshots = snapshot;
    store->current = snapshot;
    store->generation++;
    drop_unused(store);
}

/* --- the log -------------------------------------------------------------- */

static void
log_result(const struct config *accepted, bool has_good, bool is_brief,
           const struct config_mistakes *mistakes)
{
    for (size_t i = 0; i < mistakes->warning_count && !is_brief; i++)
        log_write(LOG_LEVEL_WARN, "config_warning %s", mistakes->warnings[i]);
    for (size_t i = 0; i < mistakes->count; i++)
        log_write(LOG_LEVEL_ERROR, "config_mistake %s", mistakes->lines[i]);
    if (accepted && !is_brief)
        log_write(LOG_LEVEL_INFO,
                  "config_accepted env=%s json=%s state=%s upstreams=%zu routes=%zu",
                  accepted->env_path ? accepted->env_path : "none",
                  accepted->json_path ? accepted->json_path : "none", accepted->state_path,
                  accepted->upstream_count, accepted->routes.count);
    if (!accepted)
        log_write(LOG_LEVEL_ERROR, "config_refused mistakes=%zu -> %s",
                  mistakes->count + mistakes->lost_count,
                  has_good ? "the configuration from before stays in use"
                           : "every request is answered 503 until it is mended");
}

/* --- reading -------------------------------------------------------------- */

/* One reading; the caller has set `is_loading` and does not hold the lock. */
static void
load(struct config_store *store, const struct config_sources *sources)
{
    struct config *config = NULL;
    struct config_mistakes mistakes;
    struct file_watch watch = {0};
    bool is_good = load_config(sources, &config, &mistakes, &watch) == 0;

    pthread_mutex_lock(&store->lock);
    bool has_good = store->current != NULL;
    log_result(is_good ? config : NULL, has_good, sources->is_brief, &mistakes);
    if (is_good)
        accept_config(store, config);
    file_watch_fini(&store->watch);
    store->watch = watch;
    store->is_loading = false;
    pthread_mutex_unlock(&store->lock);
    config_mistakes_fini(&mistakes);
}

/* Is it time to read again? Then this thread does it. */
static bool
begin_load(struct config_store *store, uint64_t now_ms, struct config_sources *sources,
           const char *roots[ROOTS_MAX])
{
    pthread_mutex_lock(&store->lock);
    bool is_time =
        !store->has_looked || store->is_stale || now_ms >= store->looked_at_ms + LOOK_EVERY_MS;
    bool is_needed = is_time && !store->is_loading &&
                     (!store->has_looked || store->is_stale || file_watch_changed(&store->watch));
    if (is_time) {
        store->looked_at_ms = now_ms;
        store->has_looked = true;
    }
    if (is_needed) {
        store->is_loading = true;
        store->is_stale = false;
        for (size_t i = 0; i < store->root_count; i++)
            roots[i] = store->roots[i];
        *sources = store->sources;
        sources->document_roots = roots;
        sources->document_root_count = store->root_count;
    }
    pthread_mutex_unlock(&store->lock);
    return is_needed;
}

void
config_store_refresh_at(struct config_store *store, uint64_t now_ms)
{
    struct config_sources sources;
    const char *roots[ROOTS_MAX];
    if (begin_load(store, now_ms, &sources, roots))
        load(store, &sources);
}

/* --- document roots ------------------------------------------------------- */

static bool
knows_root(const struct config_store *store, struct span root)
{
    for (size_t i = 0; i < store->root_count; i++) {
        if (span_is(root, store->roots[i]))
            return true;
    }
    return false;
}

/* With the lock held. A configuration that turns out to lie in the open is dropped at once; where
 * the state file alone was misplaced, the next reading finds it another place. */
static void
add_root(struct config_store *store, struct span document_root)
{
    char *root = mem_copy_text(document_root.ptr, document_root.len);
    if (!root)
        return;
    store->roots[store->root_count++] = root;
    if (!store->current || !lies_below(store->current->config, root))
        return;
    char quoted[LOG_QUOTE_MAX];
    log_write(LOG_LEVEL_ERROR, "config_exposed root=%s -> the files below it are used no more",
              log_quote(quoted, document_root));
    store->current = NULL;
    store->is_stale = true;
    drop_unused(store);
}

void
config_store_saw_root(struct config_store *store, struct span document_root)
{
    if (document_root.len == 0)
        return;
    pthread_mutex_lock(&store->lock);
    if (store->root_count < ROOTS_MAX && !knows_root(store, document_root))
        add_root(store, document_root);
    bool is_stale = store->is_stale;
    uint64_t now_ms = store->looked_at_ms;
    pthread_mutex_unlock(&store->lock);
    if (is_stale)
        config_store_refresh_at(store, now_ms);
}

/* --- life ----------------------------------------------------------------- */

struct config_store *
config_store_new(const struct config_sources *sources, struct err *err)
{
    struct config_store *store = mem_new(sizeof(*store));
    if (!store || pthread_mutex_init(&store->lock, NULL) != 0) {
        mem_free(store);
        (void)err_set(err, ERR_MEMORY, "no memory is left for the configuration");
        return NULL;
    }
    store->sources = *sources;
    for (size_t i = 0; i < sources->document_root_count && i < ROOTS_MAX; i++)
        add_root(store, span_from(sources->document_roots[i]));
    config_store_refresh_at(store, clock_boot_ms());
    return store;
}

void
config_store_free(struct config_store *store)
{
    if (!store)
        return;
    store->current = NULL;
    for (struct snapshot *snapshot = store->snapshots; snapshot; snapshot = snapshot->next)
        snapshot->users = 0;
    drop_unused(store);
    for (size_t i = 0; i < store->root_count; i++)
        mem_free(store->roots[i]);
    file_watch_fini(&store->watch);
    (void)pthread_mutex_destroy(&store->lock);
    mem_free(store);
}

const struct config *
config_store_get(struct config_store *store)
{
    const struct config *config = NULL;
    pthread_mutex_lock(&store->lock);
    if (store->current) {
        store->current->users++;
        config = store->current->config;
    }
    pthread_mutex_unlock(&store->lock);
    return config;
}

void
config_store_put(struct config_store *store, const struct config *config)
{
    if (!config)
        return;
    pthread_mutex_lock(&store->lock);
    for (struct snapshot *snapshot = store->snapshots; snapshot; snapshot = snapshot->next) {
        if (snapshot->config == config)
            snapshot->users--;
    }
    drop_unused(store);
    pthread_mutex_unlock(&store->lock);
}

unsigned
config_store_generation(struct config_store *store)
{
    pthread_mutex_lock(&store->lock);
    unsigned generation = store->generation;
    pthread_mutex_unlock(&store->lock);
    return generation;
}
