/* call.c - the client's side of a call: its clock, its heartbeats, its last word. */
#include "relay/call.h"

#include "base/clock.h"
#include "base/secrets.h"

void
call_init(struct call *call, const struct relay *relay, struct request *request)
{
    *call = (struct call){
        .relay = relay,
        .request = request,
        .api = request->operation.row ? request->operation.row->stream : EVENT_API_UNKNOWN,
        .failure = FAILURE_UPSTREAM_UNAVAILABLE,
        .sent_ms = clock_boot_ms(),
    };
    call->deadline_ms = call->sent_ms + relay->config->total_timeout_ms;
    buf_init(&call->kept.body, CALL_ERROR_MAX_BYTES);
}

void
call_fini(struct call *call)
{
    buf_fini(&call->kept.body);
}

enum outcome_stop
call_check(struct call *call, uint64_t now_ms)
{
    uint64_t drain_ms = call->drain_deadline_ms ? atomic_load(call->drain_deadline_ms) : 0;
    if (call->is_gone || call->sink->is_gone(call->sink->self)) {
        call->is_gone = true;
        return OUTCOME_STOP_GONE;
    }
    if (drain_ms > 0 && now_ms >= drain_ms)
        return OUTCOME_STOP_DRAIN;
    return now_ms >= call->deadline_ms ? OUTCOME_STOP_TOTAL : OUTCOME_NOT_STOPPED;
}

/* --- sending -------------------------------------------------------------- */

static int
transmit(struct call *call, struct span bytes, int (*leave)(void *self))
{
    struct sink *sink = call->sink;
    if ((bytes.len > 0 && sink->bytes(sink->self, bytes) != 0) || leave(sink->self) != 0) {
        call->is_gone = true;
        return -1;
    }
    call->account.bytes += bytes.len;
    return 0;
}

int
call_send(struct call *call, struct span bytes)
{
    if (bytes.len == 0)
        return 0;
    int result = transmit(call, bytes, call->sink->flush);
    call->sent_ms = clock_boot_ms();
    return result;
}

int
call_end(struct call *call, struct span bytes)
{
    return transmit(call, bytes, call->sink->end);
}

int
call_send_events(struct call *call, struct span events)
{
    unsigned padding = call->relay->config->sse_padding_bytes;
    if (padding == 0 || events.len == 0)
        return call_send(call, events);
    struct buf padded;
    buf_init(&padded, events.len + padding + 4);
    int result = buf_put_span(&padded, events);
    if (result == 0)
        result = buf_putf(&padded, ":%*s\n\n", (int)padding, "");
    result = call_send(call, result == 0 ? buf_span(&padded) : events);
    buf_fini(&padded);
    return result;
}

void
call_put_facts(struct call *call, struct answer *answer, const char *upstream)
{
    struct request *request = call->request;
    struct wire_headers so_far = {answer->items, answer->count};
    uint64_t own_us = account_own_us(&call->account, request->started_us, clock_boot_us());
    if (!wire_header_find(&so_far, "x-request-id"))
        answer_put(answer, "X-Request-Id", span_from(request->id));
    if (upstream)
        answer_put(answer, "X-Postern-Upstream", span_from(upstream));
    if (call->account.count > 0)
        answer_put(answer, "X-Postern-Attempts", span_from(call->account.attempts));
    answer_put_overhead(answer, own_us);
    call->account.status = answer->status;
    call->account.upstream = upstream;
}

static int
send_stream_head(struct call *call)
{
    struct answer answer;
    answer_begin(&answer, 200);
    answer_put(&answer, "Content-Type", span_from("text/event-stream"));
    answer_put(&answer, "Cache-Control", span_from("no-cache"));
    answer_put(&answer, "X-Accel-Buffering", span_from("no"));
    call_put_facts(call, &answer, NULL);
    call->head_sent = true;
    return answer_send_head(&answer, call->sink);
}

uint64_t
call_heartbeat(struct call *call, uint64_t now_ms, uint64_t longest_ms)
{
    uint64_t every_ms = call->relay->config->heartbeat_ms;
    if (every_ms == 0 || !call->request->wants_stream || call->is_plain)
        return longest_ms;
    if (now_ms - call->sent_ms >= every_ms) {
        if (!call->head_sent && send_stream_head(call) != 0)
            call->is_gone = true;
        (void)call_send_events(call, span_from(": heartbeat\n\n"));
        call->sent_ms = now_ms; /* also when it failed: the next check ends the call */
    }
    uint64_t left_ms = every_ms - (now_ms - call->sent_ms);
    return left_ms < longest_ms ? left_ms : longest_ms;
}

enum outcome_stop
call_wait(struct call *call, uint64_t wait_ms)
{
    uint64_t until_ms = clock_boot_ms() + wait_ms;
    for (;;) {
        uint64_t now_ms = clock_boot_ms();
        enum outcome_stop stop = call_check(call, now_ms);
        if (stop != OUTCOME_NOT_STOPPED || now_ms >= until_ms)
            return stop;
        uint64_t pause_ms = until_ms - now_ms < CALL_CHECK_MS ? until_ms - now_ms : CALL_CHECK_MS;
        pause_ms = call_heartbeat(call, now_ms, pause_ms);
        (void)poll(call->sink->waits, SINK_WAITS, (int)pause_ms);
    }
}

/* --- the last word -------------------------------------------------------- */

/* Which of an upstream's error bodies may reach a client: JSON, or anything where the
 * operation is not ours to judge; never one that quotes a secret. */
static bool
may_pass(const struct call *call)
{
    struct span body = buf_span(&call->kept.body);
    struct span found;
    if (call->kept.is_body_lost || secrets_find(body, &found))
        return false;
    if (call->request->operation.row->answer == OPERATION_ANSWER_ANY)
        return true;
    struct json_mistake mistake;
    return body.len > 0 && json_find(body, NULL, 0, &mistake) == 0;
}

static int
send_kept(struct call *call)
{
    struct kept_answer *kept = &call->kept;
    struct answer answer;
    answer_begin(&answer, kept->status);
    bool passes = may_pass(call);
    if (!passes) {
        buf_clear(&kept->body);
        (void)failure_format_status(kept->status, &kept->body);
        answer_put(&answer, "Content-Type", span_from("application/json"));
    }
    for (size_t i = 0; i < kept->headers.count; i++) {
        const struct wire_header *header = &kept->headers.items[i];
        if (passes || !span_is_nocase(header->name, "content-type"))
            answer_put(&answer, header->name.ptr, header->value);
    }
    answer_put(&answer, "Cache-Control", span_from("no-store"));
    call_put_facts(call, &answer, kept->upstream);
    call->account.bytes += kept->body.len;
    return answer_send(&answer, call->sink, buf_span(&kept->body));
}

static int
send_failure(struct call *call)
{
    const struct failure_row *row = failure_get(call->failure);
    struct buf body;
    struct answer answer;
    buf_init(&body, CALL_ERROR_MAX_BYTES);
    int result = failure_format(call->failure, NULL, &body);
    answer_begin(&answer, row->status);
    answer_put(&answer, "Content-Type", span_from("application/json"));
    answer_put(&answer, "Cache-Control", span_from("no-store"));
    answer_put_retry(&answer, call->failure, call->wait_ms);
    call_put_facts(call, &answer, NULL);
    call->account.bytes += body.len;
    if (result == 0)
        result = answer_send(&answer, call->sink, buf_span(&body));
    buf_fini(&body);
    return result;
}

static int
send_error_event(struct call *call)
{
    struct buf event;
    buf_init(&event, CALL_ERROR_MAX_BYTES);
    if (call->kept.is_set && !call->committed)
        call->failure = FAILURE_UPSTREAM_ERROR; /* its own status cannot be told any more */
    const struct failure_row *row = failure_get(call->failure);
    int result = event_format_error(call->api, row->code, row->message, &event);
    if (result == 0)
        result = call_end(call, buf_span(&event));
    buf_fini(&event);
    call->account.was_cut = true;
    return result;
}

static int
send_last_word(struct call *call)
{
    if (call->head_sent)
        return send_error_event(call);
    return call->kept.is_set ? send_kept(call) : send_failure(call);
}

void
call_finish(struct call *call)
{
    if (call->is_answered)
        return;
    call->is_answered = true;
    if (!call->is_gone && send_last_word(call) != 0)
        call->is_gone = true;
    if (call->is_gone)
        call->account.status = 499;
}
