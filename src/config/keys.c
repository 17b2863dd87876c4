/* keys.c - digests of the keys that let somebody in, and the list of secrets. */
#include "config/keys.h"

#include <string.h>

#include "base/keylike.h"
#include "base/secrets.h"
#include "config/settings.h"
#include "core/hostname.h"

#define KEY_SHORT_BYTES 16 /* below it a key can be guessed */

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
    struct config_key *keys =
        text ? load_array(load, settings_count_parts(text), sizeof(*keys)) : NULL;
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
    const char **admins =
        text ? load_array(load, settings_count_parts(text), sizeof(*admins)) : NULL;
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
    struct span *hosts = text ? load_array(load, settings_count_parts(text), sizeof(*hosts)) : NULL;
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
    if (text.len == 0 || secrets->count >= secrets->max)
        return;
    for (size_t i = 0; i < secrets->count; i++) {
        if (span_equal(secrets->items[i], text))
            return;
    }
    secrets->items[secrets->count++] = text;
}

/* One option's, which may be a list of keys. */
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

static bool
is_connection_string(const struct option *option)
{
    return strcmp(option->env, "APPLICATIONINSIGHTS_CONNECTION_STRING") == 0;
}

/* Every option that the table calls secret, whether it is used or not; and each upstream's key. */
static size_t
count_secrets(const struct load *load)
{
    size_t count = load->config->upstream_count;
    for (size_t row = 0; row < option_count; row++) {
        if (option_table[row].kind == OPTION_SECRET && load->settings[row].text)
            count += settings_count_parts(load->settings[row].text);
    }
    return count;
}

static void
list_secrets(struct load *load)
{
    struct config *config = load->config;
    struct secrets secrets = {.max = count_secrets(load)};
    secrets.items = load_array(load, secrets.max, sizeof(*secrets.items));
    if (!secrets.items)
        return;
    for (size_t i = 0; i < config->upstream_count; i++)
        add_secret(&secrets, span_from(config->upstreams[i].key));
    for (size_t row = 0; row < option_count; row++) {
        const char *text = load->settings[row].text;
        if (option_table[row].kind != OPTION_SECRET || !text)
            continue;
        if (is_connection_string(&option_table[row]))
            add_secret(&secrets, insights_key(text));
        else
            add_secrets(&secrets, text);
    }
    config->secrets = secrets.items;
    config->secret_count = secrets.count;
}

/* Where a key is one of those that are looked for nowhere. */
static void
warn_about_plain_keys(struct load *load)
{
    const struct config *config = load->config;
    size_t count = 0;
    for (size_t i = 0; i < config->secret_count; i++)
        count += !secrets_can_find(config->secrets[i]);
    if (count > 0)
        mistakes_warn(load->mistakes, (struct spot){config->env_path, 0}, NULL,
                      "%zu of the keys %s: of less than %d characters, or of a few that repeat. "
                      "Log lines and answers are not searched for %s",
                      count, count == 1 ? "is too plain" : "are too plain", SECRETS_FRAGMENT,
                      count == 1 ? "it" : "them");
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

/* A key in an option that is none: it may be sent, stored or shown. */
static void
warn_about_misplaced(struct load *load)
{
    for (size_t row = 0; row < option_count; row++) {
        const struct setting *setting = &load->settings[row];
        if (option_table[row].kind == OPTION_TEXT && setting->text &&
            keylike_mask(setting->text) != setting->text)
            mistakes_warn(load->mistakes, setting->at, setting->name,
                          "looks like a key (not shown), and is no place for one");
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
    warn_about_plain_keys(load);
    warn_about_access(load);
    warn_about_examples(load);
    warn_about_misplaced(load);
}
