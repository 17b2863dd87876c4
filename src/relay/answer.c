/* answer.c - heads of answers, built from the allow-list and our own headers. */
#include "relay/answer.h"

#include <string.h>

#include "base/num.h"
#include "base/secrets.h"
#include "core/allow.h"

#define FAULT_MAX_BYTES 4096
#define HOST_WAIT_MS 1000
#define RETRY_WAIT_MAX_MS 60000 /* clients do not wait for longer, but would try at once */

void
answer_begin(struct answer *answer, int status)
{
    answer->status = status;
    answer->count = 0;
    answer_put(answer, "X-Content-Type-Options", span_from("nosniff"));
}

void
answer_put(struct answer *answer, const char *name, struct span value)
{
    if (answer->count < ANSWER_HEADERS_MAX)
        answer->items[answer->count++] = (struct wire_header){span_from(name), value};
}

void
answer_put_upstream(struct answer *answer, const struct wire_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        const struct wire_header *header = &headers->items[i];
        bool has_place = answer->count < ANSWER_HEADERS_MAX - 16; /* ours must not be crowded out */
        struct span secret; /* an upstream may echo what we sent, be it our key, in either half */
        if (has_place && allow_response_header(header->name) &&
            allow_response_value(header->value) && !secrets_find(header->name, &secret) &&
            !secrets_find(header->value, &secret))
            answer->items[answer->count++] = *header;
    }
}

void
answer_put_retry_after(struct answer *answer, uint64_t wait_ms)
{
    if (wait_ms == 0)
        return;
    size_t len = num_format_u64(answer->retry_after, (wait_ms + 999) / 1000);
    answer_put(answer, "Retry-After", span_of(answer->retry_after, len));
}

void
answer_put_retry(struct answer *answer, enum failure failure, uint64_t wait_ms)
{
    bool is_this_host =
        failure == FAILURE_GATEWAY_OVERLOADED || failure == FAILURE_GATEWAY_STOPPING;
    if (wait_ms == 0 && is_this_host)
        wait_ms = HOST_WAIT_MS;
    answer_put_retry_after(answer, wait_ms);
    if (failure_get(failure)->is_final || wait_ms > RETRY_WAIT_MAX_MS)
        answer_put(answer, "x-should-retry", span_from("false"));
}

void
answer_put_length(struct answer *answer, uint64_t bytes)
{
    size_t len = num_format_u64(answer->length, bytes);
    answer_put(answer, "Content-Length", span_of(answer->length, len));
}

void
answer_put_overhead(struct answer *answer, uint64_t own_us)
{
    char *text = answer->overhead;
    size_t len = num_format_u64(text, own_us / 1000);
    text[len++] = '.';
    text[len++] = (char)('0' + own_us / 100 % 10);
    text[len++] = (char)('0' + own_us / 10 % 10);
    answer_put(answer, "X-Postern-Overhead-Ms", span_of(text, len));
}

int
answer_send_head(struct answer *answer, struct sink *sink)
{
    const struct wire_headers headers = {answer->items, answer->count};
    return sink->head(sink->self, answer->status, &headers);
}

int
answer_send_length(struct answer *answer, struct sink *sink, uint64_t bytes)
{
    answer_put_length(answer, bytes);
    return answer_send_head(answer, sink) == 0 ? sink->end(sink->self) : -1;
}

int
answer_send(struct answer *answer, struct sink *sink, struct span body)
{
    answer_put_length(answer, body.len);
    if (answer_send_head(answer, sink) != 0)
        return -1;
    if (body.len > 0 && sink->bytes(sink->self, body) != 0)
        return -1;
    return sink->end(sink->self);
}

int
answer_send_fault(struct sink *sink, struct request *request, const struct request_fault *fault)
{
    const struct failure_row *row = failure_get(fault->failure);
    struct answer answer;
    struct buf body;
    buf_init(&body, FAULT_MAX_BYTES);
    /* A detail that does not fit is left out rather than the whole answer. */
    if (failure_format(fault->failure, fault->detail, &body) != 0) {
        buf_clear(&body);
        (void)failure_format(fault->failure, NULL, &body);
    }
    answer_begin(&answer, row->status);
    answer_put(&answer, "Content-Type", span_from("application/json"));
    answer_put(&answer, "Cache-Control", span_from("no-store"));
    answer_put(&answer, "X-Request-Id", span_from(request->id));
    answer_put_retry(&answer, fault->failure, 0);
    if (fault->failure == FAILURE_METHOD_NOT_ALLOWED)
        answer_put(&answer, "Allow", span_from(ANSWER_METHODS));
    bool is_head = strcmp(request->method, "HEAD") == 0;
    int result = is_head ? answer_send_length(&answer, sink, body.len)
                         : answer_send(&answer, sink, buf_span(&body));
    buf_fini(&body);
    return result;
}
