/* access.c - the checks of access.h, in their order. */
#include "access/access.h"

/* The key that was presented, or an empty span. */
static struct span
presented_key(const struct access_credentials *credentials)
{
    struct span value = span_trim(credentials->authorization);
    if (span_has_prefix_nocase(value, "bearer "))
        return span_trim(span_of(value.ptr + 7, value.len - 7));
    if (credentials->api_key.len > 0)
        return span_trim(credentials->api_key);
    return span_trim(credentials->x_api_key);
}

/* Was any kind of key sent? An Authorization of another scheme is the web server's business. */
static bool
has_key_header(const struct access_credentials *credentials)
{
    struct span value = span_trim(credentials->authorization);
    return span_is_nocase(value, "bearer") || span_has_prefix_nocase(value, "bearer ") ||
           credentials->api_key.len > 0 || credentials->x_api_key.len > 0;
}

/* Looks at every key whatever it finds, so that time tells nothing about which one is near. */
static const struct config_key *
find_key(const struct config_key *keys, size_t count, struct span presented)
{
    struct digest digest;
    digest_sha256(&digest, &presented, 1);
    const struct config_key *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (digest_equal(&keys[i].digest, &digest))
            found = &keys[i];
    }
    return presented.len > 0 ? found : NULL;
}

static bool
is_trusted_loopback(const struct config *config, const struct access_credentials *credentials)
{
    if (!config->trust_loopback || credentials->was_forwarded)
        return false;
    return span_has_prefix(credentials->remote_addr, "127.") ||
           span_is(credentials->remote_addr, "::1");
}

enum access_verdict
access_check_client(const struct config *config, const struct access_credentials *credentials,
                    const char **name)
{
    const struct config_key *key =
        find_key(config->client_keys, config->client_key_count, presented_key(credentials));
    *name = key                                        ? key->name
            : credentials->remote_user.len > 0         ? "remote-user"
            : is_trusted_loopback(config, credentials) ? "loopback"
            : config->open                             ? "anyone"
                                                       : NULL;
    if (*name)
        return ACCESS_GRANTED;
    *name = "nobody";
    if (config->client_key_count == 0 && !config->trust_loopback)
        return ACCESS_CLOSED;
    return has_key_header(credentials) ? ACCESS_BAD_KEY : ACCESS_MISSING_KEY;
}

static bool
is_admin_user(const struct config *config, struct span user)
{
    for (size_t i = 0; i < config->admin_count; i++) {
        if (user.len > 0 && span_is(user, config->admins[i]))
            return true;
    }
    return false;
}

bool
access_is_operator(const struct config *config, const struct access_credentials *credentials)
{
    if (find_key(config->admin_keys, config->admin_key_count, presented_key(credentials)))
        return true;
    return is_admin_user(config, credentials->remote_user) ||
           is_trusted_loopback(config, credentials);
}
