/* ask.c - builds a dialect_ask. */
#include "ask.h"

#include <string.h>

#define ARENA_MAX (1024 * 1024)
#define BODY_MAX 65536

void
ask_init(struct ask *ask, const char *target)
{
    struct span query = span_from(target);
    struct span path = span_split(&query, '?');
    *ask = (struct ask){.operation = operation_find(span_from("POST"), path)};
    arena_init(&ask->arena, ARENA_MAX);
    buf_init(&ask->body, BODY_MAX);
    ask->dialect = (struct dialect_ask){
        .method = "POST",
        .path = path,
        .query = query,
        .has_query = query.ptr != NULL,
        .operation = &ask->operation,
        .headers = &ask->headers,
    };
}

void
ask_fini(struct ask *ask)
{
    buf_fini(&ask->body);
    arena_fini(&ask->arena);
}

void
ask_body(struct ask *ask, const char *body, const char *model_name)
{
    struct json_member model = {.name = "model"};
    assert_int_equal(json_find(span_from(body), &model, 1, NULL), 0);
    ask->dialect.model = model;
    ask->dialect.model_name = model_name;
    ask->dialect.body = (struct wire_body){
        .parts = {span_from(body)}, .length = (int64_t)strlen(body), .present = true};
}

void
ask_headers(struct ask *ask, struct wire_header *items, size_t count)
{
    ask->headers = (struct wire_headers){items, count};
}

void
ask_encode(struct ask *ask, const struct route_candidate *candidate)
{
    struct err err;
    assert_int_equal(
        dialect_encode(&ask->dialect, candidate, &ask->arena, &ask->body, &ask->out, &err), 0);
}

const struct span *
ask_sent(const struct ask *ask, const char *name)
{
    return wire_header_find(&ask->out.headers, name);
}
