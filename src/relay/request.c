/* request.c - the web server's parameters, made into a request. */
#include "relay/request.h"

#include <string.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/num.h"
#include "core/path.h"
#include "relay/params.h"

#define HEADERS_MAX 256
#define HEADER_BYTES_MAX 65536
#define PREFIX_LEN (sizeof(PARAMS_HEADER_PREFIX) - 1)
#define ID_DIGITS 24

int
request_refuse(struct request_fault *fault, enum failure failure, const char *detail)
{
    *fault = (struct request_fault){failure, detail};
    return -1;
}

static struct span
param(const struct params *params, enum param name)
{
    return span_from(params->values[name]);
}

/* --- headers -------------------------------------------------------------- */

/* The headers that the gateway itself reads. */
enum known {
    KNOWN_ACCEPT_ENCODING,
    KNOWN_API_KEY,
    KNOWN_AUTHORIZATION,
    KNOWN_CONTENT_LENGTH,
    KNOWN_CONTENT_TYPE,
    KNOWN_DELIVERY,
    KNOWN_FORWARDED, /* any that a proxy adds: then the address is the proxy's and says nothing
                        about the caller */
    KNOWN_ORIGIN,
    KNOWN_X_API_KEY,
    KNOWN_COUNT
};

/* A web server may pass two spellings of one header (X_Foo and X-Foo) as two parameters. For the
 * single ones, two values would let us and somebody else read different ones. */
static const struct known_header {
    struct span name;
    enum known known;
    bool is_single;
} known_headers[] = {
    {SPAN_LITERAL("accept-encoding"), KNOWN_ACCEPT_ENCODING, false},
    {SPAN_LITERAL("api-key"), KNOWN_API_KEY, true},
    {SPAN_LITERAL("authorization"), KNOWN_AUTHORIZATION, true},
    {SPAN_LITERAL("content-length"), KNOWN_CONTENT_LENGTH, true},
    {SPAN_LITERAL("content-type"), KNOWN_CONTENT_TYPE, true},
    {SPAN_LITERAL("origin"), KNOWN_ORIGIN, false},
    {SPAN_LITERAL("x-api-key"), KNOWN_X_API_KEY, true},
    {SPAN_LITERAL("x-postern-delivery"), KNOWN_DELIVERY, false},
    {SPAN_LITERAL("cf-connecting-ip"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("forwarded"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("forwarded-for"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("true-client-ip"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("via"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-client-ip"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-cluster-client-ip"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-forwarded"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-forwarded-by"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-forwarded-for"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-forwarded-host"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-forwarded-port"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-forwarded-proto"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-forwarded-server"), KNOWN_FORWARDED, false},
    {SPAN_LITERAL("x-real-ip"), KNOWN_FORWARDED, false},
};

/* The headers while they are read. */
struct reading {
    struct request *request;
    size_t room;                           /* for so many */
    const struct span *found[KNOWN_COUNT]; /* the first of each; NULL: not there */
};

static struct span
found_or_empty(const struct reading *reading, enum known known)
{
    const struct span *value = reading->found[known];
    return value ? *value : (struct span){NULL, 0};
}

/* "HTTP_X_FOO" → "x-foo" */
static struct span
header_name(struct arena *arena, struct span cgi_name)
{
    char *name = arena_copy(arena, cgi_name);
    for (char *c = name; c && *c; c++)
        *c = *c == '_' ? '-' : (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    return span_of(name, cgi_name.len);
}

/* NULL: just passed on, or not even that. */
static const struct known_header *
find_known(struct span name)
{
    for (size_t i = 0; i < sizeof(known_headers) / sizeof(known_headers[0]); i++) {
        const struct span *known = &known_headers[i].name;
        if (known->len == name.len && memcmp(known->ptr, name.ptr, name.len) == 0)
            return &known_headers[i];
    }
    return NULL;
}

static int
add_header(struct reading *reading, struct span name, struct span value,
           struct request_fault *fault)
{
    struct wire_headers *headers = &reading->request->headers;
    if (!name.ptr || headers->count == reading->room)
        return request_refuse(fault, FAILURE_HEADERS_TOO_LARGE, NULL);
    if (!wire_is_value(value))
        return request_refuse(fault, FAILURE_INVALID_HEADER, "a value holds a control character");
    struct wire_header *header = &headers->items[headers->count];
    const struct known_header *known = find_known(name);
    if (known && known->is_single && reading->found[known->known])
        return request_refuse(fault, FAILURE_INVALID_HEADER, "a header stands twice");
    if (known && !reading->found[known->known])
        reading->found[known->known] = &header->value;
    *header = (struct wire_header){name, value};
    headers->count++;
    return 0;
}

static int
read_headers(struct reading *reading, const char *const *list, const struct params *params,
             struct request_fault *fault)
{
    struct request *request = reading->request;
    size_t count = params->header_count + 1; /* and the type of the body, which is none of them */
    reading->room = count < HEADERS_MAX ? count : HEADERS_MAX;
    request->headers.items =
        arena_array(&request->arena, reading->room, sizeof(struct wire_header));
    if (!request->headers.items)
        return request_refuse(fault, FAILURE_GATEWAY_ERROR, NULL);
    size_t bytes = 0;
    for (; *list; list++) {
        if (!params_is_header(*list))
            continue;
        struct span value = span_from(*list);
        struct span name = span_split(&value, '=');
        bytes += name.len + value.len;
        if (bytes > HEADER_BYTES_MAX)
            return request_refuse(fault, FAILURE_HEADERS_TOO_LARGE, NULL);
        name = header_name(&request->arena, span_of(name.ptr + PREFIX_LEN, name.len - PREFIX_LEN));
        if (add_header(reading, name, value, fault) != 0)
            return -1;
    }
    struct span type = span_trim(request->content_type);
    if (type.len > 0 && !reading->found[KNOWN_CONTENT_TYPE])
        return add_header(reading, span_from("content-type"), type, fault);
    return 0;
}

/* Is it a page of another host that sends this, through a browser on this one? Such a page can make
 * a browser send, though not read, and with a name of its own for our address it can do both. */
static bool
is_foreign_page(struct span origin)
{
    static const char *const own[] = {"http://localhost",  "https://localhost", "http://127.0.0.1",
                                      "https://127.0.0.1", "http://[::1]",      "https://[::1]"};
    for (size_t i = 0; origin.len > 0 && i < sizeof(own) / sizeof(own[0]); i++) {
        size_t len = strlen(own[i]);
        if (span_has_prefix_nocase(origin, own[i]) && (origin.len == len || origin.ptr[len] == ':'))
            return false;
    }
    return origin.len > 0;
}

static void
read_credentials(struct request *request, const struct reading *reading,
                 const struct params *params)
{
    struct access_credentials *credentials = &request->credentials;
    credentials->authorization = found_or_empty(reading, KNOWN_AUTHORIZATION);
    if (credentials->authorization.len == 0)
        credentials->authorization = param(params, PARAM_AUTHORIZATION);
    credentials->api_key = found_or_empty(reading, KNOWN_API_KEY);
    credentials->x_api_key = found_or_empty(reading, KNOWN_X_API_KEY);
    credentials->remote_user = param(params, PARAM_REMOTE_USER);
    credentials->remote_addr = param(params, PARAM_REMOTE_ADDR);
    credentials->was_forwarded =
        reading->found[KNOWN_FORWARDED] || is_foreign_page(found_or_empty(reading, KNOWN_ORIGIN));
}

static void
read_wishes(struct request *request, const struct reading *reading)
{
    struct span coding = found_or_empty(reading, KNOWN_ACCEPT_ENCODING);
    request->accepts_coded =
        span_contains_nocase(coding, "gzip") || span_contains_nocase(coding, "deflate");
    request->asks_held = span_is_nocase(found_or_empty(reading, KNOWN_DELIVERY), "held");
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
        if (*rest.ptr != '/')
            continue;
        if (span_has_prefix(rest, "/v1/") || span_has_prefix(rest, "/openai/"))
            return span_of(script.ptr, at);
    }
    return script;
}

static bool
strip_mount(const struct params *params, const char *mount, struct span path, struct span *below)
{
    if (mount)
        return path_strip_mount(path, span_from(mount), below);
    struct span script = param(params, PARAM_SCRIPT_NAME);
    struct span proxied = params->values[PARAM_PATH_INFO] ? script : before_api_root(script);
    /* SCRIPT_NAME is decoded and the path is not: they are compared as segments, never as bytes. */
    return (proxied.len < script.len && path_strip_mount(path, proxied, below)) ||
           path_strip_mount(path, script, below) ||
           path_strip_mount(path, without_script_file(script), below);
}

static int
read_target(struct request *request, const struct params *params, const char *mount,
            struct request_fault *fault)
{
    struct span target = param(params, PARAM_REQUEST_URI);
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
read_content_length(struct request *request, const struct params *params,
                    struct request_fault *fault)
{
    struct span text = param(params, PARAM_CONTENT_LENGTH);
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
    static const char prefix[] = "req_", hex[] = "0123456789abcdef";
    uint64_t random = 0;
    char *at = id + sizeof(prefix) - 1;
    memcpy(id, prefix, sizeof(prefix) - 1);
    for (size_t i = 0; i < ID_DIGITS; i++, random >>= 4) {
        if (i % 16 == 0)
            random = entropy_u64();
        *at++ = hex[random & 15];
    }
    *at = '\0';
}

static void
begin(struct request *request, const struct params *params)
{
    memset(request, 0, sizeof(*request));
    arena_init(&request->arena, REQUEST_ARENA_MAX);
    buf_init(&request->body, 0);
    make_id(request->id);
    request->started_us = clock_boot_us();
    request->client = "nobody";
    request->content_length = -1;
    request->method = params->values[PARAM_REQUEST_METHOD];
    request->content_type = param(params, PARAM_CONTENT_TYPE);
}

int
request_read(struct request *request, const char *const *list, const char *mount,
             struct request_fault *fault)
{
    struct params params;
    struct reading reading = {.request = request};
    params_read(&params, list);
    begin(request, &params);
    if (!request->method || !*request->method) {
        request->method = "?";
        return request_refuse(fault, FAILURE_INVALID_HEADER,
                              "the web server passed no REQUEST_METHOD");
    }
    if (read_headers(&reading, list, &params, fault) != 0 ||
        read_content_length(request, &params, fault) != 0 ||
        read_target(request, &params, mount, fault) != 0)
        return -1;
    read_credentials(request, &reading, &params);
    read_wishes(request, &reading);
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
