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
    STREAM_FINISHED, /* its finish was seen, and no content since: whole if it ends here */
    STREAM_ERROR,    /* an error event: `complaint` says which */
    STREAM_BROKEN    /* data that is no event of this API, or an event beyond its maximum */
};

struct stream {
    struct sse sse;
    enum event_api api;
    enum stream_state state;
    bool has_content; /* some was seen, whatever came after it */
    struct complaint_view complaint;
    struct event_choices choices;
    struct buf partial; /* the bytes of the event that has not ended yet */
};

void stream_init(struct stream *stream, enum event_api api);
/* Before the first bytes: which API's events they are, and how many choices were asked for. */
void stream_expect(struct stream *stream, enum event_api api, unsigned choices);
void stream_fini(struct stream *stream);

/* Takes bytes and appends to `out` those that form whole events and comments, unchanged; an error
 * event is among them, broken data is not. -1: `out` is full. */
int stream_take(struct stream *stream, struct span bytes, struct buf *out);

/* The transfer ended cleanly: is that the stream's end? An API whose finish we do not know ends so.
 */
bool stream_is_whole(const struct stream *stream, bool ended_cleanly);

#endif
