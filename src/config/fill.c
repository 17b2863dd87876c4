/* fill.c - copies option values into the configuration, in its own types. */
#include "config/fill.h"

#include <string.h>

#include "config/find.h"
#include "config/settings.h"

/* As /settings shows it: an integer when it is whole. */
static const char *
format_retry_timeout(struct load *load)
{
    int64_t ms = load->options.retry_timeout_ms;
    long long part = ms % 1000 < 0 ? -(ms % 1000) : ms % 1000;
    char fraction[8] = "";
    if (part != 0) {
        fraction[0] = '.';
        for (int i = 3; i > 0; i--, part /= 10)
            fraction[i] = (char)('0' + part % 10);
        for (size_t end = 3; fraction[end] == '0'; end--)
            fraction[end] = '\0';
    }
    const char *sign = ms < 0 ? "-" : "";
    long long whole = ms < 0 ? -(ms / 1000) : ms / 1000;
    const char *text = arena_printf(load->arena, "%s%lld%s", sign, whole, fraction);
    load->has_failed |= !text;
    return text;
}

/* "/ai"; "" for the root of the site; NULL: to be derived. */
static const char *
read_mount(struct load *load)
{
    const struct setting *setting = settings_find(load, "POSTERN_MOUNT");
    char quoted[MISTAKES_QUOTE_MAX];
    if (!load->options.mount)
        return NULL;
    struct span mount = span_from(load->options.mount);
    bool is_path = span_has_prefix(mount, "/") && !span_contains(mount, span_from("//")) &&
                   !span_contains(mount, span_from("/.")) &&
                   !strpbrk(load->options.mount, "?#%\\ ");
    if (!is_path)
        mistakes_add(load->mistakes, setting->at, setting->name,
                     "%s is no path from the root of the site, like /ai",
                     mistakes_quote(quoted, mount));
    while (span_has_suffix(mount, "/"))
        mount.len--;
    return load_copy(load, mount);
}

static void
fill_process(struct load *load)
{
    static const unsigned modes[] = {0600, 0660};
    struct config *config = load->config;
    const struct options *options = &load->options;
    config->mount = read_mount(load);
    config->threads = (unsigned)options->threads;
    config->drain_ms = settings_find(load, "POSTERN_DRAIN")->text ? options->drain_ms : -1;
    config->state_path = find_state_file(load);
    config->state_mode = modes[options->state_mode];
    config->state_any_filesystem = options->state_any_filesystem != 0;
    config->spool_dir = find_spool(load);
    const struct setting *log = settings_find(load, "POSTERN_LOG");
    config->log_path = options->log ? find_resolve(load, options->log, log->at) : NULL;
    config->program_owner = load->sources->program_owner;
    config->log_level = (enum log_level)options->log_level; /* its choices stand in that order */
    config->sandbox = options->sandbox != 0;
    config->client_probe = options->client_probe != 0;
    config->sse_padding_bytes = (unsigned)options->sse_padding_bytes;
}

void
fill_config(struct load *load)
{
    struct config *config = load->config;
    const struct options *options = &load->options;
    config->app_version = options->app_version;
    config->app_insights_enabled = options->app_insights_enabled != 0;
    config->app_insights_connection_string = options->app_insights_connection_string;
    config->circuit_failure_threshold =
        options->failure_threshold == OPTION_OFF ? 0 : options->failure_threshold;
    config->circuit_retry_timeout = format_retry_timeout(load);
    config->primary_host = options->primary_host;
    config->primary_key = options->primary_key;
    config->fallback_host = options->fallback_host;
    config->fallback_key = options->fallback_key;
    config->profile = (enum outcome_profile)options->profile;
    config->last_resort = options->last_resort != 0;
    config->breaker_per_model = options->breaker_scope != 0;
    config->pinned = options->pinned != 0;
    config->total_timeout_ms = (uint64_t)options->total_timeout_ms;
    config->heartbeat_ms = (uint64_t)options->heartbeat_ms;
    config->retry_wait_max_ms = (uint64_t)options->retry_wait_max_ms;
    config->slow_ms = options->slow_ms == OPTION_OFF ? 0 : (uint64_t)options->slow_ms;
    config->delivery = (enum upstream_delivery)options->delivery;
    config->hold_max_bytes = (uint64_t)options->hold_max_bytes;
    config->spool_max_bytes = (uint64_t)options->spool_max_bytes;
    config->max_body_bytes = (uint64_t)options->max_body_bytes;
    config->max_upload_bytes = (uint64_t)options->max_upload_bytes;
    config->body_timeout_ms = (uint64_t)options->body_timeout_ms;
    config->trust_remote_user = (enum config_user)options->trust_remote_user;
    config->trust_loopback = options->trust_loopback != 0;
    config->loopback_is_operator = options->trust_loopback == 2; /* the last of its choices */
    config->open = options->open != 0;
    fill_process(load);
}
