/* fcgiframe.h - the records that a FastCGI responder sends.
 *
 * Source: the FastCGI specification 1.0, §3.3, §4 and §5. Contents are not copied: a frame is a
 * head, so many of the bytes that the caller has, and padding that brings the record to a multiple
 * of eight. Pure.
 */
#ifndef POSTERN_PARSE_FCGIFRAME_H
#define POSTERN_PARSE_FCGIFRAME_H

#include <stddef.h>

#include "base/span.h"

#define FCGIFRAME_HEAD_BYTES 8
#define FCGIFRAME_CONTENT_MAX 65528 /* the largest multiple of eight */
#define FCGIFRAME_END_BYTES 16
#define FCGIFRAME_LAST_BYTES (FCGIFRAME_HEAD_BYTES + FCGIFRAME_END_BYTES)

enum fcgiframe_stream { FCGIFRAME_STDOUT, FCGIFRAME_STDERR };

/* Source: §5.5 */
enum fcgiframe_status {
    FCGIFRAME_COMPLETE,
    FCGIFRAME_CANT_MPX,
    FCGIFRAME_OVERLOADED,
    FCGIFRAME_UNKNOWN_ROLE
};

struct fcgiframe {
    unsigned char head[FCGIFRAME_HEAD_BYTES];
    size_t content_bytes; /* of what is to be sent; the rest needs further frames */
    size_t padding_bytes; /* of fcgiframe_padding */
};

extern const unsigned char fcgiframe_padding[8];

/* A record header of no version: what breaks an answer where the end of the connection does not
 * (nginx). It must begin where a record ended. */
extern const unsigned char fcgiframe_break[FCGIFRAME_HEAD_BYTES];

/* The next record of a stream of which `bytes` are at hand, at least one. */
void fcgiframe_next(struct fcgiframe *frame, enum fcgiframe_stream stream, unsigned request_id,
                    size_t bytes);

/* END_REQUEST. fcgiframe_last(): with the end of STDOUT before it. */
void fcgiframe_end(unsigned char out[FCGIFRAME_END_BYTES], unsigned request_id, unsigned app_status,
                   enum fcgiframe_status status);
void fcgiframe_last(unsigned char out[FCGIFRAME_LAST_BYTES], unsigned request_id,
                    unsigned app_status);

#endif
