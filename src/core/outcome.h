/* outcome.h - what one attempt meant: for the breaker, for the next candidate, for the client.
 * Pure.
 *
 * Plain facts in, a verdict out; the table stands in outcome.c. What
 * falls back is the same in both profiles; what the breaker hears depends on the profile.
 */
#ifndef POSTERN_CORE_OUTCOME_H
#define POSTERN_CORE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/num.h"
#include "core/breaker.h"
#include "core/complaint.h"
#include "core/wire.h"

enum outcome_profile { OUTCOME_CLASSIC, OUTCOME_LLM };

enum outcome_kind {
    OUTCOME_OK,
    OUTCOME_UNREACHABLE,
    OUTCOME_TIMEOUT,
    OUTCOME_FAILING,
    OUTCOME_LIMITED,
    OUTCOME_REFUSED,  /* our key, our money, our configuration */
    OUTCOME_TOO_LONG, /* context_length_exceeded, 413 */
    OUTCOME_REJECTED, /* content policy: never routed around */
    OUTCOME_CLIENT,   /* any other 4xx */
    OUTCOME_MALFORMED,
    OUTCOME_LOCAL, /* this host is at its limits: no upstream's fault */
    OUTCOME_GONE   /* the client left */
};

/* Why the relay itself ended a transfer. */
enum outcome_stop {
    OUTCOME_NOT_STOPPED,
    OUTCOME_STOP_NO_FIRST,    /* no first token, or no whole JSON answer, in time */
    OUTCOME_STOP_IDLE,        /* silent inside the answer */
    OUTCOME_STOP_TOTAL,       /* the whole call's time is over */
    OUTCOME_STOP_GONE,        /* the client left */
    OUTCOME_STOP_TOO_LARGE,   /* an answer beyond its maximum */
    OUTCOME_STOP_LOCAL,       /* this host has no room for the answer */
    OUTCOME_STOP_MALFORMED,   /* the body broke the operation's rules */
    OUTCOME_STOP_CLIENT_BODY, /* a streamed upload failed on the client's side */
    OUTCOME_STOP_DRAIN        /* the process is ending */
};

/* What the body looked like, judged only for inference operations. */
enum outcome_body {
    OUTCOME_BODY_UNCHECKED, /* opaque path: status and whole transfer decide */
    OUTCOME_BODY_GOOD,      /* whole and of the right kind, by its own signs: JSON that closed, a
                               stream whose finish was seen. It outweighs a cut or a stop that came
                               afterwards, so bytes that have no end of their own are GOOD only when
                               the transfer ended well */
    OUTCOME_BODY_STARTED,   /* a stream with content that did not finish, however it ended: cut,
                               stalled, by a broken event or by an error event */
    OUTCOME_BODY_EMPTY,     /* nothing, or a stream without any content */
    OUTCOME_BODY_ERROR,     /* an error object where an answer should be */
    OUTCOME_BODY_WRONG      /* not the kind that was asked for, broken or cut */
};

struct outcome_facts {
    enum wire_fault fault;
    int os_errno;
    enum outcome_stop stop;
    int status; /* 0: no header block came */
    bool head_complete;
    bool body_complete;
    enum outcome_body body;
    struct complaint_view complaint;
    uint64_t stated_wait_ms;
    bool client_named_model; /* false: the route's own model was sent */
    bool model_is_replaced;  /* our configuration chose the model that the upstream was given */
    bool breaker_per_model;  /* breaker_scope = model: a wrong model name closes that model alone */
    bool ignores_wait;       /* circuit_retry_after = ignore: a stated wait is no cool-down */
    bool client_named_account; /* its openai-organization or openai-project was passed on */
    bool opaque;               /* no row of the operation table: see below */
    int should_retry;          /* the upstream's x-should-retry: -1 not there, 0 false, 1 true */
};

struct outcome {
    enum outcome_kind kind;
    enum breaker_verdict verdict;
    uint64_t cool_ms; /* > 0: the upstream asked for rest. A 429 is then IGNORED; an overload (503,
                         529) rests and is a failure too */
    uint64_t wait_ms; /* stated wait, for the plan and the client */
    bool may_fall_back; /* before commit only */
    bool may_retry;     /* the same upstream, by the table and x-should-retry */
    bool once;          /* falls back at most once for this reason */
    bool overloaded;    /* a retry backs off longer */
};

/* Gives OK, FAIL, IGNORED or TRIP; STARTED and FINISHED are the relay's to report. TRIP and cool_ms
 * are never given in the classic profile.
 *
 * Whoever may call the gateway must not be able to close an upstream for everybody by asking for
 * what our key has no right to. So nothing trips the breaker that a client can bring about: 401,
 * 403 or a redirect on an opaque path, a 403 that does not speak of the key (a firewall's, of a
 * body that it dislikes), a missing scope, an account that the client named. */
struct outcome outcome_judge(const struct outcome_facts *facts, enum outcome_profile profile);

const char *outcome_name(enum outcome_kind kind);

/* The word for X-Postern-Attempts: the status where there was one and it explains, else the kind
 * ("timeout", "unreachable", …). Returns a constant, or `out` with the status in it. */
#define OUTCOME_WORD_MAX NUM_FORMAT_MAX
const char *outcome_word(char out[OUTCOME_WORD_MAX], const struct outcome *outcome, int status);

#endif
