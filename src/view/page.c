/* page.c - the table of pages and the small ones among them. */
#include "view/page.h"

#include "base/keylike.h"

#define MASK "**********" /* as pydantic shows a set secret */

static int
write_ok(const struct config *config, struct buf *out)
{
    (void)config;
    return buf_puts(out, "OK");
}

static int
write_version(const struct config *config, struct buf *out)
{
    bool is_set = config->app_version && *config->app_version;
    return buf_puts(out, is_set ? keylike_mask(config->app_version) : POSTERN_VERSION);
}

static int
put_text(struct buf *out, const char *name, const char *value)
{
    if (buf_putf(out, "\"%s\":\"", name) != 0 ||
        buf_put_json(out, span_from(value ? value : "")) != 0)
        return -1;
    return buf_puts(out, "\",");
}

static int
put_secret(struct buf *out, const char *name, const char *value)
{
    return put_text(out, name, value && *value ? MASK : "");
}

/* The original service's settings, under its names. */
static int
write_settings(const struct config *config, struct buf *out)
{
    bool is_set = config->app_version && *config->app_version;
    int result = buf_puts(out, "{");
    result |=
        put_text(out, "app_version", is_set ? keylike_mask(config->app_version) : POSTERN_VERSION);
    result |= buf_putf(out, "\"app_insights_enabled\":%s,",
                       config->app_insights_enabled ? "true" : "false");
    result |=
        put_secret(out, "app_insights_connection_string", config->app_insights_connection_string);
    result |= buf_putf(out, "\"circuit_failure_threshold\":%lld,",
                       (long long)config->circuit_failure_threshold);
    result |= buf_putf(out, "\"circuit_retry_timeout\":%s,", config->circuit_retry_timeout);
    result |= put_text(out, "primary_open_ai_host", config->primary_host);
    result |= put_secret(out, "primary_open_ai_api_key", config->primary_key);
    result |= put_text(out, "fallback_open_ai_host", config->fallback_host);
    result |= put_secret(out, "fallback_open_ai_api_key", config->fallback_key);
    if (result != 0)
        return -1;
    out->ptr[out->len - 1] = '}'; /* in the place of the last comma */
    return 0;
}

static const struct page pages[] = {
    {"", false, "text/plain", write_ok},
    {"/status", false, "text/plain", write_ok},
    {"/version", true, "text/plain", write_version},
    {"/settings", true, "application/json", write_settings},
};

const struct page *
page_find(struct span path)
{
    if (span_has_suffix(path, "/"))
        path.len--;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (span_is(path, pages[i].path))
            return &pages[i];
    }
    return NULL;
}
