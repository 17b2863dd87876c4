/* access.c - the checks of access.h, in their order. */
#include "access/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

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

/* 127.0.0.0/8, also as a mapped IPv6 address ("::ffff:127.0.0.1"), or ::1. Text that is no address,
 * as "127.evil", is not. */
static bool
is_loopback(struct span addr)
{
    static const unsigned char mapped[] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, IN_LOOPBACKNET};
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (addr.len == 0 || addr.len >= sizeof(text))
        return false;
    memcpy(text, addr.ptr, addr.len);
    text[addr.len] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    return memcmp(&v6, &in6addr_loopback, sizeof(v6)) == 0 ||
           memcmp(&v6, mapped, sizeof(mapped)) == 0;
}

static bool
is_trusted_loopback(const struct config *config, const struct access_credentials *credentials)
{
    return config->trust_loopback && !credentials->was_forwarded &&
           is_loopback(credentials->remote_addr);
}

enum access_verdict
access_check_client(const struct config *config, const struct access_credentials *credentials,
                    const char **name)
{
    const struct presented presented = presented_keys(credentials);
    const struct config_key *key =
        find_key(config->client_keys, config->client_key_count, &presented);
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
    return presented.any_header ? ACCESS_BAD_KEY : ACCESS_MISSING_KEY;
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
    const struct presented presented = presented_keys(credentials);
    if (find_key(config->admin_keys, config->admin_key_count, &presented))
        return true;
    return is_admin_user(config, credentials->remote_user) ||
           is_trusted_loopback(config, credentials);
}
