/* azure.c - Azure OpenAI: everything below /openai, the key in api-key.
 *
 * A request in OpenAI's style goes to /openai/v1/…, Azure's API that takes the model in the body
 * and needs no api-version (learn.microsoft.com, "API version lifecycle").
 */
#include "dialect/dialect.h"

/* Who left the dialect to be found out may have written the address with its "/openai". */
static struct span
base_before_root(const struct upstream *upstream)
{
    static const struct span root = SPAN_LITERAL("/openai");
    struct span base = span_from(upstream->base_path);
    if (upstream->dialect == UPSTREAM_DIALECT_AUTO && span_has_suffix(base, root.ptr))
        base.len -= root.len;
    return base;
}

static const char *
azure_target(const struct dialect_ask *ask, const struct upstream *upstream, struct arena *arena)
{
    struct span path = ask->operation->azure_style ? ask->path : ask->operation->rest;
    const char *prefix = ask->operation->azure_style ? "" : "/openai/v1/";
    const struct span parts[] = {base_before_root(upstream), span_from(prefix), path,
                                 span_from(ask->has_query ? "?" : ""), ask->query};
    return arena_join(arena, parts, sizeof(parts) / sizeof(parts[0]));
}

static bool
azure_wants_api_key(const struct dialect_ask *ask, const struct upstream *upstream)
{
    (void)ask;
    (void)upstream;
    return true;
}

const struct dialect dialect_azure = {
    .name = "azure",
    .target = azure_target,
    .wants_api_key = azure_wants_api_key,
};
