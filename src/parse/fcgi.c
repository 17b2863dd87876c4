/* fcgi.c - the reader of records. */
#include "parse/fcgi.h"

#include <fastcgi.h>
#include <stdio.h>
#include <string.h>

#define VALUES_MAX_BYTES 512 /* of names that are asked for; what is beyond is not answered */

_Static_assert(sizeof(FCGI_BeginRequestBody) == sizeof(((struct fcgi *)0)->bytes), "eight bytes");

void
fcgi_init(struct fcgi *fcgi, unsigned conns_max)
{
    memset(fcgi, 0, sizeof(*fcgi));
    fcgi->conns_max = conns_max;
    fcgiparams_init(&fcgi->params, FCGIPARAMS_MAX_BYTES);
    fcgiparams_init(&fcgi->values, VALUES_MAX_BYTES);
}

void
fcgi_fini(struct fcgi *fcgi)
{
    fcgiparams_fini(&fcgi->params);
    fcgiparams_fini(&fcgi->values);
}

static struct fcgi_event
say(enum fcgi_event_kind kind)
{
    return (struct fcgi_event){.kind = kind};
}

static struct fcgi_event
break_off(struct fcgi *fcgi, const char *why)
{
    fcgi->why = why;
    return (struct fcgi_event){.kind = FCGI_EVENT_BROKEN, .why = why};
}

/* --- replies --------------------------------------------------------------- */

static struct fcgi_event
reply(struct fcgi *fcgi, size_t bytes)
{
    fcgi->reply_bytes = bytes;
    return (struct fcgi_event){.kind = FCGI_EVENT_REPLY, .bytes = span_of(fcgi->reply, bytes)};
}

static struct fcgi_event
reply_end(struct fcgi *fcgi, unsigned id, enum fcgiframe_status status)
{
    unsigned char record[FCGIFRAME_END_BYTES];
    fcgiframe_end(record, id, 0, status);
    memcpy(fcgi->reply, record, sizeof(record));
    return reply(fcgi, sizeof(record));
}

static struct fcgi_event
reply_unknown(struct fcgi *fcgi)
{
    const FCGI_UnknownTypeRecord record = {
        .header = {.version = FCGI_VERSION_1,
                   .type = FCGI_UNKNOWN_TYPE,
                   .contentLengthB0 = sizeof(FCGI_UnknownTypeBody)},
        .body = {.type = (unsigned char)fcgi->type}};
    memcpy(fcgi->reply, &record, sizeof(record));
    return reply(fcgi, sizeof(record));
}

/* Each that is asked for, once. */
static bool
is_asked(const char *const *asked, const char *name)
{
    size_t len = strlen(name);
    for (; *asked; asked++)
        if (strncmp(*asked, name, len) == 0 && (*asked)[len] == '=')
            return true;
    return false;
}

static struct fcgi_event
reply_values(struct fcgi *fcgi)
{
    static const char *const names[] = {FCGI_MAX_CONNS, FCGI_MAX_REQS, FCGI_MPXS_CONNS};
    const char *const *asked = fcgiparams_end(&fcgi->values);
    char values[3][12];
    size_t len = FCGIFRAME_HEAD_BYTES;
    (void)snprintf(values[0], sizeof(values[0]), "%u", fcgi->conns_max);
    memcpy(values[1], values[0], sizeof(values[1]));
    memcpy(values[2], "0", 2);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_asked(asked, names[i]))
            len += (size_t)snprintf(fcgi->reply + len, sizeof(fcgi->reply) - len, "%c%c%s%s",
                                    (int)strlen(names[i]), (int)strlen(values[i]), names[i],
                                    values[i]);
    }
    const FCGI_Header head = {.version = FCGI_VERSION_1,
                              .type = FCGI_GET_VALUES_RESULT,
                              .contentLengthB0 = (unsigned char)(len - FCGIFRAME_HEAD_BYTES)};
    memcpy(fcgi->reply, &head, sizeof(head));
    return reply(fcgi, len);
}

/* --- a record begins ------------------------------------------------------- */

static struct fcgi_event
use_content(struct fcgi *fcgi, enum fcgi_use use)
{
    fcgi->use = use;
    return say(FCGI_EVENT_NONE);
}

static struct fcgi_event
open_begin(struct fcgi *fcgi)
{
    if (fcgi->id == FCGI_NULL_REQUEST_ID || fcgi->content_left != sizeof(FCGI_BeginRequestBody))
        return break_off(fcgi, "begin");
    if (fcgi->stage != FCGI_STAGE_IDLE && fcgi->id == fcgi->request_id)
        return break_off(fcgi, "begun_twice");
    return use_content(fcgi, FCGI_USE_BEGIN);
}

static struct fcgi_event
open_management(struct fcgi *fcgi)
{
    if (fcgi->type != FCGI_GET_VALUES)
        return use_content(fcgi, FCGI_USE_UNKNOWN);
    fcgiparams_clear(&fcgi->values);
    return use_content(fcgi, FCGI_USE_VALUES);
}

/* A record of the request that is being read. */
static struct fcgi_event
open_own(struct fcgi *fcgi)
{
    if (fcgi->type == FCGI_ABORT_REQUEST)
        return use_content(fcgi, FCGI_USE_ABORT);
    if (fcgi->type == FCGI_PARAMS && fcgi->stage == FCGI_STAGE_PARAMS)
        return use_content(fcgi, FCGI_USE_PARAMS);
    if (fcgi->type == FCGI_STDIN && fcgi->stage == FCGI_STAGE_BODY)
        return use_content(fcgi, FCGI_USE_BODY);
    return break_off(fcgi, "order");
}

static struct fcgi_event
open_record(struct fcgi *fcgi)
{
    FCGI_Header head;
    memcpy(&head, fcgi->bytes, sizeof(head));
    if (head.version != FCGI_VERSION_1)
        return break_off(fcgi, "version");
    if (head.type == FCGI_BEGIN_REQUEST && fcgi->stage == FCGI_STAGE_WHOLE)
        return say(FCGI_EVENT_NEXT); /* the head stays, and is looked at again */
    fcgi->type = head.type;
    fcgi->id = (unsigned)head.requestIdB1 << 8 | head.requestIdB0;
    fcgi->content_left = (size_t)head.contentLengthB1 << 8 | head.contentLengthB0;
    fcgi->padding_left = head.paddingLength;
    fcgi->is_empty = fcgi->content_left == 0;
    fcgi->have = 0;
    fcgi->part = FCGI_IN_CONTENT;
    if (fcgi->type == FCGI_BEGIN_REQUEST)
        return open_begin(fcgi);
    if (fcgi->id == FCGI_NULL_REQUEST_ID)
        return open_management(fcgi);
    if (fcgi->stage == FCGI_STAGE_IDLE || fcgi->id != fcgi->request_id)
        return use_content(fcgi, FCGI_USE_SKIP);
    return open_own(fcgi);
}

/* --- a record ends --------------------------------------------------------- */

static struct fcgi_event
close_begin(struct fcgi *fcgi)
{
    FCGI_BeginRequestBody body;
    memcpy(&body, fcgi->bytes, sizeof(body));
    bool keeps_conn = (body.flags & FCGI_KEEP_CONN) != 0;
    if (fcgi->stage != FCGI_STAGE_IDLE)
        return reply_end(fcgi, fcgi->id, FCGIFRAME_CANT_MPX);
    if (((unsigned)body.roleB1 << 8 | body.roleB0) != FCGI_RESPONDER) {
        if (!keeps_conn)
            fcgi->why = "role";
        return reply_end(fcgi, fcgi->id, FCGIFRAME_UNKNOWN_ROLE);
    }
    fcgi->stage = FCGI_STAGE_PARAMS;
    fcgi->request_id = fcgi->id;
    fcgi->keeps_conn = keeps_conn;
    fcgiparams_clear(&fcgi->params);
    return say(FCGI_EVENT_NONE);
}

static struct fcgi_event
close_params(struct fcgi *fcgi)
{
    if (!fcgi->is_empty)
        return say(FCGI_EVENT_NONE);
    fcgi->stage = FCGI_STAGE_BODY;
    return say(FCGI_EVENT_REQUEST);
}

static struct fcgi_event
close_body(struct fcgi *fcgi)
{
    if (!fcgi->is_empty)
        return say(FCGI_EVENT_NONE);
    fcgi->stage = FCGI_STAGE_WHOLE;
    return say(FCGI_EVENT_END);
}

/* Of a request that nobody has heard of yet, this was all. */
static struct fcgi_event
close_abort(struct fcgi *fcgi)
{
    if (fcgi->stage != FCGI_STAGE_PARAMS)
        return say(FCGI_EVENT_ABORT);
    fcgi->stage = FCGI_STAGE_IDLE;
    if (!fcgi->keeps_conn)
        fcgi->why = "aborted";
    return reply_end(fcgi, fcgi->request_id, FCGIFRAME_COMPLETE);
}

static struct fcgi_event
close_record(struct fcgi *fcgi)
{
    fcgi->part = FCGI_IN_HEAD;
    fcgi->have = 0;
    switch (fcgi->use) {
    case FCGI_USE_SKIP:
        break;
    case FCGI_USE_BEGIN:
        return close_begin(fcgi);
    case FCGI_USE_PARAMS:
        return close_params(fcgi);
    case FCGI_USE_BODY:
        return close_body(fcgi);
    case FCGI_USE_ABORT:
        return close_abort(fcgi);
    case FCGI_USE_VALUES:
        return reply_values(fcgi);
    case FCGI_USE_UNKNOWN:
        return reply_unknown(fcgi);
    }
    return say(FCGI_EVENT_NONE);
}

/* --- bytes ----------------------------------------------------------------- */

static size_t
take_part(struct span bytes, size_t wanted)
{
    return bytes.len < wanted ? bytes.len : wanted;
}

static size_t
collect(struct fcgi *fcgi, struct span bytes)
{
    size_t taken = take_part(bytes, sizeof(fcgi->bytes) - fcgi->have);
    if (taken > 0)
        memcpy(fcgi->bytes + fcgi->have, bytes.ptr, taken);
    fcgi->have += taken;
    return taken;
}

static size_t
take_head(struct fcgi *fcgi, struct span bytes, struct fcgi_event *event)
{
    size_t taken = collect(fcgi, bytes);
    if (fcgi->have == sizeof(fcgi->bytes))
        *event = open_record(fcgi);
    return taken;
}

/* A request whose parameters are too much is told so at once, and nothing after it is read. */
static struct fcgi_event
give_up_params(struct fcgi *fcgi)
{
    fcgi->stage = FCGI_STAGE_BODY;
    fcgi->keeps_conn = false;
    fcgi->why = fcgiparams_fault_name(FCGIPARAMS_LIMIT);
    return say(FCGI_EVENT_REQUEST);
}

static size_t
take_content(struct fcgi *fcgi, struct span bytes, struct fcgi_event *event)
{
    struct span part = span_of(bytes.ptr, take_part(bytes, fcgi->content_left));
    fcgi->content_left -= part.len;
    if (fcgi->content_left == 0)
        fcgi->part = FCGI_IN_PADDING;
    if (part.len == 0)
        return 0;
    switch (fcgi->use) {
    case FCGI_USE_BEGIN:
        (void)collect(fcgi, part);
        break;
    case FCGI_USE_PARAMS:
        if (!fcgiparams_feed(&fcgi->params, part))
            *event = give_up_params(fcgi);
        break;
    case FCGI_USE_BODY:
        *event = (struct fcgi_event){.kind = FCGI_EVENT_BODY, .bytes = part};
        break;
    case FCGI_USE_VALUES:
        (void)fcgiparams_feed(&fcgi->values, part);
        break;
    case FCGI_USE_SKIP:
    case FCGI_USE_ABORT:
    case FCGI_USE_UNKNOWN:
        break;
    }
    return part.len;
}

static size_t
take_padding(struct fcgi *fcgi, struct span bytes, struct fcgi_event *event)
{
    size_t taken = take_part(bytes, fcgi->padding_left);
    fcgi->padding_left -= taken;
    if (fcgi->padding_left == 0)
        *event = close_record(fcgi);
    return taken;
}

/* Is there anything to do, if only with what was taken before? */
static bool
can_go_on(const struct fcgi *fcgi, struct span bytes)
{
    switch (fcgi->part) {
    case FCGI_IN_HEAD:
        return bytes.len > 0 || fcgi->have == sizeof(fcgi->bytes);
    case FCGI_IN_CONTENT:
        return bytes.len > 0 || fcgi->content_left == 0;
    case FCGI_IN_PADDING:
        return bytes.len > 0 || fcgi->padding_left == 0;
    }
    return false;
}

static size_t
step(struct fcgi *fcgi, struct span bytes, struct fcgi_event *event)
{
    switch (fcgi->part) {
    case FCGI_IN_HEAD:
        return take_head(fcgi, bytes, event);
    case FCGI_IN_CONTENT:
        return take_content(fcgi, bytes, event);
    case FCGI_IN_PADDING:
        return take_padding(fcgi, bytes, event);
    }
    return 0;
}

size_t
fcgi_feed(struct fcgi *fcgi, struct span bytes, struct fcgi_event *event)
{
    size_t at = 0;
    *event = say(FCGI_EVENT_NONE);
    if (fcgi->why)
        *event = break_off(fcgi, fcgi->why);
    while (event->kind == FCGI_EVENT_NONE) {
        struct span rest = span_of(bytes.ptr ? bytes.ptr + at : NULL, bytes.len - at);
        if (!can_go_on(fcgi, rest))
            break;
        at += step(fcgi, rest, event);
    }
    return at;
}

const char *const *
fcgi_params(struct fcgi *fcgi, enum fcgiparams_fault *fault)
{
    const char *const *list = fcgiparams_end(&fcgi->params);
    *fault = fcgi->params.fault;
    return list;
}

void
fcgi_finish(struct fcgi *fcgi)
{
    fcgi->stage = FCGI_STAGE_IDLE;
    if (fcgi->use != FCGI_USE_BEGIN && fcgi->use != FCGI_USE_VALUES &&
        fcgi->use != FCGI_USE_UNKNOWN)
        fcgi->use = FCGI_USE_SKIP; /* what is left of a record of it */
    fcgiparams_clear(&fcgi->params);
}

bool
fcgi_is_idle(const struct fcgi *fcgi)
{
    return fcgi->stage == FCGI_STAGE_IDLE && fcgi->part == FCGI_IN_HEAD && fcgi->have == 0;
}
