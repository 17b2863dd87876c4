/* dialect.h - how one provider's API is spoken: where a path leads there, and how a key is shown.
 *
 * One const struct of functions a dialect; dialect_encode() turns a client's request into the
 * request for one upstream. The body is left as it is but for the model, which is spliced in where
 * the configuration replaces it, or where the client named it in the path alone and this dialect
 * has no place for it there.
 */
#ifndef POSTERN_DIALECT_DIALECT_H
#define POSTERN_DIALECT_DIALECT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/json.h"
#include "core/operation.h"
#include "core/route.h"
#include "core/wire.h"

/* A client's request, as far as an upstream may see it. All borrowed from the request. */
struct dialect_ask {
    const char *method;
    struct span path; /* checked; begins with /openai/ or /v1/ */
    struct span query;
    bool has_query;
    const struct operation_match *operation;
    const struct wire_headers *headers; /* the client's, all of them */
    struct wire_body body;              /* in one part */
    struct json_member model;           /* of the body's top level; JSON_NONE where there is none */
    const char *model_name; /* unescaped: the body's, else the path's deployment; NULL: none */
    bool accepts_coded;     /* the client takes gzip or deflate */
};

struct dialect {
    const char *name;
    /* The path and query after the upstream's origin; NULL: no memory. */
    const char *(*target)(const struct dialect_ask *ask, const struct upstream *upstream,
                          struct arena *arena);
    bool (*wants_api_key)(const struct dialect_ask *ask, const struct upstream *upstream);
    /* Does the model go into the body when the client named it in the path alone? */
    bool model_in_body;
};

extern const struct dialect dialect_auto;
extern const struct dialect dialect_openai;
extern const struct dialect dialect_azure;

/* The dialect of an upstream; where it is left to be found out, the host's name tells. */
const struct dialect *dialect_get(const struct upstream *upstream);

/* What the candidate's upstream calls the model; NULL: as the client wrote it. */
const char *dialect_model(const struct dialect_ask *ask, const struct route_candidate *candidate);

/* Is the model that this candidate gets the configuration's choice and not the client's? */
bool dialect_replaces_model(const struct dialect_ask *ask, const struct route_candidate *candidate);

/* Fills `out`; what it needs comes from `arena`, what of a body is changed is written into
 * `changed` (which must outlive the exchange, as the client's own body must). */
int dialect_encode(const struct dialect_ask *ask, const struct route_candidate *candidate,
                   struct arena *arena, struct buf *changed, struct wire_request *out,
                   struct err *err);

#endif
