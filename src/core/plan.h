/* plan.h - what to do after an attempt: again, the next upstream, or give up. Pure.
 *
 * `retries` tries the same upstream first; without it the same upstream is tried again only when no
 * other candidate admits. The plan sees facts and says one step; waiting, admitting and paying are
 * the loop's.
 */
#ifndef POSTERN_CORE_PLAN_H
#define POSTERN_CORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/outcome.h"

enum plan_step {
    PLAN_ANSWER, /* what came back is the answer: good (sent already or not), or nobody is left
                    to do better */
    PLAN_NEXT,   /* try the candidates after this one */
    PLAN_RETRY,  /* the same upstream again, after `wait_ms`, if the budget pays */
    PLAN_STOP    /* failed after commit, or the client is gone: nothing more can be tried */
};

struct plan_facts {
    struct outcome outcome;
    bool committed;
    bool others_left;      /* a later candidate has not been tried and admits */
    unsigned retries_done; /* on this upstream */
    unsigned retries_max;  /* the option, or 0 */
    bool context_used;     /* a too-long request already fell back once */
    uint64_t rejected_ms;  /* how long this upstream's own breaker will reject; 0: it admits */
    uint64_t time_left_ms; /* of the whole call */
    uint64_t retry_wait_max_ms;
    uint32_t random;
};

struct plan {
    enum plan_step step;
    uint64_t wait_ms;
};

/* Only PLAN_RETRY waits: the stated wait, or without one a backoff; never longer than
 * `retry_wait_max_ms` or `time_left_ms`, so a maximum of 0 forbids every retry. */
struct plan plan_next(const struct plan_facts *facts);

/* 0.5 s doubled `attempt` times, at most 8 s, times 0.75 to 1. */
uint64_t plan_backoff_ms(unsigned attempt, uint32_t random);

#endif
