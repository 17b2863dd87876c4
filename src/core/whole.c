/* whole.c - each API's own sign that a JSON answer is complete. */
#include "core/whole.h"

#include "core/choice.h"
#include "core/finish.h"

void
whole_want(const struct operation *operation, struct json_member members[WHOLE_MEMBERS])
{
    const char *list = operation->list;
    if (!list)
        list = operation->can_stream && operation->stream == EVENT_API_RESPONSES ? "output"
                                                                                 : "content";
    members[WHOLE_LIST].name = list;
    members[WHOLE_REASON].name = "stop_reason";
}

/* Each of a batch of inputs has its own element, and clients match the two by position. */
static bool
has_elements(struct span list, size_t least)
{
    size_t at = 0, count = 0;
    if (least < 2) /* a single one is there when the list is not empty */
        return true;
    while (count < least && json_each(list, &at).len > 0)
        count++;
    return count >= least;
}

static bool
is_settled_response(const struct json_member *status, const struct progress_terms *terms)
{
    static const char *const unsettled[] = {"in_progress", "queued"};
    if (json_string_is(status->value, "failed") || json_string_is(status->value, "cancelled"))
        return false;
    for (size_t i = 0; i < sizeof(unsettled) / sizeof(unsettled[0]); i++)
        if (json_string_is(status->value, unsettled[i]))
            return terms->in_background;
    return true;
}

static bool
is_stopped_message(const struct json_member *reason)
{
    if (reason->type == JSON_NONE)
        return true;
    enum finish finish = finish_read(reason->value);
    return finish == FINISH_END || finish == FINISH_UNKNOWN;
}

bool
whole_judge(const struct operation *operation, const struct json_member members[WHOLE_MEMBERS],
            const struct json_member *status, const struct progress_terms *terms)
{
    const struct json_member *list = &members[WHOLE_LIST];
    const struct json_member *reason = &members[WHOLE_REASON];
    enum event_api api = operation->can_stream ? operation->stream : EVENT_API_UNKNOWN;
    if (list->is_repeated)
        return false;
    switch (api) {
    case EVENT_API_CHAT:
    case EVENT_API_COMPLETIONS:
        return choice_list_is_whole(list->value, terms->inputs);
    case EVENT_API_RESPONSES:
        return !status->is_repeated && is_settled_response(status, terms);
    case EVENT_API_MESSAGES:
        return !reason->is_repeated && is_stopped_message(reason);
    case EVENT_API_MEDIA:
    case EVENT_API_RUNS:
    case EVENT_API_UNKNOWN:
        break;
    }
    return !operation->list || has_elements(list->value, terms->inputs);
}
