/* failure.c - the table of our own errors and their JSON. */
#include "core/failure.h"

#include <stddef.h>

#define CLIENT "invalid_request_error"
#define LIMIT "rate_limit_error"
#define SERVER "server_error"

static const struct failure_row rows[FAILURE_COUNT] = {
    [FAILURE_INVALID_PATH] = {"invalid_path", 400, CLIENT,
                              "the path of the request is not acceptable", true},
    [FAILURE_UNKNOWN_URL] = {"unknown_url", 404, CLIENT,
                             "nothing answers at this path; the API is below /v1/ and /openai/",
                             true},
    [FAILURE_METHOD_NOT_ALLOWED] = {"method_not_allowed", 405, CLIENT,
                                    "this method is not allowed here", true},
    [FAILURE_INVALID_HEADER] = {"invalid_header", 400, CLIENT,
                                "a header of the request is not acceptable", true},
    [FAILURE_INVALID_CONTENT_LENGTH] =
        {"invalid_content_length", 400, CLIENT,
         "the Content-Length of the request is not a number of bytes", true},
    [FAILURE_INVALID_JSON] = {"invalid_json", 400, CLIENT, "the body is not valid JSON", true},
    [FAILURE_JSON_TOO_DEEP] = {"json_too_deep", 400, CLIENT,
                               "the body is nested more than 128 levels deep", true},
    [FAILURE_DUPLICATE_KEY] = {"duplicate_key", 400, CLIENT, "a member of the body stands twice",
                               true},
    [FAILURE_UNSUPPORTED_MEDIA_TYPE] =
        {"unsupported_media_type", 415, CLIENT,
         "the Content-Type of the body is not the one that this operation takes", true},
    [FAILURE_REQUEST_TOO_LARGE] = {"request_too_large", 413, CLIENT,
                                   "the body is larger than this gateway takes", true},
    [FAILURE_HEADERS_TOO_LARGE] = {"headers_too_large", 431, CLIENT,
                                   "the headers are larger than this gateway takes", true},
    [FAILURE_REQUEST_TIMEOUT] = {"request_timeout", 408, CLIENT, "the body did not arrive in time",
                                 false},
    [FAILURE_REQUEST_CUT] = {"request_cut", 400, CLIENT, "the body ended before its Content-Length",
                             false},
    [FAILURE_CLIENT_GONE] = {"client_closed_request", 400, CLIENT,
                             "the client shut its connection down before the answer was whole",
                             true},
    [FAILURE_MISSING_API_KEY] = {"missing_api_key", 401, CLIENT,
                                 "no API key came with the request; send it as Authorization: "
                                 "Bearer KEY, api-key or x-api-key",
                                 true},
    [FAILURE_INVALID_API_KEY] = {"invalid_api_key", 401, CLIENT, "the API key is not valid here",
                                 true},
    [FAILURE_NOT_OPERATOR] =
        {"not_operator", 403, CLIENT,
         "this page is for the operator of the gateway: it wants an operator's key or user", true},
    [FAILURE_GATEWAY_CLOSED] = {"gateway_closed", 403, CLIENT,
                                "the operator has not let anybody in yet", true},
    [FAILURE_MODEL_NOT_FOUND] = {"model_not_found", 404, CLIENT, "no route takes this model", true},
    [FAILURE_GATEWAY_MISCONFIGURED] =
        {"gateway_misconfigured", 503, SERVER,
         "the gateway's configuration has a mistake; its log says which", true},
    [FAILURE_GATEWAY_OVERLOADED] =
        {"gateway_overloaded", 503, SERVER,
         "the gateway is serving as many requests as it may; try again shortly", false},
    [FAILURE_GATEWAY_ERROR] = {"gateway_error", 500, SERVER,
                               "the gateway ran out of memory or met a limit of its host", false},
    [FAILURE_UPSTREAM_DNS] = {"upstream_dns_failure", 502, SERVER,
                              "the upstream's name could not be resolved", false},
    [FAILURE_UPSTREAM_UNREACHABLE] = {"upstream_unreachable", 502, SERVER,
                                      "the upstream could not be reached", false},
    [FAILURE_UPSTREAM_TLS] = {"upstream_tls_failure", 502, SERVER,
                              "no trusted connection to the upstream could be made", true},
    [FAILURE_UPSTREAM_TIMEOUT] = {"upstream_timeout", 504, SERVER,
                                  "the upstream did not answer in time", false},
    [FAILURE_UPSTREAM_BAD_RESPONSE] =
        {"upstream_bad_response", 502, SERVER,
         "the upstream's answer was broken, incomplete or not of the expected kind", false},
    [FAILURE_UPSTREAM_RESPONSE_TOO_LARGE] =
        {"upstream_response_too_large", 502, SERVER,
         "the upstream's answer is larger than this gateway takes", true},
    [FAILURE_UPSTREAM_REDIRECT] = {"upstream_redirect", 502, SERVER,
                                   "the upstream answered with a redirect, which is never followed",
                                   true},
    [FAILURE_UPSTREAM_AUTH] = {"upstream_auth_failed", 502, SERVER,
                               "the upstream refused the gateway's own credentials", true},
    [FAILURE_UPSTREAM_INTERRUPTED] = {"upstream_stream_interrupted", 502, SERVER,
                                      "the upstream's stream ended before it was finished", false},
    [FAILURE_UPSTREAM_ERROR] = {"upstream_error", 502, SERVER,
                                "the upstream answered with an error", false},
    [FAILURE_UPSTREAM_UNAVAILABLE] = {"upstream_unavailable", 503, SERVER,
                                      "no upstream may be tried at the moment", false},
    [FAILURE_UPSTREAMS_LIMITED] = {"upstream_rate_limited", 429, LIMIT,
                                   "every upstream asked for a pause", false},
    [FAILURE_GATEWAY_STOPPING] = {"gateway_stopping", 503, SERVER,
                                  "the gateway is being restarted; try again", false},
};

struct reason {
    int status;
    const char *text;
};
/* Source: the IANA registry of HTTP status codes; 529 is what Anthropic calls it. */
static const struct reason reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {529, "Overloaded"},
};

const struct failure_row *
failure_get(enum failure failure)
{
    return &rows[failure];
}

static int
format(const struct failure_row *row, const char *type, const char *detail, struct buf *out)
{
    if (buf_puts(out, "{\"error\":{\"message\":\"") != 0 ||
        buf_put_json(out, span_from(row->message)) != 0)
        return -1;
    if (detail && (buf_puts(out, ": ") != 0 || buf_put_json(out, span_from(detail)) != 0))
        return -1;
    return buf_putf(out, "\",\"type\":\"%s\",\"param\":null,\"code\":\"%s\"}}\n", type, row->code);
}

int
failure_format(enum failure failure, const char *detail, struct buf *out)
{
    const struct failure_row *row = failure_get(failure);
    return format(row, row->type, detail, out);
}

int
failure_format_status(int status, struct buf *out)
{
    const char *type = status == 429 ? LIMIT : status >= 500 ? SERVER : CLIENT;
    return format(failure_get(FAILURE_UPSTREAM_ERROR), type, NULL, out);
}

const char *
failure_reason(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "";
}
