/* request.h - a client's request, read once from what the web server passed, and checked.
 *
 * Everything in it lives in its arena or is borrowed from the web server's parameters, which
 * outlive it. Paths are never normalised: accepted as they came or refused.
 */
#ifndef POSTERN_RELAY_REQUEST_H
#define POSTERN_RELAY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "access/access.h"
#include "base/arena.h"
#include "base/buf.h"
#include "core/affinity.h"
#include "core/failure.h"
#include "core/json.h"
#include "core/operation.h"
#include "core/progress.h"
#include "core/wire.h"
#include "relay/sink.h"

#define REQUEST_ID_MAX 32
#define REQUEST_ARENA_MAX (1024 * 1024)

struct request {
    struct arena arena;
    char id[REQUEST_ID_MAX];
    uint64_t started_us;

    const char *method;
    struct span path;  /* the raw path below the mount: "" or "/…" */
    struct span query; /* raw, without "?" */
    bool has_query;
    struct wire_headers headers; /* names in lower case with hyphens */
    struct access_credentials credentials;
    struct span content_type;
    int64_t content_length; /* -1: not stated, the body is read to its end */
    bool has_body;
    bool accepts_coded; /* gzip or deflate */
    bool asks_held;     /* X-Postern-Delivery: held */

    struct operation_match operation;

    /* known after request_load_body() */
    struct buf body;
    struct json_member model;
    const char *model_name; /* unescaped: the path's deployment, else the body's; NULL: none */
    bool wants_stream;
    struct progress_terms terms; /* how many answers were asked for */
    bool asks_nothing; /* its input is an empty list, and an empty list is the answer to that */
    struct affinity_facts conversation; /* by which it is known; borrowed: from body and headers */

    const char *client;  /* who it is, for the log */
    const char *doubled; /* a parameter that the web server passed twice; NULL: none */
};

/* What is wrong with a request, for its answer. */
struct request_fault {
    enum failure failure;
    const char *detail; /* NULL, or words that are added to the failure's own */
};

/* Reads the parameters (relay/params.h). `mount` NULL: derived from SCRIPT_NAME. -1 and `fault`
 * when the request cannot be taken; the request is usable for an answer in any case. request_fini()
 * it. */
int request_read(struct request *request, const char *const *list, const char *mount,
                 struct request_fault *fault);
void request_fini(struct request *request);

struct request_limits {
    uint64_t max_bytes;
    uint64_t timeout_ms; /* for the whole body */
};

/* Reads the whole body, and for operations that take JSON validates it and finds model and stream.
 */
int request_load_body(struct request *request, const struct source *source,
                      const struct request_limits *limits, struct request_fault *fault);

/* Nobody will be asked again: the body is not needed any more. */
void request_drop_body(struct request *request);

/* Is it so large, and never sent twice, that it should pass through unread? */
bool request_is_upload(const struct request *request);

/* Fills the fault; -1. `detail` may be NULL. */
int request_refuse(struct request_fault *fault, enum failure failure, const char *detail);

#endif
