/* keys.c - digests of the keys that let somebody in, and the list of secrets. */
#include "config/keys.h"

#include <string.h>

#include "config/settings.h"
#include "core/hostname.h"

#define KEY_SHORT_BYTES 16   /* below it a key can be guessed */
#define SECRET_LEAST_BYTES 8 /* shorter texts would be found by chance */

static size_t
count_parts(const char *text)
{
    size_t count = 1;
    for (; *text != '\0'; text++)
        count += *text == ',';
    return count;
}

static bool
is_key(struct span key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] <= 0x20 || key.ptr[i] >= 0x7f)
            return false;
    }
    return true;
}

/* Comma-separated keys as digests, named "client-1" and so on. Returns their number. */
static size_t
read_keys(struct load *load, const char *env, const char *prefix, const char *text,
          const struct config_key **out)
{
    const struct setting *setting = settings_find(load, env);
    struct span rest = span_from(text);
    struct config_key *keys = text ? load_array(load, count_parts(text), sizeof(*keys)) : NULL;
    size_t count = 0;
    while (keys && rest.ptr) {
        struct span key = span_trim(span_split(&rest, ','));
        if (key.len == 0)
            continue;
        digest_sha256(&keys[count].digest, &key, 1);
        keys[count].name = arena_printf(load->arena, "%s-%zu", prefix, count + 1);
        load->has_failed |= !keys[count].name;
        count++;
        if (!is_key(key))
            mistakes_add(load->mistakes, setting->at, setting->name,
                         "key %zu (not shown) has a blank or another character that no key has",
                         count);
        else if (key.len < KEY_SHORT_BYTES)
            mistakes_warn(load->mistakes, setting->at, setting->name,
                          "key %zu has only %zu characters: short keys can be guessed", count,
                          key.len);
    }
    *out = keys;
    return count;
}

static void
read_admins(struct load *load)
{
    const char *text = load->options.admins;
    struct span rest = span_from(text);
    const char **admins = text ? load_array(load, count_parts(text), sizeof(*admins)) : NULL;
    size_t count = 0;
    while (admins && rest.ptr) {
        struct span name = span_trim(span_split(&rest, ','));
        if (name.len > 0)
            admins[count++] = load_copy(load, name);
    }
    load->config->admins = admins;
    load->config->admin_count = count;
}

static void
read_trusted_hosts(struct load *load)
{
    const char *text = load->options.trusted_hosts;
    const struct setting *setting = settings_find(load, "POSTERN_TRUSTED_HOSTS");
    struct span rest = span_from(text);
    struct span *hosts = text ? load_array(load, count_parts(text), sizeof(*hosts)) : NULL;
    char quoted[MISTAKES_QUOTE_MAX];
    size_t count = 0;
    while (hosts && rest.ptr) {
        struct span name = span_trim(span_split(&rest, ','));
        if (name.len == 0)
            continue;
        if (!hostname_is_valid(name))
            mistakes_add(
                load->mistakes, setting->at, setting->name,
                "%s is not the name of a host; it is written without scheme, port and path",
                mistakes_quote(quoted, name));
        hosts[count++] = span_from(load_copy(load, name));
    }
    load->config->trusted_hosts = hosts;
    load->config->trusted_host_count = count;
}

/* --- secrets -------------------------------------------------------------- */

struct secrets {
    struct span *items;
    size_t count, max;
};

static void
add_secret(struct secrets *secrets, struct span text)
{
    if (text.len < SECRET_LEAST_BYTES || secrets->count >= secrets->max)
        return;
    for (size_t i = 0; i < secrets->count; i++) {
        if (span_equal(secrets->items[i], text))
            return;
    }
    secrets->items[secrets->count++] = text;
}

static void
add_secrets(struct secrets *secrets, const char *list)
{
    struct span rest = span_from(list);
    while (rest.ptr)
        add_secret(secrets, span_trim(span_split(&rest, ',')));
}

/* The key in a connection string; its addresses are no secret and stand in every log. */
static struct span
insights_key(const char *text)
{
    static const char name[] = "InstrumentationKey=";
    const char *at = text ? strstr(text, name) : NULL;
    struct span rest = span_from(at ? at + sizeof(name) - 1 : text);
    return at ? span_split(&rest, ';') : rest;
}

static void
list_secrets(struct load *load)
{
    const struct options *options = &load->options;
    struct config *config = load->config;
    struct secrets secrets = {.max = config->upstream_count + config->client_key_count +
                                     config->admin_key_count + 3};
    secrets.items = load_array(load, secrets.max, sizeof(*secrets.items));
    if (!secrets.items)
        return;
    for (size_t i = 0; i < config->upstream_count; i++)
        add_secret(&secrets, span_from(config->upstreams[i].key));
    add_secret(&secrets, span_from(options->primary_key));
    add_secret(&secrets, span_from(options->fallback_key));
    add_secret(&secrets, insights_key(options->app_insights_connection_string));
    add_secrets(&secrets, options->client_key);
    add_secrets(&secrets, options->admin_key);
    config->secrets = secrets.items;
    config->secret_count = secrets.count;
}

static void
warn_about_access(struct load *load)
{
    const struct config *config = load->config;
    struct spot at = {config->env_path, 0};
    const struct setting *open = settings_find(load, "POSTERN_OPEN");
    const struct setting *user = settings_find(load, "POSTERN_TRUST_REMOTE_USER");
    if (config->trust_remote_user == CONFIG_USER_ALWAYS)
        mistakes_warn(load->mistakes, user->at, user->name,
                      "whoever REMOTE_USER names gets in, verified or not");
    if (config->open)
        mistakes_warn(load->mistakes, open->at, open->name,
                      "everybody who reaches this web server may use the upstreams");
    else if (config->client_key_count == 0 && !config->trust_loopback && load->mistakes->count == 0)
        mistakes_warn(load->mistakes, at, "POSTERN_CLIENT_KEY",
                      "is not set: only users that the web server authenticates get in");
}

/* .env.example was copied and not finished. */
static void
warn_about_examples(struct load *load)
{
    for (size_t row = 0; row < option_count; row++) {
        const struct option *option = &option_table[row];
        const struct setting *setting = &load->settings[row];
        if (option->kind == OPTION_SECRET && setting->text && option->example &&
            strcmp(setting->text, option->example) == 0)
            mistakes_warn(load->mistakes, setting->at, setting->name,
                          "is still the one of .env.example");
    }
}

void
keys_make(struct load *load)
{
    struct config *config = load->config;
    config->client_key_count = read_keys(load, "POSTERN_CLIENT_KEY", "client",
                                         load->options.client_key, &config->client_keys);
    config->admin_key_count =
        read_keys(load, "POSTERN_ADMIN_KEY", "admin", load->options.admin_key, &config->admin_keys);
    read_admins(load);
    read_trusted_hosts(load);
    list_secrets(load);
    warn_about_access(load);
    warn_about_examples(load);
}
