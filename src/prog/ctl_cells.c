/* ctl_cells.c - which breakers there are. */
#include "prog/ctl_cells.h"

#include <stdio.h>
#include <string.h>

struct walk {
    bool (*visit)(void *self, const struct ctl_cell *cell);
    void *self;
    bool is_over;
};

static void
visit(struct walk *walk, const struct upstream *upstream, const char *model)
{
    struct ctl_cell cell = {.upstream = upstream, .model = model};
    if (walk->is_over)
        return;
    state_cell_name(&cell.cell, upstream, model);
    walk->is_over = !walk->visit(walk->self, &cell);
}

/* Counts `index` down over the step's models for this upstream; the one at 0, or NULL. */
static const char *
model_of_step(const struct route_step *step, const struct upstream *upstream, size_t *index)
{
    for (size_t i = 0; i < step->count; i++) {
        const struct route_candidate *candidate = &step->candidates[i];
        if (candidate->upstream == upstream && candidate->model && (*index)-- == 0)
            return candidate->model;
    }
    return NULL;
}

/* The models that the configuration gives this upstream, one after another; NULL: no more. */
static const char *
configured_model(const struct config *config, const struct upstream *upstream, size_t index)
{
    if (index < upstream->model_count)
        return upstream->models[index].to;
    index -= upstream->model_count;
    if (upstream->model && index-- == 0)
        return upstream->model;
    for (size_t r = 0; r < config->routes.count; r++) {
        const struct route *route = &config->routes.routes[r];
        for (size_t s = 0; s < route->count; s++) {
            const char *model = model_of_step(&route->steps[s], upstream, &index);
            if (model)
                return model;
        }
    }
    return NULL;
}

static bool
stands_before(const struct config *config, const struct upstream *upstream, size_t index,
              const char *model)
{
    for (size_t i = 0; i < index; i++) {
        const char *earlier = configured_model(config, upstream, i);
        if (earlier && strcmp(earlier, model) == 0)
            return true;
    }
    return false;
}

void
ctl_cells_each(const struct config *config,
               bool (*callback)(void *self, const struct ctl_cell *cell), void *self)
{
    struct walk walk = {callback, self, false};
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct upstream *upstream = &config->upstreams[i];
        visit(&walk, upstream, NULL);
        if (!config->breaker_per_model)
            continue;
        const char *model;
        for (size_t m = 0; (model = configured_model(config, upstream, m)) != NULL; m++) {
            if (!stands_before(config, upstream, m, model))
                visit(&walk, upstream, model);
        }
    }
}

struct state *
ctl_cells_open(const struct config *config, bool must_exist)
{
    const struct state_options options = {.path = config->state_path,
                                          .mode = config->state_mode,
                                          .any_filesystem = config->state_any_filesystem,
                                          .must_exist = must_exist};
    struct err err;
    struct state *state = state_open(&options, &err);
    if (!state) {
        (void)fprintf(stderr, "posternctl: %s\n", err.msg);
        return NULL;
    }
    struct state_view view = state_view(state);
    if (view.shared)
        return state;
    if (strcmp(config->state_path, "none") == 0)
        (void)fputs("posternctl: state = none: each process has breakers of its own, which no "
                    "other can see\n",
                    stderr);
    else
        (void)fprintf(stderr, "posternctl: the state file %s cannot be used: %s\n",
                      config->state_path, view.why);
    state_close(state);
    return NULL;
}
