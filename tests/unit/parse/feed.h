/* feed.h - for the tests of the FastCGI reader: records in memory, and what the reader says of them
 * as a text, however they are cut. */
#ifndef POSTERN_UNIT_PARSE_FEED_H
#define POSTERN_UNIT_PARSE_FEED_H

#include "base/buf.h"
#include "base/span.h"

#define FEED_MAX_BYTES (1 << 23)

/* Appends a record, or a name-value pair. */
void feed_put_record(struct buf *out, unsigned type, unsigned id, struct span content,
                     unsigned padding);
void feed_put_text(struct buf *out, unsigned type, unsigned id, const char *text);
void feed_put_begin(struct buf *out, unsigned id, unsigned role, unsigned flags);
void feed_put_pair(struct buf *pairs, struct span name, struct span value);

/* "request 1; A=b; body abc; end; next; …": a reply as "reply TYPE ID: content", printable. The
 * reader is told that a request is finished at NEXT and ABORT. Fails the test unless every cut into
 * two portions, and single bytes, say the same. */
void feed_tell(struct span stream, struct buf *told);

#endif
