/* body.c - reads a client's body whole and checks it before anybody else sees it. */
#include "relay/request.h"

#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"

#define READ_BYTES 16384
#define UPLOAD_BYTES                                                                               \
    65536 /* pinned bodies up to this are kept: a dead connection costs nothing                    \
           */
#define MODEL_MAX 512

bool
request_is_upload(const struct request *request)
{
    bool is_small = request->content_length >= 0 && request->content_length <= UPLOAD_BYTES;
    return request->has_body && request->operation.row->pinned && !is_small;
}

/* Room for what comes next; one byte more than the most, to see that there is more. */
static size_t
make_room(struct buf *body, int64_t wanted, uint64_t max_bytes)
{
    size_t end = wanted >= 0 ? (size_t)wanted : (size_t)max_bytes + 1;
    size_t room = end - body->len < READ_BYTES ? end - body->len : READ_BYTES;
    return buf_reserve(body, room) == 0 ? room : 0;
}

static int
read_all(struct request *request, const struct source *source, const struct request_limits *limits,
         struct request_fault *fault)
{
    uint64_t deadline_ms = request->started_us / 1000 + limits->timeout_ms;
    int64_t wanted = request->content_length;
    struct buf *body = &request->body;
    if (wanted > 0 && (uint64_t)wanted > limits->max_bytes)
        return request_refuse(fault, FAILURE_REQUEST_TOO_LARGE, NULL);
    buf_init(body, limits->max_bytes + 1);
    if (wanted > 0 && buf_reserve(body, (size_t)wanted) != 0)
        return request_refuse(fault, FAILURE_GATEWAY_ERROR, NULL);
    while (wanted < 0 || body->len < (size_t)wanted) {
        size_t room = make_room(body, wanted, limits->max_bytes);
        if (room == 0)
            return request_refuse(fault, FAILURE_GATEWAY_ERROR, NULL);
        int64_t got = source->read(source->self, body->ptr + body->len, room);
        if (got == 0 && wanted < 0)
            return 0;
        if (got <= 0)
            return request_refuse(fault, FAILURE_REQUEST_CUT, NULL);
        buf_extend(body, (size_t)got);
        if (body->len > limits->max_bytes)
            return request_refuse(fault, FAILURE_REQUEST_TOO_LARGE, NULL);
        if (clock_boot_ms() > deadline_ms)
            return request_refuse(fault, FAILURE_REQUEST_TIMEOUT, NULL);
    }
    return 0;
}

static bool
is_json_type(struct span type)
{
    struct span rest = type;
    struct span essence = span_trim(span_split(&rest, ';'));
    return span_is_nocase(essence, "application/json") || span_has_suffix(essence, "+json");
}

static int
check_type(const struct request *request, struct request_fault *fault)
{
    switch (request->operation.row->body) {
    case OPERATION_BODY_ANY:
        return 0;
    case OPERATION_BODY_JSON:
        if (is_json_type(request->content_type))
            return 0;
        return request_refuse(fault, FAILURE_UNSUPPORTED_MEDIA_TYPE, "it must be application/json");
    case OPERATION_BODY_MULTIPART:
        if (span_has_prefix_nocase(request->content_type, "multipart/form-data"))
            return 0;
        return request_refuse(fault, FAILURE_UNSUPPORTED_MEDIA_TYPE,
                              "it must be multipart/form-data");
    }
    return 0;
}

static int
refuse_json(struct request *request, const struct json_mistake *mistake,
            struct request_fault *fault)
{
    if (mistake->error == JSON_TOO_DEEP)
        return request_refuse(fault, FAILURE_JSON_TOO_DEEP, NULL);
    if (mistake->error == JSON_DUPLICATE)
        return request_refuse(fault, FAILURE_DUPLICATE_KEY, mistake->member);
    return request_refuse(fault, FAILURE_INVALID_JSON,
                          arena_printf(&request->arena, "it %s at byte offset %zu",
                                       json_error_text(mistake->error), mistake->offset));
}

/* The members that are looked for, in this order. None may stand twice. */
enum wanted {
    WANTED_MODEL,
    WANTED_STREAM,
    WANTED_N,
    WANTED_PROMPT_CACHE_KEY,
    WANTED_USER,
    WANTED_MESSAGES,
    WANTED_INPUT,
    WANTED_PROMPT,
    WANTED_BACKGROUND,
    WANTED_COUNT
};

static void
find_conversation(struct request *request, const struct json_member *found)
{
    const struct span *session = wire_header_find(&request->headers, "x-session-id");
    if (!session)
        session = wire_header_find(&request->headers, "session-id");
    request->conversation = (struct affinity_facts){
        .prompt_cache_key = found[WANTED_PROMPT_CACHE_KEY].value,
        .user = found[WANTED_USER].value,
        .session = session ? *session : (struct span){NULL, 0},
        .messages = found[WANTED_MESSAGES].value,
        .input = found[WANTED_INPUT].value,
        .prompt = found[WANTED_PROMPT].value,
    };
}

static int
read_model_name(struct request *request, struct request_fault *fault)
{
    char room[MODEL_MAX + 1];
    struct buf name;
    buf_init_in(&name, room, sizeof(room));
    request->model_name = NULL;
    /* A NUL would end the name for us and not for the upstream. */
    if (json_unescape(request->model.value, &name) == 0 && !memchr(buf_text(&name), 0, name.len))
        request->model_name = arena_copy(&request->arena, buf_span(&name));
    if (!request->model_name)
        return request_refuse(fault, FAILURE_INVALID_JSON,
                              "the model's name is longer than 512 bytes or holds a NUL");
    return 0;
}

/* Some servers take "true" or 1 for true. Then the answer's kind would surprise us, and whoever
 * asks so could make a good upstream look broken. */
static bool
is_odd_switch(const struct json_member *member)
{
    return member->type != JSON_NONE && member->type != JSON_NULL && member->type != JSON_TRUE &&
           member->type != JSON_FALSE;
}

/* How many inputs a batch has, each of which gets an answer of its own. A list of numbers is one
 * input, already in tokens; of a list of objects it depends on the upstream. 0: unknown. */
static size_t
count_inputs(const struct json_member *input)
{
    size_t at = 0, count = 0;
    if (input->type == JSON_STRING)
        return 1;
    for (struct span item; (item = json_each(input->value, &at)).len > 0; count++) {
        enum json_value_type type = json_type_of(item);
        if (type == JSON_NUMBER)
            return 1;
        if (type != JSON_STRING && type != JSON_ARRAY)
            return 0;
    }
    return count;
}

static unsigned
times(size_t a, uint64_t b)
{
    return b > 0 && a > UINT_MAX / b ? UINT_MAX : (unsigned)(a * b);
}

/* What is no sensible number is the upstream's to complain about. */
static struct progress_terms
read_terms(const struct request *request, const struct json_member *found)
{
    uint64_t n = 1;
    size_t inputs = 0;
    (void)num_parse_u64(found[WANTED_N].value, UINT_MAX, &n);
    if (request->operation.row->list && request->operation.row->stream != EVENT_API_CHAT)
        inputs =
            count_inputs(&found[request->operation.row->can_stream ? WANTED_PROMPT : WANTED_INPUT]);
    return (struct progress_terms){
        .choices = times(inputs > 0 ? inputs : 1, n > 0 ? n : 1),
        .inputs = times(inputs, 1),
        .in_background = found[WANTED_BACKGROUND].type == JSON_TRUE,
    };
}

static int
check_json(struct request *request, struct request_fault *fault)
{
    struct json_member members[WANTED_COUNT] = {
        [WANTED_MODEL] = {.name = "model"},
        [WANTED_STREAM] = {.name = "stream"},
        [WANTED_N] = {.name = "n"},
        [WANTED_PROMPT_CACHE_KEY] = {.name = "prompt_cache_key"},
        [WANTED_USER] = {.name = "user"},
        [WANTED_MESSAGES] = {.name = "messages"},
        [WANTED_INPUT] = {.name = "input"},
        [WANTED_PROMPT] = {.name = "prompt"},
        [WANTED_BACKGROUND] = {.name = "background"},
    };
    struct json_mistake mistake;
    if (json_find(buf_span(&request->body), members, WANTED_COUNT, &mistake) != 0)
        return refuse_json(request, &mistake, fault);
    if (request->operation.row->can_stream && is_odd_switch(&members[WANTED_STREAM]))
        return request_refuse(fault, FAILURE_INVALID_JSON, "stream is neither true nor false");
    request->model = members[WANTED_MODEL];
    request->wants_stream = members[WANTED_STREAM].type == JSON_TRUE;
    request->terms = read_terms(request, members);
    if (request->wants_stream && request->terms.choices > PROGRESS_CHOICES_MAX)
        return request_refuse(fault, FAILURE_INVALID_JSON,
                              "a stream of more than 1024 choices cannot be followed");
    const struct json_member *input = &members[WANTED_INPUT];
    request->asks_nothing = input->type == JSON_ARRAY && json_is_empty(input->value);
    find_conversation(request, members);
    /* A deployment in the path is what Azure answers with, whatever the body says: it is the model,
     * or a list of allowed models could be walked around. */
    bool is_in_path = request->operation.deployment.len > 0;
    if (is_in_path || request->model.type != JSON_STRING)
        return 0;
    return read_model_name(request, fault);
}

int
request_load_body(struct request *request, const struct source *source,
                  const struct request_limits *limits, struct request_fault *fault)
{
    bool wants_json = request->operation.row->body == OPERATION_BODY_JSON;
    if (check_type(request, fault) != 0)
        return -1;
    if (request->has_body && read_all(request, source, limits, fault) != 0)
        return -1;
    return wants_json ? check_json(request, fault) : 0;
}

void
request_drop_body(struct request *request)
{
    buf_fini(&request->body);
    request->model.value = span_of(NULL, 0);
}
