/* hold.h - keeps an answer's bytes back until it is safe to send them.
 *
 * A JSON answer waits for its end, a stream for its first content (or, in held delivery, for its
 * verified finish), an error for the plan. Other bytes pass as they come where the client would see
 * a cut (sink.h); elsewhere they wait for their end, too. What is longer than `hold_max` waits in a
 * file, up to `spool_max`. Until an answer is committed another upstream can still give one; hold.c
 * alone commits, in one place.
 */
#ifndef POSTERN_RELAY_HOLD_H
#define POSTERN_RELAY_HOLD_H

#include <stdbool.h>

#include "base/buf.h"
#include "core/complaint.h"
#include "core/json.h"
#include "core/outcome.h"
#include "core/whole.h"
#include "core/wire.h"
#include "relay/call.h"
#include "relay/stream.h"

enum hold_kind {
    HOLD_NOTHING, /* no head came yet */
    HOLD_ERROR,   /* no 2xx: kept for the plan, never sent from here */
    HOLD_JSON,
    HOLD_STREAM,
    HOLD_BYTES, /* waits for its end, if it can */
    HOLD_PASS   /* goes on as it comes */
};

/* The members of a JSON answer that are looked for: those of an error, and those that tell whether
 * it is whole. */
enum { HOLD_WHOLE = COMPLAINT_MEMBERS, HOLD_MEMBERS = COMPLAINT_MEMBERS + WHOLE_MEMBERS };

struct hold {
    struct call *call;
    const char *upstream; /* its name */
    const struct wire_reply *reply;
    enum hold_kind kind;
    bool is_live;           /* false: held delivery */
    bool is_open;           /* this answer is committed */
    bool is_misfit;         /* JSON where a stream was asked for: read for its error alone */
    bool has_enough;        /* an error body beyond its maximum: the rest is not wanted */
    bool quotes_secret;     /* its error event does, and was not passed on */
    bool has_no_file;       /* none could be had for what is beyond `hold_max` */
    enum outcome_stop stop; /* why hold_take() said -1 */
    struct buf bytes;
    struct json_finder finder;
    struct json_member found[HOLD_MEMBERS];
    struct stream stream;
    enum outcome_body body; /* after hold_end() */
    struct complaint_view complaint;
};

void hold_init(struct hold *hold, struct call *call, const char *upstream);
void hold_fini(struct hold *hold);

/* The header block ended: decides how the body is treated. -1: it cannot be the answer. */
int hold_head(struct hold *hold, const struct wire_reply *reply);

/* Body bytes came. -1: enough, `stop` says why. */
int hold_take(struct hold *hold, struct span bytes);

/* Has a stream begun well, that is: was content seen and nothing bad since? */
bool hold_has_begun(const struct hold *hold);

/* The transfer ended, well or not: judges the body. */
void hold_end(struct hold *hold, const struct wire_reply *reply);

/* Sends what is held, as a good and whole answer. */
void hold_release(struct hold *hold);

/* Tells the client that the answer it is getting has failed: an error event, or a broken
 * connection. */
void hold_break(struct hold *hold, enum failure failure);

#endif
