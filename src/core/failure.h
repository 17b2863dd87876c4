/* failure.h - every error that postern itself answers, in one table. Pure.
 *
 * The body is OpenAI's shape: {"error":{"message":…,"type":…,"param":null,"code":…}}. Messages name
 * the fault and neither hosts nor keys; the reason for the operator is in the log.
 */
#ifndef POSTERN_CORE_FAILURE_H
#define POSTERN_CORE_FAILURE_H

#include <stdbool.h>

#include "base/buf.h"

enum failure {
    FAILURE_INVALID_PATH,
    FAILURE_UNKNOWN_URL,
    FAILURE_METHOD_NOT_ALLOWED,
    FAILURE_INVALID_HEADER,
    FAILURE_INVALID_CONTENT_LENGTH,
    FAILURE_INVALID_JSON,
    FAILURE_JSON_TOO_DEEP,
    FAILURE_DUPLICATE_KEY,
    FAILURE_UNSUPPORTED_MEDIA_TYPE,
    FAILURE_REQUEST_TOO_LARGE,
    FAILURE_HEADERS_TOO_LARGE,
    FAILURE_REQUEST_TIMEOUT,
    FAILURE_REQUEST_CUT,
    FAILURE_CLIENT_GONE, /* told nevertheless: it may have shut down just its sending half */
    FAILURE_MISSING_API_KEY,
    FAILURE_INVALID_API_KEY,
    FAILURE_NOT_OPERATOR,
    FAILURE_GATEWAY_CLOSED,
    FAILURE_MODEL_NOT_FOUND,
    FAILURE_GATEWAY_MISCONFIGURED,
    FAILURE_GATEWAY_OVERLOADED,
    FAILURE_GATEWAY_ERROR,
    FAILURE_UPSTREAM_DNS,
    FAILURE_UPSTREAM_UNREACHABLE,
    FAILURE_UPSTREAM_TLS,
    FAILURE_UPSTREAM_TIMEOUT,
    FAILURE_UPSTREAM_BAD_RESPONSE,
    FAILURE_UPSTREAM_RESPONSE_TOO_LARGE,
    FAILURE_UPSTREAM_REDIRECT,
    FAILURE_UPSTREAM_AUTH,
    FAILURE_UPSTREAM_INTERRUPTED,
    FAILURE_UPSTREAM_ERROR, /* wraps an upstream's error status whose body cannot pass */
    FAILURE_UPSTREAM_UNAVAILABLE,
    FAILURE_UPSTREAMS_LIMITED, /* all candidates are cooling down: 429 */
    FAILURE_GATEWAY_STOPPING,
    FAILURE_COUNT
};

struct failure_row {
    const char *code; /* "upstream_timeout" … */
    int status;
    const char *type; /* invalid_request_error, rate_limit_error, server_error */
    const char *message;
    bool is_final; /* x-should-retry: false */
};

const struct failure_row *failure_get(enum failure failure);

/* The JSON body. `detail` (may be NULL) is added to the row's message after ": ". -1: `out` is
 * full.
 */
int failure_format(enum failure failure, const char *detail, struct buf *out);

/* The same for an upstream's error status whose own body cannot pass: FAILURE_UPSTREAM_ERROR, its
 * type as OpenAI's errors of that status have it. */
int failure_format_status(int status, struct buf *out);

/* "Too Many Requests" for the CGI Status line; "" for one without a name. */
const char *failure_reason(int status);

#endif
