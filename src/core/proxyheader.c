/* proxyheader.c - the patterns; tests/unit/core/test_proxyheader.c has the names behind them.
 *
 * A name is read as words with hyphens between: some words tell a proxy wherever they stand, and a
 * vendor's headers begin alike.
 */
#include "core/proxyheader.h"

#include <stddef.h>
#include <string.h>

/* A word of a name, whole: the caller's address under whatever name, and the way it came. */
static const struct span words[] = {
    SPAN_LITERAL("cdn"),      SPAN_LITERAL("ip"),     SPAN_LITERAL("ipv4"),
    SPAN_LITERAL("ipv6"),     SPAN_LITERAL("realip"), SPAN_LITERAL("remote"),
    SPAN_LITERAL("socketip"), SPAN_LITERAL("trueip"), SPAN_LITERAL("userip"),
    SPAN_LITERAL("original"), SPAN_LITERAL("via"),
};

/* The beginning of a word: x-forwarded-for and its misspellings, max-forwards, proxy-*. */
static const struct span stems[] = {
    SPAN_LITERAL("clientip"),
    SPAN_LITERAL("forwar"),
    SPAN_LITERAL("originating"),
    SPAN_LITERAL("proxy"),
};

/* The beginning of a name, behind "x-". */
static const struct span extended[] = {
    /* conventions */
    SPAN_LITERAL("client-cert"),
    SPAN_LITERAL("client-verify"),
    SPAN_LITERAL("cluster-"),
    SPAN_LITERAL("edge-"),
    SPAN_LITERAL("http-host-"),
    SPAN_LITERAL("lb-"),
    SPAN_LITERAL("origin-"),
    SPAN_LITERAL("queue-"),
    SPAN_LITERAL("real-"),
    SPAN_LITERAL("rewrite-"),
    SPAN_LITERAL("ssl-"),
    SPAN_LITERAL("tls-"),
    SPAN_LITERAL("true-"),
    /* edges and content delivery networks */
    SPAN_LITERAL("akamai-"),
    SPAN_LITERAL("fastly-"),
    SPAN_LITERAL("sucuri-"),
    SPAN_LITERAL("varnish"),
    /* clouds and platforms */
    SPAN_LITERAL("amz-cf-"),
    SPAN_LITERAL("amzn-"),
    SPAN_LITERAL("appengine-"),
    SPAN_LITERAL("appgw-"),
    SPAN_LITERAL("appservice-"),
    SPAN_LITERAL("arr-"),
    SPAN_LITERAL("azure-"),
    SPAN_LITERAL("fd-"),
    SPAN_LITERAL("goog-authenticated-"),
    SPAN_LITERAL("goog-iap-"),
    SPAN_LITERAL("google-"),
    SPAN_LITERAL("ms-client-principal"),
    SPAN_LITERAL("ms-token-"),
    SPAN_LITERAL("nf-"),
    SPAN_LITERAL("railway-"),
    SPAN_LITERAL("replit-"),
    SPAN_LITERAL("vercel-"),
    SPAN_LITERAL("waws-"),
    /* proxies and meshes, and the logins in front of a site */
    SPAN_LITERAL("auth-request-"),
    SPAN_LITERAL("authentik-"),
    SPAN_LITERAL("consumer-"),
    SPAN_LITERAL("envoy-"),
    SPAN_LITERAL("haproxy-"),
    SPAN_LITERAL("istio-"),
    SPAN_LITERAL("pomerium-"),
    SPAN_LITERAL("traefik-"),
};

/* The whole of a name, behind "x-". */
static const struct span extended_names[] = {
    SPAN_LITERAL("backend-host"),
    SPAN_LITERAL("backside-transport"),
    SPAN_LITERAL("client"),
    SPAN_LITERAL("client-host"),
    SPAN_LITERAL("client-port"),
    SPAN_LITERAL("cloud-trace-context"),
    SPAN_LITERAL("coming-from"),
    SPAN_LITERAL("host"),
    SPAN_LITERAL("iinfo"),
    SPAN_LITERAL("origin"),
    SPAN_LITERAL("port"),
    SPAN_LITERAL("request-start"),
    SPAN_LITERAL("scheme"),
    SPAN_LITERAL("server"),
    SPAN_LITERAL("site-deployment-id"),
    SPAN_LITERAL("ssl"),
    SPAN_LITERAL("url-scheme"),
    SPAN_LITERAL("webauth-user"),
};

/* The beginning of a name that has no "x-" in front. */
static const struct span plain[] = {
    SPAN_LITERAL("akamai-"),         SPAN_LITERAL("cf-"),
    SPAN_LITERAL("client-cert"),     SPAN_LITERAL("cloudfront-"),
    SPAN_LITERAL("connect-time"), /* Heroku */
    SPAN_LITERAL("disguised-host"),  SPAN_LITERAL("eagleeye-traceid"),
    SPAN_LITERAL("fastly-"),         SPAN_LITERAL("fly-"),
    SPAN_LITERAL("front-end-https"), SPAN_LITERAL("l5d-"),
    SPAN_LITERAL("ngrok-"),          SPAN_LITERAL("rndr-"),
    SPAN_LITERAL("ssl-client-"),     SPAN_LITERAL("surrogate-"),
    SPAN_LITERAL("tailscale-"),      SPAN_LITERAL("total-route-time"),
    SPAN_LITERAL("true-client"),     SPAN_LITERAL("was-default-hostname"),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool
begins_with_any(struct span text, const struct span *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].ptr[0] == text.ptr[0] && table[i].len <= text.len &&
            memcmp(text.ptr, table[i].ptr, table[i].len) == 0)
            return true;
    }
    return false;
}

static bool
is_any(struct span text, const struct span *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].len == text.len && memcmp(text.ptr, table[i].ptr, text.len) == 0)
            return true;
    }
    return false;
}

static bool
has_telling_word(struct span name)
{
    for (struct span rest = name; rest.ptr;) {
        struct span word = span_split(&rest, '-');
        if (word.len > 0 &&
            (is_any(word, words, COUNT(words)) || begins_with_any(word, stems, COUNT(stems))))
            return true;
    }
    return false;
}

bool
proxyheader_is(struct span name)
{
    if (name.len == 0)
        return false;
    bool is_extended = name.len > 2 && name.ptr[0] == 'x' && name.ptr[1] == '-';
    struct span rest = is_extended ? span_of(name.ptr + 2, name.len - 2) : name;
    if (is_extended ? begins_with_any(rest, extended, COUNT(extended)) ||
                          is_any(rest, extended_names, COUNT(extended_names))
                    : begins_with_any(rest, plain, COUNT(plain)))
        return true;
    return has_telling_word(rest);
}
