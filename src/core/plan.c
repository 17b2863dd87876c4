/* plan.c - one attempt's outcome and what is left of the call to one step. */
#include "core/plan.h"

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 8000
#define BACKOFF_DOUBLINGS 4 /* after these the maximum is reached */

uint64_t
plan_backoff_ms(unsigned attempt, uint32_t random)
{
    uint64_t most_ms = BACKOFF_MAX_MS;
    if (attempt < BACKOFF_DOUBLINGS)
        most_ms = (uint64_t)BACKOFF_FIRST_MS << attempt;
    /* Three quarters are sure, so that clients who failed together do not come back together. */
    uint64_t drawn_ms = (most_ms / 4 * random) >> 32;
    return most_ms - most_ms / 4 + drawn_ms;
}

/* What the upstream asked for; without a wish a backoff, which is longer for one that is
 * overloaded. */
static uint64_t
retry_wait_ms(const struct plan_facts *facts)
{
    if (facts->outcome.wait_ms > 0)
        return facts->outcome.wait_ms;
    unsigned attempt = facts->retries_done + (facts->outcome.overloaded ? 1 : 0);
    return plan_backoff_ms(attempt, facts->random);
}

/* `times`: how often this upstream may be tried again in all. A breaker that will still reject then
 * is not waited for. */
static bool
can_retry(const struct plan_facts *facts, unsigned times, uint64_t wait_ms)
{
    return facts->outcome.may_retry && facts->retries_done < times &&
           facts->rejected_ms <= wait_ms && wait_ms <= facts->retry_wait_max_ms &&
           wait_ms <= facts->time_left_ms;
}

static bool
can_fall_back(const struct plan_facts *facts)
{
    bool is_used_up = facts->outcome.once && facts->context_used;
    return facts->outcome.may_fall_back && facts->others_left && !is_used_up &&
           facts->time_left_ms > 0;
}

/* Nothing to improve, or nothing that another attempt could. A content policy's no is never routed
 * around: this line holds whatever the outcome's own fields say. */
static bool
is_settled(enum outcome_kind kind)
{
    return kind == OUTCOME_OK || kind == OUTCOME_REJECTED || kind == OUTCOME_LOCAL;
}

struct plan
plan_next(const struct plan_facts *facts)
{
    enum outcome_kind kind = facts->outcome.kind;
    if (kind == OUTCOME_GONE || (facts->committed && kind != OUTCOME_OK))
        return (struct plan){PLAN_STOP, 0};
    if (is_settled(kind))
        return (struct plan){PLAN_ANSWER, 0};

    uint64_t wait_ms = retry_wait_ms(facts);
    /* A limit that does not say until when is waited for only when nobody else could answer. */
    bool is_endless = kind == OUTCOME_LIMITED && facts->outcome.wait_ms == 0;
    if (!is_endless && can_retry(facts, facts->retries_max, wait_ms))
        return (struct plan){PLAN_RETRY, wait_ms};
    if (can_fall_back(facts))
        return (struct plan){PLAN_NEXT, 0};
    unsigned times = facts->retries_max > 0 ? facts->retries_max : 1;
    if (!facts->others_left && can_retry(facts, times, wait_ms))
        return (struct plan){PLAN_RETRY, wait_ms};
    return (struct plan){PLAN_ANSWER, 0};
}
