/* front.c - one row for each way in which a web server runs us. */
#include "edge/front.h"

#include <stddef.h>
#include <string.h>

#include "base/span.h"
#include "relay/params.h"

enum version { VERSION_10, VERSION_11, VERSION_2, VERSION_OTHER };
#define VERSIONS (VERSION_OTHER + 1)

enum gateway {
    SPAWNED,
    PROXIED,
    SCRIPT
}; /* FastCGI, started or only spoken to by the server; CGI */

#define LENGTH SINK_CUT_BY_LENGTH
#define BROKEN SINK_CUT_BROKEN

/* clang-format off: a row of the table is a line */
static const struct way {
    const char *software;
    enum gateway gateway;
    enum sink_cut cut[VERSIONS];
    bool ends_short[VERSIONS];
    bool keeps_length; /* whatever it is told */
    bool cut_is_late;
    bool believes_close;
} ways[] = {
    {"lighttpd", SPAWNED, {LENGTH, BROKEN, LENGTH, LENGTH}, {0}, .keeps_length = true},
    {"lighttpd",
     SCRIPT,
     {LENGTH, BROKEN, LENGTH, LENGTH},
     {0},
     .keeps_length = true,
     .cut_is_late = true},
    {"Apache", PROXIED, {LENGTH, BROKEN, LENGTH, LENGTH}, {0, 0, 1, 1}, .cut_is_late = true},
    {"Apache", SPAWNED, {LENGTH, LENGTH, LENGTH, LENGTH}, {1, 1, 1, 1}, .cut_is_late = true},
    {"Apache", SCRIPT, {LENGTH, LENGTH, LENGTH, LENGTH}, {0}, .cut_is_late = true},
    {"nginx", SPAWNED, {LENGTH, BROKEN, BROKEN, LENGTH}, {0}, .believes_close = true},
    {"", SPAWNED, {LENGTH, LENGTH, LENGTH, LENGTH}, {0}, .cut_is_late = true}, /* any other */
};
/* clang-format on */
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static struct span
param(const char *const *params, const char *name)
{
    return span_from(params_find(params, name));
}

static enum version
read_version(const char *const *params)
{
    struct span protocol = param(params, "SERVER_PROTOCOL");
    /* Apache treats some browsers so (SetEnvIf), whatever they speak. */
    bool is_downgraded =
        params_find(params, "downgrade-1.0") || params_find(params, "force-response-1.0");
    if (span_is(protocol, "HTTP/1.0") || is_downgraded)
        return VERSION_10;
    if (span_is(protocol, "HTTP/1.1"))
        return VERSION_11;
    return span_has_prefix(protocol, "HTTP/2") ? VERSION_2 : VERSION_OTHER;
}

/* mod_proxy_fcgi writes the name of its handler before that of the script. */
static enum gateway
read_gateway(const char *const *params, bool is_cgi)
{
    if (is_cgi)
        return SCRIPT;
    return span_has_prefix(param(params, "SCRIPT_FILENAME"), "proxy:") ? PROXIED : SPAWNED;
}

static const struct way *
find_way(const char *const *params, enum gateway gateway)
{
    struct span software = param(params, "SERVER_SOFTWARE");
    size_t i = 0;
    while (i < WAYS - 1 &&
           (ways[i].gateway != gateway || !span_has_prefix(software, ways[i].software)))
        i++;
    return &ways[i];
}

/* Apache drops a program's Content-Length unless that is trusted, and any server may drop it from
 * what it compresses. */
static bool
keeps_length(const struct way *way, const char *const *params)
{
    bool is_trusted =
        strcmp(way->software, "Apache") != 0 || params_find(params, "ap_trust_cgilike_cl");
    bool may_compress =
        params_find(params, "HTTP_ACCEPT_ENCODING") && !params_find(params, "no-gzip");
    return way->keeps_length || (is_trusted && !may_compress);
}

struct front
front_read(const char *const *params, bool is_cgi)
{
    const struct way *way = find_way(params, read_gateway(params, is_cgi));
    enum version version = read_version(params);
    enum sink_cut cut = way->cut[version];
    if (cut == LENGTH && !keeps_length(way, params))
        cut = SINK_CUT_UNSEEN;
    return (struct front){
        .cut = cut,
        /* HTTP/2 ends each answer by itself, and knows no Connection header. */
        .cut_is_late = way->cut_is_late && version <= VERSION_11,
        .takes_chunks = is_cgi && cut == BROKEN,
        .ends_short = way->ends_short[version],
        .believes_close = way->believes_close,
    };
}
