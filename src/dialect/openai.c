/* openai.c - the OpenAI dialect: everything below /v1, a bearer token, the model in the body. */
#include "dialect/dialect.h"

#include <string.h>

/* Azure's api-version means nothing here; other parameters stay. */
static const char *
query_without_version(struct span query, struct arena *arena)
{
    char *kept = arena_alloc(arena, query.len + sizeof("?"));
    size_t len = 0;
    while (kept && query.ptr) {
        struct span part = span_split(&query, '&');
        if (part.len == 0 || span_has_prefix(part, "api-version="))
            continue;
        kept[len] = len == 0 ? '?' : '&';
        memcpy(kept + len + 1, part.ptr, part.len);
        len += part.len + 1;
    }
    return kept;
}

static const char *
openai_target(const struct dialect_ask *ask, const struct upstream *upstream, struct arena *arena)
{
    const char *query = "";
    if (ask->has_query && !ask->operation->azure_style)
        query = arena_printf(arena, "?" SPAN_FMT, SPAN_ARG(ask->query));
    else if (ask->has_query)
        query = query_without_version(ask->query, arena);
    if (!query)
        return NULL;
    return arena_printf(arena, "%s%s/" SPAN_FMT "%s", upstream->base_path,
                        upstream->base_is_v1 ? "" : "/v1", SPAN_ARG(ask->operation->rest), query);
}

static bool
openai_wants_api_key(const struct dialect_ask *ask, const struct upstream *upstream)
{
    (void)ask;
    (void)upstream;
    return false;
}

const struct dialect dialect_openai = {
    .name = "openai",
    .target = openai_target,
    .wants_api_key = openai_wants_api_key,
    .model_in_body = true,
};
