/* event.h - what one event of a stream means, for each API that streams. Pure.
 *
 * Knows the streams of chat completions and completions (data only, finish_reason, [DONE]),
 * responses (typed events up to response.completed, .incomplete, .failed) and messages (up to
 * message_stop).
 */
#ifndef POSTERN_CORE_EVENT_H
#define POSTERN_CORE_EVENT_H

#include "base/buf.h"
#include "base/span.h"
#include "core/complaint.h"
#include "core/progress.h"
#include "core/sse.h"

enum event_api {
    EVENT_API_CHAT, /* chat/completions */
    EVENT_API_COMPLETIONS,
    EVENT_API_RESPONSES,
    EVENT_API_MESSAGES,
    EVENT_API_MEDIA, /* images, speech, transcriptions: typed events up to ….completed or ….done */
    EVENT_API_RUNS,   /* assistants: named events (thread.…) up to "done" */
    EVENT_API_UNKNOWN /* events with other streams' shapes: any JSON data is content, and the end of
                         the transfer is the end */
};

enum event_kind {
    EVENT_EMPTY, /* ping, role only, usage only, created/in_progress: proves life, is no content */
    EVENT_CONTENT,  /* text, reasoning, tool call, refusal, audio */
    EVENT_ENDING,   /* every choice has a finish, which only the end of the stream can confirm */
    EVENT_FINISH,   /* carries a finish_reason, or the API's own last event but for its marker */
    EVENT_DONE,     /* "[DONE]", message_stop, where they can be believed; else FAILED */
    EVENT_ERROR,    /* an error in the place where clients of this API look for one */
    EVENT_FAILED,   /* an error that clients would not notice: told by a finish reason, inside of a
                       choice, or in another API's shape */
    EVENT_MALFORMED /* data that is not JSON on an API whose events are JSON, a member twice, a
                       choice that cannot be followed */
};

/* A stream with several choices is finished when all that have begun are, and none is missing:
 * `progress` remembers them from event to event. */
enum event_kind event_judge(enum event_api api, const struct sse_event *event,
                            struct progress *progress);

/* What an event that is ERROR or FAILED complains of. */
struct complaint_view event_complaint(const struct sse_event *event);

/* The API whose event this is, where the operation does not tell; EVENT_API_UNKNOWN: none that we
 * know. */
enum event_api event_recognise(const struct sse_event *event);

/* The event that tells a client, in the API's own shape, that its stream failed after it began.
 * `message` and `code` are ours. 0, or -1 when `out` is full, which is then as it was. The
 * responses API numbers its events; ours has the number 0, and its error stands both flat, as the
 * API's description has it, and nested, as its clients look for it. */
int event_format_error(enum event_api api, const char *code, const char *message, struct buf *out);

const char *event_kind_name(enum event_kind kind);

#endif
