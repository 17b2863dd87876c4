/* doubt.c - the checks of doubt.h. */
#include "access/doubt.h"

#include "access/loopback.h"
#include "core/hostname.h"
#include "core/proxyheader.h"

static bool
is_trusted(const struct config *config, struct span name)
{
    for (size_t i = 0; name.len > 0 && i < config->trusted_host_count; i++) {
        if (span_equal_nocase(name, config->trusted_hosts[i]))
            return true;
    }
    return false;
}

/* Is a page at `url` one of the site that was asked? A page is known by name and port;
 * `trusted_hosts` and, for what is meant for this host, loopback count with any port. */
static bool
is_own_page(const struct config *config, const struct access_credentials *credentials,
            struct span url)
{
    struct span page = hostname_of_url(url);
    struct span name = hostname_without_port(page);
    if (name.len == 0)
        return false;
    return span_equal_nocase(page, span_trim(credentials->host)) || is_trusted(config, name) ||
           (loopback_is_host(name) &&
            loopback_is_host(hostname_without_port(span_trim(credentials->host))));
}

/* A browser takes its user's login, and its place on this host, along with what any page makes it
 * send. New ones say whose page it was; older ones name it, with all that changes something at
 * least. That none of it is there says only that no page of a browser sent this with a body. */
static enum doubt
doubt_page(const struct config *config, const struct access_credentials *credentials)
{
    struct span site = span_trim(credentials->fetch_site);
    struct span origin = span_trim(credentials->origin);
    struct span referer = span_trim(credentials->referer);
    if (site.len > 0 && !span_is(site, "same-origin") && !span_is(site, "none"))
        return DOUBT_PAGE;
    if (origin.len > 0 && !is_own_page(config, credentials, origin))
        return DOUBT_PAGE;
    if (origin.len == 0 && referer.len > 0 && !is_own_page(config, credentials, referer))
        return DOUBT_PAGE;
    return credentials->is_form ? DOUBT_FORM : DOUBT_NONE;
}

/* AUTH_TYPE says that the server verified somebody. Not so for certificates: mod_ssl says
 * ClientCert of one that its owner signed himself, where the operator lets those connect
 * (optional_no_ca). */
static bool
is_verified(const struct access_credentials *credentials)
{
    struct span type = credentials->auth_type;
    bool is_certificate =
        span_is_nocase(type, "ClientCert") || span_is_nocase(type, "SSL_CLIENT_VERIFY");
    return type.len > 0 && (!is_certificate || span_is(credentials->client_verify, "SUCCESS"));
}

enum doubt
doubt_user(const struct config *config, const struct access_credentials *credentials)
{
    if (credentials->remote_user.len == 0 || config->trust_remote_user == CONFIG_USER_NEVER)
        return DOUBT_ABSENT;
    if (config->trust_remote_user == CONFIG_USER_VERIFIED && !is_verified(credentials))
        return DOUBT_UNVERIFIED;
    return doubt_page(config, credentials);
}

static bool
came_through_proxy(const struct wire_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (proxyheader_is(headers->items[i].name))
            return true;
    }
    return false;
}

enum doubt
doubt_loopback(const struct config *config, const struct access_credentials *credentials)
{
    struct span host = hostname_without_port(span_trim(credentials->host));
    if (!config->trust_loopback || !loopback_is_address(credentials->remote_addr))
        return DOUBT_ABSENT;
    if (!loopback_is_address(credentials->server_addr))
        return DOUBT_ADDRESS;
    if (came_through_proxy(&credentials->headers))
        return DOUBT_PROXY;
    if (span_is(credentials->protocol, "HTTP/1.0") || span_is(credentials->protocol, "HTTP/0.9"))
        return DOUBT_PROTOCOL;
    if (!loopback_is_host(host) && !is_trusted(config, host))
        return DOUBT_HOST;
    return doubt_page(config, credentials);
}

/* --- words ---------------------------------------------------------------- */

static const struct {
    const char *name, *hint;
} words[] = {
    [DOUBT_NONE] = {"none", ""},
    [DOUBT_ABSENT] = {"none", ""},
    [DOUBT_UNVERIFIED] = {"remote_user_unverified",
                          "the web server passed REMOTE_USER without AUTH_TYPE (for a certificate: "
                          "without SSL_CLIENT_VERIFY=SUCCESS), so nobody may have verified it: see "
                          "POSTERN_TRUST_REMOTE_USER"},
    [DOUBT_PAGE] = {"foreign_page",
                    "Origin, Referer or Sec-Fetch-Site name a page of another site: "
                    "it needs a key, or its host in POSTERN_TRUSTED_HOSTS"},
    [DOUBT_FORM] = {"form_body",
                    "a page's form can send a body of this type: say application/json, "
                    "or send a key"},
    [DOUBT_PROXY] = {"proxy_header", "a proxy's header came along, so the caller may be elsewhere: "
                                     "it needs a key"},
    [DOUBT_PROTOCOL] = {"http_1_0",
                        "proxies speak HTTP/1.0 to what is behind them, so the caller may "
                        "be elsewhere: it needs a key"},
    [DOUBT_ADDRESS] = {"server_addr",
                       "REMOTE_ADDR is loopback and SERVER_ADDR is not: a module put "
                       "the address in"},
    [DOUBT_HOST] = {"host", "the Host header is not this host's: if it is a name of it, add it to "
                            "POSTERN_TRUSTED_HOSTS"},
};

const char *
doubt_name(enum doubt doubt)
{
    return words[doubt].name;
}

const char *
doubt_hint(enum doubt doubt)
{
    return words[doubt].hint;
}
