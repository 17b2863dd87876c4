/* proxyheader.c - the patterns; tests/unit/core/test_proxyheader.c has the names that they stand
 * for and the vendors' documentation where those were found. */
#include "core/proxyheader.h"

#include <stddef.h>
#include <string.h>

/* Anywhere in a name: x-forwarded-for and its misspellings, max-forwards, proxy-*, x-originating-…
 */
static const struct span parts[] = {
    SPAN_LITERAL("forwar"),      SPAN_LITERAL("proxy"),      SPAN_LITERAL("clientip"),
    SPAN_LITERAL("client-cert"), SPAN_LITERAL("-original-"), SPAN_LITERAL("originating"),
    SPAN_LITERAL("-ip-"),
};

/* The caller's address under whatever name: x-real-ip, true-client-ip, cf-connecting-ip … */
static const struct span suffixes[] = {
    SPAN_LITERAL("-ip"),        SPAN_LITERAL("-ipv4"),     SPAN_LITERAL("-ipv6"),
    SPAN_LITERAL("-realip"),    SPAN_LITERAL("-trueip"),   SPAN_LITERAL("-socketip"),
    SPAN_LITERAL("-userip"),    SPAN_LITERAL("-via"),      SPAN_LITERAL("-remote-addr"),
    SPAN_LITERAL("-client-dn"), SPAN_LITERAL("-cdn-loop"), SPAN_LITERAL("-url-scheme"),
};

static const struct span prefixes[] = {
    /* standards and conventions */
    SPAN_LITERAL("cdn-"),
    SPAN_LITERAL("real-"),
    SPAN_LITERAL("remote-"),
    SPAN_LITERAL("ssl-client-"),
    SPAN_LITERAL("surrogate-"),
    SPAN_LITERAL("true-client"),
    SPAN_LITERAL("x-cdn-"),
    SPAN_LITERAL("x-client-verify"),
    SPAN_LITERAL("x-cluster-"),
    SPAN_LITERAL("x-edge-"),
    SPAN_LITERAL("x-http-host-"),
    SPAN_LITERAL("x-lb-"),
    SPAN_LITERAL("x-origin-"),
    SPAN_LITERAL("x-original-"),
    SPAN_LITERAL("x-queue-"),
    SPAN_LITERAL("x-real-"),
    SPAN_LITERAL("x-remote-"),
    SPAN_LITERAL("x-rewrite-"),
    SPAN_LITERAL("x-ssl-"),
    SPAN_LITERAL("x-tls-"),
    SPAN_LITERAL("x-true-"),
    /* edges and content delivery networks */
    SPAN_LITERAL("akamai-"),
    SPAN_LITERAL("ali-"),
    SPAN_LITERAL("cf-"),
    SPAN_LITERAL("cloudfront-"),
    SPAN_LITERAL("fastly-"),
    SPAN_LITERAL("incap-"),
    SPAN_LITERAL("x-akamai-"),
    SPAN_LITERAL("x-fastly-"),
    SPAN_LITERAL("x-incap-"),
    SPAN_LITERAL("x-sucuri-"),
    SPAN_LITERAL("x-varnish"),
    /* clouds and platforms */
    SPAN_LITERAL("do-connecting-"),
    SPAN_LITERAL("fly-"),
    SPAN_LITERAL("rndr-"),
    SPAN_LITERAL("x-amz-cf-"),
    SPAN_LITERAL("x-amzn-"),
    SPAN_LITERAL("x-appengine-"),
    SPAN_LITERAL("x-appgw-"),
    SPAN_LITERAL("x-appservice-"),
    SPAN_LITERAL("x-arr-"),
    SPAN_LITERAL("x-azure-"),
    SPAN_LITERAL("x-fd-"),
    SPAN_LITERAL("x-goog-authenticated-"),
    SPAN_LITERAL("x-goog-iap-"),
    SPAN_LITERAL("x-google-"),
    SPAN_LITERAL("x-ms-client-principal"),
    SPAN_LITERAL("x-ms-token-"),
    SPAN_LITERAL("x-nf-"),
    SPAN_LITERAL("x-railway-"),
    SPAN_LITERAL("x-replit-"),
    SPAN_LITERAL("x-vercel-"),
    SPAN_LITERAL("x-waws-"),
    /* proxies, meshes, tunnels, and the logins in front of a site */
    SPAN_LITERAL("l5d-"),
    SPAN_LITERAL("ngrok-"),
    SPAN_LITERAL("tailscale-"),
    SPAN_LITERAL("x-auth-request-"),
    SPAN_LITERAL("x-authentik-"),
    SPAN_LITERAL("x-consumer-"),
    SPAN_LITERAL("x-envoy-"),
    SPAN_LITERAL("x-haproxy-"),
    SPAN_LITERAL("x-istio-"),
    SPAN_LITERAL("x-pomerium-"),
    SPAN_LITERAL("x-traefik-"),
};

static const struct span names[] = {
    SPAN_LITERAL("via"),
    SPAN_LITERAL("ip"),
    SPAN_LITERAL("connect-time"), /* Heroku */
    SPAN_LITERAL("disguised-host"),
    SPAN_LITERAL("eagleeye-traceid"),
    SPAN_LITERAL("front-end-https"),
    SPAN_LITERAL("total-route-time"),
    SPAN_LITERAL("was-default-hostname"),
    SPAN_LITERAL("x-backside-transport"),
    SPAN_LITERAL("x-client"),
    SPAN_LITERAL("x-client-host"),
    SPAN_LITERAL("x-client-port"),
    SPAN_LITERAL("x-cloud-trace-context"),
    SPAN_LITERAL("x-coming-from"),
    SPAN_LITERAL("x-backend-host"),
    SPAN_LITERAL("x-host"),
    SPAN_LITERAL("x-iinfo"),
    SPAN_LITERAL("x-origin"),
    SPAN_LITERAL("x-port"),
    SPAN_LITERAL("x-request-start"),
    SPAN_LITERAL("x-scheme"),
    SPAN_LITERAL("x-server"),
    SPAN_LITERAL("x-site-deployment-id"),
    SPAN_LITERAL("x-ssl"),
    SPAN_LITERAL("x-webauth-user"),
};

static bool
begins_with(struct span text, struct span part)
{
    return text.len >= part.len && text.ptr[0] == part.ptr[0] &&
           memcmp(text.ptr, part.ptr, part.len) == 0;
}

static bool
ends_with(struct span text, struct span part)
{
    return text.len >= part.len && text.ptr[text.len - 1] == part.ptr[part.len - 1] &&
           memcmp(text.ptr + text.len - part.len, part.ptr, part.len) == 0;
}

typedef bool (*matches_fn)(struct span text, struct span part);

static bool
matches_any(struct span name, const struct span *table, size_t count, matches_fn matches)
{
    for (size_t i = 0; i < count; i++) {
        if (matches(name, table[i]))
            return true;
    }
    return false;
}
#define MATCHES_ANY(name, table, matches)                                                          \
    matches_any((name), (table), sizeof(table) / sizeof((table)[0]), (matches))

bool
proxyheader_is(struct span name)
{
    return name.len > 0 &&
           (MATCHES_ANY(name, prefixes, begins_with) || MATCHES_ANY(name, suffixes, ends_with) ||
            MATCHES_ANY(name, parts, span_contains) || MATCHES_ANY(name, names, span_equal));
}
