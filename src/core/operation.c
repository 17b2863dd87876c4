/* operation.c - the table of API operations and the match of a path against it. */
#include "core/operation.h"

#include <stddef.h>

#define NO_STREAM EVENT_API_UNKNOWN, false
#define STREAMS(api) EVENT_API_##api, true

/* First match wins. Inference operations first, then what lives in one account, then the rest. */
static const struct operation operations[] = {
    /* name, method, path, body, answer, list, stream, pinned */
    {"chat", "POST", "chat/completions", OPERATION_BODY_JSON, OPERATION_ANSWER_JSON, "choices",
     STREAMS(CHAT), false},
    {"completions", "POST", "completions", OPERATION_BODY_JSON, OPERATION_ANSWER_JSON, "choices",
     STREAMS(COMPLETIONS), false},
    {"responses", "POST", "responses", OPERATION_BODY_JSON, OPERATION_ANSWER_JSON, NULL,
     STREAMS(RESPONSES), false},
    {"messages", "POST", "messages", OPERATION_BODY_JSON, OPERATION_ANSWER_JSON, NULL,
     STREAMS(MESSAGES), false},
    {"messages.count", "POST", "messages/count_tokens", OPERATION_BODY_JSON, OPERATION_ANSWER_JSON,
     NULL, NO_STREAM, false},
    {"embeddings", "POST", "embeddings", OPERATION_BODY_JSON, OPERATION_ANSWER_JSON, "data",
     NO_STREAM, false},
    {"moderations", "POST", "moderations", OPERATION_BODY_JSON, OPERATION_ANSWER_JSON, "results",
     NO_STREAM, false},
    {"rerank", "POST", "rerank", OPERATION_BODY_JSON, OPERATION_ANSWER_JSON, NULL, NO_STREAM,
     false},
    {"images.generate", "POST", "images/generations", OPERATION_BODY_JSON, OPERATION_ANSWER_JSON,
     "data", STREAMS(MEDIA), false},
    {"images.edit", "POST", "images/edits", OPERATION_BODY_ANY, OPERATION_ANSWER_JSON, "data",
     STREAMS(MEDIA), false},
    {"images.vary", "POST", "images/variations", OPERATION_BODY_MULTIPART, OPERATION_ANSWER_JSON,
     "data", NO_STREAM, false},
    {"audio.speech", "POST", "audio/speech", OPERATION_BODY_JSON, OPERATION_ANSWER_BYTES, NULL,
     STREAMS(MEDIA), false},
    {"audio.transcribe", "POST", "audio/transcriptions", OPERATION_BODY_MULTIPART,
     OPERATION_ANSWER_BYTES, NULL, STREAMS(MEDIA), false},
    {"audio.translate", "POST", "audio/translations", OPERATION_BODY_MULTIPART,
     OPERATION_ANSWER_BYTES, NULL, NO_STREAM, false},
#define PINNED(name, path)                                                                         \
    {                                                                                              \
        name, NULL, path, OPERATION_BODY_ANY, OPERATION_ANSWER_ANY, NULL, NO_STREAM, true          \
    }
    PINNED("responses.object", "responses/**"),
    PINNED("files", "files/**"),
    PINNED("uploads", "uploads/**"),
    PINNED("batches", "batches/**"),
    PINNED("fine_tuning", "fine_tuning/**"),
    PINNED("fine_tunes", "fine_tunes/**"),
    PINNED("assistants", "assistants/**"),
    PINNED("threads", "threads/**"),
    PINNED("vector_stores", "vector_stores/**"),
    PINNED("conversations", "conversations/**"),
    PINNED("containers", "containers/**"),
    PINNED("evals", "evals/**"),
    PINNED("videos", "videos/**"),
    PINNED("chat.object", "chat/completions/**"),
    PINNED("messages.batches", "messages/batches/**"),
#undef PINNED
    {"opaque", NULL, "**", OPERATION_BODY_ANY, OPERATION_ANSWER_ANY, NULL, NO_STREAM, false},
};

static bool
path_matches(struct span path, const char *pattern)
{
    struct span rest = span_from(pattern);
    while (rest.ptr) {
        struct span want = span_split(&rest, '/');
        if (span_is(want, "**"))
            return true;
        struct span got = span_split(&path, '/');
        bool is_any = span_is(want, "*") && got.len > 0;
        if (!got.ptr || !(is_any || span_equal(want, got)))
            return false;
    }
    return !path.ptr;
}

/* Takes `prefix` off the front. */
static bool
strip(struct span *path, const char *prefix)
{
    if (!span_has_prefix(*path, prefix))
        return false;
    size_t len = span_from(prefix).len;
    *path = span_of(path->ptr + len, path->len - len);
    return true;
}

struct operation_match
operation_find(struct span method, struct span path)
{
    struct operation_match match = {.rest = path};
    if (strip(&match.rest, "/openai/")) {
        match.azure_style = true;
        if (strip(&match.rest, "v1/"))
            match.azure_v1 = true;
        else if (strip(&match.rest, "deployments/"))
            match.deployment = span_split(&match.rest, '/');
    } else {
        (void)strip(&match.rest, "/v1/");
    }
    const size_t count = sizeof(operations) / sizeof(operations[0]);
    for (size_t i = 0; i < count; i++) {
        const struct operation *row = &operations[i];
        bool is_method = !row->method || span_is(method, row->method);
        if (is_method && path_matches(match.rest, row->path)) {
            match.row = row;
            return match;
        }
    }
    match.row = &operations[count - 1];
    return match;
}
