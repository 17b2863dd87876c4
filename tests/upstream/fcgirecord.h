/* fcgirecord.h - raw FastCGI records, right ones and wrong ones, as a web server would send them.
 * For tests; independent of libfcgi. Source: the FastCGI specification 1.0, sections 3 and 8. */
#ifndef POSTERN_UPSTREAM_FCGIRECORD_H
#define POSTERN_UPSTREAM_FCGIRECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

enum fcgirecord_type {
    FCGIRECORD_BEGIN = 1,
    FCGIRECORD_ABORT = 2,
    FCGIRECORD_END = 3,
    FCGIRECORD_PARAMS = 4,
    FCGIRECORD_STDIN = 5,
    FCGIRECORD_STDOUT = 6,
    FCGIRECORD_STDERR = 7
};

enum fcgirecord_verdict {
    FCGIRECORD_ENDED,  /* END_REQUEST came */
    FCGIRECORD_CUT,    /* the connection ended without it */
    FCGIRECORD_BROKEN, /* what came instead is no record */
    FCGIRECORD_TIMEOUT /* neither, in time */
};

struct fcgirecord_reply {
    struct buf out;
    struct buf err;
    unsigned app_status, protocol_status; /* of END_REQUEST */
};

/* "unix:PATH" or "127.0.0.1:PORT". The socket, or -1 and errno. */
int fcgirecord_connect(const char *address);

/* All send; 0, or -1 when the other end is gone. Contents are cut into records of 65535 bytes; none
 * at all makes one empty record, which ends a stream. The request's id is 1. */
int fcgirecord_send(int fd, unsigned type, struct span content);
int fcgirecord_begin(int fd, unsigned role, unsigned flags);

/* One more name-value pair in `pairs`; 0, or -1 when it is full. */
int fcgirecord_put_pair(struct buf *pairs, struct span name, struct span value);

/* A whole request: "NAME=VALUE" …, NULL-terminated, and a body. */
int fcgirecord_request(int fd, const char *const *params, struct span body);

/* Reads records until the answer ends, or until `out` holds `text` (may be NULL): then ENDED with
 * both statuses 0. */
enum fcgirecord_verdict fcgirecord_read(int fd, struct fcgirecord_reply *reply, const char *text,
                                        int timeout_ms);

void fcgirecord_reply_init(struct fcgirecord_reply *reply);
void fcgirecord_reply_fini(struct fcgirecord_reply *reply);

#endif
