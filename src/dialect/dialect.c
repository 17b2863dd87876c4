/* dialect.c - the table of dialects, and what all of them share: headers, credentials, the model.
 */
#include "dialect/dialect.h"

#include <string.h>

#include "core/allow.h"

#define USER_AGENT "postern/" POSTERN_VERSION
#define DEPLOYMENT_MAX_BYTES 4096
#define JOINED_MAX_BYTES 65536 /* so much is copied rather than sent in parts */

/* --- auto: the path as the client wrote it, as the original service did --- */

static const char *
auto_target(const struct dialect_ask *ask, const struct upstream *upstream, struct arena *arena)
{
    struct span path = ask->path;
    if (upstream->base_is_v1 && span_has_prefix(path, "/v1/"))
        path = span_of(path.ptr + 3, path.len - 3);
    const struct span parts[] = {span_from(upstream->base_path), path,
                                 span_from(ask->has_query ? "?" : ""), ask->query};
    return arena_join(arena, parts, sizeof(parts) / sizeof(parts[0]));
}

static bool
auto_wants_api_key(const struct dialect_ask *ask, const struct upstream *upstream)
{
    return upstream->is_azure_host || ask->operation->azure_style;
}

const struct dialect dialect_auto = {
    .name = "auto",
    .target = auto_target,
    .wants_api_key = auto_wants_api_key,
};

/* A host that we know speaks its own dialect; another gets the path as it came. */
static const struct dialect *
by_host(const struct upstream *upstream)
{
    if (upstream->is_openai_host)
        return &dialect_openai;
    return upstream->is_azure_host && !upstream->base_is_v1 ? &dialect_azure : &dialect_auto;
}

const struct dialect *
dialect_get(const struct upstream *upstream)
{
    switch (upstream->dialect) {
    case UPSTREAM_DIALECT_AUTO:
        return by_host(upstream);
    case UPSTREAM_DIALECT_OPENAI:
        return &dialect_openai;
    case UPSTREAM_DIALECT_AZURE:
        return &dialect_azure;
    }
    return &dialect_auto;
}

/* --- the model ------------------------------------------------------------ */

const char *
dialect_model(const struct dialect_ask *ask, const struct route_candidate *candidate)
{
    const struct upstream *upstream = candidate->upstream;
    if (candidate->model)
        return candidate->model;
    for (size_t i = 0; ask->model_name && i < upstream->model_count; i++) {
        if (strcmp(upstream->models[i].from, ask->model_name) == 0)
            return upstream->models[i].to;
    }
    return upstream->model;
}

/* The document with `model` in the place of its top-level model, or as the first member where it
 * has none. Every other byte stays, and in a large one it stays where it is. */
static int
splice_model(struct span document, const struct json_member *member, const char *model,
             struct buf *text, struct wire_body *out)
{
    bool is_joined = document.len <= JOINED_MAX_BYTES;
    bool is_there = member->type != JSON_NONE;
    const char *open = memchr(document.ptr, '{', document.len);
    size_t cut = is_there ? member->offset : (size_t)(open - document.ptr) + 1;
    size_t gap = is_there ? member->value.len : 0;
    struct span head = span_of(document.ptr, cut);
    struct span tail = span_of(document.ptr + cut + gap, document.len - cut - gap);
    bool is_alone = span_has_prefix(span_trim(tail), "}");
    buf_clear(text);
    if ((is_joined && buf_put_span(text, head) != 0) ||
        buf_puts(text, is_there ? "\"" : "\"model\":\"") != 0 ||
        buf_put_json(text, span_from(model)) != 0 ||
        buf_puts(text, is_there || is_alone ? "\"" : "\",") != 0 ||
        (is_joined && buf_put_span(text, tail) != 0))
        return -1;
    *out = (struct wire_body){.present = true, .parts = {buf_span(text)}};
    if (!is_joined)
        *out = (struct wire_body){.present = true, .parts = {head, buf_span(text), tail}};
    for (size_t i = 0; i < WIRE_BODY_PARTS; i++)
        out->length += (int64_t)out->parts[i].len;
    return 0;
}

/* The model to write into the body; NULL: it stays as it is. A dialect that has no deployments in
 * its paths is told in the body what the client said in the path, for that is what was routed. */
static const char *
body_model(const struct dialect_ask *ask, const struct route_candidate *candidate)
{
    const char *model = dialect_model(ask, candidate);
    bool is_in_path =
        ask->operation->deployment.len > 0 && dialect_get(candidate->upstream)->model_in_body;
    bool is_object = span_has_prefix(span_trim(ask->body.parts[0]), "{");
    if (ask->operation->row->body != OPERATION_BODY_JSON || !ask->body.present || ask->body.read ||
        !is_object || (ask->model.type == JSON_NONE && !is_in_path))
        return NULL;
    return model || !is_in_path ? model : ask->model_name;
}

static int
encode_body(const struct dialect_ask *ask, const struct route_candidate *candidate,
            struct buf *changed, struct wire_request *out)
{
    const char *model = body_model(ask, candidate);
    out->body = ask->body;
    return model ? splice_model(ask->body.parts[0], &ask->model, model, changed, &out->body) : 0;
}

/* In a path of Azure's the deployment is the model, so a replaced model replaces it. NULL: no
 * memory. */
static const char *
rename_deployment(const struct dialect_ask *ask, const char *model, struct arena *arena)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct buf name;
    buf_init(&name, DEPLOYMENT_MAX_BYTES);
    int result = 0;
    for (; *model && result == 0; model++)
        result = buf_putf(&name, strchr(plain, *model) ? "%c" : "%%%02X", (unsigned char)*model);
    const struct operation_match *operation = ask->operation;
    const char *path = arena_printf(arena, "/openai/deployments/%s%s" SPAN_FMT, buf_text(&name),
                                    operation->rest.ptr ? "/" : "", SPAN_ARG(operation->rest));
    buf_fini(&name);
    return result == 0 ? path : NULL;
}

/* The path and query for this candidate; NULL: no memory. */
static const char *
encode_target(const struct dialect_ask *ask, const struct route_candidate *candidate,
              struct arena *arena)
{
    const struct upstream *upstream = candidate->upstream;
    const char *model = dialect_model(ask, candidate);
    struct dialect_ask renamed = *ask;
    if (model && ask->operation->deployment.len > 0) {
        renamed.path = span_from(rename_deployment(ask, model, arena));
        if (!renamed.path.ptr)
            return NULL;
    }
    return dialect_get(upstream)->target(&renamed, upstream, arena);
}

bool
dialect_replaces_model(const struct dialect_ask *ask, const struct route_candidate *candidate)
{
    return dialect_model(ask, candidate) &&
           (ask->operation->deployment.len > 0 || body_model(ask, candidate));
}

/* --- headers -------------------------------------------------------------- */

static void
add_header(struct wire_headers *headers, const char *name, struct span value)
{
    if (headers->count < WIRE_HEADERS_MAX)
        headers->items[headers->count++] = (struct wire_header){span_from(name), value};
}

static int
add_credentials(const struct dialect_ask *ask, const struct upstream *upstream, struct arena *arena,
                struct wire_headers *headers)
{
    if (!*upstream->key)
        return 0;
    if (dialect_get(upstream)->wants_api_key(ask, upstream)) {
        add_header(headers, "api-key", span_from(upstream->key));
        return 0;
    }
    const struct span parts[] = {SPAN_LITERAL("Bearer "), span_from(upstream->key)};
    const char *bearer = arena_join(arena, parts, sizeof(parts) / sizeof(parts[0]));
    if (!bearer)
        return -1;
    add_header(headers, "Authorization", span_from(bearer));
    return 0;
}

static const char *
add_agent(struct arena *arena, struct span clients)
{
    const struct span parts[] = {clients, SPAN_LITERAL(" " USER_AGENT)};
    return arena_join(arena, parts, sizeof(parts) / sizeof(parts[0]));
}

/* Built from the allow-list, never copied: the client's own credentials are not on it. */
static int
encode_headers(const struct dialect_ask *ask, const struct upstream *upstream, struct arena *arena,
               struct wire_headers *headers)
{
    size_t most = ask->headers->count + 2; /* the key and the agent */
    size_t room = most < WIRE_HEADERS_MAX ? most : WIRE_HEADERS_MAX;
    headers->items = arena_array(arena, room, sizeof(*headers->items));
    if (!headers->items || add_credentials(ask, upstream, arena, headers) != 0)
        return -1;
    const char *agent = USER_AGENT;
    for (size_t i = 0; i < ask->headers->count; i++) {
        struct wire_header header = ask->headers->items[i];
        if (!allow_request_header(header.name) || !allow_request_value(header.value))
            continue;
        if (span_is_nocase(header.name, "user-agent"))
            agent = add_agent(arena, header.value);
        else if (headers->count < WIRE_HEADERS_MAX - 1) /* a place is kept for the agent */
            headers->items[headers->count++] = header;
    }
    if (!agent)
        return -1;
    add_header(headers, "User-Agent", span_from(agent));
    return 0;
}

int
dialect_encode(const struct dialect_ask *ask, const struct route_candidate *candidate,
               struct arena *arena, struct buf *changed, struct wire_request *out, struct err *err)
{
    const struct upstream *upstream = candidate->upstream;
    const char *target = encode_target(ask, candidate, arena);
    const struct span url[] = {span_from(upstream->origin), span_from(target)};
    *out = (struct wire_request){
        .method = ask->method,
        .url = target ? arena_join(arena, url, sizeof(url) / sizeof(url[0])) : NULL,
        .origin = upstream->origin,
        .ca_file = upstream->ca_file,
        .http2 = upstream->http2,
        .decode = ask->accepts_coded && ask->operation->row->answer == OPERATION_ANSWER_JSON,
        .connect_timeout_ms = upstream->timeouts.connect_ms,
    };
    if (!out->url || encode_headers(ask, upstream, arena, &out->headers) != 0 ||
        encode_body(ask, candidate, changed, out) != 0)
        return err_set(err, ERR_MEMORY, "no memory for the request to upstream %s", upstream->name);
    return 0;
}
