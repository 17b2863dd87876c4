/* stream.h - follows one event stream: lets whole events through and knows when it has begun, when
 * it is finished and when it is none.
 */
#ifndef POSTERN_RELAY_STREAM_H
#define POSTERN_RELAY_STREAM_H

#include <stdbool.h>

#include "base/buf.h"
#include "core/complaint.h"
#include "core/event.h"
#include "core/sse.h"

enum stream_state {
    STREAM_WAITING,  /* no content yet */
    STREAM_FLOWING,  /* content was seen */
    STREAM_ENDING,   /* its finish was seen, which its own end must confirm */
    STREAM_FINISHED, /* its finish was seen, and no content since: whole if it ends here */
    STREAM_ERROR,    /* an error event that clients notice: `complaint` says which */
    STREAM_FAILED,   /* an error that they would not notice; also told by `complaint` */
    STREAM_BROKEN    /* data that is no event of this API, or an event beyond its maximum */
};

/* How the transfer ended. */
enum stream_end {
    STREAM_CUT,    /* it broke, or it was stopped */
    STREAM_CLOSED, /* by closing alone, which a cut can look like */
    STREAM_ENDED   /* as its framing says */
};

struct stream {
    struct sse sse;
    enum event_api api;
    enum stream_state state;
    bool has_content; /* some was seen, whatever came after it */
    struct complaint_view complaint;
    struct progress progress;
    struct buf partial; /* the bytes of the event that has not ended yet */
};

void stream_init(struct stream *stream, enum event_api api);
/* Before the first bytes: which API's events they are, and what was asked for. */
void stream_expect(struct stream *stream, enum event_api api, const struct progress_terms *terms);
void stream_fini(struct stream *stream);

/* Takes bytes and appends to `out` those that form whole events and comments, unchanged; an error
 * event that clients notice is among them, any other failure is not. -1: `out` is full. */
int stream_take(struct stream *stream, struct span bytes, struct buf *out);

/* Nothing more comes: the last event counts though its blank line is missing, as clients count it;
 * what is only a part of an event is dropped. */
void stream_finish(struct stream *stream);

/* The transfer ended: is that the stream's end? A finish that proves nothing by itself counts only
 * with an end that a cut cannot look like; an API whose finish we do not know ends with its
 * transfer. */
bool stream_is_whole(const struct stream *stream, enum stream_end end);

/* Was content seen, and nothing bad since? */
bool stream_is_good(const struct stream *stream);

/* Is it of no use any more: an error, a failure, broken? */
bool stream_is_bad(const struct stream *stream);

#endif
