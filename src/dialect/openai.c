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
    const char *mark = "";
    struct span query = {NULL, 0};
    if (ask->has_query && !ask->operation->azure_style) {
        mark = "?";
        query = ask->query;
    } else if (ask->has_query) {
        query = span_from(query_without_version(ask->query, arena));
        if (!query.ptr)
            return NULL;
    }
    const struct span parts[] = {span_from(upstream->base_path),
                                 span_from(upstream->base_is_v1 ? "/" : "/v1/"),
                                 ask->operation->rest, span_from(mark), query};
    return arena_join(arena, parts, sizeof(parts) / sizeof(parts[0]));
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
