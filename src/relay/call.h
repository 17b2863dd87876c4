/* call.h - one client request under way: what was asked, how far the answer is, how long it may
 * take.
 *
 * `head_sent`: a heartbeat or content went out, the status cannot change any more.
 * `committed`: content went out, no other upstream can answer any more.
 */
#ifndef POSTERN_RELAY_CALL_H
#define POSTERN_RELAY_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/outcome.h"
#include "core/route.h"
#include "net/transfer.h"
#include "relay/account.h"
#include "relay/answer.h"
#include "relay/request.h"
#include "relay/sink.h"
#include "state/state.h"

/* How late a waiting call may notice that the process is ending. */
#define CALL_CHECK_MS 500

/* An upstream's error body is kept up to this; a longer one is wrapped. */
#define CALL_ERROR_MAX_BYTES 65536

/* What a process has and its requests share. */
struct relay {
    const struct config *config;
    struct state *state;
    struct pool *pool;
};

/* An upstream's error answer, kept until it is sure that nobody does better. */
struct kept_answer {
    bool is_set;
    int status;
    struct wire_headers headers; /* in the request's arena */
    struct buf body;
    bool is_body_lost; /* too long, cut, or not fit to be shown: it is wrapped */
    const char *upstream;
};

struct call {
    const struct relay *relay;
    struct request *request;
    const struct source *source;
    struct sink *sink;
    const _Atomic uint64_t *drain_deadline_ms;

    struct route_order order;
    uint64_t deadline_ms;

    bool head_sent;
    bool committed;
    enum event_api api; /* of the stream that the client is getting, or would */
    bool is_plain;      /* what is coming is no stream: no heartbeat may get into it */
    bool is_answered;   /* everything that can be said was said */
    bool is_gone;
    uint64_t sent_ms; /* when something was last sent */

    struct kept_answer kept;
    enum failure failure; /* what to say when nothing was kept */
    uint64_t wait_ms;     /* and for how long to wait */
    struct account account;
};

void call_init(struct call *call, const struct relay *relay, struct request *request);
void call_fini(struct call *call);

/* Must the call end now, whatever it waits for? */
enum outcome_stop call_check(struct call *call, uint64_t now_ms);

/* Sends a heartbeat when one is due (streams only). Returns the time until the next, or
 * `longest_ms`. */
uint64_t call_heartbeat(struct call *call, uint64_t now_ms, uint64_t longest_ms);

/* Sleeps, but wakes when the call must end; tells why. */
enum outcome_stop call_wait(struct call *call, uint64_t wait_ms);

/* The headers that tell what happened. */
void call_put_facts(struct call *call, struct answer *answer, const char *upstream);

/* Body bytes to the client, flushed. -1: it is gone. */
int call_send(struct call *call, struct span bytes);

/* The last of the answer, maybe nothing, and its end. -1: the client is gone. */
int call_end(struct call *call, struct span bytes);

/* Whole events; followed by a comment of `sse_padding` bytes, for a web server that keeps bytes
 * back until they are many. */
int call_send_events(struct call *call, struct span events);

/* Ends a call whose candidates are used up: with the kept answer, else with our own error; as an
 * error event when the head is already out. */
void call_finish(struct call *call);

#endif
