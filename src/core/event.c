/* event.c - the shapes of the streaming APIs' events, and of the one event that we make. */
#include "core/event.h"

#include <assert.h>

#include "base/num.h"
#include "core/complaint.h"
#include "core/json.h"

#define ERROR_EVENT_MAX_BYTES 16384

/* --- what a value holds --------------------------------------------------- */

static struct span
member_of(struct span object, const char *name)
{
    struct json_member member = {.name = name};
    json_find_within(object, &member, 1);
    return member.value;
}

/* --- chat completions and completions ------------------------------------- */

/* What a delta (or, from some servers, a whole message) can bring. Its role brings nothing. */
static bool
delta_has_content(struct span delta)
{
    struct json_member members[] = {
        {.name = "content"},
        {.name = "tool_calls"},
        {.name = "function_call"},
        {.name = "refusal"},
        {.name = "audio"},
        {.name = "reasoning_content"}, /* DeepSeek, vLLM */
        {.name = "reasoning"},         /* OpenRouter */
        {.name = "reasoning_details"},
        {.name = "thinking"},
        {.name = "images"},
    };
    const size_t count = sizeof(members) / sizeof(members[0]);
    json_find_within(delta, members, count);
    for (size_t i = 0; i < count; i++)
        if (!json_is_empty(members[i].value))
            return true;
    return false;
}

#define CHOICE_LAST 63

/* Content after a finish opens the choice again: a stream that is cut then has lost its end. */
static void
choice_note(struct event_choices *choices, struct span index, enum event_kind kind)
{
    uint64_t at = 0; /* where a server leaves it out there is but one */
    if (num_parse_u64(index, UINT64_MAX, &at) == 0 && at > CHOICE_LAST)
        at = CHOICE_LAST;
    choices->begun |= UINT64_C(1) << at;
    if (kind == EVENT_FINISH)
        choices->finished |= UINT64_C(1) << at;
    else if (kind == EVENT_CONTENT)
        choices->finished &= ~(UINT64_C(1) << at);
}

static bool
choices_are_finished(const struct event_choices *choices)
{
    unsigned begun = 0;
    for (uint64_t left = choices->begun; left != 0; left &= left - 1)
        begun++;
    return (choices->begun & ~choices->finished) == 0 &&
           begun >= (choices->wanted <= CHOICE_LAST ? choices->wanted : CHOICE_LAST);
}

/* The members of a choice that say what it brings. */
enum {
    CHOICE_ERROR,
    CHOICE_FINISH_REASON,
    CHOICE_VERDICT_MEMBERS, /* the members up to here tell whether it is an error */
    CHOICE_TEXT = CHOICE_VERDICT_MEMBERS,
    CHOICE_DELTA,
    CHOICE_MESSAGE,
    CHOICE_INDEX,
    CHOICE_MEMBERS
};

/* The next choice of the list, and the first `count` of its members. Empty: there is none. */
static struct span
choice_each(struct span list, size_t *at, struct json_member *found, size_t count)
{
    static const char *const names[CHOICE_MEMBERS] = {"error", "finish_reason", "text",
                                                      "delta", "message",       "index"};
    for (size_t i = 0; i < count; i++)
        found[i].name = names[i];
    return json_each_find(list, at, found, count);
}

/* OpenRouter ends a choice that its provider broke off with the reason "error". */
static bool
choice_is_error(const struct json_member found[CHOICE_VERDICT_MEMBERS])
{
    return found[CHOICE_ERROR].type == JSON_OBJECT ||
           json_string_is(found[CHOICE_FINISH_REASON].value, "error");
}

static enum event_kind
choice_judge(const struct json_member found[CHOICE_MEMBERS])
{
    if (choice_is_error(found))
        return EVENT_ERROR;
    /* A number is none: 0 stands for "unspecified" where a reason is an enumeration. */
    if (found[CHOICE_FINISH_REASON].type == JSON_STRING &&
        !json_is_empty(found[CHOICE_FINISH_REASON].value))
        return EVENT_FINISH;
    if (!json_is_empty(found[CHOICE_TEXT].value) || delta_has_content(found[CHOICE_DELTA].value) ||
        delta_has_content(found[CHOICE_MESSAGE].value))
        return EVENT_CONTENT;
    return EVENT_EMPTY;
}

/* The most that one of its choices says: an error more than a finish, that more than content. A
 * finish is the stream's only when no choice is open any more. */
static enum event_kind
choices_judge(struct span list, struct event_choices *choices)
{
    enum event_kind most = EVENT_EMPTY;
    struct json_member found[CHOICE_MEMBERS];
    for (size_t at = 0; choice_each(list, &at, found, CHOICE_MEMBERS).len > 0;) {
        enum event_kind kind = choice_judge(found);
        choice_note(choices, found[CHOICE_INDEX].value, kind);
        if (kind > most)
            most = kind;
    }
    if (most != EVENT_CONTENT && most != EVENT_FINISH)
        return most;
    return choices_are_finished(choices) ? EVENT_FINISH : EVENT_CONTENT;
}
_Static_assert(EVENT_EMPTY < EVENT_CONTENT && EVENT_CONTENT < EVENT_FINISH &&
                   EVENT_FINISH < EVENT_ERROR,
               "choices_judge() compares kinds by their order");

bool
event_choices_are_sound(struct span list)
{
    struct json_member found[CHOICE_VERDICT_MEMBERS];
    struct span choice;
    size_t at = 0;
    while ((choice = choice_each(list, &at, found, CHOICE_VERDICT_MEMBERS)).len > 0)
        if (json_type_of(choice) != JSON_OBJECT || choice_is_error(found))
            return false;
    return true;
}

/* --- responses and messages: events with a type --------------------------- */

/* A begun item or block that is more than an empty frame for text: a call of a tool. */
static bool
begins_call(struct span data, const char *holder)
{
    static const char *const frames[] = {"message", "reasoning", "text", "thinking"};
    struct span type = member_of(member_of(data, holder), "type");
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
        if (json_string_is(type, frames[i]))
            return false;
    return type.len > 0;
}

struct event_type {
    const char *type;
    enum event_kind kind;
    const char *call_in; /* not NULL: content when the member of this name begins a call */
};

/* Of the response.… types only these carry no content of the answer. */
static const struct event_type responses_types[] = {
    {"response.created", EVENT_EMPTY, NULL},
    {"response.queued", EVENT_EMPTY, NULL},
    {"response.in_progress", EVENT_EMPTY, NULL},
    {"response.output_item.added", EVENT_EMPTY, "item"},
    {"response.content_part.added", EVENT_EMPTY, NULL},
    {"response.reasoning_summary_part.added", EVENT_EMPTY, NULL},
    {"response.completed", EVENT_FINISH, NULL},
    {"response.incomplete", EVENT_FINISH, NULL},
    {"response.failed", EVENT_ERROR, NULL},
    {"response.cancelled", EVENT_ERROR, NULL},
    {"error", EVENT_ERROR, NULL},
    {NULL, EVENT_EMPTY, NULL},
};

static const struct event_type messages_types[] = {
    {"content_block_start", EVENT_EMPTY, "content_block"},
    {"content_block_delta", EVENT_CONTENT, NULL},
    {"message_stop", EVENT_DONE, NULL},
    {"error", EVENT_ERROR, NULL},
    {NULL, EVENT_EMPTY, NULL},
};

/* The last row, without a type, when none of the others is `type`. */
static const struct event_type *
type_find(const struct event_type *types, struct span type)
{
    while (types->type && !json_string_is(type, types->type))
        types++;
    return types;
}

static enum event_kind
typed_judge(const struct event_type *row, struct span data)
{
    if (row->call_in && begins_call(data, row->call_in))
        return EVENT_CONTENT;
    return row->kind;
}

static enum event_kind
responses_judge(struct span data, struct span type)
{
    const struct event_type *row = type_find(responses_types, type);
    if (!row->type && span_has_prefix(type, "\"response."))
        return EVENT_CONTENT;
    return typed_judge(row, data);
}

static enum event_kind
messages_judge(struct span data, struct span type)
{
    if (json_string_is(type, "message_delta")) {
        struct span reason = member_of(member_of(data, "delta"), "stop_reason");
        return json_is_empty(reason) ? EVENT_EMPTY : EVENT_FINISH;
    }
    return typed_judge(type_find(messages_types, type), data);
}

/* --- images, sound and runs: the name of an event says how far the stream is
 * ---------------------- */

/* "image_generation.completed", "transcript.text.done"; all others carry a part of the answer. */
static enum event_kind
media_judge(struct span type)
{
    bool is_last = span_has_suffix(type, ".completed\"") || span_has_suffix(type, ".done\"");
    return is_last ? EVENT_FINISH : EVENT_CONTENT;
}

/* A run that ended badly has ended all the same, and says so itself. */
static enum event_kind
runs_judge(struct span name)
{
    static const char *const ends[] = {"thread.run.completed",       "thread.run.incomplete",
                                       "thread.run.requires_action", "thread.run.failed",
                                       "thread.run.cancelled",       "thread.run.expired"};
    if (span_is(name, "done"))
        return EVENT_DONE;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (span_is(name, ends[i]))
            return EVENT_FINISH;
    return span_has_suffix(name, ".delta") ? EVENT_CONTENT : EVENT_EMPTY;
}

/* --- the event ------------------------------------------------------------ */

static bool
has_error(const struct json_member *error)
{
    return error->type == JSON_OBJECT || !json_is_empty(error->value);
}

static enum event_kind
object_judge(enum event_api api, const struct json_member *list, const struct json_member *type,
             struct span data, struct event_choices *choices)
{
    switch (api) {
    case EVENT_API_CHAT:
    case EVENT_API_COMPLETIONS:
        if (list->type == JSON_ARRAY)
            return choices_judge(list->value, choices);
        break;
    case EVENT_API_RESPONSES:
        if (type->type == JSON_STRING)
            return responses_judge(data, type->value);
        break;
    case EVENT_API_MESSAGES:
        if (type->type == JSON_STRING)
            return messages_judge(data, type->value);
        break;
    case EVENT_API_MEDIA:
        if (type->type == JSON_STRING)
            return media_judge(type->value);
        break;
    case EVENT_API_RUNS:
    case EVENT_API_UNKNOWN:
        return EVENT_CONTENT;
    }
    /* Not one of the API's own: perhaps an error without "error" around it. */
    return complaint_read(data).about == COMPLAINT_NONE ? EVENT_EMPTY : EVENT_ERROR;
}

static enum event_kind
data_judge(enum event_api api, struct span data, struct event_choices *choices)
{
    enum { ERROR, CHOICES, TYPE, COUNT };
    struct json_member found[COUNT] = {
        [ERROR] = {.name = "error"},
        [CHOICES] = {.name = "choices"},
        [TYPE] = {.name = "type"},
    };
    if (json_find(data, found, COUNT, NULL) != 0)
        return api == EVENT_API_UNKNOWN ? EVENT_CONTENT : EVENT_MALFORMED;
    if (has_error(&found[ERROR]))
        return EVENT_ERROR;
    if (api != EVENT_API_UNKNOWN && json_type_of(span_trim(data)) != JSON_OBJECT)
        return EVENT_MALFORMED;
    return object_judge(api, &found[CHOICES], &found[TYPE], data, choices);
}

enum event_kind
event_judge(enum event_api api, const struct sse_event *event, struct event_choices *choices)
{
    struct span data = span_trim(event->data);
    bool is_typed = api == EVENT_API_RESPONSES || api == EVENT_API_MESSAGES;
    if (span_is(event->name, "error"))
        return EVENT_ERROR;
    if (span_is(event->name, "ping"))
        return EVENT_EMPTY;
    if (api == EVENT_API_RUNS && event->name.len > 0)
        return runs_judge(event->name);
    if (span_is(data, "[DONE]")) /* no word of the typed APIs, so it proves nothing there */
        return is_typed ? EVENT_EMPTY : EVENT_DONE;
    if (data.len == 0 && api == EVENT_API_UNKNOWN)
        return EVENT_EMPTY;
    return data_judge(api, data, choices);
}

struct family {
    const char *prefix; /* of the type's text, with its quote */
    enum event_api api;
};
static const struct family families[] = {
    {"\"response.", EVENT_API_RESPONSES},     {"\"message_start\"", EVENT_API_MESSAGES},
    {"\"image_generation.", EVENT_API_MEDIA}, {"\"image_edit.", EVENT_API_MEDIA},
    {"\"transcript.", EVENT_API_MEDIA},       {"\"speech.", EVENT_API_MEDIA},
};

enum event_api
event_recognise(const struct sse_event *event)
{
    struct json_member found[] = {{.name = "type"}, {.name = "choices"}};
    if (span_has_prefix(event->name, "thread."))
        return EVENT_API_RUNS;
    if (json_find(event->data, found, 2, NULL) != 0)
        return EVENT_API_UNKNOWN;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (span_has_prefix(found[0].value, families[i].prefix))
            return families[i].api;
    return found[1].type == JSON_ARRAY ? EVENT_API_CHAT : EVENT_API_UNKNOWN;
}

/* --- our own error event -------------------------------------------------- */

/* The text of the event: $m stands for the message, $c for the code, both as insides of strings. */
static const char *
error_form(enum event_api api)
{
    switch (api) {
    case EVENT_API_CHAT:
    case EVENT_API_COMPLETIONS:
    case EVENT_API_MEDIA:
    case EVENT_API_UNKNOWN:
        return "data: {\"error\":{\"message\":\"$m\",\"type\":\"server_error\",\"param\":null,"
               "\"code\":\"$c\"}}\n\n";
    case EVENT_API_RESPONSES:
        return "event: error\ndata: {\"type\":\"error\",\"code\":\"$c\",\"message\":\"$m\","
               "\"param\":null,\"sequence_number\":0,\"error\":{\"type\":\"server_error\","
               "\"code\":\"$c\",\"message\":\"$m\",\"param\":null}}\n\n";
    case EVENT_API_RUNS:
        return "event: error\ndata: {\"error\":{\"message\":\"$m\",\"type\":\"server_error\","
               "\"param\":null,\"code\":\"$c\"}}\n\n";
    case EVENT_API_MESSAGES:
        return "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","
               "\"message\":\"$m\"}}\n\n";
    }
    return "";
}

static int
form_fill(const char *form, const char *code, const char *message, struct buf *out)
{
    struct span rest = span_from(form);
    for (;;) {
        struct span text = span_split(&rest, '$');
        if (buf_put_span(out, text) != 0)
            return -1;
        if (rest.len == 0)
            return 0;
        assert(*rest.ptr == 'm' || *rest.ptr == 'c');
        if (buf_put_json(out, span_from(*rest.ptr == 'm' ? message : code)) != 0)
            return -1;
        rest.ptr++;
        rest.len--;
    }
}

int
event_format_error(enum event_api api, const char *code, const char *message, struct buf *out)
{
    struct buf whole;
    buf_init(&whole, ERROR_EVENT_MAX_BYTES);
    int result = form_fill(error_form(api), code, message, &whole);
    if (result == 0)
        result = buf_put_span(out, buf_span(&whole));
    buf_fini(&whole);
    return result;
}

const char *
event_kind_name(enum event_kind kind)
{
    static const char *const names[] = {
        [EVENT_EMPTY] = "empty", [EVENT_CONTENT] = "content", [EVENT_FINISH] = "finish",
        [EVENT_DONE] = "done",   [EVENT_ERROR] = "error",     [EVENT_MALFORMED] = "malformed",
    };
    return names[kind];
}
