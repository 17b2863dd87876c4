/* upstream.c - by what an upstream's breaker is known. */
#include "core/upstream.h"

#include <string.h>

#include "base/digest.h"
#include "base/num.h"

#define GEOMETRY_MAX (sizeof("count:") + NUM_FORMAT_MAX)

/* Windows of another shape are other words, so the shape is part of the identity; thresholds are
 * not, every reader applies its own. */
static size_t
format_geometry(char out[GEOMETRY_MAX], const struct breaker_rules *rules)
{
    static const struct span names[] = {[BREAKER_WINDOW_NONE] = SPAN_LITERAL("none:"),
                                        [BREAKER_WINDOW_COUNT] = SPAN_LITERAL("count:"),
                                        [BREAKER_WINDOW_TIME] = SPAN_LITERAL("time:")};
    struct span name = names[rules->window];
    unsigned size = rules->window == BREAKER_WINDOW_NONE ? 0 : rules->window_size;
    memcpy(out, name.ptr, name.len);
    return name.len + num_format_u64(out + name.len, size);
}

static struct span
with_nul(const char *text)
{
    return span_of(text, strlen(text) + 1);
}

void
upstream_identify(const struct upstream *upstream, const char *model, uint64_t key[2])
{
    char geometry[GEOMETRY_MAX];
    size_t geometry_len = format_geometry(geometry, &upstream->rules);
    /* Each part but the last is hashed with its NUL, so that no two lists run into one. */
    const struct span parts[] = {
        with_nul(upstream->name),
        span_from(upstream->origin),
        with_nul(upstream->base_path),
        span_of(geometry, geometry_len + (model ? 1 : 0)),
        span_from(model),
    };
    struct digest digest;
    digest_sha256(&digest, parts, sizeof(parts) / sizeof(parts[0]));
    memcpy(key, digest.bytes, 2 * sizeof(key[0]));
    for (size_t i = 0; i < 2; i++)
        key[i] = key[i] != 0 ? key[i] : 1;
}
