/* complaint.c - the providers' spellings of what went wrong, as tables. */
#include "core/complaint.h"

#include <stdint.h>
#include <string.h>

#include "base/num.h"
#include "core/json.h"

#define MESSAGE_READ_BYTES 1024 /* a message says what it means at its beginning */

/* --- the tables ----------------------------------------------------------- */

/* Values of code, type, status and their kin. Compared without case, "_", "-" and blanks, so that
 * one row stands for rate_limit_exceeded, RateLimitExceeded and RATE_LIMIT_EXCEEDED. Source:
 * the providers' pages on errors. */
static const struct {
    const char *word;
    enum complaint about;
} words[] = {
    {"insufficient_quota", COMPLAINT_QUOTA}, /* OpenAI */
    {"credit_balance_exhausted", COMPLAINT_QUOTA},
    {"organization_spend_limit_exceeded", COMPLAINT_QUOTA},
    {"project_spend_limit_exceeded", COMPLAINT_QUOTA},
    {"organization_usage_limit_exceeded", COMPLAINT_QUOTA},
    {"billing_hard_limit_reached", COMPLAINT_QUOTA},
    {"billing_not_active", COMPLAINT_QUOTA},
    {"billing_error", COMPLAINT_QUOTA},                /* Anthropic */
    {"enforced_spend_limit_reached", COMPLAINT_QUOTA}, /* Anthropic, details.error_code */
    {"exceeded_current_quota_error", COMPLAINT_QUOTA}, /* Moonshot */
    {"insufficient_balance", COMPLAINT_QUOTA},
    {"insufficient_credits", COMPLAINT_QUOTA},
    {"payment_required", COMPLAINT_QUOTA},
    {"quota_exceeded", COMPLAINT_QUOTA},

    {"rate_limit_exceeded", COMPLAINT_RATE},
    {"rate_limit_error", COMPLAINT_RATE}, /* Anthropic */
    {"rate_limit_reached", COMPLAINT_RATE},
    {"rate_limit_reached_error", COMPLAINT_RATE},
    {"rate_limited", COMPLAINT_RATE},
    {"slow_down", COMPLAINT_RATE},
    {"too_many_requests", COMPLAINT_RATE},
    {"resource_exhausted", COMPLAINT_RATE}, /* Google */
    {"throttling_exception", COMPLAINT_RATE},
    {"service_tier_capacity_exceeded", COMPLAINT_RATE}, /* Mistral */
    {"requests", COMPLAINT_RATE},                       /* OpenAI's type beside the code */
    {"tokens", COMPLAINT_RATE},

    {"server_is_overloaded", COMPLAINT_OVERLOAD},
    {"overloaded_error", COMPLAINT_OVERLOAD}, /* Anthropic, with 529 or inside a 200 */
    {"overloaded", COMPLAINT_OVERLOAD},
    {"engine_overloaded", COMPLAINT_OVERLOAD},
    {"engine_overloaded_error", COMPLAINT_OVERLOAD},
    {"model_overloaded", COMPLAINT_OVERLOAD},
    {"no_capacity", COMPLAINT_OVERLOAD},
    {"service_unavailable", COMPLAINT_OVERLOAD},
    {"service_unavailable_error", COMPLAINT_OVERLOAD},
    {"unavailable", COMPLAINT_OVERLOAD},

    {"server_error", COMPLAINT_SERVER},
    {"api_error", COMPLAINT_SERVER},
    {"internal_error", COMPLAINT_SERVER},
    {"internal_server_error", COMPLAINT_SERVER},
    {"internal", COMPLAINT_SERVER},
    {"timeout_error", COMPLAINT_SERVER},
    {"timeout", COMPLAINT_SERVER},
    {"deadline_exceeded", COMPLAINT_SERVER},
    {"bad_gateway", COMPLAINT_SERVER},
    {"upstream_error", COMPLAINT_SERVER},

    {"invalid_api_key", COMPLAINT_AUTH},
    {"incorrect_api_key", COMPLAINT_AUTH},
    {"authentication_error", COMPLAINT_AUTH},
    {"invalid_authentication", COMPLAINT_AUTH},
    {"invalid_authentication_error", COMPLAINT_AUTH},
    {"permission_error", COMPLAINT_AUTH},
    {"permission_denied", COMPLAINT_AUTH},
    {"permission_denied_error", COMPLAINT_AUTH},
    {"unauthenticated", COMPLAINT_AUTH},
    {"unauthorized", COMPLAINT_AUTH},
    {"access_denied", COMPLAINT_AUTH},
    {"account_deactivated", COMPLAINT_AUTH},
    {"invalid_organization", COMPLAINT_AUTH},
    {"mismatched_organization", COMPLAINT_AUTH},
    {"ip_not_authorized", COMPLAINT_AUTH},
    {"unsupported_country_region_territory", COMPLAINT_AUTH},

    {"context_length_exceeded", COMPLAINT_CONTEXT},
    {"context_window_exceeded", COMPLAINT_CONTEXT},
    {"exceed_context_size_error", COMPLAINT_CONTEXT}, /* llama.cpp */
    {"tokens_limit_reached", COMPLAINT_CONTEXT},      /* GitHub Models */
    {"request_too_large", COMPLAINT_CONTEXT},         /* Anthropic, 413 */

    {"content_filter", COMPLAINT_CONTENT},
    {"content_policy_violation", COMPLAINT_CONTENT},
    {"responsible_ai_policy_violation", COMPLAINT_CONTENT}, /* Azure, innererror.code */
    {"moderation_blocked", COMPLAINT_CONTENT},
    {"invalid_prompt", COMPLAINT_CONTENT},         /* OpenAI's reasoning models */
    {"data_inspection_failed", COMPLAINT_CONTENT}, /* Alibaba */

    {"model_not_found", COMPLAINT_MODEL},
    {"deployment_not_found", COMPLAINT_MODEL}, /* Azure */
    {"unknown_model", COMPLAINT_MODEL},
    {"invalid_model", COMPLAINT_MODEL},
    {"model_not_available", COMPLAINT_MODEL},

    {"invalid_request_error", COMPLAINT_CLIENT},
    {"invalid_request", COMPLAINT_CLIENT},
    {"invalid_argument", COMPLAINT_CLIENT}, /* Google */
    {"invalid_parameter", COMPLAINT_CLIENT},
    {"invalid_value", COMPLAINT_CLIENT},
    {"bad_request", COMPLAINT_CLIENT},
    {"bad_request_error", COMPLAINT_CLIENT},
    {"not_found_error", COMPLAINT_CLIENT},
    {"not_found", COMPLAINT_CLIENT},
    {"conflict_error", COMPLAINT_CLIENT},
    {"validation_error", COMPLAINT_CLIENT},
    {"unprocessable_entity", COMPLAINT_CLIENT},
};

/* Messages, read only where no word said more than "the client's". What makes an upstream rest must
 * stand at the beginning: elsewhere a message may quote the client, who must not be able to close
 * an upstream to others. */
static const struct {
    const char *begins; /* either may be NULL, which is always true */
    const char *holds;
    enum complaint about;
} phrases[] = {
    {"You have reached your specified API usage limits", NULL,
     COMPLAINT_QUOTA},                                              /* Anthropic, 400 */
    {"Your credit balance is too low", "credits", COMPLAINT_QUOTA}, /* Anthropic, 400 */
    {"You exceeded your current quota", NULL, COMPLAINT_QUOTA},
    {"Insufficient balance", NULL, COMPLAINT_QUOTA},     /* DeepSeek */
    {"Insufficient credits", NULL, COMPLAINT_QUOTA},     /* OpenRouter */
    {"Out of call volume quota", NULL, COMPLAINT_QUOTA}, /* Azure API Management */
    {"Incorrect API key provided", NULL, COMPLAINT_AUTH},
    {"You have insufficient permissions for this operation", NULL, COMPLAINT_SCOPE}, /* OpenAI */
    {"Access denied due to invalid subscription key", NULL, COMPLAINT_AUTH},         /* Azure */
    {"Rate limit", NULL, COMPLAINT_RATE},
    {"Too many requests", NULL, COMPLAINT_RATE},
    {"Requests rate limit exceeded", NULL, COMPLAINT_RATE}, /* Mistral */
    {"Overloaded", NULL, COMPLAINT_OVERLOAD},
    {"The model is overloaded", NULL, COMPLAINT_OVERLOAD}, /* Google */
    {NULL, "prompt is too long", COMPLAINT_CONTEXT},       /* Anthropic */
    {NULL, "exceed context limit", COMPLAINT_CONTEXT},     /* Anthropic */
    {NULL, "input is too long", COMPLAINT_CONTEXT},        /* Bedrock */
    {NULL, "maximum context length", COMPLAINT_CONTEXT},   /* OpenAI, vLLM */
    {NULL, "exceeds the context window", COMPLAINT_CONTEXT},
    {NULL, "exceeds the available context size", COMPLAINT_CONTEXT}, /* llama.cpp */
    {NULL, "content management policy", COMPLAINT_CONTENT},          /* Azure */
    {NULL, "our safety system", COMPLAINT_CONTENT},                  /* OpenAI, images */
    {NULL, "content filtering policy", COMPLAINT_CONTENT},           /* Anthropic */
    {"The model `", "` does not exist", COMPLAINT_MODEL},            /* OpenAI, vLLM */
    {"model: claude", NULL, COMPLAINT_MODEL},                        /* Anthropic, 404 */
};

/* --- reading them --------------------------------------------------------- */

static char
lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return (char)(byte | 0x20);
    return byte;
}

static bool
is_separator(char byte)
{
    return byte == '_' || byte == '-' || byte == ' ';
}

/* Are the two the same word but for case and separators? */
static bool
word_is(struct span said, const char *word)
{
    size_t i = 0;
    for (;;) {
        while (i < said.len && is_separator(said.ptr[i]))
            i++;
        while (is_separator(*word))
            word++;
        if (i == said.len || *word == '\0')
            return i == said.len && *word == '\0';
        if (lower(said.ptr[i]) != *word)
            return false;
        i++;
        word++;
    }
}

static enum complaint
word_read(struct span said)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (word_is(said, words[i].word))
            return words[i].about;
    return COMPLAINT_OTHER;
}

static enum complaint
message_read(struct span said)
{
    if (said.len > MESSAGE_READ_BYTES)
        said.len = MESSAGE_READ_BYTES;
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        const char *begins = phrases[i].begins;
        const char *holds = phrases[i].holds;
        if ((!begins || span_has_prefix_nocase(said, begins)) &&
            (!holds || span_contains_nocase(said, holds)))
            return phrases[i].about;
    }
    return COMPLAINT_OTHER;
}

/* A string's inside as it is written: no word and no phrase of ours needs an escape. Empty for what
 * is no string. */
static struct span
inside(const struct json_member *member)
{
    if (member->type != JSON_STRING)
        return (struct span){NULL, 0};
    return span_of(member->value.ptr + 1, member->value.len - 2);
}

/* 429, or "429" as Azure writes it. 0: it is no error status. */
static int
status_read(const struct json_member *member)
{
    uint64_t number;
    struct span text = member->type == JSON_STRING ? inside(member) : member->value;
    if (num_parse_u64(text, 599, &number) != 0 || number < 400)
        return 0;
    return (int)number;
}

static bool
is_weak(enum complaint about)
{
    return about == COMPLAINT_NONE || about == COMPLAINT_OTHER || about == COMPLAINT_CLIENT;
}

/* --- the shapes ----------------------------------------------------------- */

/* Takes what `said` means where it says more than what is known. */
static void
learn(struct complaint_view *view, enum complaint said)
{
    bool says_more = view->about == COMPLAINT_OTHER || !is_weak(said);
    if (is_weak(view->about) && said != COMPLAINT_OTHER && says_more)
        view->about = said;
}

/* {"innererror":{"code"}} of Azure, {"details":{"error_code"}} of Anthropic. */
static void
learn_inner(struct complaint_view *view, const struct json_member *holder, const char *name)
{
    struct json_member code = {.name = name};
    if (holder->type != JSON_OBJECT)
        return;
    json_find_within(holder->value, &code, 1);
    learn(view, word_read(inside(&code)));
}

/* An object with the members of an error. The innermost word is the most exact, and a code says
 * more than a type. */
static void
learn_object(struct complaint_view *view, struct span object)
{
    struct json_member inner[] = {
        {.name = "innererror"},
        {.name = "inner_error"},
        {.name = "details"},
    };
    struct json_member own[] = {
        {.name = "code"},       {.name = "type"},        {.name = "status"},
        {.name = "statusCode"}, {.name = "status_code"},
    };
    struct json_member message = {.name = "message"};
    json_find_within(object, inner, 3);
    json_find_within(object, own, 5);
    json_find_within(object, &message, 1);
    /* OpenAI's code for a request beyond the whole minute's limit is that for one too many. */
    if (span_has_prefix_nocase(inside(&message), "Request too large for"))
        learn(view, COMPLAINT_CONTEXT);
    learn_inner(view, &inner[0], "code");
    learn_inner(view, &inner[1], "code");
    learn_inner(view, &inner[2], "error_code");
    for (size_t i = 0; i < 5; i++) {
        learn(view, word_read(inside(&own[i])));
        if (view->status == 0)
            view->status = status_read(&own[i]);
    }
    learn(view, message_read(inside(&message)));
}

/* "error": an object, a text, or a list of such; `body` has the rest of a text's words. */
static void
learn_value(struct complaint_view *view, const struct json_member *value, struct span body)
{
    size_t at = 0;
    struct json_member first = *value;
    if (value->type == JSON_ARRAY) {
        first.value = json_each(value->value, &at);
        first.type = json_type_of(first.value);
    }
    if (first.type == JSON_OBJECT) {
        learn_object(view, first.value);
        return;
    }
    learn(view, word_read(inside(&first)));
    learn(view, message_read(inside(&first)));
    learn_object(view, body);
}

static bool
is_openai_shaped(const struct json_member *error)
{
    struct json_member message = {.name = "message"};
    if (error->type != JSON_OBJECT)
        return false;
    json_find_within(error->value, &message, 1);
    return message.type == JSON_STRING;
}

/* null, false, "" and [] say that there is none. */
static bool
is_present(const struct json_member *member)
{
    return member->type == JSON_OBJECT || !json_is_empty(member->value);
}

/* The members of a body that can say that it is an error. */
enum { ERROR, ERRORS, DETAIL, MESSAGE, CODE, STATUS_CODE, STATUS, TYPE, OBJECT, RESPONSE, TOPS };
_Static_assert((int)TOPS == (int)COMPLAINT_MEMBERS && (int)ERROR == (int)COMPLAINT_MEMBER_ERROR &&
                   (int)STATUS == (int)COMPLAINT_MEMBER_STATUS,
               "complaint.h counts the members");

/* {"message":…} beside something that says that it is an error, without an "error" around it. */
static bool
is_flat(const struct json_member *top)
{
    if (top[MESSAGE].type != JSON_STRING)
        return false;
    return is_present(&top[CODE]) || is_present(&top[STATUS_CODE]) ||
           status_read(&top[STATUS]) != 0 || json_string_is(top[TYPE].value, "error") ||
           json_string_is(top[OBJECT].value, "error");
}

/* Reads the members `top` of `object`. */
static struct complaint_view
object_judge(struct span object, const struct json_member *top)
{
    struct json_member errors[] = {top[ERROR], top[ERRORS], top[DETAIL]};
    struct complaint_view view = {.is_openai_shaped = is_openai_shaped(&top[ERROR])};
    if (top[RESPONSE].type == JSON_OBJECT && !is_present(&top[ERROR]))
        json_find_within(top[RESPONSE].value, &errors[0], 1); /* response.failed */
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (is_present(&errors[i])) {
            view.about = COMPLAINT_OTHER;
            learn_value(&view, &errors[i], object);
            return view;
        }
    }
    if (is_flat(top)) {
        view.about = COMPLAINT_OTHER;
        learn_object(&view, object);
    }
    return view;
}

void
complaint_want(struct json_member members[COMPLAINT_MEMBERS])
{
    static const char *const names[TOPS] = {
        [ERROR] = "error",       [ERRORS] = "errors", [DETAIL] = "detail",
        [MESSAGE] = "message",   [CODE] = "code",     [STATUS_CODE] = "statusCode",
        [STATUS] = "status",     [TYPE] = "type",     [OBJECT] = "object",
        [RESPONSE] = "response",
    };
    for (size_t i = 0; i < TOPS; i++)
        members[i].name = names[i];
}

struct complaint_view
complaint_judge(struct span body, const struct json_member members[COMPLAINT_MEMBERS])
{
    struct json_member top[TOPS];
    size_t at = 0;
    struct span object = span_trim(body);
    if (json_type_of(object) != JSON_ARRAY)
        return object_judge(object, members);
    complaint_want(top);
    struct span first = json_each_find(object, &at, top, TOPS); /* Google: a list of one */
    return first.len > 0 ? object_judge(first, top) : object_judge(object, members);
}

struct complaint_view
complaint_read(struct span body)
{
    struct json_member top[TOPS];
    struct json_mistake mistake;
    complaint_want(top);
    if (json_find(body, top, TOPS, &mistake) != 0) {
        if (mistake.error != JSON_DUPLICATE)
            return (struct complaint_view){.about = COMPLAINT_NONE};
        json_find_within(body, top, TOPS);
    }
    return complaint_judge(body, top);
}

const char *
complaint_name(enum complaint about)
{
    static const char *const names[] = {
        [COMPLAINT_NONE] = "none",         [COMPLAINT_OTHER] = "other",
        [COMPLAINT_QUOTA] = "quota",       [COMPLAINT_RATE] = "rate",
        [COMPLAINT_OVERLOAD] = "overload", [COMPLAINT_SERVER] = "server",
        [COMPLAINT_AUTH] = "auth",         [COMPLAINT_CONTEXT] = "context",
        [COMPLAINT_CONTENT] = "content",   [COMPLAINT_MODEL] = "model",
        [COMPLAINT_SCOPE] = "scope",       [COMPLAINT_CLIENT] = "client",
    };
    return names[about];
}
