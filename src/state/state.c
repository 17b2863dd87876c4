/* state.c - the life of the store: reserved, attached to its file, looked after, closed. */
#include "state/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "state/anchor.h"
#include "state/guard.h"
#include "state/header.h"
#include "state/store.h"
#include "state/table.h"

#define LOOK_EVERY_MS 1000

static void
adopt_anchor(struct state *state)
{
    struct anchor_boot boot = anchor_read();
    uint64_t anchor_ms = anchor_adopt(&state->range->file.header.anchor, &boot);
    atomic_store(&state->anchor_ms, anchor_ms);
}

/* Not shared, and why; told once for each reason. What is mapped stays: an orphaned file knows more
 * than zero pages. */
static void
stay_private(struct state *state, const char *why)
{
    state->shared = false;
    if (strcmp(state->why, why) == 0)
        return;
    (void)snprintf(state->why, sizeof(state->why), "%s", why);
    char path[LOG_QUOTE_MAX];
    char reason[LOG_QUOTE_MAX];
    log_write(LOG_LEVEL_ERROR, "state_private path=%s reason=%s -> each process decides alone",
              log_quote(path, span_from(state->path)), log_quote(reason, span_from(why)));
}

static bool
map_range(struct state *state, int flags, int fd)
{
    return mmap(&state->range->file, LAYOUT_FILE_BYTES, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
                fd, 0) != MAP_FAILED;
}

static int
map_file(struct state *state, int fd, struct err *err)
{
    if (map_range(state, MAP_SHARED, fd))
        return 0;
    (void)err_system(err, "it cannot be mapped");
    /* A failed MAP_FIXED may leave a hole, and other threads are about to step into it. */
    if (!map_range(state, MAP_PRIVATE | MAP_ANONYMOUS, -1)) {
        log_write(LOG_LEVEL_ERROR, "state_hole reason=\"no memory\" -> the process ends");
        abort();
    }
    return -1;
}

/* The flag is cleared first: a loss from now on concerns the new map. A handler that is late sets
 * it again, which costs one more attachment; one that failed is tried again after a second. */
static void
attach(struct state *state)
{
    atomic_store(&state->lost, false);
    struct err err = {.code = ERR_NONE};
    struct file_identity identity;
    if (!state->guarded)
        state->guarded = guard_add(state->range, LAYOUT_FILE_BYTES, &state->lost);
    if (!state->guarded) {
        stay_private(state, "SIGBUS cannot be caught");
        return;
    }
    int fd = file_open(&state->options, &identity, &err);
    int rc = fd < 0 ? -1 : map_file(state, fd, &err);
    if (fd >= 0)
        (void)close(fd);
    if (rc != 0) {
        stay_private(state, err.msg);
        return;
    }
    state->identity = identity;
    state->attached++;
    state->shared = true;
    if (state->why[0] != '\0') {
        char path[LOG_QUOTE_MAX];
        log_write(LOG_LEVEL_WARN, "state_shared path=%s -> all processes decide together again",
                  log_quote(path, span_from(state->path)));
    }
    state->why[0] = '\0';
    adopt_anchor(state);
}

static bool
wants_file(const struct state_options *options)
{
    return options->path && *options->path != '\0' && strcmp(options->path, "none") != 0;
}

static int
init(struct state *state, const struct state_options *options)
{
    state->options = *options;
    state->options.path = NULL;
    if (state->options.mode != 0660)
        state->options.mode = 0600;
    if (wants_file(options)) {
        state->path = mem_copy_text(options->path, strlen(options->path));
        if (!state->path)
            return -1;
        state->options.path = state->path;
    }
    void *range = mmap(NULL, sizeof(struct store_range), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (range == MAP_FAILED)
        return -1;
    state->range = range;
    return pthread_mutex_init(&state->lock, NULL) == 0 ? 0 : -1;
}

struct state *
state_open(const struct state_options *options, struct err *err)
{
    struct state *state = mem_new(sizeof(*state));
    if (!state || init(state, options) != 0) {
        state_close(state);
        (void)err_set(err, ERR_MEMORY, "no memory for the breakers");
        return NULL;
    }
    if (state->path)
        attach(state);
    else
        (void)snprintf(state->why, sizeof(state->why), "asked for");
    if (!state->shared)
        adopt_anchor(state);
    atomic_store(&state->look_at_ms, clock_boot_ms() + LOOK_EVERY_MS);
    return state;
}

void
state_close(struct state *state)
{
    if (!state)
        return;
    if (state->range) {
        guard_remove(state->range);
        (void)munmap(state->range, sizeof(struct store_range));
    }
    (void)pthread_mutex_destroy(&state->lock);
    mem_free(state->path);
    mem_free(state);
}

static bool
is_attached(const struct state *state)
{
    return state->shared && !atomic_load(&state->lost) &&
           file_is_current(state->path, &state->identity) &&
           header_check(&state->range->file.header) == HEADER_OURS;
}

void
state_refresh(struct state *state)
{
    if (!state->path)
        return;
    uint64_t now_ms = clock_boot_ms();
    bool lost = atomic_load(&state->lost);
    if (!lost && now_ms < atomic_load(&state->look_at_ms))
        return;
    if (pthread_mutex_trylock(&state->lock) != 0)
        return;
    atomic_store(&state->look_at_ms, now_ms + LOOK_EVERY_MS);
    if (is_attached(state))
        adopt_anchor(state);
    else
        attach(state);
    (void)pthread_mutex_unlock(&state->lock);
}

uint64_t
state_now_ms(const struct state *state)
{
    return atomic_load(&state->anchor_ms) + clock_boot_ms();
}

void
state_each(struct state *state, bool (*visit)(void *self, const struct state_cell *cell),
           void *self)
{
    for (size_t i = 0; i < LAYOUT_CELLS; i++) {
        struct state_cell cell;
        if (table_read(&state->range->file.cells[i], &cell) && !visit(self, &cell))
            return;
    }
}

struct state_view
state_view(struct state *state)
{
    struct state_view view = {.cells_max = LAYOUT_CELLS};
    (void)pthread_mutex_lock(&state->lock);
    view.shared = state->shared && !atomic_load(&state->lost);
    view.path = view.shared ? state->path : NULL;
    view.attached = state->attached;
    memcpy(view.why, state->why, sizeof(view.why));
    if (state->shared && !view.shared)
        (void)snprintf(view.why, sizeof(view.why), "the file was truncated");
    (void)pthread_mutex_unlock(&state->lock);
    for (size_t i = 0; i < LAYOUT_CELLS; i++) {
        struct state_cell cell;
        view.cells_used += table_read(&state->range->file.cells[i], &cell) ? 1 : 0;
    }
    return view;
}
