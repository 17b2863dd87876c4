/* attempt.h - one try at one upstream: admitted, encoded, exchanged, judged, reported. */
#ifndef POSTERN_RELAY_ATTEMPT_H
#define POSTERN_RELAY_ATTEMPT_H

#include "core/outcome.h"
#include "core/route.h"
#include "net/transfer.h"
#include "relay/call.h"
#include "relay/hold.h"
#include "state/state.h"

struct attempt {
    struct call *call;
    const struct route_candidate *candidate;
    struct state_cell cell;
    struct breaker_permit permit;

    struct wire_reply reply;
    struct transfer *transfer;
    struct hold hold;
    struct outcome_facts facts;
    struct outcome outcome;

    enum outcome_stop stop;
    bool is_started; /* the breaker was told STARTED */
    bool is_slow;
    uint64_t started_ms; /* this and the next two: set when the exchange begins */
    uint64_t heard_ms;   /* when the upstream last sent something */
    uint64_t renewed_ms; /* the probe's lease */
    struct buf changed;  /* of the body: the replaced model, and what is around it in a small one */
    uint64_t uploaded_bytes;
    bool is_uploading; /* a part of the client's body was passed on, and not yet the last */
};

/* Names the breaker of a candidate. */
void attempt_name_cell(const struct call *call, const struct route_candidate *candidate,
                       struct state_cell *cell);

/* `permit` was given by the candidate's breaker, which `cell` names; the attempt reports on it.
 * attempt_fini() it. */
void attempt_init(struct attempt *attempt, struct call *call,
                  const struct route_candidate *candidate, const struct state_cell *cell,
                  const struct breaker_permit *permit);
void attempt_fini(struct attempt *attempt);

/* The exchange, its judgement and the report. Good content may have reached the client already. */
void attempt_run(struct attempt *attempt);

/* Our own error for what went wrong, where the upstream's answer cannot be the client's. */
enum failure attempt_failure(const struct attempt *attempt);

/* Keeps an upstream's error answer for the case that nobody does better. */
void attempt_keep(struct attempt *attempt);

#endif
