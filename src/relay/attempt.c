/* attempt.c - runs one exchange under the call's clock and hands its bytes to the hold. */
#include "relay/attempt.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/pages.h"
#include "core/statedwait.h"
#include "dialect/dialect.h"

_Static_assert(SINK_WAITS == TRANSFER_WAITS, "a transfer waits for all of a sink's");

#define EVENTS_BYTES 2048 /* a thousand streams take that much each, as long as they last */
#define MODEL_ROOM 4096   /* a replaced model may be longer than the old one */

void
attempt_name_cell(const struct call *call, const struct route_candidate *candidate,
                  struct state_cell *cell)
{
    const struct dialect_ask ask = {.model_name = call->request->model_name};
    /* Its configured name, wherever that stands: what a client makes up gets no breaker. */
    const char *model = dialect_model(&ask, candidate);
    state_cell_name(cell, candidate->upstream,
                    call->relay->config->breaker_per_model ? model : NULL);
}

void
attempt_init(struct attempt *attempt, struct call *call, const struct route_candidate *candidate,
             const struct state_cell *cell, const struct breaker_permit *permit)
{
    *attempt = (struct attempt){
        .call = call,
        .candidate = candidate,
        .cell = *cell,
        .permit = *permit,
    };
    hold_init(&attempt->hold, call, candidate->upstream->name);
    buf_init(&attempt->changed, call->request->body.max_bytes + MODEL_ROOM);
}

void
attempt_fini(struct attempt *attempt)
{
    transfer_end(attempt->call->relay->pool, attempt->transfer);
    hold_fini(&attempt->hold);
    buf_fini(&attempt->changed);
}

static void
report(struct attempt *attempt, enum breaker_verdict verdict)
{
    const struct breaker_report breaker_report = {
        .verdict = verdict,
        .slow = attempt->is_slow,
        .stated_wait_ms = attempt->outcome.wait_ms,
        .random = (uint32_t)entropy_u64(),
    };
    int reason = attempt->reply.status > 0 ? attempt->reply.status
                                           : STATE_REASON_FAULT + (int)attempt->reply.fault;
    enum breaker_effect effect = state_report(attempt->call->relay->state, &attempt->cell,
                                              &attempt->candidate->upstream->rules,
                                              &attempt->permit, &breaker_report, reason);
    if (effect == BREAKER_OPENED || effect == BREAKER_CLOSED_AGAIN)
        log_write(LOG_LEVEL_WARN, "%s upstream=%s req=%s reason=%d",
                  effect == BREAKER_OPENED ? "breaker_opened" : "breaker_closed",
                  attempt->candidate->upstream->name, attempt->call->request->id, reason);
}

/* --- the observer --------------------------------------------------------- */

static int
stop(struct attempt *attempt, enum outcome_stop why)
{
    attempt->stop = why;
    return -1;
}

static int
on_head(void *self, const struct wire_reply *reply)
{
    struct attempt *attempt = self;
    attempt->heard_ms = clock_boot_ms();
    if (hold_head(&attempt->hold, reply) != 0)
        return stop(attempt, attempt->hold.stop);
    return 0;
}

/* A good first event is told to the breaker at once: recovery takes one first-token time, not one
 * answer's time. A stream may last for minutes, and keeps no more of its request than it needs. */
static void
note_start(struct attempt *attempt)
{
    struct call *call = attempt->call;
    uint64_t slow_ms = call->relay->config->slow_ms;
    attempt->is_started = true;
    attempt->is_slow = slow_ms > 0 && attempt->heard_ms - attempt->started_ms > slow_ms;
    report(attempt, BREAKER_STARTED);
    attempt->permit = state_follow(call->relay->state, &attempt->cell, &attempt->permit);
    if (call->committed && attempt->reply.has_all) {
        request_drop_body(call->request);
        buf_fini(&attempt->changed);
    }
    pages_trim_stack(); /* connecting took much more than what follows */
}

static int
on_bytes(void *self, struct span bytes)
{
    struct attempt *attempt = self;
    attempt->heard_ms = clock_boot_ms();
    int result = hold_take(&attempt->hold, bytes);
    if (!attempt->is_started && hold_has_begun(&attempt->hold))
        note_start(attempt);
    return result == 0 ? 0 : stop(attempt, attempt->hold.stop);
}

/* Until when the upstream must have done what it has to do now, and what it means if it has not. */
static uint64_t
phase_deadline(const struct attempt *attempt, enum outcome_stop *why)
{
    const struct upstream_timeouts *timeouts = &attempt->candidate->upstream->timeouts;
    const struct hold *hold = &attempt->hold;
    bool is_stream = hold->kind == HOLD_STREAM ||
                     (hold->kind == HOLD_NOTHING && attempt->call->request->wants_stream);
    bool is_flowing = hold_has_begun(hold) || hold->is_open;
    uint64_t first_ms = is_stream ? timeouts->first_token_ms : timeouts->response_ms;
    uint64_t whole_ms = attempt->started_ms + first_ms;
    uint64_t idle_ms = attempt->heard_ms + timeouts->idle_ms;
    *why = OUTCOME_STOP_IDLE;
    if (is_flowing)
        return idle_ms;
    if (hold->kind != HOLD_NOTHING && !is_stream && idle_ms < whole_ms)
        return idle_ms;
    *why = OUTCOME_STOP_NO_FIRST;
    return whole_ms;
}

/* A living probe keeps its lease. */
static void
renew_lease(struct attempt *attempt, uint64_t now_ms)
{
    const struct breaker_rules *rules = &attempt->candidate->upstream->rules;
    if (attempt->permit.answer != BREAKER_PROBE ||
        now_ms - attempt->renewed_ms < rules->lease_ms / 3)
        return;
    (void)state_renew(attempt->call->relay->state, &attempt->cell, rules, &attempt->permit);
    attempt->renewed_ms = now_ms;
}

static int
on_watch(void *self, uint64_t *wait_ms)
{
    struct attempt *attempt = self;
    struct call *call = attempt->call;
    uint64_t now_ms = clock_boot_ms();
    enum outcome_stop why = call_check(call, now_ms);
    if (why != OUTCOME_NOT_STOPPED)
        return stop(attempt, why);
    uint64_t until_ms = phase_deadline(attempt, &why);
    if (now_ms >= until_ms)
        return stop(attempt, why);
    renew_lease(attempt, now_ms);
    uint64_t longest_ms = until_ms - now_ms;
    if (call->deadline_ms - now_ms < longest_ms)
        longest_ms = call->deadline_ms - now_ms;
    *wait_ms =
        call_heartbeat(call, now_ms, longest_ms < CALL_CHECK_MS ? longest_ms : CALL_CHECK_MS);
    return 0;
}

/* A streamed upload: counted, and the upstream's time to answer begins when it has all of it. */
static int64_t
on_upload(void *self, char *out, size_t room)
{
    struct attempt *attempt = self;
    struct call *call = attempt->call;
    int64_t got = call->source->read(call->source->self, out, room);
    attempt->started_ms = attempt->heard_ms = clock_boot_ms();
    if (got > 0)
        attempt->uploaded_bytes += (uint64_t)got;
    int64_t wanted = call->request->content_length;
    attempt->is_uploading = got > 0 && (wanted < 0 || attempt->uploaded_bytes < (uint64_t)wanted);
    bool is_short = got == 0 && wanted >= 0 && attempt->uploaded_bytes < (uint64_t)wanted;
    if (got >= 0 && !is_short && attempt->uploaded_bytes <= call->relay->config->max_upload_bytes)
        return got;
    (void)stop(attempt, OUTCOME_STOP_CLIENT_BODY);
    return -1;
}

/* --- the exchange --------------------------------------------------------- */

/* Who may share a warm connection: those that brought the same credentials, whatever they are
 * called after a reload. */
static int
scope(const struct attempt *attempt, struct wire_request *wire, struct err *err)
{
    struct request *request = attempt->call->request;
    const struct access_credentials *brought = &request->credentials;
    const struct span line = SPAN_LITERAL("\n"); /* in no header's value */
    const struct span parts[] = {brought->authorization, line, brought->api_key,    line,
                                 brought->x_api_key,     line, brought->remote_user};
    struct digest digest;
    uint64_t words[2];
    if (!attempt->candidate->upstream->pools_by_client)
        return 0;
    digest_sha256(&digest, parts, sizeof(parts) / sizeof(parts[0]));
    memcpy(words, digest.bytes, sizeof words);
    wire->scope = arena_printf(&request->arena, "%016" PRIx64 "%016" PRIx64, words[0], words[1]);
    return wire->scope ? 0 : err_set(err, ERR_MEMORY, "no memory for the scope of a connection");
}

static int
encode(struct attempt *attempt, struct wire_request *wire)
{
    struct request *request = attempt->call->request;
    struct dialect_ask ask = {
        .method = request->method,
        .path = request->path,
        .query = request->query,
        .has_query = request->has_query,
        .operation = &request->operation,
        .headers = &request->headers,
        .body = {.parts = {buf_span(&request->body)}, .length = (int64_t)request->body.len},
        .model = request->model,
        .model_name = request->model_name,
        .accepts_coded = request->accepts_coded,
    };
    ask.body.present = request->has_body;
    if (request_is_upload(request))
        ask.body = (struct wire_body){
            .read = on_upload,
            .self = attempt,
            .length = request->content_length,
            .present = true,
        };
    struct err err;
    /* Where we cannot see the model (a form, an opaque path) it is not of our choosing. */
    attempt->facts.client_named_model =
        request->model_name || request->operation.row->body != OPERATION_BODY_JSON;
    attempt->facts.model_is_replaced = dialect_replaces_model(&ask, attempt->candidate);
    if (dialect_encode(&ask, attempt->candidate, &request->arena, &attempt->changed, wire, &err) ==
            0 &&
        scope(attempt, wire, &err) == 0)
        return 0;
    log_write(LOG_LEVEL_ERROR, "attempt_failed req=%s reason=\"%s\"", request->id, err.msg);
    return -1;
}

static void
exchange(struct attempt *attempt)
{
    struct call *call = attempt->call;
    struct wire_request wire;
    const struct transfer_observer observer = {
        .self = attempt,
        .head = on_head,
        .bytes = on_bytes,
        .watch = on_watch,
        .waits = call->sink->waits,
    };
    bool is_encoded = encode(attempt, &wire) == 0;
    uint64_t now_us = clock_boot_us();
    attempt->started_ms = attempt->heard_ms = attempt->renewed_ms = now_us / 1000;
    if (!is_encoded) {
        attempt->reply.fault = WIRE_LOCAL;
        return;
    }
    wire.receive_bytes = call->request->wants_stream ? EVENTS_BYTES : 0;
    account_wait_begin(&call->account, now_us);
    attempt->transfer = transfer_run(call->relay->pool, &wire, &observer, &attempt->reply);
    account_wait_end(&call->account, clock_boot_us());
}

static int
read_should_retry(const struct wire_headers *headers)
{
    const struct span *value = wire_header_find(headers, "x-should-retry");
    if (!value)
        return -1;
    return span_is_nocase(*value, "true") ? 1 : span_is_nocase(*value, "false") ? 0 : -1;
}

/* What headers add to the meaning of an answer that is not good; a good one has no other. */
static void
read_headers(struct attempt *attempt)
{
    struct outcome_facts *facts = &attempt->facts;
    const struct wire_headers *asked = &attempt->call->request->headers;
    const struct wire_reply *reply = &attempt->reply;
    facts->stated_wait_ms = statedwait_read(&reply->headers, reply->status, clock_unix_ms());
    facts->should_retry = read_should_retry(&reply->headers);
    facts->client_named_account =
        wire_header_find(asked, "openai-organization") || wire_header_find(asked, "openai-project");
}

static void
judge(struct attempt *attempt)
{
    const struct call *call = attempt->call;
    struct outcome_facts *facts = &attempt->facts;
    const struct wire_reply *reply = &attempt->reply;
    hold_end(&attempt->hold, reply);
    facts->fault = reply->fault;
    facts->os_errno = reply->os_errno;
    facts->stop = attempt->stop;
    facts->status = reply->status;
    facts->head_complete = reply->head_complete;
    facts->body_complete = reply->body_complete;
    facts->body = attempt->hold.body;
    facts->complaint = attempt->hold.complaint;
    facts->breaker_per_model = call->relay->config->breaker_per_model;
    facts->ignores_wait = attempt->candidate->upstream->rules.retry_after_max_ms == 0;
    facts->opaque = call->request->operation.row->answer == OPERATION_ANSWER_ANY;
    facts->should_retry = -1;
    if (facts->body != OUTCOME_BODY_GOOD || facts->stop != OUTCOME_NOT_STOPPED)
        read_headers(attempt);
    if (attempt->hold.has_enough) { /* an error whose body is too long is an error all the same */
        facts->fault = WIRE_NO_FAULT;
        facts->body_complete = true;
    }
    attempt->outcome = outcome_judge(facts, call->relay->config->profile);
}

static void
report_outcome(struct attempt *attempt)
{
    const struct call *call = attempt->call;
    const struct outcome *outcome = &attempt->outcome;
    enum breaker_verdict verdict = outcome->verdict;
    uint64_t slow_ms = call->relay->config->slow_ms;
    /* A client that uploads at a crawl makes any upstream give up. */
    if (attempt->is_uploading && verdict == BREAKER_FAIL)
        verdict = BREAKER_IGNORED;
    if (!attempt->is_started)
        attempt->is_slow = slow_ms > 0 && clock_boot_ms() - attempt->started_ms > slow_ms;
    if (outcome->cool_ms > 0)
        state_cool(call->relay->state, &attempt->cell, &attempt->candidate->upstream->rules,
                   outcome->cool_ms);
    if (attempt->is_started && verdict == BREAKER_OK)
        verdict = BREAKER_FINISHED;
    report(attempt, verdict);
}

void
attempt_run(struct attempt *attempt)
{
    exchange(attempt);
    judge(attempt);
    report_outcome(attempt);
}
