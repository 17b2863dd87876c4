/* complaint.h - what an upstream's error body says, in any provider's spelling. Pure.
 *
 * Understands {"error":{message,type,code,param,status}}, {"error":"text"},
 * {"type":"error","error":{…}},
 * {"code":…,"message":…}, {"detail":…}, a `response.failed` event, and Azure's inner errors.
 */
#ifndef POSTERN_CORE_COMPLAINT_H
#define POSTERN_CORE_COMPLAINT_H

#include <stdbool.h>

#include "base/span.h"
#include "core/json.h"

/* What it is about, as far as it changes what happens next. */
enum complaint {
    COMPLAINT_NONE,  /* no error object in it */
    COMPLAINT_OTHER, /* an error without a meaning of its own: the status decides */
    COMPLAINT_QUOTA, /* money or a spend limit: insufficient_quota, credit_balance_exhausted, … */
    COMPLAINT_RATE,  /* rate_limit_exceeded, slow_down, rate_limit_error */
    COMPLAINT_OVERLOAD, /* overloaded_error, server_is_overloaded */
    COMPLAINT_SERVER,   /* server_error, api_error, internal_error */
    COMPLAINT_AUTH,     /* invalid_api_key, authentication_error, permission_error */
    COMPLAINT_CONTEXT,  /* context_length_exceeded, "prompt is too long" */
    COMPLAINT_CONTENT,  /* content_filter, content_policy_violation, ResponsibleAIPolicyViolation */
    COMPLAINT_MODEL,    /* model_not_found, DeploymentNotFound */
    COMPLAINT_SCOPE,    /* our key has no right to what was asked for, but to other things */
    COMPLAINT_CLIENT    /* invalid_request_error and the like */
};

struct complaint_view {
    enum complaint about;
    int status; /* a status that stands inside the error (OpenRouter's numeric code …); 0: none */
    bool is_openai_shaped; /* {"error":{"message":string,…}} */
};

/* Reads a whole body or one event's data. A body that is no JSON gives COMPLAINT_NONE. A top-level
 * "error": null is no error. */
struct complaint_view complaint_read(struct span body);

/* The same in two steps, for one who looks for other members as well: fills in the names of the
 * members that tell, and reads them once they were found in `body`, a valid document. */
enum { COMPLAINT_MEMBER_ERROR, COMPLAINT_MEMBER_STATUS = 6, COMPLAINT_MEMBERS = 10 };
void complaint_want(struct json_member members[COMPLAINT_MEMBERS]);
struct complaint_view complaint_judge(struct span body,
                                      const struct json_member members[COMPLAINT_MEMBERS]);

const char *complaint_name(enum complaint about);

#endif
