/* stream.c - events in, judged one by one; the bytes go on as they came. */
#include "relay/stream.h"

#include <stdint.h>

#define PARTIAL_MAX_BYTES (2 * SSE_EVENT_MAX_BYTES)

void
stream_init(struct stream *stream, enum event_api api)
{
    *stream = (struct stream){.api = api, .state = STREAM_WAITING};
    sse_init(&stream->sse);
    buf_init(&stream->partial, PARTIAL_MAX_BYTES);
}

void
stream_fini(struct stream *stream)
{
    sse_fini(&stream->sse);
    buf_fini(&stream->partial);
}

void
stream_expect(struct stream *stream, enum event_api api, const struct progress_terms *terms)
{
    stream->api = api;
    stream->progress.terms = *terms;
}

static enum stream_state
next_state(struct stream *stream, const struct sse_event *event)
{
    if (stream->api == EVENT_API_UNKNOWN)
        stream->api = event_recognise(event);
    switch (event_judge(stream->api, event, &stream->progress)) {
    case EVENT_EMPTY:
        return stream->state;
    case EVENT_CONTENT:
        return STREAM_FLOWING;
    case EVENT_ENDING:
        return STREAM_ENDING;
    case EVENT_FINISH:
        return STREAM_FINISHED;
    case EVENT_DONE:
        /* a marker after no content at all ends an empty stream, which is no answer */
        return stream_is_good(stream) ? STREAM_FINISHED : stream->state;
    case EVENT_ERROR:
        stream->complaint = event_complaint(event);
        return STREAM_ERROR;
    case EVENT_FAILED:
        stream->complaint = event_complaint(event);
        return STREAM_FAILED;
    case EVENT_MALFORMED:
        return STREAM_BROKEN;
    }
    return STREAM_BROKEN;
}

/* What waited and what was just taken go on. 0, or -1 when `out` is full. */
static int
let_through(struct stream *stream, struct span taken, struct buf *out)
{
    if (buf_reserve(out, stream->partial.len + taken.len) != 0 ||
        buf_put_span(out, buf_span(&stream->partial)) != 0)
        return -1;
    buf_clear(&stream->partial);
    return buf_put_span(out, taken);
}

int
stream_take(struct stream *stream, struct span bytes, struct buf *out)
{
    while (bytes.len > 0 && !stream_is_bad(stream)) {
        struct sse_event event;
        bool found;
        size_t len = sse_feed(&stream->sse, bytes, &event, &found);
        if (len == SIZE_MAX || stream->partial.len + len > PARTIAL_MAX_BYTES) {
            stream->state = STREAM_BROKEN;
            return 0;
        }
        struct span taken = span_of(bytes.ptr, len);
        bytes = span_of(bytes.ptr + len, bytes.len - len);
        if (found)
            stream->state = next_state(stream, &event);
        stream->has_content |= stream_is_good(stream);
        if (found || sse_is_at_boundary(&stream->sse)) {
            bool may_pass = !stream_is_bad(stream) || stream->state == STREAM_ERROR;
            if (may_pass && let_through(stream, taken, out) != 0)
                return -1;
        } else if (buf_put_span(&stream->partial, taken) != 0) {
            stream->state = STREAM_BROKEN;
        }
    }
    return 0;
}

void
stream_finish(struct stream *stream)
{
    static const struct span end = SPAN_LITERAL("\n\n");
    enum stream_state before = stream->state;
    struct sse_event event;
    bool found = false;
    size_t len = 0;
    if (stream->partial.len == 0 || stream_is_bad(stream))
        return;
    while (!found && len < end.len) {
        size_t taken =
            sse_feed(&stream->sse, span_of(end.ptr + len, end.len - len), &event, &found);
        if (taken == SIZE_MAX || taken == 0)
            break;
        len += taken;
    }
    if (found)
        stream->state = next_state(stream, &event);
    if (!found || stream->state == STREAM_BROKEN) {
        stream->state = before;
        buf_clear(&stream->partial);
    }
    stream->has_content |= stream_is_good(stream);
}

bool
stream_is_good(const struct stream *stream)
{
    switch (stream->state) {
    case STREAM_FLOWING:
    case STREAM_ENDING:
    case STREAM_FINISHED:
        return true;
    case STREAM_WAITING:
    case STREAM_ERROR:
    case STREAM_FAILED:
    case STREAM_BROKEN:
        return false;
    }
    return false;
}

bool
stream_is_bad(const struct stream *stream)
{
    return stream->state != STREAM_WAITING && !stream_is_good(stream);
}

bool
stream_is_whole(const struct stream *stream, enum stream_end end)
{
    if (stream->state == STREAM_ENDING)
        return end == STREAM_ENDED;
    if (stream->state == STREAM_FINISHED)
        return true;
    return stream->api == EVENT_API_UNKNOWN && stream->state == STREAM_FLOWING && end != STREAM_CUT;
}
