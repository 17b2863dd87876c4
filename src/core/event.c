/* event.c - the shapes of the streaming APIs' events. */
#include "core/event.h"

#include "core/choice.h"
#include "core/json.h"

/* --- what a value holds --------------------------------------------------- */

static struct span
member_of(struct span object, const char *name)
{
    struct json_member member = {.name = name};
    json_find_within(object, &member, 1);
    return member.value;
}

/* --- chat completions and completions ------------------------------------- */

/* Notes a choice; false when it cannot be followed. */
static bool
choice_note(const struct choice *choice, struct progress *progress)
{
    if (choice->is_malformed || choice->index >= PROGRESS_CHOICES_MAX)
        return false;
    if (!choice->is_error)
        progress_note(progress, choice->index, choice->has_content, choice->finish);
    return true;
}

/* The kind of an event that brought content, a finish or both: a finish is the stream's only when
 * no choice is open any more. */
static enum event_kind
progress_kind(const struct progress *progress)
{
    switch (progress_standing(progress)) {
    case PROGRESS_OPEN:
        return EVENT_CONTENT;
    case PROGRESS_ENDING:
        return EVENT_ENDING;
    case PROGRESS_FINISHED:
        return EVENT_FINISH;
    }
    return EVENT_CONTENT;
}

static enum event_kind
choices_judge(struct span list, struct progress *progress)
{
    bool is_error = false, brings = false;
    struct choice choice;
    for (size_t at = 0; choice_each(list, &at, &choice);) {
        if (!choice_note(&choice, progress))
            return EVENT_MALFORMED;
        is_error |= choice.is_error;
        brings |= choice.has_content || choice.finish != FINISH_NONE;
    }
    if (is_error)
        return EVENT_ERROR;
    return brings ? progress_kind(progress) : EVENT_EMPTY;
}

/* Where the choice stands that was broken off; empty: none was. */
static struct span
choices_find_error(struct span list)
{
    struct choice choice;
    for (size_t at = 0; choice_each(list, &at, &choice);)
        if (choice.is_error)
            return choice.text;
    return (struct span){NULL, 0};
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

/* The kind of a marker. Clients read nothing after it, so one that comes too early must not reach
 * them: an error event behind it would never be seen. */
static enum event_kind
done_kind(const struct progress *progress, bool is_believed)
{
    if (is_believed)
        return EVENT_DONE;
    return progress->begun_count == 0 ? EVENT_EMPTY : EVENT_FAILED;
}

/* An end whose own response says that it failed is no end. */
static bool
is_failed_response(struct span data)
{
    struct span status = member_of(member_of(data, "response"), "status");
    return json_string_is(status, "failed") || json_string_is(status, "cancelled");
}

static enum event_kind
response_kind(struct span data, struct span type)
{
    const struct event_type *row = type_find(responses_types, type);
    if (!row->type && span_has_prefix(type, "\"response."))
        return EVENT_CONTENT;
    if (row->kind == EVENT_FINISH && is_failed_response(data))
        return EVENT_ERROR;
    return typed_judge(row, data);
}

static enum event_kind
responses_judge(struct span data, struct span type, struct progress *progress)
{
    enum event_kind kind = response_kind(data, type);
    if (kind == EVENT_CONTENT)
        progress_note(progress, 0, true, FINISH_NONE);
    if (kind == EVENT_FINISH)
        progress_note(progress, 0, false, FINISH_END);
    return kind;
}

/* A message is one choice, whose finish is the stop_reason; message_stop alone proves nothing. */
static enum event_kind
message_delta_judge(struct span data, struct progress *progress)
{
    struct json_member reason = {.name = "stop_reason"};
    json_find_within(member_of(data, "delta"), &reason, 1);
    enum finish finish = finish_read(reason.value);
    if (reason.is_repeated)
        return EVENT_MALFORMED;
    if (finish == FINISH_FAILURE)
        return EVENT_ERROR;
    progress_note(progress, 0, false, finish);
    return finish == FINISH_NONE ? EVENT_EMPTY : progress_kind(progress);
}

static enum event_kind
messages_judge(struct span data, struct span type, struct progress *progress)
{
    if (json_string_is(type, "message_delta"))
        return message_delta_judge(data, progress);
    enum event_kind kind = typed_judge(type_find(messages_types, type), data);
    if (kind == EVENT_CONTENT)
        progress_note(progress, 0, true, FINISH_NONE);
    return kind == EVENT_DONE ? done_kind(progress, progress_may_be_done(progress)) : kind;
}

/* --- images, sound and runs: the name of an event says how far the stream is --- */

static bool
type_ends_in(struct span type, const char *const *ends)
{
    for (; *ends; ends++)
        if (span_has_suffix(type, *ends))
            return true;
    return false;
}

/* "image_generation.completed", "transcript.text.done"; all others carry a part of the answer. The
 * pictures of a stream have no index: each that is completed is one more. */
static enum event_kind
media_judge(struct span type, struct progress *progress)
{
    static const char *const ends[] = {".completed\"", ".done\"", NULL};
    static const char *const failures[] = {".failed\"", ".cancelled\"", ".error\"", NULL};
    bool is_image = span_has_prefix(type, "\"image");
    bool is_end = type_ends_in(type, ends);
    unsigned index = is_image ? progress->finished_count : 0;
    if (type_ends_in(type, failures))
        return EVENT_ERROR;
    if (index >= PROGRESS_CHOICES_MAX)
        return EVENT_MALFORMED;
    if (!is_end)
        progress_note(progress, index, true, FINISH_NONE);
    else /* of a form nobody has read how many pictures it asks for */
        progress_note(progress, index, false,
                      is_image && progress->terms.choices == 0 ? FINISH_UNKNOWN : FINISH_END);
    return is_end ? progress_kind(progress) : EVENT_CONTENT;
}

/* A run that ended badly has ended all the same, and says so itself. */
static enum event_kind
runs_judge(struct span name, struct progress *progress)
{
    static const char *const ends[] = {"thread.run.completed",       "thread.run.incomplete",
                                       "thread.run.requires_action", "thread.run.failed",
                                       "thread.run.cancelled",       "thread.run.expired"};
    if (span_is(name, "done"))
        return done_kind(progress, progress_may_be_done(progress));
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (span_is(name, ends[i])) {
            progress_note(progress, 0, false, FINISH_END);
            return EVENT_FINISH;
        }
    }
    if (!span_has_suffix(name, ".delta"))
        return EVENT_EMPTY;
    progress_note(progress, 0, true, FINISH_NONE);
    return EVENT_CONTENT;
}

/* --- the event ------------------------------------------------------------ */

static bool
has_error(const struct json_member *error)
{
    return error->type == JSON_OBJECT || !json_is_empty(error->value);
}

static enum event_kind
object_judge(enum event_api api, const struct json_member *list, const struct json_member *type,
             struct span data, struct progress *progress)
{
    switch (api) {
    case EVENT_API_CHAT:
    case EVENT_API_COMPLETIONS:
        if (list->type == JSON_ARRAY)
            return choices_judge(list->value, progress);
        break;
    case EVENT_API_RESPONSES:
        if (type->type == JSON_STRING)
            return responses_judge(data, type->value, progress);
        break;
    case EVENT_API_MESSAGES:
        if (type->type == JSON_STRING)
            return messages_judge(data, type->value, progress);
        break;
    case EVENT_API_MEDIA:
        if (type->type == JSON_STRING)
            return media_judge(type->value, progress);
        break;
    case EVENT_API_RUNS:
    case EVENT_API_UNKNOWN:
        return EVENT_CONTENT;
    }
    /* Not one of the API's own: perhaps an error without "error" around it. */
    return complaint_read(data).about == COMPLAINT_NONE ? EVENT_EMPTY : EVENT_ERROR;
}

static enum event_kind
data_judge(enum event_api api, struct span data, struct progress *progress)
{
    enum { ERROR, CHOICES, TYPE, NAMED };
    /* the rest are members that clients read and that must not stand twice */
    struct json_member found[] = {
        [ERROR] = {.name = "error"},
        [CHOICES] = {.name = "choices"},
        [TYPE] = {.name = "type"},
        [NAMED] = {.name = "delta"},
        {.name = "response"},
        {.name = "item"},
        {.name = "content_block"},
        {.name = "b64_json"},
        {.name = "text"},
    };
    const size_t count = api == EVENT_API_UNKNOWN ? NAMED : sizeof(found) / sizeof(found[0]);
    if (json_find(data, found, count, NULL) != 0)
        return api == EVENT_API_UNKNOWN ? EVENT_CONTENT : EVENT_MALFORMED;
    if (has_error(&found[ERROR]))
        return EVENT_ERROR;
    if (api != EVENT_API_UNKNOWN && json_type_of(span_trim(data)) != JSON_OBJECT)
        return EVENT_MALFORMED;
    return object_judge(api, &found[CHOICES], &found[TYPE], data, progress);
}

/* The marker that ends a stream of data alone. The typed APIs do not have it, and hosts add it
 * there all the same: it proves nothing. */
static enum event_kind
marker_judge(enum event_api api, const struct progress *progress)
{
    switch (api) {
    case EVENT_API_CHAT:
    case EVENT_API_COMPLETIONS:
        return done_kind(progress, progress_may_be_done_unsaid(progress));
    case EVENT_API_MEDIA:
    case EVENT_API_RUNS:
        return done_kind(progress, progress->begun_count == 0 || progress_may_be_done(progress));
    case EVENT_API_RESPONSES:
    case EVENT_API_MESSAGES:
        return progress_may_be_done(progress) ? EVENT_EMPTY : done_kind(progress, false);
    case EVENT_API_UNKNOWN:
        break;
    }
    return EVENT_DONE;
}

static enum event_kind
any_judge(enum event_api api, const struct sse_event *event, struct progress *progress)
{
    struct span data = span_trim(event->data);
    if (span_is(event->name, "error"))
        return EVENT_ERROR;
    if (span_is(event->name, "ping"))
        return EVENT_EMPTY;
    if (api == EVENT_API_RUNS && event->name.len > 0)
        return runs_judge(event->name, progress);
    if (span_is(data, "[DONE]"))
        return marker_judge(api, progress);
    if (data.len == 0 && api == EVENT_API_UNKNOWN)
        return EVENT_EMPTY;
    return data_judge(api, data, progress);
}

/* Do clients of this API take the event for an error? OpenAI's look for a member "error" in the
 * data, whatever the event's name is; those of responses know two types as well; Anthropic's look
 * at the event's name alone. */
static bool
is_noticed(enum event_api api, const struct sse_event *event)
{
    struct json_member found[] = {{.name = "error"}, {.name = "type"}};
    if (api == EVENT_API_MESSAGES)
        return span_is(event->name, "error");
    if (json_find(event->data, found, 2, NULL) != 0)
        return false;
    if (api == EVENT_API_RESPONSES && (json_string_is(found[1].value, "error") ||
                                       json_string_is(found[1].value, "response.failed")))
        return true;
    return found[0].type != JSON_NUMBER && !json_is_empty(found[0].value);
}

enum event_kind
event_judge(enum event_api api, const struct sse_event *event, struct progress *progress)
{
    enum event_kind kind = any_judge(api, event, progress);
    return kind == EVENT_ERROR && !is_noticed(api, event) ? EVENT_FAILED : kind;
}

struct complaint_view
event_complaint(const struct sse_event *event)
{
    struct json_member found[] = {{.name = "choices"}};
    struct complaint_view view = complaint_read(event->data);
    if (view.about != COMPLAINT_NONE || json_find(event->data, found, 1, NULL) != 0)
        return view;
    struct span choice = choices_find_error(found[0].value);
    return choice.len > 0 ? complaint_read(choice) : view;
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

const char *
event_kind_name(enum event_kind kind)
{
    static const char *const names[] = {
        [EVENT_EMPTY] = "empty",   [EVENT_CONTENT] = "content",     [EVENT_ENDING] = "ending",
        [EVENT_FINISH] = "finish", [EVENT_DONE] = "done",           [EVENT_ERROR] = "error",
        [EVENT_FAILED] = "failed", [EVENT_MALFORMED] = "malformed",
    };
    return names[kind];
}
