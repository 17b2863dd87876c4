/* request.c - the web server's parameters, made into a request. */
#include "relay/request.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/num.h"
#include "core/path.h"

#define HEADERS_MAX 256
#define HEADER_BYTES_MAX 65536

int
request_refuse(struct request_fault *fault, enum failure failure, const char *detail)
{
    *fault = (struct request_fault){failure, detail};
    return -1;
}

const char *
request_param(const char *const *params, const char *name)
{
    size_t len = strlen(name);
    for (; *params; params++) {
        if (strncmp(*params, name, len) == 0 && (*params)[len] == '=')
            return *params + len + 1;
    }
    return NULL;
}

static struct span
param(const char *const *params, const char *name)
{
    return span_from(request_param(params, name));
}

static const struct span *
header(const struct request *request, const char *name)
{
    return wire_header_find(&request->headers, name);
}

static struct span
header_or_empty(const struct request *request, const char *name)
{
    const struct span *value = header(request, name);
    return value ? *value : (struct span){NULL, 0};
}

/* --- headers -------------------------------------------------------------- */

/* "HTTP_X_FOO" → "x-foo" */
static struct span
header_name(struct arena *arena, struct span cgi_name)
{
    char *name = arena_copy(arena, cgi_name);
    for (char *c = name; c && *c; c++)
        *c = *c == '_' ? '-' : (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    return span_from(name);
}

/* A web server may pass two spellings of one header (X_Foo and X-Foo) as two parameters. For these,
 * two values would let us and somebody else read different ones. */
static bool
must_be_single(struct span name)
{
    static const char *const single[] = {"authorization", "api-key", "x-api-key", "content-type",
                                         "content-length"};
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        if (span_is(name, single[i]))
            return true;
    }
    return false;
}

static int
add_header(struct request *request, struct span name, struct span value,
           struct request_fault *fault)
{
    if (!name.ptr || request->headers.count == HEADERS_MAX)
        return request_refuse(fault, FAILURE_HEADERS_TOO_LARGE, NULL);
    if (!wire_is_value(value))
        return request_refuse(fault, FAILURE_INVALID_HEADER, "a value holds a control character");
    if (must_be_single(name) && wire_header_find(&request->headers, name.ptr))
        return request_refuse(fault, FAILURE_INVALID_HEADER, "a header stands twice");
    request->headers.items[request->headers.count++] = (struct wire_header){name, value};
    return 0;
}

static int
read_headers(struct request *request, const char *const *params, struct request_fault *fault)
{
    request->headers.items = arena_array(&request->arena, HEADERS_MAX, sizeof(struct wire_header));
    if (!request->headers.items)
        return request_refuse(fault, FAILURE_GATEWAY_ERROR, NULL);
    size_t bytes = 0;
    for (; *params; params++) {
        struct span value = span_from(*params);
        struct span name = span_split(&value, '=');
        if (!span_has_prefix(name, "HTTP_"))
            continue;
        bytes += name.len + value.len;
        if (bytes > HEADER_BYTES_MAX)
            return request_refuse(fault, FAILURE_HEADERS_TOO_LARGE, NULL);
        name = header_name(&request->arena, span_of(name.ptr + 5, name.len - 5));
        if (add_header(request, name, value, fault) != 0)
            return -1;
    }
    struct span type = span_trim(request->content_type);
    if (type.len > 0 && !header(request, "content-type"))
        return add_header(request, span_from("content-type"), type, fault);
    return 0;
}

/* Is it a page of another host that sends this, through a browser on this one? Such a page can make
 * a browser send, though not read, and with a name of its own for our address it can do both. */
static bool
is_foreign_page(struct span origin)
{
    static const char *const own[] = {"http://localhost",  "https://localhost", "http://127.0.0.1",
                                      "https://127.0.0.1", "http://[::1]",      "https://[::1]"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        size_t len = strlen(own[i]);
        if (span_has_prefix_nocase(origin, own[i]) && (origin.len == len || origin.ptr[len] == ':'))
            return false;
    }
    return origin.len > 0;
}

static void
read_credentials(struct request *request, const char *const *params)
{
    /* Whatever a proxy adds: then the address is the proxy's and says nothing about the caller. */
    static const char *const forwarding[] = {
        "forwarded",        "via",           "x-forwarded",         "x-forwarded-for",
        "x-forwarded-by",   "x-client-ip",   "x-forwarded-host",    "x-forwarded-proto",
        "x-forwarded-port", "x-real-ip",     "cf-connecting-ip",    "x-forwarded-server",
        "true-client-ip",   "forwarded-for", "x-cluster-client-ip",
    };
    struct access_credentials *credentials = &request->credentials;
    credentials->authorization = header_or_empty(request, "authorization");
    /* Apache's rewrites rename what they pass on. */
    if (credentials->authorization.len == 0)
        credentials->authorization = param(params, "REDIRECT_HTTP_AUTHORIZATION");
    credentials->api_key = header_or_empty(request, "api-key");
    credentials->x_api_key = header_or_empty(request, "x-api-key");
    credentials->remote_user = param(params, "REMOTE_USER");
    credentials->remote_addr = param(params, "REMOTE_ADDR");
    for (size_t i = 0; i < sizeof(forwarding) / sizeof(forwarding[0]); i++)
        credentials->was_forwarded |= header(request, forwarding[i]) != NULL;
    credentials->was_forwarded |= is_foreign_page(header_or_empty(request, "origin"));
}

/* --- path ----------------------------------------------------------------- */

/* Under .htaccess the script's own file name ends SCRIPT_NAME: the mount is its directory, unless
 * the client wrote the file name itself. */
static struct span
without_script_file(struct span script)
{
    if (!span_has_suffix(script, ".fcgi") && !span_has_suffix(script, ".cgi"))
        return script;
    while (script.len > 0 && script.ptr[script.len - 1] != '/')
        script.len--;
    return span_of(script.ptr, script.len > 0 ? script.len - 1 : 0);
}

/* With Apache's ProxyPass SCRIPT_NAME is the whole path and PATH_INFO is not there: the mount is
 * what stands before the API's own root. */
static struct span
before_api_root(struct span script)
{
    for (size_t at = 0; at < script.len; at++) {
        struct span rest = span_of(script.ptr + at, script.len - at);
        if (span_has_prefix(rest, "/v1/") || span_has_prefix(rest, "/openai/"))
            return span_of(script.ptr, at);
    }
    return script;
}

static bool
strip_mount(const char *const *params, const char *mount, struct span path, struct span *below)
{
    if (mount)
        return path_strip_mount(path, span_from(mount), below);
    struct span script = param(params, "SCRIPT_NAME");
    struct span proxied = before_api_root(script);
    /* SCRIPT_NAME is decoded and the path is not: they are compared as segments, never as bytes. */
    if (!request_param(params, "PATH_INFO") && proxied.len < script.len &&
        path_strip_mount(path, proxied, below))
        return true;
    return path_strip_mount(path, script, below) ||
           path_strip_mount(path, without_script_file(script), below);
}

static int
read_target(struct request *request, const char *const *params, const char *mount,
            struct request_fault *fault)
{
    struct span target = param(params, "REQUEST_URI");
    if (target.len == 0)
        return request_refuse(fault, FAILURE_INVALID_PATH, "the web server passed no REQUEST_URI");
    struct span path;
    path_split(target, &path, &request->query, &request->has_query);
    enum path_verdict verdict = path_check(path);
    if (verdict == PATH_OK)
        verdict = path_check_query(request->query);
    if (verdict != PATH_OK)
        return request_refuse(fault, FAILURE_INVALID_PATH, path_verdict_text(verdict));
    if (!strip_mount(params, mount, path, &request->path))
        return request_refuse(fault, FAILURE_UNKNOWN_URL, NULL);
    return 0;
}

static unsigned
hex_value(char digit)
{
    unsigned lower = (unsigned char)digit | 0x20U;
    return lower >= 'a' ? lower - 'a' + 10 : lower - '0';
}

/* A segment of the path, whose escapes have been checked, as the text that it stands for. */
static const char *
unescape(struct arena *arena, struct span segment)
{
    char *text = arena_copy(arena, segment);
    char *out = text;
    for (const char *at = text; at && *at; at++) {
        bool is_escape = *at == '%';
        *out++ = is_escape ? (char)(hex_value(at[1]) * 16 + hex_value(at[2])) : *at;
        at += is_escape ? 2 : 0;
    }
    if (out)
        *out = '\0';
    return text;
}

/* --- the rest ------------------------------------------------------------- */

static int
read_content_length(struct request *request, const char *const *params, struct request_fault *fault)
{
    struct span text = param(params, "CONTENT_LENGTH");
    bool may_have_body =
        strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0;
    request->content_length = -1;
    request->has_body = may_have_body;
    if (text.len == 0)
        return 0;
    uint64_t length;
    if (num_parse_u64(text, INT64_MAX, &length) != 0)
        return request_refuse(fault, FAILURE_INVALID_CONTENT_LENGTH, NULL);
    request->content_length = (int64_t)length;
    request->has_body = length > 0 || (may_have_body && strcmp(request->method, "DELETE") != 0);
    return 0;
}

static void
make_id(char id[REQUEST_ID_MAX])
{
    (void)snprintf(id, REQUEST_ID_MAX, "req_%016llx%08x", (unsigned long long)entropy_u64(),
                   (unsigned)(entropy_u64() & 0xffffffffU));
}

int
request_read(struct request *request, const char *const *params, const char *mount,
             struct request_fault *fault)
{
    memset(request, 0, sizeof(*request));
    arena_init(&request->arena, REQUEST_ARENA_MAX);
    buf_init(&request->body, 0);
    make_id(request->id);
    request->started_us = clock_boot_us();
    request->client = "nobody";
    request->content_length = -1;
    request->method = request_param(params, "REQUEST_METHOD");
    request->content_type = param(params, "CONTENT_TYPE");
    if (!request->method || !*request->method) {
        request->method = "?";
        return request_refuse(fault, FAILURE_INVALID_HEADER,
                              "the web server passed no REQUEST_METHOD");
    }
    if (read_headers(request, params, fault) != 0 ||
        read_content_length(request, params, fault) != 0 ||
        read_target(request, params, mount, fault) != 0)
        return -1;
    read_credentials(request, params);
    struct span coding = header_or_empty(request, "accept-encoding");
    request->accepts_coded =
        span_contains_nocase(coding, "gzip") || span_contains_nocase(coding, "deflate");
    request->asks_held = span_is_nocase(header_or_empty(request, "x-postern-delivery"), "held");
    request->operation = operation_find(span_from(request->method), request->path);
    if (request->operation.deployment.len > 0)
        request->model_name = unescape(&request->arena, request->operation.deployment);
    return 0;
}

void
request_fini(struct request *request)
{
    buf_fini(&request->body);
    arena_fini(&request->arena);
}
