/* models.c - names out of routes and upstreams, each once, in the order of the configuration. */
#include "view/models.h"

#include <string.h>

#define NAMES_MAX 1024 /* what is beyond is not listed, but served all the same */

struct names {
    const char *items[NAMES_MAX];
    size_t count;
};

static void
add(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0)
            return;
    }
    if (names->count < NAMES_MAX)
        names->items[names->count++] = name;
}

static void
collect(const struct config *config, struct names *names)
{
    names->count = 0;
    for (size_t i = 0; i < config->routes.count; i++) {
        if (!strchr(config->routes.routes[i].model, '*'))
            add(names, config->routes.routes[i].model);
    }
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct upstream *upstream = &config->upstreams[i];
        for (size_t j = 0; j < upstream->model_count; j++)
            add(names, upstream->models[j].from);
    }
}

bool
models_are_named(const struct config *config)
{
    struct names names;
    collect(config, &names);
    return names.count > 0;
}

static int
write_model(struct buf *out, const char *name)
{
    if (buf_puts(out, "{\"id\":\"") != 0 || buf_put_json(out, span_from(name)) != 0)
        return -1;
    return buf_puts(out, "\",\"object\":\"model\",\"created\":0,\"owned_by\":\"postern\"}");
}

static int
write_list(const struct names *names, struct buf *out)
{
    int result = buf_puts(out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < names->count && result == 0; i++)
        result = (i > 0 && buf_puts(out, ",") != 0) ? -1 : write_model(out, names->items[i]);
    return result == 0 && buf_puts(out, "]}") == 0 ? 1 : -1;
}

int
models_write(const struct config *config, const struct span *id, struct buf *out)
{
    struct names names;
    collect(config, &names);
    if (!id)
        return write_list(&names, out);
    for (size_t i = 0; i < names.count; i++) {
        if (span_is(*id, names.items[i]))
            return write_model(out, names.items[i]) == 0 ? 1 : -1;
    }
    return 0;
}
