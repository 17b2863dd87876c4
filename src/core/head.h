/* head.h - is this an answer's header block, and what does it say? Pure.
 *
 * Fed line by line, as they come from the network, it swallows interim answers (1xx), keeps the
 * final one's headers in a bounded buffer of its own and refuses what would let two readers
 * disagree about where the body ends (RFC 9112 6.3): differing or unreadable lengths, a length
 * beside chunking, any coding of the transfer but one "chunked" of HTTP/1.1, a body where the
 * status has none, control bytes, lines that are no header, folded ones of the headers that say all
 * this. Other folded lines and bare LF are taken. So is refused what can only answer a question
 * that was not asked: another protocol, a part of a thing, a coding. A block is whole only when its
 * blank line was seen.
 */
#ifndef POSTERN_CORE_HEAD_H
#define POSTERN_CORE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "core/wire.h"

/* What a line made of the block. */
enum head_progress {
    HEAD_GOES_ON, /* also for interim answers and for trailers, which are dropped */
    HEAD_ENDED,   /* this was the final answer's blank line; told once */
    HEAD_IS_BAD   /* nothing that follows can be trusted; told for every further line too */
};

enum head_stage { HEAD_AT_STATUS, HEAD_AT_FIELDS, HEAD_COMPLETE, HEAD_BAD };

enum head_coding { HEAD_PLAIN, HEAD_COMPRESSED };

struct head {
    enum head_stage stage;
    const char *why;   /* what is wrong with it, for the log; NULL unless bad */
    size_t seen_bytes; /* of all lines, interim answers and trailers too */
    bool may_decode;
    bool is_bodiless;
    bool speaks_h2; /* the caller's to set when it was agreed on, before the status line */
    int status;
    bool is_http10;
    bool will_close;        /* the upstream says so, or speaks HTTP/1.0 */
    int64_t content_length; /* -1: none declared */
    bool is_chunked;
    enum head_coding coding;
    struct buf text;             /* each name and its value, one after another */
    struct wire_header *headers; /* their lengths; where they stand only once the block ended */
    size_t header_count, header_room;
};

/* `may_decode`: gzip and deflate were asked for; otherwise every content coding is bad.
 * `is_bodiless`: the request was HEAD, so the lengths speak of a body that does not come. */
void head_init(struct head *head, bool may_decode, bool is_bodiless);
void head_fini(struct head *head);

/* One line with its line end. Also bad beyond WIRE_HEADERS_MAX headers or WIRE_HEADER_BYTES_MAX. */
enum head_progress head_line(struct head *head, struct span line);

/* Is there no content, whatever the lengths say: after HEAD, 204, 205, 304? Once the block ended.
 */
bool head_has_no_content(const struct head *head);

/* Does the answer say where it ends, so that what follows on the connection can be told from it?
 * Where there is no content nobody sees whether some came nevertheless. Once the block ended. */
bool head_lets_reuse(const struct head *head);

/* Writes status, head_complete, lengths and headers into `reply`, once the block ended. Of a coded
 * answer Content-Encoding and Content-Length are left out of the headers: they are not those of the
 * bytes that are handed on. The headers live as long as `head`. */
void head_fill(struct head *head, struct wire_reply *reply);

#endif
