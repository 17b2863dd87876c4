/* hold.c - the gate between an upstream's bytes and the client. */
#include "relay/hold.h"

#include "base/log.h"
#include "base/secrets.h"
#include "core/failure.h"
#include "relay/hold_bytes.h"

void
hold_init(struct hold *hold, struct call *call, const char *upstream)
{
    bool is_held = call->request->asks_held || call->relay->config->delivery == UPSTREAM_HELD;
    *hold = (struct hold){
        .call = call,
        .upstream = upstream,
        .is_live = !is_held,
        .body = OUTCOME_BODY_UNCHECKED,
    };
    buf_init(&hold->bytes, HOLD_MEMORY_MAX_BYTES);
    stream_init(&hold->stream, EVENT_API_UNKNOWN);
    call->is_plain = false;
}

void
hold_fini(struct hold *hold)
{
    buf_fini(&hold->bytes);
    stream_fini(&hold->stream);
}

static int
stop(struct hold *hold, enum outcome_stop why)
{
    hold->stop = why;
    return -1;
}

/* Would the client see that this answer was cut, were it sent as it comes? */
static bool
shows_cut(const struct hold *hold)
{
    switch (hold->call->sink->cut) {
    case SINK_CUT_UNSEEN:
        return false;
    case SINK_CUT_BY_LENGTH:
        return hold->reply->content_length >= 0 && !hold->reply->decoded;
    case SINK_CUT_BROKEN:
        return true;
    }
    return false;
}

/* --- commit --------------------------------------------------------------- */

/* Sound and files have no end of their own, and a connection that closes may have been cut. */
static bool
ends_unseen(const struct hold *hold)
{
    bool is_bytes = hold->kind == HOLD_BYTES || hold->kind == HOLD_PASS;
    return is_bytes && hold->reply->close_delimited;
}

static void
put_unprotected(const struct hold *hold, struct answer *answer, const char *why)
{
    answer_put(answer, "X-Postern-Unprotected", span_from("yes"));
    log_write(LOG_LEVEL_WARN, "answer_unprotected req=%s upstream=%s hint=\"%s\"",
              hold->call->request->id, hold->upstream, why);
}

/* What a client must know of an answer that goes out before its end was seen. */
static void
put_warnings(const struct hold *hold, struct answer *answer)
{
    const struct sink *sink = hold->call->sink;
    if (sink->cut_is_late)
        answer_put(answer, "Connection", span_from("close"));
    if (!shows_cut(hold))
        put_unprotected(hold, answer,
                        "too long to be held whole, and behind this web server nothing shows a "
                        "client that an answer was cut");
}

/* Sends the head: from here on this upstream's answer is the client's. `length` -1: none is told.
 */
static int
open_gate(struct hold *hold, int64_t length, bool is_whole)
{
    struct call *call = hold->call;
    char word[OUTCOME_WORD_MAX];
    const struct outcome good = {.kind = OUTCOME_OK};
    hold->is_open = true;
    call->committed = true;
    account_attempt(&call->account, hold->upstream, outcome_word(word, &good, hold->reply->status));
    if (call->head_sent) {
        call->account.upstream = hold->upstream;
        return 0;
    }
    bool is_stream = hold->kind == HOLD_STREAM;
    struct answer answer;
    answer_begin(&answer, hold->reply->status);
    answer_put_upstream(&answer, &hold->reply->headers);
    answer_put(&answer, "Cache-Control", span_from(is_stream ? "no-cache" : "no-store"));
    if (is_stream)
        answer_put(&answer, "X-Accel-Buffering", span_from("no"));
    if (length >= 0)
        answer_put_length(&answer, (uint64_t)length);
    if (!is_stream && !is_whole)
        put_warnings(hold, &answer);
    if (ends_unseen(hold) && (is_whole || shows_cut(hold)))
        put_unprotected(hold, &answer, "the upstream tells its end by closing alone");
    call_put_facts(call, &answer, hold->upstream);
    call->head_sent = true;
    if (answer_send_head(&answer, call->sink) == 0)
        return 0;
    call->is_gone = true;
    return -1;
}

/* What is held goes out, under the upstream's own length where that is still true. */
static int
commit(struct hold *hold)
{
    const struct wire_reply *reply = hold->reply;
    bool has_length = hold->kind != HOLD_STREAM && !reply->decoded;
    if (!hold->is_open && open_gate(hold, has_length ? reply->content_length : -1, false) != 0)
        return stop(hold, OUTCOME_STOP_GONE);
    int result = hold->kind == HOLD_STREAM ? call_send_events(hold->call, buf_span(&hold->bytes))
                                           : call_send(hold->call, buf_span(&hold->bytes));
    buf_clear(&hold->bytes);
    return result == 0 ? 0 : stop(hold, OUTCOME_STOP_GONE);
}

/* --- bytes ---------------------------------------------------------------- */

static struct span
type_of(const struct wire_reply *reply)
{
    const struct span *type = wire_header_find(&reply->headers, "content-type");
    return type ? span_trim(*type) : span_of(NULL, 0);
}

static bool
fits(const struct hold *hold, int64_t length)
{
    return length >= 0 && !hold_bytes_are_many(hold, (size_t)length);
}

static enum hold_kind
choose_kind(const struct hold *hold, struct span type)
{
    const struct wire_reply *reply = hold->reply;
    const struct operation *row = hold->call->request->operation.row;
    bool is_short = fits(hold, reply->content_length);
    if (reply->status >= 300)
        return HOLD_ERROR;
    if (span_has_prefix_nocase(type, "text/event-stream") &&
        (row->can_stream || row->answer == OPERATION_ANSWER_ANY))
        return HOLD_STREAM;
    if (row->answer == OPERATION_ANSWER_JSON)
        return HOLD_JSON;
    if (is_short || span_has_prefix_nocase(type, "application/json") || !hold->is_live ||
        !shows_cut(hold))
        return HOLD_BYTES;
    return HOLD_PASS;
}

/* A stream where JSON was asked for, or JSON where a stream was: a client reads either as an answer
 * without a word in it. */
static bool
is_misfit(const struct hold *hold)
{
    const struct request *request = hold->call->request;
    const struct operation *row = request->operation.row;
    if (row->answer != OPERATION_ANSWER_JSON || row->body != OPERATION_BODY_JSON ||
        !row->can_stream || hold->kind == HOLD_ERROR)
        return false;
    return request->wants_stream != (hold->kind == HOLD_STREAM);
}

/* Its members are found while it comes. */
static void
expect_json(struct hold *hold)
{
    complaint_want(hold->found);
    whole_want(hold->call->request->operation.row, &hold->found[HOLD_WHOLE]);
    json_finder_init(&hold->finder, hold->found, HOLD_MEMBERS);
}

/* At once, for an answer that says how long it will be. Where that fails it grows as it comes. */
static void
make_room(struct hold *hold)
{
    int64_t length = hold->reply->content_length;
    if (!hold->reply->decoded && fits(hold, length))
        (void)buf_reserve(&hold->bytes, (size_t)length);
}

int
hold_head(struct hold *hold, const struct wire_reply *reply)
{
    const struct operation *row = hold->call->request->operation.row;
    struct span type = type_of(reply);
    hold->reply = reply;
    hold->kind = choose_kind(hold, type);
    bool is_inference = row->answer != OPERATION_ANSWER_ANY;
    hold->is_misfit = is_misfit(hold);
    if (hold->kind == HOLD_JSON)
        expect_json(hold);
    if (hold->is_misfit)
        return hold->kind == HOLD_JSON ? 0 : stop(hold, OUTCOME_STOP_MALFORMED);
    if (hold->kind == HOLD_STREAM)
        stream_expect(&hold->stream, row->stream, &hold->call->request->terms);
    else if (is_inference && hold->kind != HOLD_ERROR &&
             (span_has_prefix_nocase(type, "text/html") || hold->call->head_sent))
        return stop(hold, OUTCOME_STOP_MALFORMED); /* no JSON can follow a heartbeat either */
    hold->call->is_plain = hold->kind != HOLD_STREAM && hold->kind != HOLD_ERROR;
    if (hold->kind == HOLD_JSON || hold->kind == HOLD_BYTES)
        make_room(hold);
    return 0;
}

/* --- taking ---------------------------------------------------------------- */

static int
take_error(struct hold *hold, struct span bytes)
{
    size_t room = CALL_ERROR_MAX_BYTES - hold->bytes.len;
    hold->has_enough = bytes.len > room;
    if (hold->has_enough)
        return -1;
    return buf_put_span(&hold->bytes, bytes);
}

/* There is no room for more: was it too much, or is this host short of memory and disk? */
static int
stop_full(struct hold *hold, size_t bytes)
{
    return stop(hold,
                hold_bytes_are_too_many(hold, bytes) ? OUTCOME_STOP_TOO_LARGE : OUTCOME_STOP_LOCAL);
}

static int
take_stream(struct hold *hold, struct span bytes)
{
    size_t before = hold->bytes.len;
    if (stream_take(&hold->stream, bytes, &hold->bytes) != 0)
        return stop_full(hold, before + bytes.len);
    enum stream_state state = hold->stream.state;
    struct span secret;
    bool may_quote = state == STREAM_ERROR || state == STREAM_FINISHED; /* some end with an error */
    hold->quotes_secret = may_quote && secrets_find(buf_span(&hold->bytes), &secret);
    if (hold->quotes_secret) {
        buf_clear(&hold->bytes);
        hold->stream.state = STREAM_FAILED; /* without that event it is not whole */
        return stop(hold, OUTCOME_STOP_MALFORMED);
    }
    if (hold->is_open || (hold->is_live && stream_is_good(&hold->stream))) {
        if (commit(hold) != 0)
            return -1;
    }
    if (stream_is_bad(&hold->stream))
        return stop(hold, OUTCOME_STOP_MALFORMED);
    bool is_over = hold->is_live ? hold_bytes_are_many(hold, hold->bytes.len)
                                 : hold_bytes_spool(hold, hold->bytes.len) != 0;
    if (is_over)
        return stop(hold, OUTCOME_STOP_TOO_LARGE);
    hold_bytes_rest(hold, before);
    return 0;
}

static int
take_json(struct hold *hold, struct span bytes)
{
    if (hold_bytes_keep(hold, bytes) != 0)
        return stop_full(hold, hold->bytes.len + bytes.len);
    if (json_finder_feed(&hold->finder, buf_span(&hold->bytes)) != JSON_VALID)
        return stop(hold, OUTCOME_STOP_MALFORMED);
    bool is_enough = hold->is_misfit && hold->bytes.len > CALL_ERROR_MAX_BYTES;
    return is_enough ? stop(hold, OUTCOME_STOP_MALFORMED) : 0;
}

static int
pass(struct hold *hold, struct span bytes)
{
    if (buf_put_span(&hold->bytes, bytes) != 0)
        return stop(hold, OUTCOME_STOP_LOCAL);
    return commit(hold);
}

static int
take_bytes(struct hold *hold, struct span bytes)
{
    if (hold->is_open)
        return pass(hold, bytes);
    bool may_go = hold->is_live && shows_cut(hold);
    if (may_go && hold_bytes_are_many(hold, hold->bytes.len + bytes.len))
        return pass(hold, bytes);
    if (hold_bytes_keep(hold, bytes) == 0)
        return 0;
    if (!hold->is_live)
        return stop_full(hold, hold->bytes.len + bytes.len);
    if (commit(hold) != 0) /* unprotected */
        return -1;
    buf_fini(&hold->bytes);
    buf_init(&hold->bytes, HOLD_MEMORY_MAX_BYTES);
    return pass(hold, bytes);
}

int
hold_take(struct hold *hold, struct span bytes)
{
    switch (hold->kind) {
    case HOLD_NOTHING:
        return 0;
    case HOLD_ERROR:
        return take_error(hold, bytes);
    case HOLD_STREAM:
        return take_stream(hold, bytes);
    case HOLD_JSON:
        return take_json(hold, bytes);
    case HOLD_BYTES:
        return take_bytes(hold, bytes);
    case HOLD_PASS:
        return pass(hold, bytes);
    }
    return 0;
}

bool
hold_has_begun(const struct hold *hold)
{
    return hold->kind == HOLD_STREAM && stream_is_good(&hold->stream);
}

/* --- the end -------------------------------------------------------------- */

/* Did the transfer itself end as it should: length and chunking agree, nobody stopped it? */
static bool
ended_well(const struct hold *hold)
{
    return hold->reply->fault == WIRE_NO_FAULT && hold->reply->body_complete;
}

/* A whole JSON answer: closed, without an error in it, and with something in its list. */
static enum outcome_body
judge_json(struct hold *hold)
{
    const struct operation *row = hold->call->request->operation.row;
    const struct json_member *found = hold->found;
    const struct json_member *list = &found[HOLD_WHOLE + WHOLE_LIST];
    enum json_error error = json_finder_end(&hold->finder);
    if (error == JSON_INCOMPLETE && hold->finder.scan.offset == 0)
        return OUTCOME_BODY_EMPTY;
    if (error != JSON_VALID || !ended_well(hold))
        return OUTCOME_BODY_WRONG;
    if (found[COMPLAINT_MEMBER_ERROR].is_repeated || list->is_repeated)
        return OUTCOME_BODY_WRONG; /* nobody knows which of the two a client reads */
    hold->complaint = complaint_judge(buf_span(&hold->bytes), found);
    if (hold->complaint.about != COMPLAINT_NONE)
        return OUTCOME_BODY_ERROR;
    if (hold->is_misfit)
        return OUTCOME_BODY_WRONG;
    bool may_be_empty = hold->call->request->asks_nothing && list->type == JSON_ARRAY;
    if (row->list && !may_be_empty && (list->type != JSON_ARRAY || json_is_empty(list->value)))
        return OUTCOME_BODY_EMPTY;
    return whole_judge(row, &found[HOLD_WHOLE], &found[COMPLAINT_MEMBER_STATUS],
                       &hold->call->request->terms)
               ? OUTCOME_BODY_GOOD
               : OUTCOME_BODY_WRONG;
}

static enum stream_end
stream_end_of(const struct hold *hold)
{
    if (!ended_well(hold))
        return STREAM_CUT;
    return hold->reply->close_delimited ? STREAM_CLOSED : STREAM_ENDED;
}

/* Content that an error followed is a stream that was cut, whatever the error says. */
static enum outcome_body
judge_stream(struct hold *hold)
{
    struct stream *stream = &hold->stream;
    struct span secret;
    stream_finish(stream);
    if (secrets_find(buf_span(&stream->partial), &secret)) {
        buf_clear(&stream->partial);
        stream->state = STREAM_FAILED;
    }
    hold->complaint = stream->complaint;
    if (stream_is_whole(stream, stream_end_of(hold)))
        return OUTCOME_BODY_GOOD;
    if (stream->has_content)
        return OUTCOME_BODY_STARTED;
    if (stream->state == STREAM_ERROR || stream->state == STREAM_FAILED)
        return OUTCOME_BODY_ERROR;
    return stream->state == STREAM_BROKEN ? OUTCOME_BODY_WRONG : OUTCOME_BODY_EMPTY;
}

/* Sound, pictures, text: whatever came, but no JSON that is an error or broken. */
static enum outcome_body
judge_bytes(struct hold *hold)
{
    struct span bytes = buf_span(&hold->bytes);
    if (!ended_well(hold))
        return OUTCOME_BODY_WRONG;
    if (hold->is_open)
        return OUTCOME_BODY_GOOD;
    if (bytes.len == 0)
        return OUTCOME_BODY_EMPTY;
    if (!span_has_prefix_nocase(type_of(hold->reply), "application/json"))
        return OUTCOME_BODY_GOOD;
    if (json_find(bytes, NULL, 0, NULL) != 0)
        return OUTCOME_BODY_WRONG;
    hold->complaint = complaint_read(bytes);
    return hold->complaint.about == COMPLAINT_NONE ? OUTCOME_BODY_GOOD : OUTCOME_BODY_ERROR;
}

void
hold_end(struct hold *hold, const struct wire_reply *reply)
{
    hold->reply = reply;
    bool is_inference = hold->call->request->operation.row->answer != OPERATION_ANSWER_ANY;
    switch (hold->kind) {
    case HOLD_NOTHING:
        return;
    case HOLD_ERROR:
        hold->complaint = complaint_read(buf_span(&hold->bytes));
        return;
    case HOLD_JSON:
        hold->body = judge_json(hold);
        return;
    case HOLD_STREAM:
        hold->body = judge_stream(hold);
        if (hold->stream.api == EVENT_API_UNKNOWN && hold->body == OUTCOME_BODY_EMPTY)
            hold->body = OUTCOME_BODY_UNCHECKED; /* of an unknown one nothing is expected */
        return;
    case HOLD_BYTES:
    case HOLD_PASS:
        if (is_inference)
            hold->body = judge_bytes(hold);
        return;
    }
}

void
hold_release(struct hold *hold)
{
    bool has_no_body = hold->reply->status == 204 || hold->reply->status == 205;
    if (hold->kind == HOLD_STREAM) /* a last event without its blank line */
        (void)buf_put_span(&hold->bytes, buf_span(&hold->stream.partial));
    if (!hold->is_open && open_gate(hold, has_no_body ? -1 : (int64_t)hold->bytes.len, true) != 0)
        return;
    hold_bytes_send(hold);
    buf_clear(&hold->bytes);
}

void
hold_break(struct hold *hold, enum failure failure)
{
    struct call *call = hold->call;
    call->failure = failure;
    call->api = hold->stream.api;
    call->account.was_cut = true;
    if (hold->kind != HOLD_STREAM) {
        call->sink->abort(call->sink->self);
        call->is_answered = true;
    } else if (hold->stream.state == STREAM_ERROR && !hold->quotes_secret) {
        call->is_answered = true; /* the upstream's own error event has been passed on */
    }
}
