/* test_budget.c - retries are paid for out of one bucket, whatever the word says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/budget.h"

#define BASE_MS UINT64_C(1700000000000)

static bool
withdraw(uint64_t *word, uint64_t at_ms)
{
    return budget_withdraw(*word, at_ms, word);
}

static unsigned
withdraw_all(uint64_t *word, uint64_t at_ms)
{
    unsigned paid = 0;

    while (paid < 100 && withdraw(word, at_ms)) {
        paid++;
    }
    return paid;
}

static void
ten_retries_then_a_fifth_an_attempt_and_one_a_second(void **state)
{
    (void)state;
    /* V36 of the breaker specification */
    uint64_t word = 0;

    assert_int_equal(withdraw_all(&word, BASE_MS), 10);
    for (unsigned i = 0; i < 5; i++) {
        assert_false(withdraw(&word, BASE_MS));
        word = budget_deposit(word, BASE_MS);
    }
    assert_true(withdraw(&word, BASE_MS));
    assert_false(withdraw(&word, BASE_MS));
    assert_false(withdraw(&word, BASE_MS + 999));
    assert_true(withdraw(&word, BASE_MS + 1000));
    assert_false(withdraw(&word, BASE_MS + 1000));
}

static void
the_bucket_never_holds_more_than_ten(void **state)
{
    (void)state;
    uint64_t word = 0;

    for (unsigned i = 0; i < 100; i++) {
        word = budget_deposit(word, BASE_MS);
    }
    assert_int_equal(withdraw_all(&word, BASE_MS + 3600000), 10);
}

static void
an_empty_bucket_at_time_zero_is_not_a_fresh_one(void **state)
{
    (void)state;
    uint64_t word = 0;

    assert_int_equal(withdraw_all(&word, 0), 10);
    assert_false(withdraw(&word, 0));
}

static void
a_clock_slightly_behind_neither_fills_nor_loses(void **state)
{
    (void)state;
    uint64_t word = 0;

    assert_int_equal(withdraw_all(&word, BASE_MS), 10);
    assert_false(withdraw(&word, BASE_MS - 5));
    assert_false(withdraw(&word, BASE_MS - 10000));
    assert_false(withdraw(&word, BASE_MS + 999));
    assert_true(withdraw(&word, BASE_MS + 1000));
}

static void
a_time_that_no_clock_can_have_reads_as_long_unused(void **state)
{
    (void)state;
    uint64_t word = (BASE_MS + 10001) & ((UINT64_C(1) << 40) - 1); /* empty, in the future */

    assert_int_equal(withdraw_all(&word, BASE_MS), 10);
    word = UINT64_MAX; /* more tokens than the cap */
    assert_in_range(withdraw_all(&word, BASE_MS), 0, 10);
}

static void
the_clock_field_may_wrap(void **state)
{
    (void)state;
    uint64_t wrap_ms = UINT64_C(1) << 40;
    uint64_t word = 0;

    assert_int_equal(withdraw_all(&word, wrap_ms - 500), 10);
    assert_false(withdraw(&word, wrap_ms + 499));
    assert_true(withdraw(&word, wrap_ms + 500));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_retries_then_a_fifth_an_attempt_and_one_a_second),
        cmocka_unit_test(the_bucket_never_holds_more_than_ten),
        cmocka_unit_test(an_empty_bucket_at_time_zero_is_not_a_fresh_one),
        cmocka_unit_test(a_clock_slightly_behind_neither_fills_nor_loses),
        cmocka_unit_test(a_time_that_no_clock_can_have_reads_as_long_unused),
        cmocka_unit_test(the_clock_field_may_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
