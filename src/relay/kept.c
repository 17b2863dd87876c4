/* kept.c - what a failed attempt means for the client: an upstream's error answer that is kept for
 * the case that nobody does better, or an error of our own.
 */
#include "relay/attempt.h"

static enum failure
failure_of_stop(enum outcome_stop stop)
{
    switch (stop) {
    case OUTCOME_STOP_NO_FIRST:
    case OUTCOME_STOP_IDLE:
    case OUTCOME_STOP_TOTAL:
        return FAILURE_UPSTREAM_TIMEOUT;
    case OUTCOME_STOP_TOO_LARGE:
        return FAILURE_UPSTREAM_RESPONSE_TOO_LARGE;
    case OUTCOME_STOP_LOCAL:
        return FAILURE_GATEWAY_OVERLOADED;
    case OUTCOME_STOP_DRAIN:
        return FAILURE_GATEWAY_STOPPING;
    case OUTCOME_STOP_CLIENT_BODY:
    case OUTCOME_STOP_MALFORMED:
    case OUTCOME_STOP_GONE:
    case OUTCOME_NOT_STOPPED:
        break;
    }
    return FAILURE_UPSTREAM_BAD_RESPONSE;
}

static enum failure
failure_of_fault(enum wire_fault fault, enum outcome_stop stop)
{
    switch (fault) {
    case WIRE_RESOLVE:
        return FAILURE_UPSTREAM_DNS;
    case WIRE_CONNECT:
    case WIRE_SEND:
    case WIRE_NO_REPLY:
        return FAILURE_UPSTREAM_UNREACHABLE;
    case WIRE_CONNECT_TIMEOUT:
        return FAILURE_UPSTREAM_TIMEOUT;
    case WIRE_TLS:
    case WIRE_CERTIFICATE:
        return FAILURE_UPSTREAM_TLS;
    case WIRE_LOCAL:
        return FAILURE_GATEWAY_OVERLOADED;
    case WIRE_STOPPED:
        return failure_of_stop(stop);
    case WIRE_NO_FAULT:
    case WIRE_BAD_REPLY:
    case WIRE_CUT:
        break;
    }
    return FAILURE_UPSTREAM_BAD_RESPONSE;
}

/* The client's own key is fine then, and what was said of ours is none of its business. */
static bool
is_about_our_key(const struct attempt *attempt)
{
    int status = attempt->reply.head_complete ? attempt->reply.status : 0;
    bool is_said = attempt->outcome.kind == OUTCOME_REFUSED &&
                   attempt->facts.complaint.about == COMPLAINT_AUTH;
    return status == 401 || status == 403 || is_said;
}

static enum failure
failure_of_upload(const struct attempt *attempt)
{
    uint64_t max_bytes = attempt->call->relay->config->max_upload_bytes;
    return attempt->uploaded_bytes > max_bytes ? FAILURE_REQUEST_TOO_LARGE : FAILURE_REQUEST_CUT;
}

enum failure
attempt_failure(const struct attempt *attempt)
{
    int status = attempt->reply.status;
    bool was_cut = attempt->hold.is_open && attempt->hold.kind == HOLD_STREAM;
    if (attempt->stop == OUTCOME_STOP_CLIENT_BODY)
        return failure_of_upload(attempt);
    if (!attempt->hold.is_open && is_about_our_key(attempt))
        return FAILURE_UPSTREAM_AUTH;
    if (attempt->stop != OUTCOME_NOT_STOPPED && attempt->stop != OUTCOME_STOP_MALFORMED)
        return failure_of_stop(attempt->stop);
    if (was_cut)
        return FAILURE_UPSTREAM_INTERRUPTED;
    if (attempt->facts.fault != WIRE_NO_FAULT)
        return failure_of_fault(attempt->facts.fault, attempt->stop);
    if (status >= 300 && status < 400 && status != 304)
        return FAILURE_UPSTREAM_REDIRECT;
    return FAILURE_UPSTREAM_BAD_RESPONSE;
}

/* The status for an error that came inside a 200. */
static int
inner_status(const struct complaint_view *complaint)
{
    static const int by_kind[] = {
        [COMPLAINT_NONE] = 502,  [COMPLAINT_OTHER] = 502,    [COMPLAINT_QUOTA] = 429,
        [COMPLAINT_RATE] = 429,  [COMPLAINT_OVERLOAD] = 503, [COMPLAINT_SERVER] = 502,
        [COMPLAINT_AUTH] = 502,  [COMPLAINT_CONTEXT] = 400,  [COMPLAINT_CONTENT] = 400,
        [COMPLAINT_MODEL] = 404, [COMPLAINT_SCOPE] = 502,    [COMPLAINT_CLIENT] = 400,
    };
    bool is_usable = complaint->status >= 400 && complaint->status <= 599;
    if (complaint->about == COMPLAINT_AUTH || complaint->status == 401 || complaint->status == 403)
        return 502;
    return is_usable ? complaint->status : by_kind[complaint->about];
}

static void
keep_headers(struct kept_answer *kept, struct arena *arena, const struct wire_headers *headers)
{
    struct answer answer = {.status = kept->status};
    answer_put_upstream(&answer, headers);
    kept->headers.count = 0;
    kept->headers.items = arena_array(arena, answer.count + 1, sizeof(*kept->headers.items));
    for (size_t i = 0; kept->headers.items && i < answer.count; i++) {
        char *name = arena_copy(arena, answer.items[i].name);
        char *value = arena_copy(arena, answer.items[i].value);
        if (name && value)
            kept->headers.items[kept->headers.count++] =
                (struct wire_header){span_from(name), span_from(value)};
    }
}

/* Did an error stand where an answer, or the rest of one, should have been? */
static bool
has_inner_error(const struct attempt *attempt)
{
    bool is_event = attempt->hold.kind == HOLD_STREAM && attempt->hold.stream.state == STREAM_ERROR;
    return is_event || attempt->facts.body == OUTCOME_BODY_ERROR;
}

void
attempt_keep(struct attempt *attempt)
{
    struct call *call = attempt->call;
    struct kept_answer *kept = &call->kept;
    const struct wire_reply *reply = &attempt->reply;
    bool is_error = reply->head_complete && reply->status >= 400;
    bool is_inner = has_inner_error(attempt);
    if ((!is_error && !is_inner) || is_about_our_key(attempt)) {
        call->failure = attempt_failure(attempt);
        return;
    }
    kept->is_set = true;
    kept->status = is_inner ? inner_status(&attempt->hold.complaint) : reply->status;
    kept->upstream = attempt->candidate->upstream->name;
    kept->is_body_lost = attempt->hold.has_enough || attempt->facts.fault != WIRE_NO_FAULT ||
                         attempt->hold.kind == HOLD_STREAM;
    keep_headers(kept, &call->request->arena, &reply->headers);
    buf_clear(&kept->body);
    if (!kept->is_body_lost)
        (void)buf_put_span(&kept->body, buf_span(&attempt->hold.bytes));
}
