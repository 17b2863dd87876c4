/* operation.h - which API operation a path means. One table. Pure.
 *
 * Rows name the inference operations, whose bodies and answers are checked, and the pinned ones,
 * whose objects live in one account. Any other path is opaque: judged by its status and by whole
 * transfer alone.
 */
#ifndef POSTERN_CORE_OPERATION_H
#define POSTERN_CORE_OPERATION_H

#include <stdbool.h>

#include "base/span.h"
#include "core/event.h"

enum operation_body { OPERATION_BODY_ANY, OPERATION_BODY_JSON, OPERATION_BODY_MULTIPART };
enum operation_answer {
    OPERATION_ANSWER_ANY,  /* judged by status and by whole transfer alone */
    OPERATION_ANSWER_JSON, /* must be a closed JSON document without a top-level error */
    OPERATION_ANSWER_BYTES /* audio, images: must not be empty, must not be HTML or an error */
};

struct operation {
    const char *name;   /* for the log: "chat", "embeddings", … "opaque" */
    const char *method; /* NULL: any */
    const char *path;   /* below the API's root; "*" one segment, "**" at the end the rest */
    enum operation_body body;
    enum operation_answer answer;
    const char *list; /* what must not be empty in the answer: "choices", "data", …; or NULL */
    enum event_api stream; /* EVENT_API_UNKNOWN: does not stream */
    bool can_stream;
    bool pinned;
};

/* The spellings of the roots that clients use. `rest` is the part of the path that the table's rows
 * are about: /openai/deployments/NAME/chat/completions and /v1/chat/completions have the same. */
struct operation_match {
    const struct operation *row;
    struct span rest;
    struct span deployment; /* Azure: the path's deployment; empty elsewhere */
    bool azure_style;       /* the path began with /openai/ */
    bool azure_v1;          /* /openai/v1/… */
};

/* `path` begins with /openai/ or /v1/ and has been checked (core/path.h). Always finds a row: the
 * last one is the opaque. */
struct operation_match operation_find(struct span method, struct span path);

#endif
