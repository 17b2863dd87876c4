/* chunks.h - the payload of a chunked body, and where that ends (RFC 9112 7.1). Pure.
 *
 * Stricter than most readers, so that no other could find another end: sizes of up to 16 digits,
 * every line ends in CRLF, nothing but a marked extension follows a size, no control bytes, no
 * folded trailers, and none that would be framing. Extensions and trailers are read over; they and
 * everything else that is not payload must stay in proportion to that, so that an upstream cannot
 * keep us busy with nothing.
 */
#ifndef POSTERN_CORE_CHUNKS_H
#define POSTERN_CORE_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define CHUNKS_FRAMING_FREE 262144   /* bytes that are not payload, for any body … */
#define CHUNKS_FRAMING_RATIO 16      /* … and beyond these for each byte of payload */
#define CHUNKS_LINE_BYTES_MAX 131072 /* of one size with its extension, or of all trailers */
#define CHUNKS_NAME_MAX 32           /* longer ones are no framing */

enum chunks_stage {
    CHUNKS_AT_SIZE,
    CHUNKS_IN_SIZE,
    CHUNKS_AFTER_SIZE,
    CHUNKS_IN_EXTENSION,
    CHUNKS_SIZE_LF,
    CHUNKS_IN_PAYLOAD,
    CHUNKS_PAYLOAD_CR,
    CHUNKS_PAYLOAD_LF,
    CHUNKS_AT_TRAILER,
    CHUNKS_IN_NAME,
    CHUNKS_IN_VALUE,
    CHUNKS_TRAILER_LF,
    CHUNKS_LAST_LF,
    CHUNKS_ENDED,
    CHUNKS_BAD
};

struct chunks {
    enum chunks_stage stage;
    const char *why;            /* what is wrong, for the log; NULL unless bad */
    uint64_t left;              /* of the chunk's payload */
    uint64_t payload_bytes;     /* altogether */
    uint64_t framing_bytes;     /* likewise */
    uint64_t line_bytes;        /* of the line, or the trailers, that is being read */
    char name[CHUNKS_NAME_MAX]; /* of a trailer, in lower case */
    unsigned digits, name_len;
};

void chunks_init(struct chunks *chunks);

/* The next piece of payload in `*rest`, which it is taken from together with what stands before it;
 * empty when there is none any more. Then `*rest` is used up, or the body has ended and what is
 * left is not of it, or it is bad. */
struct span chunks_next(struct chunks *chunks, struct span *rest);

#endif
