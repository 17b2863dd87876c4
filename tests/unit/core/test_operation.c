/* Which operation a path means, in both styles of path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/operation.h"

static struct operation_match
find(const char *method, const char *path)
{
    return operation_find(span_from(method), span_from(path));
}

/* --- the rows ------------------------------------------------------------- */

struct row {
    const char *method, *rest, *name;
    enum operation_body body;
    enum operation_answer answer;
    const char *list;
    bool can_stream;
    enum event_api stream;
    bool pinned;
};

#define JSON OPERATION_BODY_JSON, OPERATION_ANSWER_JSON
#define PINNED OPERATION_BODY_ANY, OPERATION_ANSWER_ANY, NULL, false, EVENT_API_UNKNOWN, true
#define OPAQUE OPERATION_BODY_ANY, OPERATION_ANSWER_ANY, NULL, false, EVENT_API_UNKNOWN, false
#define NEVER false, EVENT_API_UNKNOWN, false

static const struct row rows[] = {
    {"POST", "chat/completions", "chat", JSON, "choices", true, EVENT_API_CHAT, false},
    {"POST", "completions", "completions", JSON, "choices", true, EVENT_API_COMPLETIONS, false},
    {"POST", "responses", "responses", JSON, NULL, true, EVENT_API_RESPONSES, false},
    {"POST", "messages", "messages", JSON, NULL, true, EVENT_API_MESSAGES, false},
    {"POST", "messages/count_tokens", "messages.count", JSON, NULL, NEVER},
    {"POST", "embeddings", "embeddings", JSON, "data", NEVER},
    {"POST", "moderations", "moderations", JSON, "results", NEVER},
    {"POST", "rerank", "rerank", JSON, NULL, NEVER},
    {"POST", "images/generations", "images.generate", JSON, "data", true, EVENT_API_MEDIA, false},
    {"POST", "images/edits", "images.edit", OPERATION_BODY_ANY, OPERATION_ANSWER_JSON, "data", true,
     EVENT_API_MEDIA, false},
    {"POST", "images/variations", "images.vary", OPERATION_BODY_MULTIPART, OPERATION_ANSWER_JSON,
     "data", NEVER},
    {"POST", "audio/speech", "audio.speech", OPERATION_BODY_JSON, OPERATION_ANSWER_BYTES, NULL,
     true, EVENT_API_MEDIA, false},
    {"POST", "audio/transcriptions", "audio.transcribe", OPERATION_BODY_MULTIPART,
     OPERATION_ANSWER_BYTES, NULL, true, EVENT_API_MEDIA, false},
    {"POST", "audio/translations", "audio.translate", OPERATION_BODY_MULTIPART,
     OPERATION_ANSWER_BYTES, NULL, NEVER},

    {"GET", "responses/resp_1", "responses.object", PINNED},
    {"POST", "responses/resp_1/cancel", "responses.object", PINNED},
    {"POST", "files", "files", PINNED},
    {"GET", "files", "files", PINNED},
    {"GET", "files/file-1/content", "files", PINNED},
    {"POST", "uploads/u/parts", "uploads", PINNED},
    {"POST", "batches", "batches", PINNED},
    {"POST", "batches/b/cancel", "batches", PINNED},
    {"POST", "fine_tuning/jobs", "fine_tuning", PINNED},
    {"GET", "fine_tunes/ft", "fine_tunes", PINNED},
    {"POST", "assistants", "assistants", PINNED},
    {"POST", "threads/t/runs", "threads", PINNED},
    {"DELETE", "vector_stores/vs", "vector_stores", PINNED},
    {"POST", "conversations", "conversations", PINNED},
    {"GET", "containers/c/files", "containers", PINNED},
    {"GET", "evals", "evals", PINNED},
    {"GET", "videos/v", "videos", PINNED},
    {"GET", "chat/completions/c", "chat.object", PINNED},
    {"GET", "chat/completions", "chat.object", PINNED},
    {"POST", "messages/batches", "messages.batches", PINNED},

    {"GET", "models", "opaque", OPAQUE},
    {"GET", "models/gpt-4o", "opaque", OPAQUE},
    {"GET", "embeddings", "opaque", OPAQUE},
    {"PUT", "images/generations", "opaque", OPAQUE},
    {"POST", "something/new", "opaque", OPAQUE},
    {"POST", "filesystem", "opaque", OPAQUE},
    {"POST", "chat", "opaque", OPAQUE},
    {"POST", "Embeddings", "opaque", OPAQUE},
    {"post", "embeddings", "opaque", OPAQUE},
    {"POST", "embeddings/x", "opaque", OPAQUE},
    {"POST", "embeddings/", "opaque", OPAQUE},
    {"GET", "", "opaque", OPAQUE},
};

static void
check(const struct row *row, const char *path)
{
    struct operation_match match = find(row->method, path);
    const struct operation *found = match.row;
    bool same_list = row->list ? found->list && strcmp(row->list, found->list) == 0 : !found->list;
    if (strcmp(found->name, row->name) != 0 || found->body != row->body ||
        found->answer != row->answer || !same_list || found->can_stream != row->can_stream ||
        found->stream != row->stream || found->pinned != row->pinned)
        fail_msg("%s %s is %s", row->method, path, found->name);
    if (!span_is(match.rest, row->rest))
        fail_msg("%s: the rest is \"" SPAN_FMT "\"", path, SPAN_ARG(match.rest));
}

static void
every_row_is_found_under_every_root(void **state)
{
    (void)state;
    static const char *const roots[] = {"/v1/", "/openai/", "/openai/v1/",
                                        "/openai/deployments/my-gpt.4o/"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t j = 0; j < sizeof(roots) / sizeof(roots[0]); j++) {
            char path[128];
            (void)snprintf(path, sizeof(path), "%s%s", roots[j], rows[i].rest);
            check(&rows[i], path);
        }
    }
}

/* --- the roots ------------------------------------------------------------ */

static void
the_root_tells_style_and_deployment(void **state)
{
    (void)state;
    static const struct {
        const char *path, *deployment, *rest;
        bool azure_style, azure_v1;
    } roots[] = {
        {"/v1/chat/completions", "", "chat/completions", false, false},
        {"/openai/chat/completions", "", "chat/completions", true, false},
        {"/openai/v1/chat/completions", "", "chat/completions", true, true},
        {"/openai/deployments/x/chat/completions", "x", "chat/completions", true, false},
        {"/openai/deployments/a%20b/embeddings", "a%20b", "embeddings", true, false},
        {"/openai/v1/deployments/x/embeddings", "", "deployments/x/embeddings", true, true},
        {"/openai/deployments/x", "x", "", true, false},
        {"/openai/deployments", "", "deployments", true, false},
        {"/v1/openai/deployments/x/embeddings", "", "openai/deployments/x/embeddings", false,
         false},
        {"/v1/v1/embeddings", "", "v1/embeddings", false, false},
    };
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        struct operation_match match = find("POST", roots[i].path);
        if (!span_is(match.deployment, roots[i].deployment) ||
            !span_is(match.rest, roots[i].rest) || match.azure_style != roots[i].azure_style ||
            match.azure_v1 != roots[i].azure_v1)
            fail_msg("%s: deployment \"" SPAN_FMT "\", rest \"" SPAN_FMT "\"", roots[i].path,
                     SPAN_ARG(match.deployment), SPAN_ARG(match.rest));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_under_every_root),
        cmocka_unit_test(the_root_tells_style_and_deployment),
    };
    return cmocka_run_group_tests_name("core/operation", tests, NULL, NULL);
}
