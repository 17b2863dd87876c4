/* test_plan.c - what follows an attempt, as named cases and over the whole small space. */
#include "core/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A failed attempt of the last candidate, with all the time in the world. */
static struct plan_facts
after(enum outcome_kind kind)
{
    return (struct plan_facts){
        .outcome = {.kind = kind, .may_fall_back = true, .may_retry = true},
        .time_left_ms = 900000,
        .retry_wait_max_ms = 8000,
    };
}

static void
assert_plan(const struct plan_facts *facts, enum plan_step step, uint64_t wait_ms)
{
    struct plan plan = plan_next(facts);
    assert_int_equal(plan.step, step);
    assert_int_equal(plan.wait_ms, wait_ms);
}

static void
a_good_answer_is_the_answer_before_and_after_commit(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_OK);
    assert_plan(&facts, PLAN_ANSWER, 0);
    facts.committed = true;
    assert_plan(&facts, PLAN_ANSWER, 0);
}

static void
a_failure_goes_to_the_next_candidate_at_once(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_FAILING); /* V50: primary 500 */
    facts.others_left = true;
    assert_plan(&facts, PLAN_NEXT, 0);
}

static void
the_only_upstream_is_tried_again_once(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_FAILING);
    assert_plan(&facts, PLAN_RETRY, 375);
    facts.retries_done = 1;
    assert_plan(&facts, PLAN_ANSWER, 0);
}

static void
retries_try_the_same_upstream_first_and_then_the_next(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_FAILING);
    facts.others_left = true;
    facts.retries_max = 2;
    assert_plan(&facts, PLAN_RETRY, 375);
    facts.retries_done = 1;
    assert_plan(&facts, PLAN_RETRY, 750);
    facts.retries_done = 2;
    assert_plan(&facts, PLAN_NEXT, 0);
    facts.others_left = false;
    assert_plan(&facts, PLAN_ANSWER, 0);
}

static void
a_limit_is_not_waited_for_while_another_can_answer(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_LIMITED);
    facts.outcome.wait_ms = 200;
    facts.others_left = true;
    assert_plan(&facts, PLAN_NEXT, 0);
    facts.outcome.wait_ms = 0; /* also not with retries, when it does not say for how long */
    facts.retries_max = 3;
    assert_plan(&facts, PLAN_NEXT, 0);
}

static void
retries_wait_for_a_limit_that_says_for_how_long(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_LIMITED);
    facts.outcome.wait_ms = 200;
    facts.retries_max = 1;
    facts.others_left = true;
    assert_plan(&facts, PLAN_RETRY, 200);
    facts.retries_done = 1;
    assert_plan(&facts, PLAN_NEXT, 0);
}

static void
a_breaker_that_will_reject_is_not_waited_for(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_FAILING);
    facts.retries_max = 1;
    facts.others_left = true;
    facts.rejected_ms = 375; /* as long as the backoff: it admits then */
    assert_plan(&facts, PLAN_RETRY, 375);
    facts.rejected_ms = 376;
    assert_plan(&facts, PLAN_NEXT, 0);
    facts.others_left = false;
    assert_plan(&facts, PLAN_ANSWER, 0);
}

/* V51 */
static void
a_short_limit_of_the_only_upstream_is_waited_for_as_stated(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_LIMITED);
    facts.outcome.wait_ms = 200;
    assert_plan(&facts, PLAN_RETRY, 200);
    facts.outcome.wait_ms = 30000;
    assert_plan(&facts, PLAN_ANSWER, 0);
}

static void
a_wait_that_the_calls_time_does_not_hold_is_not_begun(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_LIMITED);
    facts.outcome.wait_ms = 5000;
    facts.time_left_ms = 4999;
    assert_plan(&facts, PLAN_ANSWER, 0);
    facts.time_left_ms = 5000;
    assert_plan(&facts, PLAN_RETRY, 5000);
}

static void
no_retry_where_the_operator_allows_no_wait(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_FAILING);
    facts.retry_wait_max_ms = 0;
    assert_plan(&facts, PLAN_ANSWER, 0);
}

static void
a_silent_upstream_is_not_tried_again(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_TIMEOUT);
    facts.outcome.may_retry = false;
    facts.retries_max = 2;
    assert_plan(&facts, PLAN_ANSWER, 0);
    facts.others_left = true;
    assert_plan(&facts, PLAN_NEXT, 0);
}

static void
a_request_too_long_falls_back_once(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_TOO_LONG);
    facts.outcome.may_retry = false;
    facts.outcome.once = true;
    facts.others_left = true;
    assert_plan(&facts, PLAN_NEXT, 0);
    facts.context_used = true;
    assert_plan(&facts, PLAN_ANSWER, 0);
}

static void
a_failure_after_a_request_too_long_still_falls_back(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_FAILING);
    facts.others_left = true;
    facts.context_used = true;
    assert_plan(&facts, PLAN_NEXT, 0);
}

static void
a_clients_error_is_the_answer(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_CLIENT); /* V50: primary 400 */
    facts.outcome.may_fall_back = facts.outcome.may_retry = false;
    facts.others_left = true;
    assert_plan(&facts, PLAN_ANSWER, 0);
}

static void
a_stream_that_fails_after_commit_stops(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_MALFORMED); /* V53 */
    facts.others_left = true;
    facts.retries_max = 3;
    facts.committed = true;
    assert_plan(&facts, PLAN_STOP, 0);
}

static void
nothing_is_tried_for_a_client_that_left(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_GONE);
    facts.others_left = true;
    facts.retries_max = 3;
    assert_plan(&facts, PLAN_STOP, 0);
}

static void
an_overloaded_upstream_is_given_longer(void **state)
{
    (void)state;
    struct plan_facts facts = after(OUTCOME_FAILING);
    facts.outcome.overloaded = true;
    assert_plan(&facts, PLAN_RETRY, 750);
}

static void
the_backoff_doubles_up_to_eight_seconds(void **state)
{
    (void)state;
    static const uint64_t most_ms[] = {500, 1000, 2000, 4000, 8000, 8000, 8000};
    for (unsigned i = 0; i < sizeof(most_ms) / sizeof(most_ms[0]); i++) {
        assert_int_equal(plan_backoff_ms(i, 0), most_ms[i] * 3 / 4);
        assert_int_equal(plan_backoff_ms(i, UINT32_MAX), most_ms[i] - 1);
        assert_in_range(plan_backoff_ms(i, UINT32_MAX / 2), most_ms[i] * 3 / 4 + 1, most_ms[i] - 2);
    }
    assert_int_equal(plan_backoff_ms(UINT32_MAX, 0), 6000);
}

/* Takes the next digit, of base `count`, off a number that stands for a whole combination. */
static unsigned
pick(unsigned *number, unsigned count)
{
    unsigned digit = *number % count;
    *number /= count;
    return digit;
}

static struct plan_facts
pick_facts(unsigned *number)
{
    static const uint64_t times_ms[] = {0, 1, 374, 375, 500, 8000, 900000};
    static const uint64_t waits_ms[] = {0, 1, 500, 30000};
    static const uint64_t wait_maxima_ms[] = {0, 400, 8000};
    struct plan_facts facts = {.random = UINT32_MAX / 3};
    facts.outcome.kind = (enum outcome_kind)pick(number, OUTCOME_GONE + 1);
    facts.outcome.may_fall_back = pick(number, 2);
    facts.outcome.may_retry = pick(number, 2);
    facts.outcome.once = pick(number, 2);
    facts.outcome.overloaded = pick(number, 2);
    facts.outcome.wait_ms = waits_ms[pick(number, 4)];
    facts.committed = pick(number, 2);
    facts.others_left = pick(number, 2);
    facts.context_used = pick(number, 2);
    facts.retries_done = pick(number, 4);
    facts.retries_max = pick(number, 3);
    facts.time_left_ms = times_ms[pick(number, 7)];
    facts.retry_wait_max_ms = wait_maxima_ms[pick(number, 3)];
    return facts;
}

static void
assert_promises(const struct plan_facts *facts)
{
    struct plan plan = plan_next(facts);
    enum outcome_kind kind = facts->outcome.kind;
    bool goes_on = plan.step == PLAN_NEXT || plan.step == PLAN_RETRY;
    unsigned most = facts->retries_max > 1 ? facts->retries_max : 1;

    if (facts->committed || kind == OUTCOME_GONE || kind == OUTCOME_OK ||
        kind == OUTCOME_REJECTED || kind == OUTCOME_LOCAL || facts->time_left_ms == 0)
        assert_false(goes_on);
    if (kind == OUTCOME_OK)
        assert_int_equal(plan.step, PLAN_ANSWER);
    assert_true(plan.step == PLAN_STOP ||
                !(kind == OUTCOME_GONE || (facts->committed && kind != OUTCOME_OK)));

    if (plan.step == PLAN_NEXT)
        assert_true(facts->others_left && facts->outcome.may_fall_back &&
                    !(facts->outcome.once && facts->context_used));
    if (plan.step != PLAN_RETRY) {
        assert_int_equal(plan.wait_ms, 0);
        return;
    }
    assert_true(facts->outcome.may_retry && facts->retries_done < most);
    assert_true(plan.wait_ms > 0 && plan.wait_ms <= facts->time_left_ms &&
                plan.wait_ms <= facts->retry_wait_max_ms);
    assert_true(plan.wait_ms >= facts->outcome.wait_ms);
    /* With another candidate waiting, only the operator's `retries` may be used up first. */
    if (facts->others_left)
        assert_true((kind != OUTCOME_LIMITED || facts->outcome.wait_ms > 0) &&
                    facts->retries_done < facts->retries_max);
    assert_true(facts->rejected_ms <= plan.wait_ms);
}

/* Giving up is right only where nothing was left to do. */
static void
assert_tries_what_it_may(const struct plan_facts *facts)
{
    struct plan plan = plan_next(facts);
    if (plan.step != PLAN_ANSWER || facts->outcome.kind == OUTCOME_OK ||
        facts->outcome.kind == OUTCOME_REJECTED || facts->outcome.kind == OUTCOME_LOCAL)
        return;
    bool could_fall_back = facts->outcome.may_fall_back && facts->others_left &&
                           facts->time_left_ms > 0 && !(facts->outcome.once && facts->context_used);
    bool could_retry = facts->outcome.may_retry && facts->retries_done == 0 &&
                       facts->outcome.wait_ms == 500 && facts->time_left_ms >= 500 &&
                       facts->retry_wait_max_ms >= 500;
    assert_false(could_fall_back);
    assert_false(could_retry && !facts->others_left);
}

static void
no_combination_of_facts_breaks_a_promise(void **state)
{
    (void)state;
    for (unsigned combination = 0, rest = 0; rest == 0; combination++) {
        rest = combination;
        struct plan_facts facts = pick_facts(&rest);
        assert_promises(&facts);
        assert_tries_what_it_may(&facts);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer_is_the_answer_before_and_after_commit),
        cmocka_unit_test(a_failure_goes_to_the_next_candidate_at_once),
        cmocka_unit_test(the_only_upstream_is_tried_again_once),
        cmocka_unit_test(retries_try_the_same_upstream_first_and_then_the_next),
        cmocka_unit_test(a_limit_is_not_waited_for_while_another_can_answer),
        cmocka_unit_test(retries_wait_for_a_limit_that_says_for_how_long),
        cmocka_unit_test(a_breaker_that_will_reject_is_not_waited_for),
        cmocka_unit_test(a_short_limit_of_the_only_upstream_is_waited_for_as_stated),
        cmocka_unit_test(a_wait_that_the_calls_time_does_not_hold_is_not_begun),
        cmocka_unit_test(no_retry_where_the_operator_allows_no_wait),
        cmocka_unit_test(a_silent_upstream_is_not_tried_again),
        cmocka_unit_test(a_request_too_long_falls_back_once),
        cmocka_unit_test(a_failure_after_a_request_too_long_still_falls_back),
        cmocka_unit_test(a_clients_error_is_the_answer),
        cmocka_unit_test(a_stream_that_fails_after_commit_stops),
        cmocka_unit_test(nothing_is_tried_for_a_client_that_left),
        cmocka_unit_test(an_overloaded_upstream_is_given_longer),
        cmocka_unit_test(the_backoff_doubles_up_to_eight_seconds),
        cmocka_unit_test(no_combination_of_facts_breaks_a_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
