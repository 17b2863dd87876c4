/* test_breaker.c - when a breaker opens, probes and closes, told as stories. The names Vnn are
 * the vectors of the breaker specification, section 5; the notation is breaker_story.h's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "breaker_profiles.h"
#include "breaker_story.h"

/* --- the seed ------------------------------------------------------------- */

static void
seed_opens_after_three_failures_in_a_row(void **state)
{
    (void)state;
    /* V01 */
    story_play(&profile_seed,
               "F@0 F@1000 F@2000 -> O(12000); A@2001 N(9999); A@11999 N(1); A@12000 Y");
    /* V02 */
    story_play(&profile_seed, "F@0 F@1 S@2 F@3 F@4 -> C(2); F@5 -> O(10005)");
    /* V10: 500, 500, 400, 500 */
    story_play(&profile_seed, "F@0 F@1 S@2 F@3 -> C(1)");
}

static void
seed_failures_never_age(void **state)
{
    (void)state;
    /* V03 */
    story_play(&profile_seed, "F@0 F@3600000 -> C(2); F@7200000 -> O(7210000)");
}

static void
seed_reopens_on_a_failure_and_closes_on_a_success(void **state)
{
    (void)state;
    /* V04 */
    story_play(&profile_seed, "F@0 F@1000 F@2000 -> O(12000)\n"
                              "A@12000 Y, F@12500 -> O(22500); A@22499 N(1); A@22500 Y");
    /* V05 */
    story_play(&profile_seed, "F@0 F@1000 F@2000 -> O(12000)\n"
                              "A@12000 Y, S@12300 -> C(0); F@12400 F@12500 -> C(2)");
}

static void
seed_counts_late_results(void **state)
{
    (void)state;
    /* V06 */
    story_play(&profile_seed, "F@0 F@1000 F@2000 -> O(12000)\n"
                              "A a,b,c@12000 Y; F a@12100 -> O(22100); A@12150 N(9950)\n"
                              "S b@12200 -> C(0); A@12201 Y");
    /* V07 */
    story_play(&profile_seed, "A a..d@0 Y; F a,b,c@1000 -> O(11000); F d@5000 -> O(15000)\n"
                              "A@11000 N(4000); A@15000 Y");
}

static void
seed_with_time_zero_never_rejects(void **state)
{
    (void)state;
    /* V08 */
    struct breaker_rules rules = profile_seed;
    rules.open_ms = 0;
    rules.open_max_ms = 0;
    story_play(&rules, "3xF@0 -> O(0); A@0 Y");
}

static void
seed_with_threshold_one_opens_at_once(void **state)
{
    (void)state;
    /* V09; that 0 and -5 act as 1 is the option parser's */
    struct breaker_rules rules = profile_seed;
    rules.failure_threshold = 1;
    story_play(&rules, "F@0 -> O(10000); A@9999 N(1)");
}

static void
backoff_without_permits_grows_with_each_failed_try_but_not_with_late_failures(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_seed;
    rules.backoff_percent = 200;
    rules.open_max_ms = 60000;
    story_play(&rules, "A a..e@0 Y; F a,b,c@0 -> O(10000); F d,e@100 -> O(10100)\n"
                       "A@10100 Y; F@10200 -> O(30200)");
}

static void
a_late_failure_never_shortens_a_longer_hold(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_seed;
    rules.quota_hold_ms = 60000;
    story_play(&rules, "A a,b@0 Y; T a@0 -> O(60000); F b@100 -> O(60000); A@101 N(59899)");
}

/* --- the default profile -------------------------------------------------- */

static void
classic_sends_one_probe_and_drops_late_results(void **state)
{
    (void)state;
    /* V06 and V07 as they differ with one permit and late results ignored */
    story_play(&profile_classic,
               "3xF@0 -> O(10000); A@9999 N(1); A a@10000 P; A@10000 N(1000)\n"
               "F a@10100 -> O(20100); A b@20100 P; S b@20200 -> C(0); A@20201 Y");
    story_play(&profile_classic,
               "A a..d@0 Y; F a,b,c@1000 -> O(11000); F d@5000 dropped -> O(11000)");
}

static void
a_probe_that_takes_eighty_seconds_closes_through_renewals(void **state)
{
    (void)state;
    story_play(&profile_classic,
               "3xF@0; A a@10000 P\n"
               "renew a@19000 Y; A@20500 N(busy); renew a@28000 Y; A@37999 N(busy)\n"
               "renew a@37999 Y; renew a@47000 Y; renew a@56000 Y; A@65000 N(busy)\n"
               "renew a@65000 Y; renew a@74000 Y; renew a@83000 Y; A@89999 N(busy)\n"
               "S a@90000 -> C(0); renew a@90001 N; A@90001 Y");
}

static void
a_probe_killed_after_three_seconds_is_replaced_ten_seconds_later(void **state)
{
    (void)state;
    story_play(&profile_classic, "3xF@0; A a@10000 P; renew a@13000 Y\n" /* a is killed */
                                 "A@13001 N(busy); A@22999 N(1); A b@23000 P\n"
                                 "renew a@23001 N; S a@23001 dropped -> H; S b@23500 -> C(0)");
}

static void
three_streams_cut_after_a_good_start_open(void **state)
{
    (void)state;
    story_play(&profile_classic, "A a@0 Y; start a@500; F a@1000 -> C(1)\n"
                                 "A a@1100 Y; start a@1500; F a@2000 -> C(2)\n"
                                 "A a@2100 Y; start a@2500 -> C(2); F a@3000 -> O(13000)");
}

static void
a_healthy_long_stream_keeps_it_closed(void **state)
{
    (void)state;
    story_play(&profile_classic, "A a@0 Y; start a@500; A@600 Y F@700 F@800 -> C(2)\n"
                                 "end a@300000 -> C(0); A@300001 Y F@300002 F@300003 -> C(2)");
}

static void
a_stream_closes_half_open_at_its_first_good_event(void **state)
{
    (void)state;
    story_play(&profile_classic, "3xF@0; A a@10000 P; start a@12000 -> C(0); A b@12001 Y\n"
                                 "F a@15000 -> C(1); S b@15001 -> C(0)");
    /* its client going away afterwards changes nothing, nor does its end after a new opening */
    story_play(&profile_classic,
               "3xF@0; A a,b@10000 P N; start a@12000 -> C(0); I a@13000 -> C(0)");
    story_play(&profile_classic,
               "3xF@0; A a@10000 P; start a@12000; A@12001 Y 3xF@13000 -> O(23000)\n"
               "end a@14000 dropped -> O(23000); A b@23000 P; end a@23001 dropped -> H");
}

static void
a_stream_counts_once_as_good_in_the_window(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_llm_without_row();
    /* nine good streams, whole: nine calls; with the tenth call the window may speak */
    story_play(&rules, "A a..e@0 Y; start a..e@100; end a..e@200\n"
                       "A a..d@300 Y; start a..d@400; end a..d@500\n"
                       "8xF@600 -> C(8); F@601 -> O(10601)");
}

static void
a_stream_from_before_the_opening_stays_late(void **state)
{
    (void)state;
    story_play(&profile_classic,
               "A a@0 Y; A@0 Y 3xF@100 -> O(10100); A b@10100 P\n"
               "start a@10200 dropped -> H; F a@10300 dropped -> H; S b@10400 -> C(0)");
}

static void
an_end_without_a_start_is_no_verdict_on_half_open(void **state)
{
    (void)state;
    story_play(&profile_classic,
               "3xF@0; A a@10000 P; end a@10100 -> H; A@10101 N(busy); S a@10200 -> C(0)");
}

/* --- llm: rows, windows, waits -------------------------------------------- */

static void
an_ignored_result_neither_counts_nor_resets(void **state)
{
    (void)state;
    /* V21 */
    story_play(&profile_llm, "F@0 F@1 I@2 F@3 F@4 I@5 -> C(4); F@6 -> O(10006)");
}

static void
late_results_are_dropped(void **state)
{
    (void)state;
    /* V25 */
    story_play(&profile_llm, "A a..g@0 Y; F a..e@100 -> O(10100)\n"
                             "S f@500 dropped; F g@600 dropped -> O(10100)");
}

static void
a_stated_wait_prolongs_the_open_time_up_to_its_maximum(void **state)
{
    (void)state;
    /* V26 */
    story_play(&profile_llm, "4xF@0 F(60000)@0 -> O(60000)");
    /* V27 */
    story_play(&profile_llm, "4xF@0 F(7200000)@0 -> O(3600000); A@3599999 N(1)");
    /* shorter than the backoff: no matter; the default profile ignores it */
    story_play(&profile_llm, "4xF@0 F(9999)@0 -> O(10000)");
    story_play(&profile_classic, "2xF@0 F(60000)@0 -> O(10000)");
}

static void
a_cool_down_diverts_without_opening(void **state)
{
    (void)state;
    /* V28 */
    story_play(&profile_llm, "cool(43)@0 -> C(0); A@42 N(1); A@42 N(cool); A@43 Y");
    /* V29 */
    story_play(&profile_llm, "cool(5000)@0 cool(2000)@1000; A@4999 N(1); A@5000 Y");
    /* clamped; unstated and switched off are none */
    story_play(&profile_llm, "cool(7200000)@0; A@3599999 N(1); A@3600000 Y");
    story_play(&profile_llm, "cool(0)@0; A@0 Y");
    story_play(&profile_classic, "cool(5000)@0; A@0 Y");
}

static void
a_damaged_cool_down_is_passed_over_and_mended(void **state)
{
    (void)state;
    struct story story = story_begin(&profile_llm);
    story.words.cool_until_ms = UINT64_MAX;
    story_tell(&story, "A@0 Y; cool(500)@1; A@500 N(1); A@501 Y");
}

static void
reopening_soon_continues_the_backoff(void **state)
{
    (void)state;
    /* V30 */
    story_play(&profile_llm, "5xF@0 -> O(10000); A@10000 P S@10000 -> C(0)\n"
                             "A@15000 Y 5xF@15000 -> O(35000)");
    story_play(&profile_llm, "5xF@0 -> O(10000); A@10000 P S@10000 -> C(0)\n"
                             "A@26000 Y 5xF@26000 -> O(36000)");
}

static void
jitter_only_prolongs(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_llm;
    rules.open_max_ms = 10000;
    rules.retry_after_max_ms = 0;
    rules.quota_hold_ms = 0;
    rules.jitter_percent = 50;
    for (uint32_t dice = 0; dice <= 5000; dice += 500) {
        struct story story = story_play(&rules, "A@0 Y 4xF@0");
        struct breaker_report report = {.verdict = BREAKER_FAIL, .random = dice};
        story_report(&story, &story.last, &report);
        struct breaker_permit permit = story_admit(&story, false);
        assert_int_equal(permit.answer, BREAKER_REJECTED_OPEN);
        assert_int_equal(permit.wait_ms, 10000 + dice);
    }
}

static void
our_own_bad_key_opens_for_the_quota_hold(void **state)
{
    (void)state;
    /* V35 */
    story_play(&profile_llm, "T@0 -> O(300000); A@299999 N(1); A@300000 P");
    story_play(&profile_llm, "5xF@0; A a@10000 P; T a@10100 -> O(310100)");
    story_play(&profile_llm, "A a,b@0 Y; T a@0 T b@5000 dropped -> O(300000)");
    /* without a hold it is any other opening */
    story_play(&profile_classic, "T@0 -> O(10000)");
    struct breaker_rules rates = profile_llm_permits(3);
    rates.policy = BREAKER_RATE;
    story_play(&rates, "5xF@0; A a@10000 P; T a@10100 -> O(310100)");
}

static void
the_rate_needs_half_of_ten_calls(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_llm_without_row();
    /* V40 */
    story_play(&rules, "S@0 S@1000 S@2000 S@3000 S@4000 4xF@10000 -> C(4); F@10004 -> O(20004)");
    /* V41 */
    story_play(&rules, "9xF@0 F@60000 -> C(10)");
}

static void
a_report_killed_before_it_opened_opens_at_the_next(void **state)
{
    (void)state;
    /* V38 */
    struct breaker_rules rules = profile_llm_without_row();
    story_play(&rules, "9xF@0 F-killed@0 -> C(9); S@1 -> O(10001)");
}

static void
the_generation_wraps(void **state)
{
    (void)state;
    /* V39 */
    struct story story = story_begin(&profile_llm);
    story.words.control = UINT64_C(0xFFFFF) << 40;
    story_tell(&story, "A@0 Y 5xF@0 -> O(10000)");
    assert_int_equal(breaker_view(&story.words, STORY_BASE_MS, &profile_llm).generation, 0);

    story.words.control = UINT64_C(0xFFFFF) << 40;
    story_tell(&story, "reset@0 -> C(0)");
    assert_int_equal(breaker_view(&story.words, STORY_BASE_MS, &profile_llm).generation, 0);
}

/* --- llm: probes and leases ----------------------------------------------- */

static void
a_killed_probe_costs_one_lease(void **state)
{
    (void)state;
    /* V22 */
    story_play(&profile_llm,
               "5xF@0 -> O(10000); A a@10000 P; A@10001 N\n" /* a is killed */
               "A@39999 N; A b@40000 P; S a@40001 dropped -> H; A@40002 N; S b@40003 -> C(0)");
}

static void
a_probe_whose_client_left_gives_its_permit_back(void **state)
{
    (void)state;
    /* V23 */
    story_play(&profile_llm,
               "5xF@0; A a@10000 P; I a@10100; A b@10100 P; A@10101 N; S b@10200 -> C(0)");
}

static void
a_permit_is_given_back_once_at_most(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_llm_permits(2);
    story_play(&rules, "5xF@0; A a,b@10000 P; S a@10001; I b@10002 I b@10003; A c@10004 P N");
    story_play(&profile_llm, "5xF@0; A a@10000 P; I a@10001 I a@10002; A b@10003 P N");
    /* a stream that started well has cast its vote: its client may leave */
    story_play(&rules, "5xF@0; A a,b@10000 P; start a@10001; I a@10002 -> H; A@10003 N(busy)");
}

static void
of_two_that_see_the_same_expired_word_one_probes(void **state)
{
    (void)state;
    /* V24: both ask with the word as it was; the second one's compare-and-swap finds it changed */
    struct story story = story_play(&profile_llm, "5xF@0");
    struct breaker_words seen_by_both = story.words;
    uint64_t first_next, second_next;
    uint64_t now_ms = STORY_BASE_MS + 10000;

    struct breaker_permit first = breaker_admit(&seen_by_both, now_ms, &profile_llm, &first_next);
    (void)breaker_admit(&seen_by_both, now_ms, &profile_llm, &second_next);
    assert_int_equal(first.answer, BREAKER_PROBE);
    assert_true(first_next !=
                seen_by_both.control); /* so the second swap fails and it asks again */

    struct breaker_words now_there = {.control = first_next};
    struct breaker_permit second = breaker_admit(&now_there, now_ms, &profile_llm, &second_next);
    assert_int_equal(second.answer, BREAKER_REJECTED_BUSY);
    assert_in_range(second.wait_ms, 1, 1000);
    assert_true(second_next == first_next);
}

static void
of_several_probes_one_failure_reopens(void **state)
{
    (void)state;
    /* V42 */
    struct breaker_rules rules = profile_llm_permits(3);
    story_play(&rules, "5xF@0; A a..c@10000 P; A@10000 N; S a@10100 F b@10200 -> O(30200)\n"
                       "S c@10300 dropped -> O(30200)");
}

static void
a_reclaim_keeps_the_votes_cast(void **state)
{
    (void)state;
    /* V43 */
    struct breaker_rules rules = profile_llm_permits(3);
    story_play(&rules, "5xF@0; A a..c@10000 P; S a,b@10001 -> H\n" /* c is killed */
                       "A@39999 N; A d@40000 P; A@40000 N; S c@40001 dropped; S d@40100 -> C(0)");
}

static void
a_slow_probe_reopens_where_slow_calls_matter(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_llm;
    story_play(&rules, "5xF@0; A@10000 P; s@10100 -> C(0)");
    rules.slow_rate = 100;
    story_play(&rules, "5xF@0; A@10000 P; s@10100 -> O(30100)");
}

static void
half_open_under_rules_without_permits_admits_everybody(void **state)
{
    (void)state;
    struct story story = story_play(&profile_llm, "5xF@0; A@10000 P; A@10001 N");
    story.rules.permits = 0;
    story_tell(&story, "A a,b@10002 Y; S a@10003 -> C(0)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_opens_after_three_failures_in_a_row),
        cmocka_unit_test(seed_failures_never_age),
        cmocka_unit_test(seed_reopens_on_a_failure_and_closes_on_a_success),
        cmocka_unit_test(seed_counts_late_results),
        cmocka_unit_test(seed_with_time_zero_never_rejects),
        cmocka_unit_test(seed_with_threshold_one_opens_at_once),
        cmocka_unit_test(
            backoff_without_permits_grows_with_each_failed_try_but_not_with_late_failures),
        cmocka_unit_test(a_late_failure_never_shortens_a_longer_hold),
        cmocka_unit_test(classic_sends_one_probe_and_drops_late_results),
        cmocka_unit_test(a_probe_that_takes_eighty_seconds_closes_through_renewals),
        cmocka_unit_test(a_probe_killed_after_three_seconds_is_replaced_ten_seconds_later),
        cmocka_unit_test(three_streams_cut_after_a_good_start_open),
        cmocka_unit_test(a_healthy_long_stream_keeps_it_closed),
        cmocka_unit_test(a_stream_closes_half_open_at_its_first_good_event),
        cmocka_unit_test(a_stream_counts_once_as_good_in_the_window),
        cmocka_unit_test(a_stream_from_before_the_opening_stays_late),
        cmocka_unit_test(an_end_without_a_start_is_no_verdict_on_half_open),
        cmocka_unit_test(an_ignored_result_neither_counts_nor_resets),
        cmocka_unit_test(late_results_are_dropped),
        cmocka_unit_test(a_stated_wait_prolongs_the_open_time_up_to_its_maximum),
        cmocka_unit_test(a_cool_down_diverts_without_opening),
        cmocka_unit_test(a_damaged_cool_down_is_passed_over_and_mended),
        cmocka_unit_test(reopening_soon_continues_the_backoff),
        cmocka_unit_test(jitter_only_prolongs),
        cmocka_unit_test(our_own_bad_key_opens_for_the_quota_hold),
        cmocka_unit_test(the_rate_needs_half_of_ten_calls),
        cmocka_unit_test(a_report_killed_before_it_opened_opens_at_the_next),
        cmocka_unit_test(the_generation_wraps),
        cmocka_unit_test(a_killed_probe_costs_one_lease),
        cmocka_unit_test(a_probe_whose_client_left_gives_its_permit_back),
        cmocka_unit_test(a_permit_is_given_back_once_at_most),
        cmocka_unit_test(of_two_that_see_the_same_expired_word_one_probes),
        cmocka_unit_test(of_several_probes_one_failure_reopens),
        cmocka_unit_test(a_reclaim_keeps_the_votes_cast),
        cmocka_unit_test(a_slow_probe_reopens_where_slow_calls_matter),
        cmocka_unit_test(half_open_under_rules_without_permits_admits_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
