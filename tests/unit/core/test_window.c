/* test_window.c - windows of results: what they count, forget and refuse to believe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/window.h"

#define BASE_MS UINT64_C(1700000000000) /* a multiple of 1000 and 2000 */

static const struct window_result good = {0};
static const struct window_result failed = {.failed = true};
static const struct window_result slow = {.slow = true};

static void
assert_totals(struct breaker_totals totals, unsigned calls, unsigned fails, unsigned slows)
{
    assert_int_equal(totals.calls, calls);
    assert_int_equal(totals.fails, fails);
    assert_int_equal(totals.slows, slows);
}

/* --- the last N calls ----------------------------------------------------- */

static void
a_count_window_holds_the_last_calls(void **state)
{
    (void)state;
    struct breaker_totals totals;
    uint64_t word = 0;

    word = window_count_record(word, 3, 0, failed, &totals);
    assert_totals(totals, 1, 1, 0);
    word = window_count_record(word, 3, 0, slow, &totals);
    assert_totals(totals, 2, 1, 1);
    word = window_count_record(word, 3, 0, good, &totals);
    assert_totals(totals, 3, 1, 1);
    word = window_count_record(word, 3, 0, good, &totals); /* the failure leaves */
    assert_totals(totals, 3, 0, 1);
    (void)window_count_record(word, 3, 0, good, &totals);
    assert_totals(totals, 3, 0, 0);
}

static void
a_count_window_holds_up_to_twenty_four(void **state)
{
    (void)state;
    struct breaker_totals totals = {0};
    uint64_t word = 0;

    for (unsigned i = 0; i < 30; i++) {
        word = window_count_record(word, WINDOW_COUNT_MAX, 0x7FF,
                                   (struct window_result){.failed = true, .slow = true}, &totals);
    }
    assert_totals(totals, 24, 24, 24);
    assert_true(word == UINT64_MAX - (UINT64_C(7) << 48)); /* all bits but those of len 24 */
}

static void
a_count_window_of_another_generation_is_empty(void **state)
{
    (void)state;
    struct breaker_totals totals;
    uint64_t word = window_count_record(0, 5, 7, failed, &totals);

    (void)window_count_record(word, 5, 8, good, &totals);
    assert_totals(totals, 1, 0, 0);
    (void)window_count_record(word, 5, 7 + (1u << 11), good, &totals); /* 11 bits are kept */
    assert_totals(totals, 2, 1, 0);
}

static void
a_damaged_count_window_is_no_longer_than_its_size(void **state)
{
    (void)state;
    struct breaker_totals totals;

    (void)window_count_record(UINT64_MAX, 4, 0x7FF, good, &totals);
    assert_totals(totals, 4, 3, 3);
    /* len 1, yet bits beyond it: only one is believed */
    uint64_t word = UINT64_C(1) << 48 | UINT64_C(0xFFFFFF) << 24 | 0xFFFFFF;
    (void)window_count_record(word, 4, 0, good, &totals);
    assert_totals(totals, 2, 1, 1);
    (void)window_count_record(UINT64_MAX, 0, 0, failed, &totals); /* no size below 1 … */
    assert_totals(totals, 1, 1, 0);
    (void)window_count_record(UINT64_MAX, 99, 0x7FF, failed, &totals); /* … or above 24 */
    assert_totals(totals, 24, 24, 23);
}

/* --- the last S seconds --------------------------------------------------- */

static void
record_at(uint64_t buckets[WINDOW_BUCKETS], unsigned seconds, uint64_t at_ms,
          struct window_result result)
{
    size_t slot = window_time_slot(seconds, BASE_MS + at_ms);

    assert_in_range(slot, 0, WINDOW_BUCKETS - 1);
    buckets[slot] = window_time_record(buckets[slot], seconds, BASE_MS + at_ms, 0, result);
}

static void
a_short_time_window_forgets_second_by_second(void **state)
{
    (void)state;
    uint64_t buckets[WINDOW_BUCKETS] = {0};

    record_at(buckets, 10, 0, failed);
    record_at(buckets, 10, 999, slow);
    record_at(buckets, 10, 1000, good);
    assert_totals(window_time_totals(buckets, 10, BASE_MS + 9999, 0), 3, 1, 1);
    assert_totals(window_time_totals(buckets, 10, BASE_MS + 10000, 0), 1, 0, 0);
    assert_totals(window_time_totals(buckets, 10, BASE_MS + 11000, 0), 0, 0, 0);
    record_at(buckets, 10, 10000, good); /* takes the bucket of second 0 */
    assert_totals(window_time_totals(buckets, 10, BASE_MS + 10000, 0), 2, 0, 0);
}

static void
a_long_time_window_has_thirty_buckets(void **state)
{
    (void)state;
    uint64_t buckets[WINDOW_BUCKETS] = {0};

    for (uint64_t at_ms = 0; at_ms < 60000; at_ms += 1000) {
        record_at(buckets, 60, at_ms, failed);
    }
    assert_totals(window_time_totals(buckets, 60, BASE_MS + 59999, 0), 60, 60, 0);
    assert_totals(window_time_totals(buckets, 60, BASE_MS + 60000, 0), 58, 58, 0);
    assert_int_equal(buckets[30], 0);
    assert_int_equal(window_time_slot(60, BASE_MS), window_time_slot(60, BASE_MS + 1999));
    assert_int_equal(window_time_slot(60, BASE_MS), window_time_slot(60, BASE_MS + 60000));
}

static void
the_longest_and_the_shortest_time_window_work(void **state)
{
    (void)state;
    static const unsigned seconds[] = {0, 1, 32, 33, 3600};

    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        uint64_t buckets[WINDOW_BUCKETS] = {0};
        record_at(buckets, seconds[i], 0, failed);
        record_at(buckets, seconds[i], 0, good);
        assert_totals(window_time_totals(buckets, seconds[i], BASE_MS, 0), 2, 1, 0);
        uint64_t over_ms = BASE_MS + (seconds[i] + 1) * UINT64_C(1000) * 31 / 30 + 1000;
        assert_totals(window_time_totals(buckets, seconds[i], over_ms, 0), 0, 0, 0);
    }
}

static void
a_time_window_of_another_generation_is_empty(void **state)
{
    (void)state;
    uint64_t buckets[WINDOW_BUCKETS] = {0};

    record_at(buckets, 10, 0, failed);
    assert_totals(window_time_totals(buckets, 10, BASE_MS, 1), 0, 0, 0);
    assert_totals(window_time_totals(buckets, 10, BASE_MS, 256), 1, 1, 0); /* 8 bits are kept */
}

static void
a_full_bucket_is_halved_and_keeps_its_ratio(void **state)
{
    (void)state;
    uint64_t buckets[WINDOW_BUCKETS] = {0};

    for (unsigned i = 0; i < 4095; i++) {
        record_at(buckets, 10, 0, i % 2 == 0 ? failed : slow);
    }
    assert_totals(window_time_totals(buckets, 10, BASE_MS, 0), 4095, 2048, 2047);
    record_at(buckets, 10, 0, failed);
    assert_totals(window_time_totals(buckets, 10, BASE_MS, 0), 2048, 1025, 1023);
}

static void
a_damaged_bucket_has_no_more_failures_than_calls(void **state)
{
    (void)state;
    uint64_t buckets[WINDOW_BUCKETS] = {0};
    size_t slot = window_time_slot(10, BASE_MS);

    record_at(buckets, 10, 0, good);
    buckets[slot] |= 0xFFFFFF; /* 4095 failed and slow of one call */
    assert_totals(window_time_totals(buckets, 10, BASE_MS, 0), 1, 1, 1);
    record_at(buckets, 10, 0, failed);
    assert_totals(window_time_totals(buckets, 10, BASE_MS, 0), 2, 2, 1);
}

static void
a_window_at_the_beginning_of_time_looks_back_no_further(void **state)
{
    (void)state;
    uint64_t buckets[WINDOW_BUCKETS] = {0};
    size_t slot = window_time_slot(10, 0);

    buckets[slot] = window_time_record(0, 10, 0, 0, failed);
    assert_totals(window_time_totals(buckets, 10, 0, 0), 1, 1, 0);
    assert_totals(window_time_totals(buckets, 10, 9999, 0), 1, 1, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_window_holds_the_last_calls),
        cmocka_unit_test(a_count_window_holds_up_to_twenty_four),
        cmocka_unit_test(a_count_window_of_another_generation_is_empty),
        cmocka_unit_test(a_damaged_count_window_is_no_longer_than_its_size),
        cmocka_unit_test(a_short_time_window_forgets_second_by_second),
        cmocka_unit_test(a_long_time_window_has_thirty_buckets),
        cmocka_unit_test(the_longest_and_the_shortest_time_window_work),
        cmocka_unit_test(a_time_window_of_another_generation_is_empty),
        cmocka_unit_test(a_full_bucket_is_halved_and_keeps_its_ratio),
        cmocka_unit_test(a_damaged_bucket_has_no_more_failures_than_calls),
        cmocka_unit_test(a_window_at_the_beginning_of_time_looks_back_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
