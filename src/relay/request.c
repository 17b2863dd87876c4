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
    KNOWN_FETCH_SITE,
    KNOWN_HOST,
    KNOWN_ORIGIN,
    KNOWN_REFERER,
    KNOWN_TRANSFER_ENCODING,
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
    {SPAN_LITERAL("host"), KNOWN_HOST, true},
    {SPAN_LITERAL("origin"), KNOWN_ORIGIN, true},
    {SPAN_LITERAL("referer"), KNOWN_REFERER, true},
    {SPAN_LITERAL("sec-fetch-site"), KNOWN_FETCH_SITE, true},
    {SPAN_LITERAL("transfer-encoding"), KNOWN_TRANSFER_ENCODING, true},
    {SPAN_LITERAL("x-api-key"), KNOWN_X_API_KEY, true},
    {SPAN_LITERAL("x-postern-delivery"), KNOWN_DELIVERY, true},
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

/* Some servers pass what describes the body as a header, too. What is judged here and what an
 * upstream reads must be the same. */
static int
check_body_headers(struct request *request, const struct reading *reading,
                   const struct params *params, struct request_fault *fault)
{
    struct span type = span_trim(found_or_empty(reading, KNOWN_CONTENT_TYPE));
    struct span length = span_trim(found_or_empty(reading, KNOWN_CONTENT_LENGTH));
    struct span told = param(params, PARAM_CONTENT_LENGTH);
    if (request->content_type.len == 0)
        request->content_type = type;
    if (!span_equal(type, span_trim(request->content_type)))
        return request_refuse(fault, FAILURE_INVALID_HEADER, "there are two types of the body");
    if (length.len > 0 && !span_equal(length, told))
        return request_refuse(fault, FAILURE_INVALID_CONTENT_LENGTH, NULL);
    return 0;
}

/* A page's form can send these, and a page's script without being asked whether it may. Where the
 * operation says what it takes they are refused by that. */
static bool
is_form(const struct request *request)
{
    return request->operation.row->body == OPERATION_BODY_ANY &&
           (span_has_prefix_nocase(request->content_type, "text/plain") ||
            span_has_prefix_nocase(request->content_type, "application/x-www-form-urlencoded"));
}

static void
read_credentials(struct request *request, const struct reading *reading,
                 const struct params *params)
{
    struct span authorization = found_or_empty(reading, KNOWN_AUTHORIZATION);
    request->credentials = (struct access_credentials){
        .authorization = authorization.len > 0 ? authorization : param(params, PARAM_AUTHORIZATION),
        .api_key = found_or_empty(reading, KNOWN_API_KEY),
        .x_api_key = found_or_empty(reading, KNOWN_X_API_KEY),
        .remote_user = param(params, PARAM_REMOTE_USER),
        .auth_type = param(params, PARAM_AUTH_TYPE),
        .client_verify = param(params, PARAM_SSL_CLIENT_VERIFY),
        .remote_addr = param(params, PARAM_REMOTE_ADDR),
        .server_addr = param(params, PARAM_SERVER_ADDR),
        .protocol = param(params, PARAM_SERVER_PROTOCOL),
        .host = found_or_empty(reading, KNOWN_HOST),
        .origin = found_or_empty(reading, KNOWN_ORIGIN),
        .referer = found_or_empty(reading, KNOWN_REFERER),
        .fetch_site = found_or_empty(reading, KNOWN_FETCH_SITE),
        .is_form = is_form(request),
        .headers = request->headers,
    };
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
    request->doubled = params.doubled;
    if (params.doubled)
        return request_refuse(fault, FAILURE_GATEWAY_MISCONFIGURED, NULL);
    if (read_headers(&reading, list, &params, fault) != 0 ||
        check_body_headers(request, &reading, &params, fault) != 0 ||
        read_content_length(request, &params, fault) != 0 ||
        read_target(request, &params, mount, fault) != 0)
        return -1;
    request->operation = operation_find(span_from(request->method), request->path);
    read_credentials(request, &reading, &params);
    read_wishes(request, &reading);
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
