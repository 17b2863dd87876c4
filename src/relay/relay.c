/* relay.c - the attempt loop.
 *
 *   serve_exchange              edge/serve.c
 *     request_read              method, raw path, headers, credentials
 *     access_check_client       may this caller use the API?
 *     request_load_body         whole and valid; a large upload streams past it
 *     relay_run
 *       route_find, route_order           the candidates, in their order
 *       try_candidates
 *         ┌──> pick_candidate ──> state_admit       may this upstream be tried?
 *         │     attempt_run                         one try
 *         │       dialect_encode                    URL, headers, model
 *         │       transfer_run                      one HTTP exchange (libcurl), and while it runs:
 *         │         on_head, on_bytes ──> hold_take ──> commit ──> the client
 *         │         on_watch                        client gone? time over? heartbeat, lease
 *         │       hold_end                          is the body what it should be?
 *         │       outcome_judge                     what did all that mean?
 *         │       state_report                      tell the breaker
 *         │     settle                              release a good answer, keep or break a bad one
 *         └──── plan_next                           try again, next, or give up
 *       call_finish                       what is left to say: the kept answer, or one clear error
 *     accesslog_write           one line
 *
 * The loop decides nothing itself: outcome_judge() says what happened, plan_next() what to do now.
 */
#include "relay/relay.h"

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "core/affinity.h"
#include "core/plan.h"
#include "relay/attempt.h"

/* Where the loop stands among the candidates. */
struct pick {
    size_t next;               /* the first candidate that was not tried */
    size_t current;            /* the one that is tried, or whose breaker was asked last */
    unsigned retries;          /* on the current one */
    bool context_used;         /* a request that is too long has fallen back once */
    uint64_t rejected_wait_ms; /* the shortest wait of those that rejected; 0: none did */
    bool all_cooling;          /* every rejection was a cool-down */
    bool is_over;              /* the call had to end while it waited */
    struct state_cell cell;    /* the current one's breaker */
    struct breaker_permit permit;
};

/* --- picking -------------------------------------------------------------- */

static const struct breaker_rules *
rules_of(const struct call *call, size_t index)
{
    return &call->order.items[index].upstream->rules;
}

static void
note_rejection(struct pick *pick, const struct breaker_permit *permit)
{
    bool is_shorter = pick->rejected_wait_ms == 0 || permit->wait_ms < pick->rejected_wait_ms;
    if (permit->wait_ms > 0 && is_shorter)
        pick->rejected_wait_ms = permit->wait_ms;
    if (permit->answer != BREAKER_REJECTED_COOL)
        pick->all_cooling = false;
}

/* Asks the current one's breaker. */
static bool
admit(struct call *call, struct pick *pick, bool last_resort)
{
    pick->permit =
        state_admit(call->relay->state, &pick->cell, rules_of(call, pick->current), last_resort);
    if (breaker_is_admitted(&pick->permit))
        return true;
    note_rejection(pick, &pick->permit);
    return false;
}

/* The next candidate whose breaker lets it be tried; the last one also against its breaker, when
 * nobody has answered anything yet. */
static bool
pick_next(struct call *call, struct pick *pick)
{
    const size_t count = call->order.count;
    pick->retries = 0;
    while (pick->next < count) {
        pick->current = pick->next++;
        attempt_name_cell(call, &call->order.items[pick->current], &pick->cell);
        if (admit(call, pick, false))
            return true;
        bool is_last_resort =
            pick->next == count && call->relay->config->last_resort && !call->kept.is_set;
        if (is_last_resort && admit(call, pick, true))
            return true;
    }
    return false;
}

static bool
pick_again(struct call *call, struct pick *pick, uint64_t wait_ms)
{
    if (!state_budget_withdraw(call->relay->state, &pick->cell))
        return false;
    pick->retries++;
    account_wait_begin(&call->account, clock_boot_us());
    pick->is_over = call_wait(call, wait_ms) != OUTCOME_NOT_STOPPED;
    account_wait_end(&call->account, clock_boot_us());
    return !pick->is_over && admit(call, pick, false);
}

static bool
pick_candidate(struct call *call, const struct plan *plan, struct pick *pick)
{
    if (plan->step == PLAN_RETRY && pick_again(call, pick, plan->wait_ms))
        return true;
    return !pick->is_over && pick_next(call, pick);
}

/* --- after an attempt ----------------------------------------------------- */

static bool
others_admit(const struct call *call, const struct pick *pick)
{
    for (size_t i = pick->next; i < call->order.count; i++) {
        struct state_cell cell;
        attempt_name_cell(call, &call->order.items[i], &cell);
        if (state_would_admit(call->relay->state, &cell, rules_of(call, i)))
            return true;
    }
    /* the last one is tried against its breaker too, as long as nobody has answered */
    return pick->next < call->order.count && call->relay->config->last_resort && !call->kept.is_set;
}

/* A file or a batch that may have been made must not be made twice. */
static bool
creates_object(const struct request *request)
{
    return request->operation.row->pinned && request->has_body;
}

static struct plan
decide(struct call *call, const struct attempt *attempt, struct pick *pick)
{
    if (attempt->outcome.kind == OUTCOME_OK) /* then it does not matter what else could be done */
        return plan_next(&(struct plan_facts){.outcome = attempt->outcome});
    const struct state_cell_view view =
        state_cell_view(call->relay->state, &attempt->cell, rules_of(call, pick->current));
    uint64_t now_ms = clock_boot_ms();
    struct plan_facts facts = {
        .outcome = attempt->outcome,
        .committed = call->committed,
        .others_left = others_admit(call, pick),
        .retries_done = pick->retries,
        .retries_max = attempt->candidate->upstream->retries,
        .context_used = pick->context_used,
        .rejected_ms = view.breaker.wait_ms,
        .time_left_ms = call->deadline_ms > now_ms ? call->deadline_ms - now_ms : 0,
        .retry_wait_max_ms = call->relay->config->retry_wait_max_ms,
        .random = (uint32_t)entropy_u64(),
    };
    if (request_is_upload(call->request)) /* its body is gone: nobody can be asked again */
        facts.outcome.may_fall_back = false;
    if (creates_object(call->request))
        facts.outcome.may_retry = false;
    pick->context_used |= attempt->outcome.kind == OUTCOME_TOO_LONG;
    return plan_next(&facts);
}

static const char *
step_word(enum plan_step step)
{
    switch (step) {
    case PLAN_ANSWER:
        return "answer";
    case PLAN_NEXT:
        return "next";
    case PLAN_RETRY:
        return "retry";
    case PLAN_STOP:
        return "stop";
    }
    return "?";
}

/* Not inlined: its room would lie on the stack as long as a stream lasts. */
__attribute__((noinline)) static void
log_failed(const struct call *call, const struct attempt *attempt, enum plan_step step)
{
    if (attempt->outcome.kind == OUTCOME_OK || attempt->outcome.kind == OUTCOME_CLIENT)
        return;
    char why[LOG_QUOTE_MAX];
    log_write(LOG_LEVEL_WARN,
              "attempt_failed req=%s upstream=%s outcome=%s status=%d fault=%s why=%s -> %s",
              call->request->id, attempt->candidate->upstream->name,
              outcome_name(attempt->outcome.kind), attempt->reply.status,
              wire_fault_name(attempt->reply.fault), log_quote(why, span_from(attempt->reply.why)),
              step_word(step));
}

/* A good answer goes out, a bad one is kept in case that nobody does better; one that has begun and
 * failed is told to be so. */
static void
settle(struct call *call, struct attempt *attempt)
{
    char word[OUTCOME_WORD_MAX];
    if (attempt->outcome.kind == OUTCOME_OK) {
        hold_release(&attempt->hold);
        call->is_answered = !call->is_gone;
        return;
    }
    bool may_listen = attempt->stop == OUTCOME_STOP_CLIENT_BODY; /* though its body broke */
    if (attempt->outcome.kind == OUTCOME_GONE && !may_listen) {
        call->is_gone = true;
        return;
    }
    if (attempt->hold.is_open) {
        hold_break(&attempt->hold, attempt_failure(attempt));
        return;
    }
    account_attempt(&call->account, attempt->candidate->upstream->name,
                    outcome_word(word, &attempt->outcome, attempt->reply.status));
    attempt_keep(attempt);
}

static void
try_candidates(struct call *call)
{
    struct plan plan = {.step = PLAN_NEXT};
    struct pick pick = {.all_cooling = true};
    bool was_tried = false;
    while (plan.step == PLAN_NEXT || plan.step == PLAN_RETRY) {
        if (!pick_candidate(call, &plan, &pick))
            break;
        struct attempt attempt;
        attempt_init(&attempt, call, &call->order.items[pick.current], &pick.cell, &pick.permit);
        if (pick.retries == 0)
            state_budget_deposit(call->relay->state, &attempt.cell);
        attempt_run(&attempt);
        settle(call, &attempt);
        plan = decide(call, &attempt, &pick);
        log_failed(call, &attempt, plan.step);
        attempt_fini(&attempt);
        was_tried = true;
    }
    if (!was_tried) {
        call->failure = pick.all_cooling ? FAILURE_UPSTREAMS_LIMITED : FAILURE_UPSTREAM_UNAVAILABLE;
        call->wait_ms = pick.rejected_wait_ms;
    }
}

/* What lives in one account goes to the route's first upstream as written, whoever shares its load:
 * an order that is drawn would split the account. */
static void
pin(const struct route *route, struct route_order *order)
{
    order->items[0] = route->steps[0].candidates[0];
    order->count = 1;
}

static uint64_t
affinity_of(const struct request *request)
{
    uint64_t affinity;
    return affinity_find(&request->conversation, &affinity) ? affinity : entropy_u64();
}

void
relay_run(struct call *call)
{
    const struct config *config = call->relay->config;
    const struct request *request = call->request;
    const struct route *route = route_find(&config->routes, span_from(request->model_name));
    if (!route) {
        call->failure = FAILURE_MODEL_NOT_FOUND;
        call_finish(call);
        return;
    }
    route_order(route, route_is_shared(route) ? affinity_of(request) : 0, &call->order);
    if (config->pinned && request->operation.row->pinned)
        pin(route, &call->order);
    try_candidates(call);
    call_finish(call);
}
