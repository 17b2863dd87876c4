/* The swap loop around the pure breaker, told as stories in file time. B is the vectors' origin. */
#include "state/cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fakeclock.h"
#include "state/anchor.h"

#define B UINT64_C(1700000000000)

static struct layout_cell cell;
static _Atomic uint64_t anchor_word;
static uint64_t anchor_ms;

static const struct breaker_rules classic = {.failure_threshold = 3,
                                             .open_ms = 10000,
                                             .permits = 1,
                                             .lease_ms = 10000,
                                             .backoff_percent = 100,
                                             .open_max_ms = 10000};

static void
boot(uint32_t tag, uint64_t boot_ms, uint64_t unix_ms)
{
    fakeclock_set(boot_ms, unix_ms);
    struct anchor_boot now = {.tag = tag, .boot_ms = boot_ms, .unix_ms = unix_ms};
    anchor_ms = anchor_adopt(&anchor_word, &now);
}

static int
setup(void **unused)
{
    (void)unused;
    memset(&cell, 0, sizeof(cell));
    anchor_word = 0;
    boot(77, 1000000, B);
    return 0;
}

static struct breaker_permit
admit(const struct breaker_rules *rules)
{
    return cell_admit(&cell, anchor_ms, rules, false);
}

static enum breaker_effect
report(const struct breaker_rules *rules, const struct breaker_permit *permit,
       enum breaker_verdict verdict)
{
    struct breaker_report what = {.verdict = verdict};
    return cell_report(&cell, anchor_ms, rules, permit, &what, 503);
}

static enum breaker_effect
call(const struct breaker_rules *rules, enum breaker_verdict verdict)
{
    struct breaker_permit permit = admit(rules);
    assert_true(breaker_is_admitted(&permit));
    return report(rules, &permit, verdict);
}

static void
open_it(const struct breaker_rules *rules)
{
    for (int i = 1; i < rules->failure_threshold; i++)
        assert_int_equal(call(rules, BREAKER_FAIL), BREAKER_COUNTED);
    assert_int_equal(call(rules, BREAKER_FAIL), BREAKER_OPENED);
}

static void
assert_counted(enum state_counter counter, uint64_t expected)
{
    assert_int_equal(cell.counters[counter], expected);
}

static void
three_failures_open_and_one_probe_closes(void **unused)
{
    (void)unused;
    open_it(&classic);
    struct breaker_permit permit = admit(&classic);
    assert_int_equal(permit.answer, BREAKER_REJECTED_OPEN);
    assert_int_equal(permit.wait_ms, 10000);
    fakeclock_advance(10000);
    permit = admit(&classic);
    assert_int_equal(permit.answer, BREAKER_PROBE);
    assert_int_equal(admit(&classic).answer, BREAKER_REJECTED_BUSY);
    assert_int_equal(report(&classic, &permit, BREAKER_OK), BREAKER_CLOSED_AGAIN);
    assert_int_equal(admit(&classic).answer, BREAKER_ADMITTED);

    assert_counted(STATE_ADMITTED, 5);
    assert_counted(STATE_REJECTED_OPEN, 1);
    assert_counted(STATE_REJECTED_BUSY, 1);
    assert_counted(STATE_FAIL, 3);
    assert_counted(STATE_OK, 1);
    assert_counted(STATE_TRIPS, 1);
    assert_counted(STATE_PROBES, 1);
    assert_counted(STATE_RECLAIMS, 0);
}

static void
a_lost_probe_is_replaced_after_its_lease_and_its_report_is_dropped(void **unused)
{
    (void)unused;
    open_it(&classic);
    fakeclock_advance(10000);
    struct breaker_permit lost = admit(&classic);
    fakeclock_advance(9999);
    assert_int_equal(admit(&classic).answer, BREAKER_REJECTED_BUSY);
    fakeclock_advance(1001); /* leases end on whole seconds */
    struct breaker_permit second = admit(&classic);
    assert_int_equal(second.answer, BREAKER_PROBE);
    assert_counted(STATE_RECLAIMS, 1);
    assert_int_equal(report(&classic, &lost, BREAKER_OK), BREAKER_STALE);
    assert_counted(STATE_LATE_IGNORED, 1);
    assert_int_equal(report(&classic, &second, BREAKER_OK), BREAKER_CLOSED_AGAIN);
}

static void
a_slow_probe_that_renews_its_lease_is_never_replaced(void **unused)
{
    (void)unused;
    open_it(&classic);
    fakeclock_advance(10000);
    struct breaker_permit probe = admit(&classic);
    for (int second = 0; second < 80; second += 5) {
        fakeclock_advance(5000);
        assert_true(cell_renew(&cell, anchor_ms, &classic, &probe));
        assert_int_equal(admit(&classic).answer, BREAKER_REJECTED_BUSY);
    }
    assert_int_equal(report(&classic, &probe, BREAKER_OK), BREAKER_CLOSED_AGAIN);
    assert_false(cell_renew(&cell, anchor_ms, &classic, &probe));
}

static void
the_last_resort_passes_an_open_breaker_but_no_forced_one(void **unused)
{
    (void)unused;
    open_it(&classic);
    struct breaker_permit permit = cell_admit(&cell, anchor_ms, &classic, true);
    assert_true(breaker_is_admitted(&permit));
    assert_counted(STATE_REJECTED_OPEN, 0);
    cell_override(&cell, anchor_ms, BREAKER_FORCED_OPEN, 0);
    permit = cell_admit(&cell, anchor_ms, &classic, true);
    assert_int_equal(permit.answer, BREAKER_REJECTED_FORCED);
    assert_counted(STATE_REJECTED_FORCED, 1);
}

static void
an_override_ends_when_its_time_is_over(void **unused)
{
    (void)unused;
    cell_override(&cell, anchor_ms, BREAKER_FORCED_OPEN, B + 5000);
    assert_int_equal(admit(&classic).answer, BREAKER_REJECTED_FORCED);
    fakeclock_advance(5000);
    assert_int_equal(admit(&classic).answer, BREAKER_ADMITTED);
}

static void
reset_closes_and_forgets_the_cool_down(void **unused)
{
    (void)unused;
    struct breaker_rules rules = classic;
    rules.retry_after_max_ms = 60000;
    open_it(&rules);
    cell_cool(&cell, anchor_ms, &rules, 30000);
    cell_reset(&cell, anchor_ms);
    assert_int_equal(admit(&rules).answer, BREAKER_ADMITTED);
}

static void
a_cool_down_diverts_until_it_is_over(void **unused)
{
    (void)unused;
    struct breaker_rules rules = classic;
    rules.retry_after_max_ms = 3600000;
    cell_cool(&cell, anchor_ms, &rules, 5000);
    cell_cool(&cell, anchor_ms, &rules, 2000); /* never shortened */
    fakeclock_advance(4999);
    struct breaker_permit permit = admit(&rules);
    assert_int_equal(permit.answer, BREAKER_REJECTED_COOL);
    assert_int_equal(permit.wait_ms, 1);
    fakeclock_advance(1);
    assert_int_equal(admit(&rules).answer, BREAKER_ADMITTED);
    assert_counted(STATE_COOLED, 2);
    assert_counted(STATE_REJECTED_COOL, 1);
}

static void
a_stream_ends_in_one_counter_and_its_start_in_none(void **unused)
{
    (void)unused;
    struct breaker_permit permit = admit(&classic);
    (void)report(&classic, &permit, BREAKER_STARTED);
    assert_counted(STATE_OK, 0);
    permit = breaker_follow(cell.control, &permit);
    (void)report(&classic, &permit, BREAKER_FINISHED);
    assert_counted(STATE_OK, 1);
    (void)call(&classic, BREAKER_IGNORED);
    assert_counted(STATE_IGNORED, 1);
}

static void
half_of_a_count_window_opens(void **unused)
{
    (void)unused;
    struct breaker_rules rules = classic;
    rules.failure_threshold = 0;
    rules.window = BREAKER_WINDOW_COUNT;
    rules.window_size = 4;
    rules.min_calls = 4;
    rules.failure_rate = 50;
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(call(&rules, BREAKER_OK), BREAKER_OPENED);
    assert_int_not_equal(call(&rules, BREAKER_FAIL), BREAKER_OPENED);
    assert_int_equal(call(&rules, BREAKER_FAIL), BREAKER_OPENED);
}

static void
a_trip_that_was_cut_off_happens_at_the_next_record(void **unused)
{
    (void)unused;
    struct breaker_rules rules = classic;
    rules.failure_threshold = 0;
    rules.window = BREAKER_WINDOW_TIME;
    rules.window_size = 60;
    rules.min_calls = 10;
    rules.failure_rate = 50;
    for (int i = 0; i < 9; i++)
        assert_int_not_equal(call(&rules, BREAKER_FAIL), BREAKER_OPENED);
    uint64_t before = cell.control;
    assert_int_equal(call(&rules, BREAKER_FAIL), BREAKER_OPENED);
    cell.control = before; /* killed after the bucket's swap, before the word's */
    assert_int_equal(call(&rules, BREAKER_OK), BREAKER_OPENED);
}

static void
the_retry_budget_pays_ten_and_then_no_more(void **unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++)
        assert_true(cell_withdraw(&cell, anchor_ms));
    assert_false(cell_withdraw(&cell, anchor_ms));
    for (int i = 0; i < 5; i++)
        cell_deposit(&cell, anchor_ms);
    assert_true(cell_withdraw(&cell, anchor_ms));
    assert_counted(STATE_RETRIES, 11);
    assert_counted(STATE_BUDGET_DENIED, 1);
}

static void
the_last_failure_is_kept_with_its_reason_and_time(void **unused)
{
    (void)unused;
    int reason = -1;
    uint64_t at_ms = 1;
    cell_last_failure(&cell, &reason, &at_ms);
    assert_int_equal(reason, 0);
    assert_int_equal(at_ms, 0);
    fakeclock_advance(250);
    (void)call(&classic, BREAKER_FAIL);
    fakeclock_advance(250);
    (void)call(&classic, BREAKER_OK);
    cell_last_failure(&cell, &reason, &at_ms);
    assert_int_equal(reason, 503);
    assert_int_equal(at_ms, B + 250);
}

static const struct breaker_rules long_open = {.failure_threshold = 1,
                                               .open_ms = 300000,
                                               .permits = 1,
                                               .lease_ms = 10000,
                                               .backoff_percent = 100,
                                               .open_max_ms = 300000};

static void
a_deadline_keeps_its_meaning_across_a_reboot(void **unused)
{
    (void)unused;
    assert_int_equal(call(&long_open, BREAKER_FAIL), BREAKER_OPENED);
    boot(78, 0, B + 100000);
    struct breaker_permit permit = admit(&long_open);
    assert_int_equal(permit.answer, BREAKER_REJECTED_OPEN);
    assert_int_equal(permit.wait_ms, 200000);
}

static void
a_boot_in_1970_makes_old_deadlines_pass(void **unused)
{
    (void)unused;
    assert_int_equal(call(&long_open, BREAKER_FAIL), BREAKER_OPENED);
    boot(78, 0, 0);
    assert_int_equal(admit(&long_open).answer, BREAKER_PROBE);
}

static void
a_step_of_the_wall_clock_changes_no_decision(void **unused)
{
    (void)unused;
    assert_int_equal(call(&long_open, BREAKER_FAIL), BREAKER_OPENED);
    const int64_t steps_ms[] = {-3600000, 7200000};
    for (size_t i = 0; i < 2; i++) {
        fakeclock_step_wall(steps_ms[i]);
        fakeclock_advance(1000);
        assert_int_equal(admit(&long_open).wait_ms, 299000 - i * 1000);
    }
}

static void
no_garbage_in_a_cell_keeps_an_upstream_out_for_long(void **unused)
{
    (void)unused;
    uint64_t dice = 0x9e3779b97f4a7c15;
    for (int round = 0; round < 20000; round++) {
        _Atomic uint64_t *words = (_Atomic uint64_t *)&cell;
        for (size_t i = 0; i < sizeof(cell) / 8; i++) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            words[i] = dice;
        }
        cell.control &= ~(UINT64_C(3) << 62); /* an override is the operator's and is obeyed */
        struct breaker_permit permit = admit(&classic);
        assert_true(permit.wait_ms <= 11000);
        fakeclock_advance(11000);
        permit = admit(&classic);
        assert_true(breaker_is_admitted(&permit));
        (void)report(&classic, &permit, BREAKER_FAIL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(three_failures_open_and_one_probe_closes, setup),
        cmocka_unit_test_setup(a_lost_probe_is_replaced_after_its_lease_and_its_report_is_dropped,
                               setup),
        cmocka_unit_test_setup(a_slow_probe_that_renews_its_lease_is_never_replaced, setup),
        cmocka_unit_test_setup(the_last_resort_passes_an_open_breaker_but_no_forced_one, setup),
        cmocka_unit_test_setup(an_override_ends_when_its_time_is_over, setup),
        cmocka_unit_test_setup(reset_closes_and_forgets_the_cool_down, setup),
        cmocka_unit_test_setup(a_cool_down_diverts_until_it_is_over, setup),
        cmocka_unit_test_setup(a_stream_ends_in_one_counter_and_its_start_in_none, setup),
        cmocka_unit_test_setup(half_of_a_count_window_opens, setup),
        cmocka_unit_test_setup(a_trip_that_was_cut_off_happens_at_the_next_record, setup),
        cmocka_unit_test_setup(the_retry_budget_pays_ten_and_then_no_more, setup),
        cmocka_unit_test_setup(the_last_failure_is_kept_with_its_reason_and_time, setup),
        cmocka_unit_test_setup(a_deadline_keeps_its_meaning_across_a_reboot, setup),
        cmocka_unit_test_setup(a_boot_in_1970_makes_old_deadlines_pass, setup),
        cmocka_unit_test_setup(a_step_of_the_wall_clock_changes_no_decision, setup),
        cmocka_unit_test_setup(no_garbage_in_a_cell_keeps_an_upstream_out_for_long, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
