/* url.c - one pass over the parts of an address, left to right. */
#include "config/url.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"
#include "config/mistakes.h"

#define HOST_MAX_BYTES 253
#define URL_MAX_BYTES 1024 /* a breaker is named by it, in buffers of more than this */

static const char *const azure_suffixes[] = {".openai.azure.com", ".cognitiveservices.azure.com",
                                             ".services.ai.azure.com", ".azure-api.net"};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_host_char(char c)
{
    c = lower(c);
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_';
}

/* An address that could be a key written to the wrong variable is not quoted. */
static int
refuse_scheme(struct span text, struct err *err)
{
    char quoted[MISTAKES_QUOTE_MAX];
    const char *scheme = text.len > 0 ? memmem(text.ptr, text.len, "://", 3) : NULL;
    bool is_name = memchr(text.ptr, '.', text.len) || span_is(text, "localhost");
    if (scheme)
        return err_set(err, ERR_SYNTAX, "%s must begin with https://",
                       mistakes_quote(quoted, span_of(text.ptr, (size_t)(scheme - text.ptr) + 3)));
    if (!is_name)
        return err_set(err, ERR_SYNTAX, "the value is no address: https:// is missing");
    return err_set(err, ERR_SYNTAX, "%s has no scheme: https:// is missing before it",
                   mistakes_quote(quoted, text));
}

static int
parse_scheme(struct span *rest, struct url *url, struct err *err)
{
    static const char https[] = "https://", http[] = "http://";
    url->plain = span_has_prefix_nocase(*rest, http);
    if (!url->plain && !span_has_prefix_nocase(*rest, https))
        return refuse_scheme(*rest, err);
    size_t len = (url->plain ? sizeof(http) : sizeof(https)) - 1;
    *rest = span_of(rest->ptr + len, rest->len - len);
    return 0;
}

/* What could hold a secret is named, not shown. */
static int
refuse_extras(struct span rest, struct err *err)
{
    static const struct {
        char mark;
        const char *reason;
    } extras[] = {
        {'#', "the address has a fragment (\"#\"), which means nothing here"},
        {'?', "the address has a query (\"?\"): keys belong into the key, the api-version into "
              "the request"},
        {'@', "the address has a user or a password (\"@\"): the key belongs into the key"},
    };
    for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        if (rest.len > 0 && memchr(rest.ptr, extras[i].mark, rest.len))
            return err_set(err, ERR_SYNTAX, "%s", extras[i].reason);
    }
    return 0;
}

static int
check_host(struct span host, bool bracketed, struct err *err)
{
    char quoted[MISTAKES_QUOTE_MAX], text[HOST_MAX_BYTES + 1];
    struct in6_addr address;
    if (host.len == 0)
        return err_set(err, ERR_SYNTAX, "the address has no host");
    if (host.len > HOST_MAX_BYTES)
        return err_set(err, ERR_RANGE, "the host is longer than %d characters", HOST_MAX_BYTES);
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (bracketed && inet_pton(AF_INET6, text, &address) != 1)
        return err_set(err, ERR_SYNTAX, "%s is no IPv6 address", mistakes_quote(quoted, host));
    for (size_t i = 0; !bracketed && i < host.len; i++) {
        if (!is_host_char(host.ptr[i]))
            return err_set(err, ERR_SYNTAX, "the host %s has a character that no host name has",
                           mistakes_quote(quoted, host));
    }
    return 0;
}

static int
parse_port(struct span text, unsigned *port, struct err *err)
{
    char quoted[MISTAKES_QUOTE_MAX];
    uint64_t number;
    if (num_parse_u64(text, 65535, &number) != 0 || number == 0)
        return err_set(err, ERR_RANGE, "the port %s is not a number from 1 to 65535",
                       mistakes_quote(quoted, text));
    *port = (unsigned)number;
    return 0;
}

static bool
is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(host, "localhost") == 0 || span_has_suffix(span_from(host), ".localhost");
}

static bool
is_azure(const char *host)
{
    for (size_t i = 0; i < sizeof(azure_suffixes) / sizeof(azure_suffixes[0]); i++) {
        if (span_has_suffix(span_from(host), azure_suffixes[i]))
            return true;
    }
    return false;
}

static int
parse_authority(struct span authority, struct arena *arena, struct url *url, struct err *err)
{
    bool bracketed = span_has_prefix(authority, "[");
    unsigned port = url->plain ? 80 : 443;
    struct span rest = bracketed ? span_of(authority.ptr + 1, authority.len - 1) : authority;
    struct span host = span_split(&rest, bracketed ? ']' : ':');
    if (bracketed && !rest.ptr)
        return err_set(err, ERR_SYNTAX, "the \"[\" before the host is not closed");
    if (bracketed && rest.len > 0 && rest.ptr[0] != ':')
        return err_set(err, ERR_SYNTAX, "something other than a port follows the host's \"]\"");
    if (bracketed)
        rest = rest.len > 0 ? span_of(rest.ptr + 1, rest.len - 1) : (struct span){NULL, 0};
    if (check_host(host, bracketed, err) != 0 || (rest.ptr && parse_port(rest, &port, err) != 0))
        return -1;
    char *name = arena_copy(arena, host);
    for (char *c = name; c && *c; c++)
        *c = lower(*c);
    if (!name)
        return err_set(err, ERR_MEMORY, "no memory is left");
    url->host = name;
    url->origin = arena_printf(arena, "%s://%s%s%s:%u", url->plain ? "http" : "https",
                               bracketed ? "[" : "", name, bracketed ? "]" : "", port);
    url->is_loopback = is_loopback(name);
    url->is_azure = is_azure(name);
    return 0;
}

/* A segment that a server could read as another path. */
static bool
is_bad_segment(struct span segment)
{
    return segment.len == 0 || span_is(segment, ".") || span_is(segment, "..");
}

static bool
is_path_char(char c)
{
    c = lower(c);
    return (c >= 'a' && c <= 'z') || is_digit(c) || (c != '\0' && strchr("-._~!$&'()*+,;=:/", c));
}

static int
check_path(struct span path, struct err *err)
{
    char quoted[MISTAKES_QUOTE_MAX];
    struct span rest = span_of(path.ptr + 1, path.len - 1);
    while (rest.ptr) {
        if (is_bad_segment(span_split(&rest, '/')))
            return err_set(err, ERR_SYNTAX, "the path %s has an empty part, \".\" or \"..\"",
                           mistakes_quote(quoted, path));
    }
    for (size_t i = 0; i < path.len; i++) {
        if (!is_path_char(path.ptr[i]))
            return err_set(err, ERR_SYNTAX,
                           "the path %s has a character that does not belong into a path",
                           mistakes_quote(quoted, path));
    }
    return 0;
}

static bool
ends_in_version(struct span path)
{
    size_t at = path.len;
    while (at > 0 && is_digit(path.ptr[at - 1]))
        at--;
    return at < path.len && at >= 2 && path.ptr[at - 1] == 'v' && path.ptr[at - 2] == '/';
}

int
url_parse(struct span text, struct arena *arena, struct url *url, struct err *err)
{
    *url = (struct url){.base_path = ""};
    struct span rest = span_trim(text);
    if (rest.len == 0)
        return err_set(err, ERR_SYNTAX, "is empty");
    if (rest.len > URL_MAX_BYTES)
        return err_set(err, ERR_RANGE, "is longer than %d characters", URL_MAX_BYTES);
    if (parse_scheme(&rest, url, err) != 0 || refuse_extras(rest, err) != 0)
        return -1;
    const char *slash = rest.len > 0 ? memchr(rest.ptr, '/', rest.len) : NULL;
    size_t len = slash ? (size_t)(slash - rest.ptr) : rest.len;
    if (parse_authority(span_of(rest.ptr, len), arena, url, err) != 0)
        return -1;
    struct span path = span_of(rest.ptr + len, rest.len - len);
    while (span_has_suffix(path, "/"))
        path.len--;
    if (path.len > 0 && check_path(path, err) != 0)
        return -1;
    url->base_path = arena_copy(arena, path);
    url->ends_in_version = ends_in_version(path);
    url->ends_in_openai = span_has_suffix(path, "/openai");
    if (!url->origin || !url->base_path)
        return err_set(err, ERR_MEMORY, "no memory is left");
    return 0;
}
