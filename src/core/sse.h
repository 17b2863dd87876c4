/* sse.h - finds the events of a text/event-stream, whatever portions its bytes come in.
 *
 * Source: the HTML standard, "Server-sent events", parsing: LF, CR and CRLF end a line, a BOM at
 * the start is skipped, comments begin with a colon, several data lines are joined by LF, an empty
 * line ends an event. The parser only watches: the bytes go on as they came. It also says where
 * events end, so that a stream can be held, cut or followed between two of them.
 */
#ifndef POSTERN_CORE_SSE_H
#define POSTERN_CORE_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

#define SSE_EVENT_MAX_BYTES ((size_t)1 << 20) /* a line, and all data of one event */

struct sse_event {
    struct span name; /* of the "event:" field; empty: "message". Borrowed: until the next feed */
    struct span data; /* data lines joined by LF */
};

struct sse {
    struct buf line; /* the bytes of a line that came without its end */
    struct buf data;
    struct buf name;
    bool has_data;   /* a data line came, if only an empty one */
    bool has_fields; /* any line but a comment came since the last empty one */
    bool is_told;    /* data and name are of an event that was already found */
    bool after_cr;   /* a CR was the last byte: a LF that follows belongs to it */
    bool is_lost;    /* something was too long: nothing is found any more */
    unsigned bom_at; /* how many bytes of a BOM were seen; 3: past it, or there was none */
};

void sse_init(struct sse *sse);
void sse_fini(struct sse *sse);

/* Takes bytes up to and including the end of the first event with data, or all of them. Returns how
 * many were taken; `*found` says whether `*event` was filled. A LF that belongs to the CR which
 * ended the event is taken with it when it is there, else by the next feed. SIZE_MAX: a line or an
 * event is longer than SSE_EVENT_MAX_BYTES (or no memory), the stream cannot be followed any more.
 */
size_t sse_feed(struct sse *sse, struct span bytes, struct sse_event *event, bool *found);

/* True between two events: nothing but whole events, comments and empty lines was taken. */
bool sse_is_at_boundary(const struct sse *sse);

#endif
