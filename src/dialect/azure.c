/* azure.c - Azure OpenAI: everything below /openai, the key in api-key.
 *
 * A request in OpenAI's style goes to /openai/v1/…, Azure's API that takes the model in the body
 * and needs no api-version (learn.microsoft.com, "API version lifecycle").
 */
#include "dialect/dialect.h"

static const char *
azure_target(const struct dialect_ask *ask, const struct upstream *upstream, struct arena *arena)
{
    struct span path = ask->operation->azure_style ? ask->path : ask->operation->rest;
    const char *prefix = ask->operation->azure_style ? "" : "/openai/v1/";
    return arena_printf(arena, "%s%s" SPAN_FMT "%s" SPAN_FMT, upstream->base_path, prefix,
                        SPAN_ARG(path), ask->has_query ? "?" : "", SPAN_ARG(ask->query));
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
