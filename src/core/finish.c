/* finish.c - the table of finish reasons. */
#include "core/finish.h"

#include "base/buf.h"
#include "core/json.h"

#define WORD_MAX 64

/* All in the form that simplify() makes. */
static const char *const endings[] = {
    "stop",
    "length",
    "toolcalls",
    "functioncall",
    "contentfilter", /* OpenAI */
    "endturn",
    "maxtokens",
    "stopsequence",
    "tooluse",
    "pauseturn", /* Anthropic */
    "refusal",
    "modellength",                /* Mistral */
    "modelcontextwindowexceeded", /* Anthropic, Zhipu */
    "eos",
    "eostoken", /* Together, text-generation-inference */
    "safety",
    "recitation",
    "blocklist",
    "prohibitedcontent",
    "spii",      /* Google */
    "sensitive", /* Zhipu */
    "toolcall",
    "complete",
    "completed", /* Cohere */
};

/* The answer goes on, in the words of servers that write a word where null belongs. */
static const char *const pending[] = {
    "",
    "null",
    "none",
    "nil",
    "undefined",
    "unspecified",
    "inprogress",
    "notfinished",
    "running",
    "pending",
    "finishreasonunspecified",
};

/* "insufficient_system_resource" is DeepSeek's, "network_error" Zhipu's, "abort" vLLM's and
 * SGLang's, "error" OpenRouter's and Mistral's, "USER_CANCEL" Cohere's. */
static const char *const failures[] = {
    "error",      "abort",     "cancel",      "fail",     "interrupt",    "timeout",
    "timedout",   "exception", "unavailable", "overload", "insufficient", "disconnect",
    "connection", "network",   "crash",       "killed",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Lower case, without separators. Returns the new length. */
static size_t
simplify(char *text, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        char byte = text[i];
        if (byte == '_' || byte == '-' || byte == ' ')
            continue;
        text[kept++] = (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
    }
    return kept;
}

static bool
is_among(struct span word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(word, words[i]))
            return true;
    return false;
}

enum finish
finish_read(struct span value)
{
    char room[WORD_MAX + 1];
    struct buf text;
    if (json_type_of(value) != JSON_STRING) /* a number stands for "unspecified" in enumerations */
        return FINISH_NONE;
    buf_init_in(&text, room, sizeof(room));
    if (json_unescape(value, &text) != 0)
        return FINISH_UNKNOWN; /* longer than any reason */
    struct span word = span_of(room, simplify(room, text.len));
    if (is_among(word, endings, COUNT(endings)))
        return FINISH_END;
    if (is_among(word, pending, COUNT(pending)))
        return FINISH_NONE;
    for (size_t i = 0; i < COUNT(failures); i++)
        if (span_contains(word, span_from(failures[i])))
            return FINISH_FAILURE;
    return FINISH_UNKNOWN;
}
