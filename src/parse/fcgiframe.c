/* fcgiframe.c - heads, padding and ends of records. */
#include "parse/fcgiframe.h"

#include <assert.h>
#include <fastcgi.h>
#include <string.h>

_Static_assert(sizeof(FCGI_Header) == FCGIFRAME_HEAD_BYTES, "a head is eight bytes");
_Static_assert(sizeof(FCGI_EndRequestRecord) == FCGIFRAME_END_BYTES, "bytes alone, unpadded");
_Static_assert(FCGIFRAME_CONTENT_MAX <= FCGI_MAX_LENGTH, "a length has 16 bits");
_Static_assert((int)FCGIFRAME_COMPLETE == FCGI_REQUEST_COMPLETE &&
                   (int)FCGIFRAME_CANT_MPX == FCGI_CANT_MPX_CONN &&
                   (int)FCGIFRAME_OVERLOADED == FCGI_OVERLOADED &&
                   (int)FCGIFRAME_UNKNOWN_ROLE == FCGI_UNKNOWN_ROLE,
               "as on the wire");

const unsigned char fcgiframe_padding[8] = {0};
const unsigned char fcgiframe_break[FCGIFRAME_HEAD_BYTES] = {255, 255, 255, 255,
                                                             255, 255, 255, 255};

static FCGI_Header
make_head(unsigned type, unsigned request_id, size_t content_bytes, size_t padding_bytes)
{
    return (FCGI_Header){.version = FCGI_VERSION_1,
                         .type = (unsigned char)type,
                         .requestIdB1 = (unsigned char)(request_id >> 8),
                         .requestIdB0 = (unsigned char)request_id,
                         .contentLengthB1 = (unsigned char)(content_bytes >> 8),
                         .contentLengthB0 = (unsigned char)content_bytes,
                         .paddingLength = (unsigned char)padding_bytes};
}

void
fcgiframe_next(struct fcgiframe *frame, enum fcgiframe_stream stream, unsigned request_id,
               size_t bytes)
{
    unsigned type = stream == FCGIFRAME_STDOUT ? FCGI_STDOUT : FCGI_STDERR;
    assert(bytes > 0); /* an empty record would end the stream */
    frame->content_bytes = bytes < FCGIFRAME_CONTENT_MAX ? bytes : FCGIFRAME_CONTENT_MAX;
    frame->padding_bytes = -frame->content_bytes % 8;
    FCGI_Header head = make_head(type, request_id, frame->content_bytes, frame->padding_bytes);
    memcpy(frame->head, &head, sizeof(head));
}

void
fcgiframe_end(unsigned char out[FCGIFRAME_END_BYTES], unsigned request_id, unsigned app_status,
              enum fcgiframe_status status)
{
    FCGI_EndRequestRecord record = {
        .header = make_head(FCGI_END_REQUEST, request_id, sizeof(FCGI_EndRequestBody), 0),
        .body = {.appStatusB3 = (unsigned char)(app_status >> 24),
                 .appStatusB2 = (unsigned char)(app_status >> 16),
                 .appStatusB1 = (unsigned char)(app_status >> 8),
                 .appStatusB0 = (unsigned char)app_status,
                 .protocolStatus = (unsigned char)status}};
    memcpy(out, &record, sizeof(record));
}

void
fcgiframe_last(unsigned char out[FCGIFRAME_LAST_BYTES], unsigned request_id, unsigned app_status)
{
    FCGI_Header end_of_stream = make_head(FCGI_STDOUT, request_id, 0, 0);
    memcpy(out, &end_of_stream, sizeof(end_of_stream));
    fcgiframe_end(out + sizeof(end_of_stream), request_id, app_status, FCGIFRAME_COMPLETE);
}
