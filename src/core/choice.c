/* choice.c - the members of a choice, and of the delta or message inside of it. */
#include "core/choice.h"

#include <stdint.h>

#include "base/num.h"
#include "core/json.h"
#include "core/progress.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Finds members in an object. False when one of them stands twice. */
static bool
find_once(struct span object, struct json_member *wanted, size_t count)
{
    json_find_within(object, wanted, count);
    for (size_t i = 0; i < count; i++)
        if (wanted[i].is_repeated)
            return false;
    return true;
}

/* {"name","arguments"}: of a call that stands twice in itself one client runs this, another that.
 */
static bool
function_is_sound(struct span function)
{
    struct json_member members[] = {{.name = "name"}, {.name = "arguments"}};
    return find_once(function, members, COUNT(members));
}

static bool
calls_are_sound(struct span list)
{
    enum { INDEX, ID, FUNCTION, MEMBERS };
    struct json_member members[MEMBERS] = {
        [INDEX] = {.name = "index"}, [ID] = {.name = "id"}, [FUNCTION] = {.name = "function"}};
    size_t at = 0;
    while (json_each_find(list, &at, members, MEMBERS).len > 0) {
        for (size_t i = 0; i < MEMBERS; i++)
            if (members[i].is_repeated)
                return false;
        if (!function_is_sound(members[FUNCTION].value))
            return false;
    }
    return true;
}

/* Reads a delta, or the message that some servers send in its place. Its role brings nothing. */
static void
holder_read(struct span holder, struct choice *choice)
{
    enum { TOOL_CALLS, FUNCTION_CALL };
    struct json_member members[] = {
        [TOOL_CALLS] = {.name = "tool_calls"},
        [FUNCTION_CALL] = {.name = "function_call"},
        {.name = "content"},
        {.name = "refusal"},
        {.name = "audio"},
        {.name = "reasoning_content"}, /* DeepSeek, vLLM */
        {.name = "reasoning"},         /* OpenRouter */
        {.name = "reasoning_details"},
        {.name = "thinking"},
        {.name = "images"},
    };
    if (json_type_of(holder) != JSON_OBJECT)
        return;
    if (!find_once(holder, members, COUNT(members)))
        choice->is_malformed = true;
    for (size_t i = 0; i < COUNT(members); i++)
        if (!json_is_empty(members[i].value))
            choice->has_content = true;
    if (!calls_are_sound(members[TOOL_CALLS].value) ||
        !function_is_sound(members[FUNCTION_CALL].value))
        choice->is_malformed = true;
}

enum { ERROR, FINISH_REASON, TEXT, DELTA, MESSAGE, INDEX, MEMBERS };

static unsigned
index_read(const struct json_member *member)
{
    uint64_t index = PROGRESS_CHOICES_MAX;
    if (member->type == JSON_NONE || member->type == JSON_NULL)
        return 0;
    (void)num_parse_u64(member->value, PROGRESS_CHOICES_MAX - 1, &index);
    return (unsigned)index;
}

bool
choice_each(struct span list, size_t *at, struct choice *choice)
{
    struct json_member found[MEMBERS] = {
        [ERROR] = {.name = "error"},     [FINISH_REASON] = {.name = "finish_reason"},
        [TEXT] = {.name = "text"},       [DELTA] = {.name = "delta"},
        [MESSAGE] = {.name = "message"}, [INDEX] = {.name = "index"},
    };
    *choice = (struct choice){.text = json_each_find(list, at, found, MEMBERS)};
    if (choice->text.len == 0)
        return false;
    choice->is_malformed = json_type_of(choice->text) != JSON_OBJECT;
    for (size_t i = 0; i < MEMBERS; i++)
        choice->is_malformed |= found[i].is_repeated;
    const struct json_member *reason = &found[FINISH_REASON];
    choice->finish = finish_read(reason->value);
    choice->says_null =
        choice->finish == FINISH_NONE && (reason->type == JSON_NULL || reason->type == JSON_STRING);
    choice->is_error = found[ERROR].type == JSON_OBJECT || choice->finish == FINISH_FAILURE;
    choice->has_content = !json_is_empty(found[TEXT].value);
    choice->index = index_read(&found[INDEX]);
    holder_read(found[DELTA].value, choice);
    holder_read(found[MESSAGE].value, choice);
    return true;
}

bool
choice_list_is_whole(struct span list, size_t least)
{
    struct choice choice;
    size_t count = 0;
    for (size_t at = 0; choice_each(list, &at, &choice); count++)
        if (choice.is_malformed || choice.is_error || choice.says_null)
            return false;
    return count >= least;
}
