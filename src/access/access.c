/* access.c - the checks of access.h, in their order. */
#include "access/access.h"

#define BEARER_LEN (sizeof("bearer") - 1)
#define KEYS_MAX 3

/* The keys that were presented, one place for each header; empty where there is none. An
 * Authorization of another scheme is the web server's business. */
struct presented {
    struct span keys[KEYS_MAX];
    bool any_header; /* a header for keys is there, if only an empty one */
};

static struct presented
presented_keys(const struct access_credentials *credentials)
{
    struct span value = span_trim(credentials->authorization);
    bool is_bearer = span_is_nocase(value, "bearer") || span_has_prefix_nocase(value, "bearer ");
    struct presented presented = {
        .keys = {{NULL, 0}, span_trim(credentials->api_key), span_trim(credentials->x_api_key)},
        .any_header = is_bearer || credentials->api_key.ptr || credentials->x_api_key.ptr,
    };
    if (is_bearer)
        presented.keys[0] = span_trim(span_of(value.ptr + BEARER_LEN, value.len - BEARER_LEN));
    return presented;
}

/* Looks at every configured key whatever it finds, so that time tells nothing about which one is
 * near. What was not presented is not looked for: who asks knows what he presents. */
static const struct config_key *
find_key(const struct config_key *keys, size_t count, const struct presented *presented)
{
    const struct config_key *found = NULL;
    for (size_t i = 0; i < KEYS_MAX; i++) {
        struct digest digest;
        if (presented->keys[i].len == 0)
            continue;
        digest_sha256(&digest, &presented->keys[i], 1);
        for (size_t j = 0; j < count; j++) {
            if (digest_equal(&keys[j].digest, &digest))
                found = &keys[j];
        }
    }
    return found;
}

/* The first claim that counts; what spoke against the others. The user's doubt is told first. */
static const char *
find_claim(const struct config *config, const struct access_credentials *credentials,
           enum doubt *doubt)
{
    *doubt = doubt_user(config, credentials);
    if (*doubt == DOUBT_NONE)
        return "remote-user";
    enum doubt of_loopback = doubt_loopback(config, credentials);
    if (of_loopback == DOUBT_NONE)
        return "loopback";
    if (*doubt == DOUBT_ABSENT)
        *doubt = of_loopback;
    return NULL;
}

struct access_decision
access_check_client(const struct config *config, const struct access_credentials *credentials)
{
    struct access_decision decision = {ACCESS_GRANTED, NULL, DOUBT_NONE};
    const struct presented presented = presented_keys(credentials);
    const struct config_key *key =
        find_key(config->client_keys, config->client_key_count, &presented);
    decision.name = key ? key->name : find_claim(config, credentials, &decision.doubt);
    if (!decision.name && config->open)
        decision.name = "anyone";
    if (decision.name)
        return decision;
    decision.name = "nobody";
    decision.verdict = config->client_key_count == 0 && !config->trust_loopback ? ACCESS_CLOSED
                       : presented.any_header                                   ? ACCESS_BAD_KEY
                                              : ACCESS_MISSING_KEY;
    return decision;
}

static bool
is_admin_name(const struct config *config, struct span user)
{
    for (size_t i = 0; i < config->admin_count; i++) {
        if (span_is(user, config->admins[i]))
            return true;
    }
    return false;
}

bool
access_is_operator(const struct config *config, const struct access_credentials *credentials,
                   enum doubt *doubt)
{
    const struct presented presented = presented_keys(credentials);
    *doubt = DOUBT_ABSENT;
    if (find_key(config->admin_keys, config->admin_key_count, &presented))
        return true;
    if (is_admin_name(config, credentials->remote_user))
        *doubt = doubt_user(config, credentials);
    if (*doubt == DOUBT_ABSENT && config->loopback_is_operator)
        *doubt = doubt_loopback(config, credentials);
    return *doubt == DOUBT_NONE;
}
