/* fcgi.h - what a web server sends over a FastCGI connection, read record by record as a responder.
 *
 * Source: the FastCGI specification 1.0, §3 to §5 and §8. Bytes come in any portions; each feed
 * takes some and says at most one thing, in this order for each request:
 *
 *      REQUEST ── BODY … ── END ── (NEXT) ── fcgi_finish()
 *
 * One request at a time: another one that begins before the first has come whole is refused
 * (CANT_MPX_CONN), one that begins after that is NEXT, and waits until fcgi_finish(). What the
 * protocol itself answers (GET_VALUES, unknown types, other roles) is a REPLY, made here. Of a
 * body nothing is kept, of parameters no more than fcgiparams.h allows, of all else a few bytes,
 * whatever lengths a peer states. Records of other requests are skipped. Pure.
 *
 * fcgiframe.h writes what goes back.
 */
#ifndef POSTERN_PARSE_FCGI_H
#define POSTERN_PARSE_FCGI_H

#include <stdbool.h>
#include <stddef.h>

#include "parse/fcgiframe.h"
#include "parse/fcgiparams.h"

#define FCGI_REPLY_MAX_BYTES 128

enum fcgi_event_kind {
    FCGI_EVENT_NONE,    /* all bytes were taken and nothing is to be said yet */
    FCGI_EVENT_REQUEST, /* its parameters came: fcgi_params() */
    FCGI_EVENT_BODY,    /* `bytes` of its body; borrowed: from what was fed */
    FCGI_EVENT_END,     /* it came whole */
    FCGI_EVENT_NEXT,    /* another one begins; nothing more is taken until fcgi_finish() */
    FCGI_EVENT_ABORT,   /* the peer does not want its answer any more */
    FCGI_EVENT_REPLY,   /* `bytes`, whole records, are to be sent; borrowed: until the next feed */
    FCGI_EVENT_BROKEN   /* the connection is of no more use; `why`. From now on always this */
};

struct fcgi_event {
    enum fcgi_event_kind kind;
    struct span bytes;
    const char *why; /* "version" …, for the log */
};

struct fcgi {
    unsigned conns_max; /* what FCGI_GET_VALUES is told */

    /* the record */
    enum fcgi_part { FCGI_IN_HEAD, FCGI_IN_CONTENT, FCGI_IN_PADDING } part;
    unsigned char bytes[8]; /* of its head, then of the body of BEGIN_REQUEST */
    size_t have;
    unsigned type, id;
    size_t content_left, padding_left;
    enum fcgi_use {
        FCGI_USE_SKIP,
        FCGI_USE_BEGIN,
        FCGI_USE_PARAMS,
        FCGI_USE_BODY,
        FCGI_USE_ABORT,
        FCGI_USE_VALUES,
        FCGI_USE_UNKNOWN
    } use;
    bool is_empty;

    /* the request */
    enum fcgi_stage { FCGI_STAGE_IDLE, FCGI_STAGE_PARAMS, FCGI_STAGE_BODY, FCGI_STAGE_WHOLE } stage;
    unsigned request_id;
    bool keeps_conn; /* FCGI_KEEP_CONN: the peer closes the connection, or sends another request */
    struct fcgiparams params;

    struct fcgiparams values; /* that GET_VALUES asks for */
    char reply[FCGI_REPLY_MAX_BYTES];
    size_t reply_bytes;
    const char *why; /* not NULL: broken */
};

void fcgi_init(struct fcgi *fcgi, unsigned conns_max); /* allocates nothing */
void fcgi_fini(struct fcgi *fcgi);

/* Returns how many bytes were taken; all of them with FCGI_EVENT_NONE. An event may come of no
 * bytes at all, after fcgi_finish(). */
size_t fcgi_feed(struct fcgi *fcgi, struct span bytes, struct fcgi_event *event);

/* After FCGI_EVENT_REQUEST: "NAME=value" …, NULL; empty with a fault. With FCGIPARAMS_LIMIT the
 * rest of the connection is not read any more. Borrowed until fcgi_finish(). */
const char *const *fcgi_params(struct fcgi *fcgi, enum fcgiparams_fault *fault);

/* The request is answered, whether it came whole or not. */
void fcgi_finish(struct fcgi *fcgi);

bool fcgi_is_idle(const struct fcgi *fcgi); /* between two requests, and between two records */

#endif
